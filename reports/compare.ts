import type { Change, CompareValue, Quantity } from '../analyses/compare.js';
import type { GradientsValue } from '../analyses/gradients.js';
import type { LyapunovValue } from '../analyses/lyapunov.js';
import type { AnalysisResult } from '../src/result.js';
import { count, integer, list, number, withError } from './format.js';
import { dashesFor, lineLegend, nearestPoint } from './interaction.js';
import type { Chart, Row, Section, Table } from './section.js';
import { extent } from './shape.js';

export function compare({ value }: AnalysisResult<CompareValue>): Section {
  return {
    title: 'What differs?',
    reading: reading(value),
    caveats: caveats(value),
    facts: [],
    charts: [...spectra(value), ...norms(value), ...value.quantities.flatMap((q) => courses(value, q))],
    tables: [quantityTable(value), changeTable(value), verdictTable(value), modelTable(value)],
  };
}

const differs = (change: Change | null): boolean => change?.beyondError === true;

function reading(value: CompareValue): string {
  const { models, quantities, sortedByStep } = value;
  const [first, last] = [models[0]!, models.at(-1)!];
  const order = sortedByStep
    ? `, in the order of training from step ${integer(first.step!)} to ${integer(last.step!)}`
    : '';
  const head = `${count(models.length, 'model')} under the same options${order}.`;
  const judged = quantities.filter(({ overall }) => overall?.beyondError !== null && overall !== null);
  const changed = judged.filter(({ overall }) => differs(overall));
  if (judged.length === 0)
    return `${head} No number has an error bar in both the first and the last, so that none can be said to differ.`;
  const between = `Between ${first.label} and ${last.label}`;
  if (changed.length === 0)
    return `${head} ${between} none of the ${judged.length} numbers that have error bars changed by more than three of them.`;
  return `${head} ${between}, beyond three standard errors: ${list(changed.map((q) => `${q.title} ${direction(q)}`))}.`;
}

function direction({ values, standardErrors, overall }: Quantity): string {
  const [before, after] = [
    withError(values[0]!, standardErrors[0]),
    withError(values.at(-1)!, standardErrors.at(-1)),
  ];
  return `${overall!.difference < 0 ? 'fell' : 'rose'} from ${before} to ${after}`;
}

function caveats({ models, sortedByStep, quantities }: CompareValue): string[] {
  const said: string[] = [];
  if (!sortedByStep && models.length > 2)
    said.push(
      'No training step was found in all files or names, so that the models stand in the order given.',
    );
  if (quantities.some(({ overall }) => overall !== null && overall.beyondError === null))
    said.push('Numbers without an error bar are shown, and not said to differ or to be the same.');
  if (models.length > 3)
    said.push(
      `With ${integer(quantities.length * (models.length - 1))} comparisons a few chance differences are to be expected, each with a chance of 1 in 400.`,
    );
  return said;
}

/** More models than this are told apart by a ramp, not by colours of their own. */
const MOST_NAMED = 5;

/** One colour a model; a dash besides where there are few, and a ramp from first to last where there are many. */
function byModel(value: CompareValue) {
  const domain = value.models.map(({ label }) => label);
  const few = domain.length <= MOST_NAMED;
  const series = {
    field: 'model',
    type: few ? ('nominal' as const) : ('ordinal' as const),
    title: null,
    sort: null,
    legend: lineLegend(domain),
  };
  return {
    color: { ...series, scale: { domain } },
    ...(few && { strokeDash: { ...series, scale: { domain, range: dashesFor(domain) } } }),
    detail: { field: 'model', type: 'nominal' as const },
  };
}

function resultOf<Value>(value: CompareValue, k: number, analysis: string): Value | null {
  return (value.results[k]!.value.results[analysis]?.value as Value | undefined) ?? null;
}

