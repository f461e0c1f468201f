import type { VerifyValue } from '../analyses/verify.js';
import type { AnalysisResult } from '../src/result.js';
import { aligned, chosen, count, integer, list, number } from './format.js';
import { nearestPoint } from './interaction.js';
import type { Chart, Section, Table } from './section.js';
import { extent, thin } from './shape.js';

export function verify({ value }: AnalysisResult<VerifyValue>): Section {
  return {
    title: `Beside ${value.against}`,
    reading: reading(value),
    caveats: [...value.notes, ...scope(value)],
    facts: [
      { label: 'largest difference', value: number(value.largestDifference) },
      { label: 'root mean square', value: number(value.rootMeanSquare) },
      { label: 'largest value', value: number(value.largestValue) },
      { label: 'numbers compared', value: integer(value.compared) },
    ],
    charts: value.byStep.length < 2 ? [] : [differenceChart(value)],
    tables: [trialTable(value), fedTable(value)],
  };
}

function reading(value: VerifyValue): string {
  if (value.compared === 0) return 'Nothing was compared.';
  const { trial, step, entry } = value.at;
  const size = `at most ${number(value.largestDifference)} over ${count(value.trials.length, 'sequence')} of ${lengths(value)}`;
  const bound = chosen(value.tolerance * Math.max(1, value.largestValue));
  return value.agrees
    ? `${value.against} and this program agree: they differ by ${size}, within ${bound}.`
    : `${value.against} and this program disagree: they differ by ${size}, more than ${bound}. The largest difference is in ${trial}, step ${integer(step)}, entry ${integer(entry)}.`;
}

function lengths({ trials }: VerifyValue): string {
  const steps = [...new Set(trials.map((trial) => trial.steps))].sort((a, b) => a - b);
  const named = steps.length > 3 ? [steps[0]!, steps.at(-1)!] : steps;
  return `${list(named.map(integer))} ${named.join() === '1' ? 'step' : 'steps'}`;
}

/** What agreement does not say. */
function scope({ agrees, against }: VerifyValue): string[] {
  return agrees
    ? [
        `Agreement holds for these inputs. ${against} computes in single precision, as most files are stored; this program in double.`,
      ]
    : [];
}

function differenceChart({ byStep, tolerance, largestValue, against }: VerifyValue): Chart {
  const rows = thin(
    byStep.flatMap((difference, step) =>
      difference > 0 && Number.isFinite(difference) ? [{ step, log10: Math.log10(difference) }] : [],
    ),
  );
  const bound = Math.log10(tolerance * Math.max(1, largestValue));
  const curve = {
    x: {
      field: 'step',
      type: 'quantitative' as const,
      title: 'step',
      scale: { domain: [0, byStep.length - 1], nice: false },
      axis: { tickMinStep: 1, tickCount: 6 },
    },
    y: {
      field: 'log10',
      type: 'quantitative' as const,
      title: 'log₁₀ difference',
      scale: { domain: extent([...rows.map(({ log10 }) => log10), bound]), nice: false, zero: false },
    },
    tooltip: [
      { field: 'step', type: 'quantitative' as const, title: 'step' },
      { field: 'log10', type: 'quantitative' as const, title: 'log₁₀', format: '.3g' },
    ],
  };
  return {
    title: 'Difference at each step',
    description: `Base-10 logarithm of the largest difference from ${against} at each of ${count(byStep.length, 'step')}; a dashed line is the bound of agreement.`,
    spec: {
      width: 'container',
      height: 240,
      data: { name: 'differences' },
      layer: [
        {
          mark: { type: 'rule', style: 'reference', clip: true },
          encoding: { y: { datum: bound, type: 'quantitative' } },
        },
        { mark: { type: 'line', point: rows.length < 2, clip: true }, encoding: curve },
        nearestPoint(curve),
      ],
    },
    note: {
      means:
        'A flat line near 10⁻⁷ is the rounding of single precision. A line that rises steadily is rounding that a chaotic network magnifies. A jump at the first step is another network: other weights, equations or gate order.',
      todo: 'Different from the first step on: look at the assumptions, and try --gates, --reset, --activation or --cell. Rising: compare fewer steps (--length).',
    },
    zoom: true,
    sketch: { dataset: 'differences', x: 'step', y: 'log10', kind: 'line' },
    datasets: { differences: rows },
  };
}

const trialTable = ({ trials }: VerifyValue): Table => ({
  title: 'What was compared',
  columns: ['compared', 'largest difference', 'steps', 'width'],
  text: ['compared'],
  rows: trials.map(({ name, steps, width, largestDifference }) => [
    name,
    aligned(largestDifference, 3),
    integer(steps),
    integer(width),
  ]),
});

const fedTable = ({ fed }: VerifyValue): Table => ({
  title: 'What was fed',
  columns: ['input', 'shape', 'with'],
  text: ['input', 'shape', 'with'],
  rows: fed.map(({ name, shape, with: words }) => [
    name,
    shape.length === 0 ? 'a number' : shape.join(' × '),
    words,
  ]),
});
