import type { GradientsValue } from '../analyses/gradients.js';
import type { AnalysisResult } from '../src/result.js';
import { aligned, chosen, count, integer, number, powerOfTen, steps, withError } from './format.js';
import { detailCharts, detailFacts, detailReading, detailTables } from './gradient-detail.js';
import { lineLegend, nearestPoint } from './interaction.js';
import type { Chart, Fact, Section, Table } from './section.js';
import { extent } from './shape.js';

export function gradients({ value }: AnalysisResult<GradientsValue>): Section {
  const drawable = value.log10SpectralNorm.some(Number.isFinite);
  return {
    title: 'How much of a gradient survives?',
    reading: value.lags.length === 0 ? 'No lag was computed.' : reading(value),
    caveats: caveats(value),
    facts: value.lags.length === 0 ? [] : facts(value),
    charts: drawable ? [normChart(value), ...singularValueCharts(value), ...detailCharts(value)] : [],
    tables: [normTable(value), ...detailTables(value)],
  };
}

/** A ratio of norms in words: what is left where it shrank, how many times where it grew. */
const left = (log10: number): string =>
  Number.isNaN(log10)
    ? 'the factor is not a number, as when states overflow'
    : log10 === -Infinity
      ? 'nothing of the gradient is left'
      : log10 <= 0
        ? `at most ${powerOfTen(log10)} of the gradient is left`
        : `the gradient can be ${powerOfTen(log10)} times as large`;

function reading(value: GradientsValue): string {
  const { lag, log10 } = value.atLength;
  return `${reach[value.verdict](value)} After ${count(lag, 'step')} back, ${left(log10)}: ${verdicts[value.verdict](value)}${detailReading(value)}`;
}

/** The largest lag at which the norm is still above the threshold. */
const back = (value: GradientsValue): string =>
  `${value.horizonIsLowerBound ? 'at least ' : ''}${count(value.horizon, 'step')} back with a norm above ${chosen(value.threshold)}`;

/** The first thing to know: how far gradients reach. */
const reach: Record<GradientsValue['verdict'], (value: GradientsValue) => string> = {
  vanishing: (value) => `Gradients vanish: they reach ${back(value)}.`,
  exploding: (value) => `Gradients explode: they reach ${back(value)}, and grow on the way.`,
  preserved: (value) => `Gradients survive: they reach ${back(value)}.`,
  undetermined: (value) => `How far gradients reach is not settled: here it is ${back(value)}.`,
};

const trend = (value: GradientsValue): string => {
  if (Number.isNaN(value.rate)) return 'There are too few lags to fit a rate';
  const error = value.rateError === null ? ' (no error estimate)' : '';
  return `At long lags the norm changes by ${withError(value.rate, value.rateError)} nats per step${error}`;
};

const verdicts: Record<GradientsValue['verdict'], (value: GradientsValue) => string> = {
  vanishing: (value) =>
    `vanishing. ${trend(value)}${Number.isFinite(value.halfLife) && value.halfLife > 0 ? `, halving every ${steps(value.halfLife)}` : ''}.`,
  exploding: (value) =>
    `exploding. ${trend(value)}${value.rate > 0 ? `, doubling every ${steps(Math.LN2 / value.rate)}` : ''}; training through such stretches needs clipping or shorter unrolling.`,
  preserved: (value) =>
    `preserved, that is between ${chosen(value.threshold)} and ${chosen(1 / value.threshold)}. ${trend(value)}.`,
  undetermined: (value) =>
    `undetermined, because the windows differ too much or fewer lags were had than asked for. ${trend(value)}; more windows or a longer drive may settle it.`,
};

function caveats(value: GradientsValue): string[] {
  const said: string[] = [];
  const peak = value.log10SpectralNorm.reduce((most, x) => Math.max(most, x), -Infinity);
  if (value.verdict === 'vanishing' && peak > Math.log10(2)) {
    const at = value.lags[value.log10SpectralNorm.indexOf(peak)]!;
    said.push(`Before it falls, the norm first grows to ${powerOfTen(peak)} at ${count(at, 'step')} back.`);
  }
  if (value.ends.length === 1) {
    said.push('One end point was used, so there is no spread: other stretches of the input may differ.');
  }
  if (value.product.kind === 'block') said.push(ofDirections(value.product));
  if (value.log10SpectralNorm.includes(-Infinity)) {
    said.push('From some lag on the product is exactly zero; those lags are not drawn.');
  }
  return said;
}

/** A share below this changes no digit that is shown. */
const NOTHING_LEFT = 1e-4;

