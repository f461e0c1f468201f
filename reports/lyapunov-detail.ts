import type {
  Covariant,
  FiniteTime,
  InputExponent,
  LayerExponents,
  LyapunovValue,
} from '../analyses/lyapunov.js';
import { aligned, count, integer, list, number, percent, powerOfTen, steps, withError } from './format.js';
import { nearestPoint } from './interaction.js';
import type { Chart, Fact, Row, Table } from './section.js';
import { extent } from './shape.js';

/** What stands beside the averages: spread over time, covariant vectors, layers, the reach of inputs. */
export const detailCharts = (value: LyapunovValue): Chart[] => [
  ...(value.finiteTime ? finiteTimeCharts(value.finiteTime) : []),
  ...(value.layers ? layerCharts(value.layers) : []),
  ...(value.inputToState ? inputCharts(value.inputToState) : []),
  ...(value.covariant ? covariantCharts(value.covariant) : []),
];

export const detailTables = (value: LyapunovValue): Table[] => [
  ...(value.perTime ? [perTimeTable(value)] : []),
  ...(value.layers ? [layerTable(value.layers)] : []),
  ...(value.covariant ? [covariantTable(value.covariant), ...participationTables(value.covariant)] : []),
];

export function detailFacts(value: LyapunovValue): Fact[] {
  const found: Fact[] = [];
  const { twin, finiteTime, parallelInTime, perTime, covariant, inputToState } = value;
  if (twin) {
    const apart = twin.agrees === false ? ', which differs beyond the errors' : '';
    found.push({
      label: 'λ₁ from two trajectories',
      value: withError(twin.exponent, twin.standardError),
      note: `nats per step, without a derivative${apart}`,
    });
  }
  if (finiteTime) {
    found.push({
      label: `λ₁ over ${count(finiteTime.window, 'step')}`,
      value: `${number(finiteTime.least[0])} to ${number(finiteTime.most[0])}`,
      note: `${count(finiteTime.windows, 'stretch', 'stretches')}, spread ${number(finiteTime.deviation[0])}; differences grew over ${percent(finiteTime.growing)} of them`,
    });
  }
  if (parallelInTime) {
    const { atLeast, atMost } = parallelInTime.log10SmallestSingularValue;
    found.push({
      label: 'Parallel in time',
      value: parallelInTime.verdict,
      note: `Newton on ${count(parallelInTime.length, 'step')} at once has a least singular value between about ${powerOfTen(atLeast)} and ${powerOfTen(atMost)}`,
    });
  }
  if (perTime) {
    found.push({
      label: 'λ₁ per unit of time',
      value: withError(perTime.exponents[0]!, perTime.standardErrors[0]),
      note: `a step stands for ${number(perTime.dt)}`,
    });
  }
  if (covariant?.hyperbolicity) {
    const { least, mean, unstable } = covariant.hyperbolicity;
    found.push({
      label: 'Least unstable angle',
      value: degrees(least),
      note: `${degrees(mean)} in the mean; between ${count(unstable, 'unstable direction')} and the others; 0 is a tangency`,
    });
  }
  if (value.baseline) {
    const { leading, gain, positive, dimension } = value.baseline;
    found.push({
      label: 'λ₁ of random weights',
      value: number(leading, 4),
      note: `mean-field theory of large tanh networks at gain ${number(gain)}: ${percent(positive)} of the exponents positive, a dimension of ${number(dimension)} per unit; finite networks lie below`,
    });
  }
  if (inputToState) {
    found.push({
      label: 'Input-to-state exponent',
      value: withError(inputToState.exponent, inputToState.standardError),
      note: 'nats per step, of ‖∂s/∂x‖ at long lags',
    });
  }
  return found;
}

export function detailCaveats({ twin, untilReached, covariant, exponents }: LyapunovValue): string[] {
  const said: string[] = [];
  if (twin?.agrees === false) {
    said.push(
      'Two trajectories, which take no derivative, give another λ₁ than the Jacobians do. Where units switch abruptly (ReLU) a distance of 10⁻⁷ can already see the other side; otherwise the run is too short for one of the two.',
    );
  }
  if (untilReached === false) {
    said.push('The error asked for was not reached within the steps that were allowed: --steps raises them.');
  }
  if (covariant && covariant.exponents.length < exponents.length) {
    said.push(
      `Covariant vectors are taken of the ${count(covariant.exponents.length, 'leading exponent')} that ${covariant.exponents.length === 1 ? 'is' : 'are'} finite and resolved.`,
    );
  }
  return said;
}

const degrees = (radians: number): string => `${number((180 * radians) / Math.PI)}°`;

const BINS = 24;