function overlaid(
  value: CompareValue,
  rows: readonly Row[],
  x: { field: string; title: string },
  y: { field: string; title: string },
): Chart['spec'] {
  const numbers = (field: string): number[] => rows.map((row) => row[field] as number);
  return {
    width: 'container',
    height: 320,
    data: { name: 'rows' },
    layer: [{ mark: { type: 'line', point: rows.length < 60 } }, nearestPoint()],
    encoding: {
      x: {
        ...x,
        type: 'quantitative',
        scale: { domain: extent(numbers(x.field), [], 0.02), nice: false, zero: false },
        axis: { tickMinStep: 1, tickCount: 6 },
      },
      y: { ...y, type: 'quantitative', scale: { domain: extent(numbers(y.field), [0]), nice: false } },
      ...byModel(value),
      tooltip: [
        { field: 'model', type: 'nominal', title: 'model' },
        { field: x.field, type: 'quantitative', title: x.title },
        { field: y.field, type: 'quantitative', title: y.title, format: '.5g' },
      ],
    },
  };
}

function spectra(value: CompareValue): Chart[] {
  const rows = value.models.flatMap(({ label }, k) =>
    (resultOf<LyapunovValue>(value, k, 'lyapunov')?.exponents ?? [])
      .map((exponent, i) => ({ model: label, index: i + 1, exponent }))
      .filter((row) => Number.isFinite(row.exponent)),
  );
  if (rows.length === 0) return [];
  return [
    {
      title: 'Lyapunov spectra',
      description: `Exponents in descending order, one line for each of ${count(value.models.length, 'model')}; leading exponents: ${leading(value)}.`,
      spec: overlaid(
        value,
        rows,
        { field: 'index', title: 'exponent number' },
        { field: 'exponent', title: 'exponent, nats per step' },
      ),
      datasets: { rows },
      note: {
        means:
          'The spectra over each other: where lines part, the models keep or forget different numbers of directions.',
        todo: 'Look at the left end: a leading exponent that moves towards zero in training is memory that is being learnt.',
      },
      zoom: true,
    },
  ];
}

const leading = ({ models, quantities }: CompareValue): string => {
  const first = quantities.find(({ name }) => name === 'lyapunov.exponents[1]');
  return models.map(({ label }, k) => `${label} ${number(first?.values[k], 4)}`).join(', ');
};

function norms(value: CompareValue): Chart[] {
  const rows = value.models.flatMap(({ label }, k) => {
    const found = resultOf<GradientsValue>(value, k, 'gradients');
    return (found?.lags ?? [])
      .map((lag, i) => ({ model: label, lag, log10: found!.log10SpectralNorm[i]! }))
      .filter((row) => Number.isFinite(row.log10));
  });
  if (rows.length === 0) return [];
  return [
    {
      title: 'Norms of ∂s(T)/∂s(T − lag)',
      description: `Base-10 logarithm of the spectral norm against the lag, one line for each of ${count(value.models.length, 'model')}.`,
      spec: overlaid(
        value,
        rows,
        { field: 'lag', title: 'lag, steps back' },
        { field: 'log10', title: 'log₁₀ norm' },
      ),
      datasets: { rows },
      note: {
        means:
          'How far back each model’s gradients reach: the flatter the line, the longer the memory that training can use.',
        todo: 'Compare at the delay of the task. A checkpoint whose line turns upwards is about to make training unstable.',
      },
      zoom: true,
    },
  ];
}