/** What norms of a few directions are worth. */
function ofDirections({ columns, exactLags, leftOut }: GradientsValue['product']): string {
  if (leftOut === null)
    return `The norms are of the ${columns} directions that the steps before the end stretch most, and so lower bounds.`;
  const error =
    leftOut < NOTHING_LEFT
      ? `the others amounted to ${leftOut < 1e-7 ? 'no more than rounding' : powerOfTen(Math.log10(leftOut))} of the first`
      : `low by a factor ${number(Math.hypot(1, leftOut), 3)} at most, if the others grow no faster`;
  return `Beyond ${count(exactLags, 'step')} back the norms are of the ${columns} directions that led there: ${error}.`;
}

const facts = (value: GradientsValue): Fact[] => [
  {
    label: 'Rate at long lags',
    value: withError(value.rate, value.rateError),
    note: 'nats per step, over the second half of the lags',
  },
  ...(Number.isFinite(value.halfLife) ? [{ label: 'Half-life', value: steps(value.halfLife) }] : []),
  {
    label: 'Horizon',
    value: `${value.horizonIsLowerBound ? 'at least ' : ''}${count(value.horizon, 'step')}`,
    note: `largest lag with norm ≥ ${chosen(value.threshold)}`,
  },
  {
    label: `Factor over ${count(value.atLength.lag, 'step')}`,
    value: powerOfTen(value.atLength.log10),
    note: 'largest over all directions',
  },
  ...detailFacts(value),
  { label: 'Averaged over', value: count(value.ends.length, 'end point') },
];

const spectral = 'spectral norm';
const frobenius = 'Frobenius norm';
const norms = [spectral, frobenius];

function normRows(value: GradientsValue) {
  const series = (name: string, values: readonly number[]) =>
    value.lags
      .map((lag, i) => ({ lag, log10: values[i]!, norm: name }))
      .filter((r) => Number.isFinite(r.log10));
  return [...series(spectral, value.log10SpectralNorm), ...series(frobenius, value.log10FrobeniusNorm)];
}

function spreadRows(value: GradientsValue) {
  const spread = value.log10Spread ?? [];
  return value.lags.flatMap((lag, i) => {
    const middle = value.log10SpectralNorm[i]!;
    const half = spread[i];
    return half === undefined || !Number.isFinite(middle) || !Number.isFinite(half)
      ? []
      : [{ lag, low: middle - half, high: middle + half }];
  });
}

