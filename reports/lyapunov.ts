import type { LyapunovValue } from '../analyses/lyapunov.js';
import type { AnalysisResult } from '../src/result.js';
import { aligned, count, integer, number, percent, powerOfTen, steps, withError } from './format.js';
import { dashesFor, lineLegend, nearestPoint } from './interaction.js';
import { detailCaveats, detailCharts, detailFacts, detailTables } from './lyapunov-detail.js';
import type { Chart, Fact, Row, Section, Table } from './section.js';
import { extent } from './shape.js';

export function lyapunov({ value }: AnalysisResult<LyapunovValue>): Section {
  // A state that overflowed leaves exponents that are not numbers.
  const measured = value.exponents.length > 0 && !value.exponents.some(Number.isNaN);
  return {
    title: 'Do nearby trajectories merge or separate?',
    reading: value.exponents.length === 0 ? 'No exponent was computed.' : reading(value),
    caveats: caveats(value),
    facts: measured ? facts(value) : [],
    charts: value.exponents.some(Number.isFinite)
      ? [spectrum(value), ...traceCharts(value), ...detailCharts(value)]
      : [],
    tables: measured ? [exponentTable(value), ...trajectoryTable(value), ...detailTables(value)] : [],
  };
}

const setting = {
  driven: 'under the same input',
  autonomous: 'while the input is held constant',
  'closed loop': 'with the output fed back as the input',
} as const;

function reading(value: LyapunovValue): string {
  const first = value.exponents[0]!;
  if (first === -Infinity) {
    return `Nearby trajectories merge within finitely many steps ${setting[value.mode]}: every exponent is −∞, so a small perturbation is erased rather than merely shrunk.`;
  }
  if (Number.isNaN(first)) {
    return 'No exponent could be measured: the run met a value that is not a number, as when states overflow.';
  }
  const error = value.standardErrors[0];
  const leading =
    error === null || error === undefined
      ? `λ₁ = ${number(first, 4)} nats per step (no error estimate: too few steps)`
      : `λ₁ = ${withError(first, error)} nats per step (one standard error, ${count(value.steps, 'step')})`;
  return contradiction(value) ?? verdicts[value.verdict](value, leading);
}

/** Where some trajectories merge with their neighbours and others do not, the mean is an exponent of none of them. */
function contradiction({ ensemble }: LyapunovValue): string | undefined {
  const of = (verdict: LyapunovValue['verdict']): number =>
    ensemble?.verdicts.filter((one) => one === verdict).length ?? 0;
  if (of('stable') === 0 || of('chaotic') === 0) return undefined;
  return `Where it starts decides: of ${count(ensemble!.trajectories, 'trajectory', 'trajectories')}, ${of('stable')} are stable and ${of('chaotic')} chaotic, and no mean stands for both. Each is listed below.`;
}

const verdicts: Record<LyapunovValue['verdict'], (value: LyapunovValue, leading: string) => string> = {
  stable: (value, leading) =>
    `Nearby trajectories merge ${setting[value.mode]}. The leading exponent is ${leading}: on average a small perturbation ` +
    `halves every ${steps(Math.LN2 * value.memoryTime)}, and after ${steps(value.memoryTime)} a share of 1/e is left of what the state remembered.`,
  chaotic: (value, leading) =>
    `Nearby trajectories separate ${setting[value.mode]}, which is chaos as long as the states stay bounded. The leading exponent is ${leading}: on average a small ` +
    `perturbation doubles every ${steps(value.predictionHorizon)}, which limits how far ahead a state known only roughly can be followed.`,
  marginal: (value, leading) =>
    `Nearby trajectories neither merge nor separate at the resolution of this run, ${setting[value.mode]}. The leading exponent is ${leading}, and ` +
    `${zero(value)}. A cycle, a rotation or a line of rest states looks like this, and so does a very slow decay.`,
  undetermined: (value, leading) =>
    `This run does not settle whether nearby trajectories merge or separate ${setting[value.mode]}. The leading exponent is ${leading}; ` +
    `${zero(value)}. More steps would narrow it.`,
};

const zero = (value: LyapunovValue): string =>
  value.zeroBelow === null
    ? 'there are too few steps to tell it from zero'
    : `anything smaller than ${number(value.zeroBelow, 2)} in size cannot be told from zero`;