/** A number along training, or from model to model: with error bars where it has them. */
function courses(value: CompareValue, { name, title, unit, values, standardErrors }: Quantity): Chart[] {
  const rows = value.models.flatMap(({ label, step }, k) => {
    const at = values[k];
    if (at === null || at === undefined || !Number.isFinite(at)) return [];
    const error = standardErrors[k] ?? null;
    return [
      {
        model: label,
        step: step ?? k + 1,
        value: at,
        low: at - (error ?? 0),
        high: at + (error ?? 0),
        error,
      },
    ];
  });
  if (rows.length < 2 || new Set(rows.map((row) => row.value)).size === 1) return [];
  const errors = rows.filter((row) => row.error !== null);
  const x = value.sortedByStep
    ? {
        field: 'step',
        type: 'quantitative' as const,
        title: 'training step',
        scale: { domain: extent(rows.map((r) => r.step)), nice: false, zero: false },
        axis: { tickCount: 5 },
      }
    : {
        field: 'model',
        type: 'ordinal' as const,
        title: null,
        sort: null,
        axis: { labelAngle: -20, labelLimit: 140 },
      };
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    title: unit === '' ? title : `${title}, ${unit}`,
    scale: {
      domain: extent([...rows.map((r) => r.low), ...rows.map((r) => r.high)]),
      nice: false,
      zero: false,
    },
  };
  return [
    {
      title,
      description: `${title} of each model: ${rows.map((r) => `${r.model} ${number(r.value, 4)}`).join(', ')}.${errors.length > 0 ? ' Bars are one standard error.' : ''}`,
      spec: {
        width: 'container',
        height: 260,
        data: { name: 'rows' },
        layer: [
          { mark: { type: 'line', strokeWidth: 1, opacity: 0.6 }, encoding: { x, y } },
          {
            data: { name: 'errors' },
            mark: { type: 'rule', style: 'error' },
            encoding: { x, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
          },
          {
            mark: { type: 'point', filled: true },
            encoding: {
              x,
              y,
              tooltip: [
                { field: 'model', type: 'nominal', title: 'model' },
                { field: 'value', type: 'quantitative', title, format: '.5g' },
                { field: 'error', type: 'quantitative', title: 'standard error', format: '.2g' },
              ],
            },
          },
        ],
      },
      datasets: { rows, errors },
      note: {
        means: `${title} from model to model (${name} in the JSON of each); bars are one standard error, and points without one have none.`,
        todo: 'Believe a change where bars of three times this length do not overlap; the table of changes says which do.',
      },
      ...(value.sortedByStep && {
        sketch: { dataset: 'rows', x: 'step', y: 'value', kind: 'line' as const },
      }),
    },
  ];
}

function quantityTable({ models, quantities }: CompareValue): Table {
  return {
    title: 'Numbers, with one standard error',
    columns: ['number', ...models.map(({ label }) => label)],
    text: ['number'],
    rows: quantities.map(({ title, unit, values, standardErrors }) => [
      unit === '' ? title : `${title}, ${unit}`,
      ...values.map((v, k) => (v === null ? '–' : withError(v, standardErrors[k]))),
    ]),
  };
}

const judged = (change: Change | null): string =>
  change === null || change.beyondError === null ? '' : change.beyondError ? 'changed' : 'within the error';

const differenceOf = (change: Change | null): string =>
  change === null ? '–' : withError(change.difference, change.error);

function changeTable({ models, quantities }: CompareValue): Table {
  const pairs = models.slice(1).map((after, k) => [models[k]!.label, after.label] as const);
  const row = (q: Quantity, [from, to]: readonly [string, string], change: Change | null): string[] => [
    q.title,
    differenceOf(change),
    judged(change),
    from,
    to,
  ];
  const ends = [models[0]!.label, models.at(-1)!.label] as const;
  return {
    title: 'Changes, beyond three standard errors or not',
    columns: ['number', 'difference', 'judgement', 'from', 'to'],
    text: ['number', 'judgement', 'from', 'to'],
    rows: quantities.flatMap((q) => [
      ...(pairs.length > 1 ? [row(q, ends, q.overall)] : []),
      ...pairs.map((pair, k) => row(q, pair, q.changes[k]!)),
    ]),
  };
}

const verdictTable = ({ models, verdicts }: CompareValue): Table => ({
  title: 'Verdicts',
  columns: ['question', ...models.map(({ label }) => label)],
  text: ['question', ...models.map(({ label }) => label)],
  rows: verdicts.map(({ question, answers }) => [question, ...answers.map((a) => a?.answer ?? '–')]),
});

const modelTable = ({ models }: CompareValue): Table => ({
  title: 'Models',
  columns: ['model', 'step', 'cell', 'state', 'parameters', 'file', 'sha256'],
  text: ['model', 'cell', 'file', 'sha256'],
  rows: models.map((m) => [
    m.label,
    m.step === null ? '–' : integer(m.step),
    m.cell,
    integer(m.stateSize),
    integer(m.parameters),
    m.path,
    m.sha256.slice(0, 12),
  ]),
});