function normChart(value: GradientsValue): Chart {
  const rows = normRows(value);
  const spread = spreadRows(value);
  const threshold = Math.log10(value.threshold);
  const single = value.lags.length < 2;
  const domain = extent([...rows.map((r) => r.log10), ...spread.flatMap((r) => [r.low, r.high])], [0]);
  const lagAxis = {
    field: 'lag',
    type: 'quantitative' as const,
    title: 'lag, steps back',
    scale: { domain: [0, Math.max(1, value.lags.at(-1) ?? 1)], nice: false },
    axis: { tickMinStep: 1, tickCount: 6 },
  };
  const series = {
    field: 'norm',
    type: 'nominal' as const,
    title: null,
    legend: lineLegend([spectral, frobenius]),
  };
  const curve = {
    x: lagAxis,
    y: {
      field: 'log10',
      type: 'quantitative' as const,
      title: 'log₁₀ norm',
      scale: { domain, nice: false },
    },
    color: { ...series, scale: { domain: norms } },
    tooltip: [
      { field: 'norm', type: 'nominal' as const, title: 'norm' },
      { field: 'lag', type: 'quantitative' as const, title: 'steps back' },
      { field: 'log10', type: 'quantitative' as const, title: 'log₁₀', format: '.4g' },
    ],
  };
  const dashes = [
    [1, 0],
    [6, 4],
  ];
  const strokeDash = { ...series, scale: { domain: norms, range: dashes } };
  return {
    title: 'Norm of ∂s(T)/∂s(T − lag)',
    description: `Base-10 logarithm of the spectral and Frobenius norms against the lag, from 0 to ${integer(value.lags.at(-1) ?? 0)} steps back. The spectral norm ends at ${powerOfTen(value.log10SpectralNorm.at(-1) ?? NaN)}; the threshold ${chosen(value.threshold)} is a dashed line, the horizon a vertical line at ${count(value.horizon, 'step')}.`,
    spec: {
      width: 'container',
      height: 320,
      data: { name: 'norms' },
      layer: [
        {
          mark: { type: 'rule', style: 'reference', clip: true },
          encoding: { y: { datum: threshold, type: 'quantitative' } },
        },
        {
          data: { name: 'spread' },
          mark: { type: 'area', style: 'spread' },
          encoding: { x: lagAxis, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
        },
        { mark: { type: 'line', point: single, clip: !single }, encoding: { ...curve, strokeDash } },
        nearestPoint(curve),
        {
          data: { name: 'horizon' },
          mark: { type: 'rule', style: 'marker' },
          encoding: { x: { field: 'lag', type: 'quantitative' } },
        },
        {
          data: { name: 'horizon' },
          mark: { type: 'text', style: 'note', baseline: 'top', dx: 5, dy: 4, align: 'left' },
          encoding: {
            x: { field: 'lag', type: 'quantitative' },
            y: { value: 0 },
            text: { field: 'label', type: 'nominal' },
          },
        },
      ],
    },
    note: {
      means:
        'How large the effect of the state at one step on the state some steps later can be, on a logarithmic scale. A straight line down is exponential decay: training sees nothing of what lies further back than the horizon. A flat line is memory; a rising one makes training unstable.',
      todo: 'Horizon shorter than the delays of the task: open the forget gate (a bias of 1 or more at the start), use an LSTM or GRU, or shorten the delays. Rising: clip gradients or shrink the recurrent weights.',
    },
    zoom: true,
    sketch: { dataset: 'norms', x: 'lag', y: 'log10', kind: 'line', only: ['norm', spectral] },
    datasets: {
      norms: rows,
      spread,
      horizon: value.horizonIsLowerBound
        ? []
        : [{ lag: value.horizon, label: `horizon: ${count(value.horizon, 'step')}` }],
    },
  };
}

function singularValueCharts(value: GradientsValue): Chart[] {
  const { lags, log10 } = value.singularValues;
  const rows = lags.flatMap((lag, i) =>
    (log10[i] ?? []).map((x, k) => ({ lag, log10: x, index: k + 1 })).filter((r) => Number.isFinite(r.log10)),
  );
  if (rows.length === 0) return [];
  const most = Math.max(...rows.map((r) => r.index));
  return [
    {
      title: 'Singular values of the product, last window',
      description: `Base-10 logarithm of the singular values against the lag, at ${count(lags.length, 'lag')} and up to ${most} of them: how many directions survive, not only the largest. Those below the rounding floor are left out.`,
      spec: {
        width: 'container',
        height: 320,
        data: { name: 'singularValues' },
        encoding: {
          x: {
            field: 'lag',
            type: 'quantitative',
            title: 'lag, steps back',
            scale: { domain: [0, Math.max(1, ...lags) * 1.02], nice: false },
            axis: { tickMinStep: 1, tickCount: 6 },
          },
          y: {
            field: 'log10',
            type: 'quantitative',
            title: 'log₁₀ singular value',
            scale: {
              domain: extent(
                rows.map((r) => r.log10),
                [0],
              ),
              nice: false,
            },
          },
          color: {
            field: 'index',
            type: 'quantitative',
            title: 'number',
            scale: { domain: [1, Math.max(2, most)] },
            legend: { gradientLength: 120, tickMinStep: 1, format: 'd' },
          },
          detail: { field: 'index', type: 'nominal' },
          tooltip: [
            { field: 'index', type: 'quantitative', title: 'number' },
            { field: 'lag', type: 'quantitative', title: 'steps back' },
            { field: 'log10', type: 'quantitative', title: 'log₁₀', format: '.4g' },
          ],
        },
        layer: [
          { mark: { type: 'line', strokeWidth: 1, opacity: 0.5 } },
          { mark: { type: 'point', filled: true, size: 16 } },
        ],
      },
      datasets: { singularValues: rows },
      note: {
        means:
          'The singular values of the same product: how many independent directions of the past survive to a lag, where the norm shows only the best of them. Curves that stay together carry much, a single one on top carries one number.',
        todo: 'A task that has to hold several numbers at once needs as many curves near the top at its delay. Fewer: more units, or gates that stay open.',
      },
      zoom: true,
    },
  ];
}

/** Lags 0, 1, 2, 5, 10, 20, 50, …, and the last: enough to read the curve without the chart. */
const telling = (lag: number): boolean =>
  lag === 0 || [1, 2, 5].some((d) => Number.isInteger(Math.log10(lag / d)));

function normTable(value: GradientsValue): Table {
  const rows = value.lags
    .map((lag, i) => ({ lag, i }))
    .filter(({ lag, i }) => telling(lag) || i === value.lags.length - 1);
  return {
    title: 'Norms at some lags',
    columns: ['lag, steps back', 'spectral norm', 'Frobenius norm', 'spread of log₁₀'],
    rows: rows.map(({ lag, i }) => [
      integer(lag),
      powerOfTen(value.log10SpectralNorm[i]!, 3),
      powerOfTen(value.log10FrobeniusNorm[i]!, 3),
      aligned(value.log10Spread?.[i], 2),
    ]),
  };
}