function finiteTimeCharts({ leading, window, windows, growing }: FiniteTime): Chart[] {
  const finite = leading.filter(Number.isFinite);
  if (finite.length < 2) return [];
  const [low, high] = extent(finite, [0]);
  const width = (high - low) / BINS;
  const shares = new Array<number>(BINS).fill(0);
  for (const v of finite) shares[Math.min(BINS - 1, Math.floor((v - low) / width))]! += 1 / finite.length;
  return [
    {
      title: 'λ₁ over short stretches',
      description: `Distribution of the leading exponent over ${count(windows, 'stretch', 'stretches')} of ${count(window, 'step')}: from ${number(Math.min(...finite))} to ${number(Math.max(...finite))} nats per step; it is above zero in ${percent(growing)} of them. A dashed line marks zero.`,
      spec: {
        width: 'container',
        height: 300,
        data: { name: 'stretches' },
        layer: [
          {
            mark: { type: 'rule', style: 'reference' },
            encoding: { x: { datum: 0, type: 'quantitative' } },
          },
          {
            mark: { type: 'bar' },
            encoding: {
              x: {
                field: 'from',
                type: 'quantitative',
                title: `λ₁ over ${count(window, 'step')}, nats per step`,
                scale: { domain: [low, high], nice: false },
              },
              x2: { field: 'to' },
              y: { field: 'share', type: 'quantitative', title: 'share of stretches', axis: { format: '%' } },
              y2: { datum: 0 },
              tooltip: [
                { field: 'from', type: 'quantitative', title: 'from', format: '.4g' },
                { field: 'to', type: 'quantitative', title: 'to', format: '.4g' },
                { field: 'share', type: 'quantitative', title: 'share', format: '.1%' },
              ],
            },
          },
        ],
      },
      datasets: {
        stretches: shares.map((share, k) => ({ from: low + k * width, to: low + (k + 1) * width, share })),
      },
      note: {
        means:
          'What a short look would have found for λ₁. A distribution on both sides of zero says that the network forgets in some stretches and amplifies in others, although one of the two wins in the long run.',
        todo: 'A wide one under data means that some inputs open the door to noise: look at the gates and the gradients in those stretches.',
      },
    },
  ];
}

function layerCharts(layers: readonly LayerExponents[]): Chart[] {
  const rows = layers.flatMap(({ name, exponents }) =>
    exponents
      .map((exponent, i) => ({ layer: name, index: i + 1, exponent }))
      .filter((r) => Number.isFinite(r.exponent)),
  );
  if (rows.length === 0) return [];
  const names = layers.map((layer) => layer.name);
  const longest = Math.max(...layers.map((layer) => layer.exponents.length));
  return [
    {
      title: 'Exponents of each layer',
      description: `Exponents of each layer under what the layers below hand on, in nats per step: ${list(layers.map(({ name, exponents }) => `${name} begins at ${number(exponents[0], 4)}`))}.`,
      spec: {
        width: 'container',
        height: 300,
        data: { name: 'layers' },
        layer: [
          {
            mark: { type: 'rule', style: 'reference' },
            encoding: { y: { datum: 0, type: 'quantitative' } },
          },
          {
            mark: { type: 'point', filled: true },
            encoding: {
              x: {
                field: 'index',
                type: 'quantitative',
                title: 'exponent number within its layer',
                scale: { domain: extent([1, longest], [], 0.03), nice: false, zero: false },
                axis: { tickMinStep: 1, grid: false },
              },
              y: { field: 'exponent', type: 'quantitative', title: 'exponent, nats per step' },
              color: { field: 'layer', type: 'nominal', title: null, scale: { domain: names } },
              shape: { field: 'layer', type: 'nominal', title: null, scale: { domain: names } },
              tooltip: [
                { field: 'layer', type: 'nominal', title: 'layer' },
                { field: 'index', type: 'quantitative', title: 'number' },
                { field: 'exponent', type: 'quantitative', title: 'exponent', format: '.5g' },
              ],
            },
          },
        ],
      },
      datasets: { layers: rows },
      note: {
        means:
          'The spectrum of the stack, sorted by the layer that it belongs to: how fast each layer forgets when the layers below are known.',
        todo: 'A layer whose exponents lie far below the others’ is no place to keep anything: it passes on, or is more than the task needs.',
      },
    },
  ];
}