function caveats(value: LyapunovValue): string[] {
  const said: string[] = [];
  const erased = value.exponents.filter((x) => x === -Infinity).length;
  if (erased > 0) {
    said.push(
      `${count(erased, 'exponent')} of ${value.exponents.length} ${erased === 1 ? 'is' : 'are'} −∞: directions that the network erases, exactly or below the smallest number a double can hold.`,
    );
  }
  const floored = value.belowFloor.filter((i) => Number.isFinite(value.exponents[i]));
  if (floored.length > 0) {
    said.push(
      `${count(floored.length, 'exponent')} (from number ${Math.min(...floored) + 1}) fell below the numerical floor of a QR step: they are very negative, but their values are not resolved and should not be quoted.`,
    );
  }
  if (value.ensemble?.agree === false) {
    const leading = value.ensemble.exponents.map((own) => own[0]!);
    said.push(
      `The trajectories do not agree within their errors: λ₁ goes from ${number(Math.min(...leading), 3)} to ${number(Math.max(...leading), 3)}, as where they end on different attractors. The mean over them depends on where they start.`,
    );
  }
  if (value.kaplanYorkeDimension === null) {
    said.push('Too few exponents were computed for the Kaplan–Yorke dimension; --count raises their number.');
  }
  said.push(...detailCaveats(value));
  return said;
}

function facts(value: LyapunovValue): Fact[] {
  const known: Fact[] = [
    {
      label: 'Leading exponent λ₁',
      value: withError(value.exponents[0]!, value.standardErrors[0]),
      note: 'nats per step',
    },
  ];
  if (Number.isFinite(value.memoryTime)) {
    known.push({
      label: 'Memory time',
      value: timeWithError(value.memoryTime, value.memoryTimeError),
      note: '−1/λ₁',
    });
  }
  if (Number.isFinite(value.predictionHorizon)) {
    known.push({
      label: 'Doubling time',
      value: timeWithError(value.predictionHorizon, value.predictionHorizonError),
      note: 'ln 2/λ₁',
    });
  }
  if (value.kaplanYorkeDimension !== null) {
    known.push({
      label: 'Kaplan–Yorke dimension',
      value: withError(value.kaplanYorkeDimension, value.kaplanYorkeError || null),
    });
  }
  if (value.entropyBound > 0) {
    const note = 'nats per step: sum of the positive exponents';
    known.push({ label: 'Entropy, at most', value: withError(value.entropyBound, value.entropyError), note });
  }
  if (value.ensemble) known.push(ensembleFact(value.ensemble));
  if (value.segments) known.push(segmentsFact(value.segments));
  known.push(...sumFacts(value), ...detailFacts(value), {
    label: 'Measured over',
    value: count(value.steps, 'step'),
    note: `QR every ${number(value.meanInterval)} on average`,
  });
  return known;
}

/** An error as large as the time itself says no more than that it is long. */
const timeWithError = (time: number, error: number | null): string =>
  error !== null && error < time / 3 ? `${withError(time, error)} steps` : steps(time);

function ensembleFact({ trajectories, within, between }: NonNullable<LyapunovValue['ensemble']>): Fact {
  const said = (error: number | null | undefined): string => (error == null ? 'not known' : number(error, 2));
  return {
    label: 'Trajectories',
    value: integer(trajectories),
    note: `error of λ₁ from their own errors ${said(within[0])}, from their spread ${said(between[0])}: the larger counts`,
  };
}

function segmentsFact({
  count: joined,
  align,
  overlap,
  disagreement,
}: NonNullable<LyapunovValue['segments']>): Fact {
  const label = 'Segments';
  if (joined === 1)
    return {
      label,
      value: '1',
      note: 'one frame was carried all along, as only that tells how many directions are erased',
    };
  const most = Math.max(...disagreement.map((d) => d ?? Number.NaN));
  const changed = Number.isNaN(most)
    ? 'what that changed is not known'
    : `over ${count(overlap, 'step')} beside the frame before, that changed λ₁ by at most ${number(disagreement[0], 2)}, any exponent by ${number(most, 2)}`;
  return {
    label,
    value: integer(joined),
    note: `each frame aligned over ${count(align, 'step')} of its own; ${changed}`,
  };
}

function sumFacts(value: LyapunovValue): Fact[] {
  const sum = number(value.sum, 4);
  if (value.meanLogAbsDet === null) return [{ label: 'Sum of the exponents computed', value: sum }];
  if (value.sumRuleResidual === null || !Number.isFinite(value.sum)) {
    return [{ label: 'Sum of the exponents', value: sum }];
  }
  return [
    {
      label: 'Sum of the exponents',
      value: sum,
      note: `differs from the mean of ln |det J| by ${number(value.sumRuleResidual, 2)}${checkedOver(value)}: a check of the arithmetic`,
    },
  ];
}