function inputCharts({ lags, log10Norm, log10Spread }: InputExponent): Chart[] {
  const rows = lags
    .map((lag, k) => ({ lag, log10: log10Norm[k]!, spread: log10Spread?.[k] ?? 0 }))
    .filter((r) => Number.isFinite(r.log10));
  if (rows.length === 0) return [];
  return [
    {
      title: 'How far a change of one input reaches',
      description: `Base-10 logarithm of the norm of ∂s(t + lag)/∂x(t) against the lag, mean and spread over the places it was measured at: from ${powerOfTen(rows[0]!.log10)} at lag 1 to ${powerOfTen(rows.at(-1)!.log10)} at lag ${rows.at(-1)!.lag}.`,
      spec: {
        width: 'container',
        height: 300,
        data: { name: 'reach' },
        layer: [
          {
            mark: { type: 'area', style: 'spread' },
            encoding: {
              y: { field: 'low', type: 'quantitative' },
              y2: { field: 'high' },
            },
          },
          {
            mark: { type: 'line' },
            encoding: { y: { field: 'log10', type: 'quantitative', title: 'log₁₀ norm' } },
          },
          nearestPoint({ y: { field: 'log10', type: 'quantitative' } }),
        ],
        encoding: {
          x: {
            field: 'lag',
            type: 'quantitative',
            title: 'lag, steps',
            scale: { domain: [0, lags.at(-1)!], nice: false },
          },
          tooltip: [
            { field: 'lag', type: 'quantitative', title: 'lag' },
            { field: 'log10', type: 'quantitative', title: 'log₁₀', format: '.4g' },
          ],
        },
      },
      datasets: {
        reach: rows.map((r) => ({
          lag: r.lag,
          log10: r.log10,
          low: r.log10 - r.spread,
          high: r.log10 + r.spread,
        })),
      },
      note: {
        means: 'How strongly the state still depends, so many steps later, on one input.',
        todo: 'Where it falls faster than the task’s delays, what was read then is gone when it is needed.',
      },
    },
  ];
}

function covariantCharts(covariant: Covariant): Chart[] {
  return [
    ...(covariant.exponents.length > 1 ? [neighbourChart(covariant)] : []),
    ...(covariant.hyperbolicity ? [tangencyChart(covariant.hyperbolicity)] : []),
    ...(covariant.participation.length > 0 ? [participationChart(covariant)] : []),
  ];
}

const mean = 'mean';
const least = 'least';

function neighbourChart({ neighbours }: Covariant): Chart {
  const rows: Row[] = [mean, least].flatMap((what) =>
    neighbours[what as 'mean' | 'least'].map((angle, i) => ({
      index: i + 1,
      angle: (180 * angle) / Math.PI,
      what,
    })),
  );
  const series = { field: 'what', type: 'nominal' as const, title: null };
  return {
    title: 'Angles between covariant vectors',
    description: `Angle between each covariant vector and the next, in degrees: the mean along the run and the least that was met. The least of all is ${degrees(Math.min(...neighbours.least))}.`,
    spec: {
      width: 'container',
      height: 300,
      data: { name: 'angles' },
      mark: { type: 'point', filled: true },
      encoding: {
        x: {
          field: 'index',
          type: 'quantitative',
          title: 'between vector i and the next',
          scale: { domain: extent([1, neighbours.mean.length], [], 0.03), nice: false, zero: false },
          axis: { tickMinStep: 1, grid: false },
        },
        y: { field: 'angle', type: 'quantitative', title: 'angle, degrees', scale: { domain: [0, 90] } },
        color: { ...series, scale: { domain: [mean, least] } },
        shape: { ...series, scale: { domain: [mean, least], range: ['circle', 'triangle-down'] } },
        tooltip: [
          { field: 'index', type: 'quantitative', title: 'vector' },
          { field: 'angle', type: 'quantitative', title: 'degrees', format: '.4g' },
          { field: 'what', type: 'nominal', title: 'which' },
        ],
      },
    },
    datasets: { angles: rows },
    note: {
      means:
        'Covariant vectors are the directions that the dynamics itself carries along. Where two come close, what grows along one is hard to tell from what grows along the other.',
      todo: 'Vectors whose exponents are equal within their errors are not settled one by one: read such a group as a whole.',
    },
  };
}

function tangencyChart({ histogram, unstable, least }: NonNullable<Covariant['hyperbolicity']>): Chart {
  const width = 90 / histogram.length;
  return {
    title: 'Angle between unstable and other directions',
    description: `Distribution along the run of the least angle between the ${count(unstable, 'unstable direction')} and the others, in degrees; the least that was met is ${degrees(least)}.`,
    spec: {
      width: 'container',
      height: 300,
      data: { name: 'touching' },
      mark: { type: 'bar' },
      encoding: {
        x: {
          field: 'from',
          type: 'quantitative',
          title: 'least angle, degrees',
          scale: { domain: [0, 90], nice: false },
        },
        x2: { field: 'to' },
        y: { field: 'share', type: 'quantitative', title: 'share of the run', axis: { format: '%' } },
        y2: { datum: 0 },
        tooltip: [
          { field: 'from', type: 'quantitative', title: 'from', format: '.3g' },
          { field: 'to', type: 'quantitative', title: 'to', format: '.3g' },
          { field: 'share', type: 'quantitative', title: 'share', format: '.1%' },
        ],
      },
    },
    datasets: {
      touching: histogram.map((share, k) => ({ from: k * width, to: (k + 1) * width, share })),
    },
    note: {
      means:
        'A chaotic set is hyperbolic where growing and shrinking directions keep an angle between them. A distribution that reaches 0 says that they touch: then small changes of the network can change the chaos abruptly.',
      todo: 'Near-tangencies make single exponents and dimensions of long runs sensitive to noise: quote them with their errors.',
    },
  };
}