const checkedOver = ({ checkedSteps, steps }: LyapunovValue): string =>
  checkedSteps === null || checkedSteps === steps ? '' : ` over ${count(checkedSteps, 'step')}`;

const resolved = 'resolved';
const floored = 'below floor';
const erasedLabel = '−∞';

function spectrumRows(value: LyapunovValue): { finite: Row[]; errors: Row[]; erased: Row[] } {
  const below = new Set(value.belowFloor);
  const all = value.exponents.map((exponent, i) => ({
    index: i + 1,
    exponent,
    error: value.standardErrors[i] ?? null,
    status: exponent === -Infinity ? erasedLabel : below.has(i) ? floored : resolved,
  }));
  const finite = all.filter((r) => Number.isFinite(r.exponent));
  return {
    finite,
    errors: finite.flatMap((r) =>
      r.error === null || !Number.isFinite(r.error)
        ? []
        : [{ index: r.index, low: r.exponent - r.error, high: r.exponent + r.error }],
    ),
    erased: all
      .filter((r) => r.exponent === -Infinity)
      .map(({ index, status }) => ({ index, status, shown: '−∞' })),
  };
}

function spectrum(value: LyapunovValue): Chart {
  const { finite, errors, erased } = spectrumRows(value);
  const x = {
    field: 'index',
    type: 'quantitative' as const,
    title: 'exponent number',
    scale: { domain: extent([1, value.exponents.length], [], 0.03), nice: false, zero: false },
    axis: { tickMinStep: 1, grid: false },
  };
  const ends = [...finite.map((r) => r.exponent as number), ...errors.map((r) => r.high as number)];
  const domain = extent(ends, [0], 0.07);
  const states = [resolved, floored, erasedLabel].filter((s) =>
    [...finite, ...erased].some((r) => r.status === s),
  );
  const legend = states.length > 1 ? {} : { legend: null };
  const status = {
    field: 'status',
    type: 'nominal' as const,
    title: null,
    scale: { domain: states },
    ...legend,
  };
  const encoding = {
    x,
    y: { field: 'exponent', type: 'quantitative' as const, title: 'exponent, nats per step' },
    color: status,
    shape: { ...status, scale: { domain: states, range: states.map(shapeOf) } },
    tooltip: [
      { field: 'index', type: 'quantitative' as const, title: 'number' },
      { field: 'exponent', type: 'quantitative' as const, title: 'exponent', format: '.5g' },
      { field: 'error', type: 'quantitative' as const, title: 'standard error', format: '.2g' },
      { field: 'status', type: 'nominal' as const, title: 'value' },
    ],
  };
  return {
    title: 'Lyapunov spectrum',
    description: `${count(value.exponents.length, 'exponent')} in descending order, in nats per step, with one standard error; the first is ${number(value.exponents[0], 4)}, the last ${number(value.exponents.at(-1), 4)}. A dashed line marks zero.${erased.length > 0 ? ` ${erased.length} of them are −∞ and sit at the bottom edge.` : ''}`,
    spec: {
      width: 'container',
      height: 300,
      data: { name: 'exponents' },
      resolve: { scale: { color: 'shared', shape: 'shared' } },
      layer: [
        {
          mark: { type: 'rule', style: 'reference' },
          encoding: {
            y: { datum: 0, type: 'quantitative', scale: { domain, nice: false } },
          },
        },
        {
          data: { name: 'errors' },
          mark: { type: 'rule', style: 'error' },
          encoding: { x, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
        },
        {
          transform: [{ filter: `datum.status === '${resolved}'` }],
          mark: { type: 'point', filled: true },
          encoding,
        },
        {
          transform: [{ filter: `datum.status === '${floored}'` }],
          mark: { type: 'point', filled: false },
          encoding,
        },
        {
          data: { name: 'erased' },
          mark: { type: 'point', filled: true, clip: false, yOffset: -5 },
          encoding: {
            x,
            y: { value: 'height' },
            color: encoding.color,
            shape: encoding.shape,
            tooltip: [
              { field: 'index', type: 'quantitative', title: 'number' },
              { field: 'shown', type: 'nominal', title: 'exponent' },
            ],
          },
        },
      ],
    },
    datasets: { exponents: finite, errors, erased },
    note: {
      means:
        'Each exponent is the average rate at which a small difference grows along one direction of the state: above zero it grows, below it fades, −0.1 being a loss of 10 % a step. The leading one decides the verdict; how many lie near zero says how many directions hold memory.',
      todo: 'A leading exponent above zero under data means that two runs that begin differently stay different: look for a smaller spectral radius or a stronger input. All of them far below zero: the network forgets fast, which a task with memory cannot have.',
    },
    zoom: true,
    sketch: { dataset: 'exponents', x: 'index', y: 'exponent', kind: 'points' },
  };
}

const shapeOf = (status: string): string => (status === erasedLabel ? 'triangle-down' : 'circle');

const mostTraces = 5;

/** The first tenth of a run is transient: it may leave the chart so that the rest can be read. */
const settledFrom = 0.1;

function traceCharts(value: LyapunovValue): Chart[] {
  const { steps: at, exponents } = value.trace;
  const shown = Math.min(mostTraces, exponents[0]?.length ?? 0);
  const rows = Array.from({ length: shown }, (_, i) =>
    exponents
      .map((row, k) => ({ step: at[k]!, exponent: row[i]!, name: `λ${'₁₂₃₄₅'[i]}` }))
      .filter((r) => Number.isFinite(r.exponent)),
  ).flat();
  if (rows.length === 0) return [];
  const names = [...new Set(rows.map((r) => r.name))];
  const settled = rows.filter((r) => r.step >= settledFrom * (at.at(-1) ?? 0));
  const few = at.length < 3;
  const series = { field: 'name', type: 'nominal' as const, title: null, legend: lineLegend(names) };
  return [
    {
      title: 'Convergence of the leading exponents',
      description: `Running estimates of the leading ${count(shown, 'exponent')} against the number of steps averaged, up to ${integer(at.at(-1) ?? 0)}; flat lines are settled estimates. The vertical range fits the last nine tenths of the run.`,
      spec: {
        width: 'container',
        height: 300,
        data: { name: 'trace' },
        layer: [{ mark: { type: 'line', clip: !few, point: few } }, nearestPoint()],
        encoding: {
          x: {
            field: 'step',
            type: 'quantitative',
            title: 'steps averaged',
            scale: { domain: [0, (at.at(-1) ?? 1) * 1.01], nice: false },
            axis: { tickCount: 6 },
          },
          y: {
            field: 'exponent',
            type: 'quantitative',
            title: 'running estimate, nats per step',
            scale: {
              domain: extent(
                settled.map((r) => r.exponent),
                [],
                0.15,
              ),
              nice: false,
              zero: false,
            },
          },
          color: { ...series, scale: { domain: names } },
          strokeDash: { ...series, scale: { domain: names, range: dashesFor(names) } },
          tooltip: [
            { field: 'name', type: 'nominal', title: 'exponent' },
            { field: 'step', type: 'quantitative', title: 'steps' },
            { field: 'exponent', type: 'quantitative', title: 'estimate', format: '.5g' },
          ],
        },
      },
      datasets: { trace: rows },
      note: {
        means:
          'The estimate of each leading exponent as the run grows longer. Lines that have become flat are settled; lines that still drift say that the run is too short for their last digits.',
        todo: 'Where a line still drifts at the right edge, run longer (--steps) or settle longer before (--warmup).',
      },
      zoom: true,
      sketch: { dataset: 'trace', x: 'step', y: 'exponent', kind: 'line', only: ['name', 'λ₁'] },
    },
  ];
}

function exponentTable(value: LyapunovValue): Table {
  const below = new Set(value.belowFloor);
  return {
    title: 'Exponents',
    columns: ['number', 'exponent, nats per step', 'standard error', 'factor a step', 'remark'],
    text: ['remark'],
    rows: value.exponents.map((x, i) => [
      String(i + 1),
      aligned(x, 5),
      aligned(value.standardErrors[i], 2),
      x > -0.1 && x < 0.1 ? `${percent(Math.expm1(x))} change` : powerOfTen(x / Math.LN10, 3),
      x === -Infinity ? 'erased' : below.has(i) ? 'below the numerical floor: not resolved' : '',
    ]),
  };
}

function trajectoryTable({ ensemble }: LyapunovValue): Table[] {
  if (!ensemble) return [];
  return [
    {
      title: 'Trajectories',
      columns: ['number', 'λ₁, nats per step', 'standard error', 'verdict'],
      text: ['verdict'],
      rows: ensemble.exponents.map((own, k) => [
        String(k + 1),
        aligned(own[0]!, 5),
        aligned(ensemble.standardErrors[k]![0], 2),
        ensemble.verdicts[k]!,
      ]),
    },
  ];
}