function participationChart({ participation, coordinates }: Covariant): Chart {
  const { entries, effective } = participation[0]!;
  const rows = entries.map((share, i) => ({ entry: i, share, name: coordinates[i] ?? String(i) }));
  return {
    title: 'Who takes part in the leading vector',
    description: `Mean square of each entry of the leading covariant vector, which add up to 1: it moves about ${number(effective)} of ${integer(entries.length)} state entries at a time.`,
    spec: {
      width: 'container',
      height: 300,
      data: { name: 'participation' },
      mark: { type: 'point', filled: true },
      encoding: {
        x: {
          field: 'entry',
          type: 'quantitative',
          title: 'state entry',
          scale: { domain: extent([0, entries.length - 1], [], 0.03), nice: false, zero: false },
          axis: { tickMinStep: 1, grid: false },
        },
        y: { field: 'share', type: 'quantitative', title: 'mean square', scale: { zero: true } },
        tooltip: [
          { field: 'name', type: 'nominal', title: 'entry' },
          { field: 'share', type: 'quantitative', title: 'mean square', format: '.3g' },
        ],
      },
    },
    datasets: { participation: rows },
    note: {
      means:
        'Which parts of the state carry the direction that decides whether trajectories merge or separate.',
      todo: 'A few entries that carry it all are the ones to look at in the gates and the slow modes.',
    },
  };
}

const perTimeTable = ({ perTime, exponents }: LyapunovValue): Table => ({
  title: `Exponents per unit of time, a step being ${number(perTime!.dt)}`,
  columns: ['number', 'per unit of time', 'standard error', 'per step'],
  rows: perTime!.exponents.map((v, i) => [
    String(i + 1),
    aligned(v, 5),
    aligned(perTime!.standardErrors[i], 2),
    aligned(exponents[i], 5),
  ]),
});

const layerTable = (layers: readonly LayerExponents[]): Table => ({
  title: 'Layers, each under what the layers below hand on',
  columns: ['layer', 'exponents', 'leading', 'standard error', 'memory time, steps', 'last', 'below floor'],
  text: ['layer'],
  rows: layers.map(({ name, exponents, standardErrors, memoryTime, belowFloor }) => [
    name,
    integer(exponents.length),
    aligned(exponents[0], 5),
    aligned(standardErrors[0], 2),
    aligned(memoryTime),
    aligned(exponents.at(-1), 5),
    integer(belowFloor.length),
  ]),
});

const covariantTable = ({ exponents, standardErrors, growth, neighbours, interval }: Covariant): Table => ({
  title: 'Covariant vectors',
  columns: [
    'number',
    'growth, nats per step',
    'standard error',
    `spread over ${steps(interval)}`,
    'least',
    'most',
    'mean angle to the next, degrees',
    'least angle, degrees',
  ],
  rows: exponents.map((v, i) => [
    String(i + 1),
    aligned(v, 5),
    aligned(standardErrors[i], 2),
    aligned(growth.deviation[i], 3),
    aligned(growth.least[i], 3),
    aligned(growth.most[i], 3),
    aligned(inDegrees(neighbours.mean[i]), 3),
    aligned(inDegrees(neighbours.least[i]), 3),
  ]),
});

const inDegrees = (radians: number | undefined): number | undefined =>
  radians === undefined ? undefined : (180 * radians) / Math.PI;

const MOST_ENTRIES = 12;

const participationTables = ({ participation, coordinates }: Covariant): Table[] =>
  participation.map(({ entries, effective }, j) => ({
    title: `Entries that take part most in vector ${j + 1} (about ${number(effective)} at a time)`,
    columns: ['entry', 'mean square'],
    text: ['entry'],
    rows: entries
      .map((share, i) => ({ share, i }))
      .sort((a, b) => b.share - a.share || a.i - b.i)
      .slice(0, MOST_ENTRIES)
      .map(({ share, i }) => [coordinates[i] ?? integer(i), aligned(share, 3)]),
  }));
