/** Results with the numbers of a three-bit flip-flop GRU (32 units), and variations that charts find hard. */

import { compare } from '../../analyses/compare.js';
import type { DiagnoseValue } from '../../analyses/diagnose.js';
import type { FixedPointsValue, RestPoint, Stability } from '../../analyses/fixed-points.js';
import type { GatesValue } from '../../analyses/gates.js';
import type { GradientsValue } from '../../analyses/gradients.js';
import type { InspectValue } from '../../analyses/inspect.js';
import type { JacobianValue } from '../../analyses/jacobian.js';
import type { LyapunovValue } from '../../analyses/lyapunov.js';
import type { VerifyValue } from '../../analyses/verify.js';
import { complete, type Outcome } from '../../src/outcome.js';
import type { AnalysisResult, Complex } from '../../src/result.js';

export const model: AnalysisResult['model'] = {
  path: 'models/flipflop3-gru32.pt',
  sha256: '7c1f0be2a94d5c3386f1f7d2a0c4b5e69d1a8e33f20b7764c9be15d08a6f2e41',
  format: 'pytorch',
  module: 'rnn',
  cell: 'gru',
  layers: 1,
  hiddenSize: 32,
  inputSize: 3,
  stateSize: 32,
  parameters: 3552,
  assumptions: ['gate order r, z, n and reset after the product: the file is a PyTorch state_dict'],
};

export function envelope<Value>(
  analysis: string,
  value: Value,
  options: Readonly<Record<string, unknown>> = {},
  outcome: Outcome = complete,
): AnalysisResult<Value> {
  const shared = {
    drive: 'models/flipflop3-gru32.drive.npy',
    state: 'zero',
    closedLoop: false,
    warmup: 200,
    steps: 1800,
  };
  return {
    schema: 1,
    analysis,
    tool: { name: 'rnnscope', version: '0.1.0' },
    model,
    options: { ...shared, ...options },
    seed: 0,
    outcome,
    value,
  };
}

/** A small generator, so that samples look measured and stay the same. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

// Driven by its own test input; PyTorch automatic differentiation, float64.
const measured = [
  -0.5310389974851154, -0.7381954521950743, -0.86031252834857, -0.9677726168274146, -1.102013049366807,
  -1.19353845330982, -1.2898289982478566, -1.3625827327585587, -1.411381457325209, -1.444046767620378,
  -1.4833107463736872, -1.539287824087039, -1.57524244829688, -1.6182987165432403, -1.6633919294460615,
  -1.7088100764620642, -1.7539886394887019, -1.7914488260230774, -1.8489634019669, -1.8922807658156324,
  -1.9636766960293868, -2.0188984095555838, -2.0762654005048047, -2.156524349693574, -2.234848847980848,
  -2.3387791203359964, -2.453139883634423, -2.5916400394224413, -2.7932225603313197, -3.040212264312929,
  -3.3611292914708653, -4.156705111952795,
];

function trace(exponents: readonly number[], steps: number): LyapunovValue['trace'] {
  const random = noise(7);
  const at = range(90).map((k) => Math.round(((k + 1) * steps) / 90));
  return { steps: at, exponents: at.map((t) => exponents.map((x) => x + (3.2 * random()) / Math.sqrt(t))) };
}

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

export const lyapunovValue: LyapunovValue = {
  unit: 'nats per step',
  exponents: measured,
  standardErrors: measured.map((x) => 0.004 + 0.006 * Math.abs(x)),
  belowFloor: [],
  sum: sum(measured),
  meanLogAbsDet: sum(measured) + 3e-13,
  sumRuleResidual: 3e-13,
  checkedSteps: 1800,
  kaplanYorkeDimension: 0,
  entropyBound: 0,
  memoryTime: 1 / 0.5310389974851154,
  predictionHorizon: Infinity,
  verdict: 'stable',
  zeroBelow: 0.0216,
  mode: 'driven',
  steps: 1800,
  meanInterval: 6.2,
  finalState: range(32).map((i) => Math.sin(i)),
  trace: trace(measured, 1800),
  kaplanYorkeError: 0,
  entropyError: 0,
  memoryTimeError: 0.02,
  predictionHorizonError: null,
  untilReached: null,
  finiteTime: {
    window: 28.1,
    windows: 64,
    deviation: [0.06, 0.05],
    least: [-0.7, -0.8],
    most: [0.02, -0.4],
    leading: range(64).map((k) => -0.53 + 0.06 * Math.sin(5 * k)),
    growing: 0,
  },
  twin: { exponent: -0.5309, standardError: 0.0071, steps: 1800, agrees: true },
  parallelInTime: { verdict: 'yes', length: 1800, log10SmallestSingularValue: { atLeast: -0.39, atMost: 0 } },
  perTime: null,
  covariant: null,
  layers: null,
  inputToState: null,
  baseline: null,
  ensemble: null,
  segments: null,
};

/** Everything that can be asked for beside the exponents. */
export const deepValue: LyapunovValue = {
  ...lyapunovValue,
  untilReached: false,
  baseline: {
    gain: 1.5,
    external: 0,
    variance: 0.79,
    leading: 0.065,
    positive: 0.08,
    dimension: 0.17,
    entropy: 0.0028,
  },
  twin: { exponent: -0.4, standardError: 0.01, steps: 1800, agrees: false },
  perTime: {
    dt: 0.1,
    exponents: measured.map((x) => 10 * x),
    standardErrors: measured.map(() => 0.07),
    memoryTime: 0.19,
    predictionHorizon: Infinity,
    entropyBound: 0,
  },
  covariant: {
    steps: 1600,
    interval: 6,
    exponents: measured.slice(0, 12),
    standardErrors: measured.slice(0, 12).map(() => 0.008),
    growth: {
      deviation: range(12).map(() => 0.2),
      least: range(12).map((i) => -1 - i),
      most: range(12).map(() => 0.4),
    },
    neighbours: { mean: range(11).map(() => 1.1), least: range(11).map((i) => 0.05 * i) },
    hyperbolicity: { unstable: 1, mean: 0.9, least: 0.004, histogram: range(18).map(() => 1 / 18) },
    participation: [
      { entries: range(32).map((i) => (i + 1) / 528), effective: 21.3 },
      { entries: range(32).map(() => 1 / 32), effective: 30 },
    ],
    coordinates: range(32).map((i) => `layer0.h[${i}]`),
  },
  layers: ['layer0', 'layer1'].map((name, l) => ({
    name,
    exponents: measured.slice(16 * l, 16 * l + 16),
    standardErrors: range(16).map(() => 0.01),
    belowFloor: [],
    memoryTime: 1.9 + l,
  })),
  inputToState: {
    lags: range(100).map((k) => k + 1),
    log10Norm: range(100).map((k) => -0.23 * k),
    log10Spread: range(100).map(() => 0.2),
    exponent: -0.53,
    standardError: 0.01,
  },
};

const lorenz = [0.04478828171336815, -4.13718345969183e-5, ...measured.slice(0, 30).map((x) => x / 2)];

export const chaoticValue: LyapunovValue = {
  ...lyapunovValue,
  exponents: lorenz,
  standardErrors: lorenz.map(() => 0.0021),
  sum: sum(lorenz),
  meanLogAbsDet: null,
  sumRuleResidual: null,
  checkedSteps: null,
  kaplanYorkeDimension: 2.1687,
  entropyBound: lorenz[0]!,
  memoryTime: Infinity,
  predictionHorizon: Math.LN2 / lorenz[0]!,
  verdict: 'chaotic',
  zeroBelow: 0.0063,
  mode: 'closed loop',
  steps: 8000,
  trace: trace(lorenz, 8000),
};

/** Two trajectories that come to rest and one that does not. */
export const mixedValue: LyapunovValue = {
  ...lyapunovValue,
  exponents: [-0.18],
  standardErrors: [0.11],
  kaplanYorkeDimension: null,
  verdict: 'undetermined',
  zeroBelow: 0.33,
  ensemble: {
    trajectories: 3,
    exponents: [[-0.28], [-0.31], [0.045]],
    standardErrors: [[0.001], [0.001], [0.002]],
    verdicts: ['stable', 'stable', 'chaotic'],
    within: [0.0008],
    between: [0.11],
    agree: false,
  },
};

/** An LSTM whose tail is unresolved and then erased. */
export const flooredValue: LyapunovValue = {
  ...lyapunovValue,
  exponents: [...measured.slice(0, 20), -33.1, -34.6, -35.2, -Infinity, -Infinity, -Infinity],
  standardErrors: [...measured.slice(0, 20).map(() => 0.01), null, null, null, null, null, null],
  belowFloor: [20, 21, 22],
  sum: -Infinity,
  meanLogAbsDet: -Infinity,
  sumRuleResidual: 0,
  checkedSteps: 1800,
};

export const erasedValue: LyapunovValue = {
  ...lyapunovValue,
  exponents: [-Infinity, -Infinity, -Infinity],
  standardErrors: [null, null, null],
  sum: -Infinity,
  meanLogAbsDet: -Infinity,
  sumRuleResidual: 0,
  checkedSteps: 1800,
  memoryTime: 0,
  trace: { steps: [10, 20], exponents: [[-Infinity], [-Infinity]].map(() => range(3).map(() => -Infinity)) },
};

export const singleExponent: LyapunovValue = {
  ...lyapunovValue,
  exponents: [0.001],
  standardErrors: [null],
  sum: 0.001,
  meanLogAbsDet: null,
  sumRuleResidual: null,
  checkedSteps: null,
  kaplanYorkeDimension: null,
  memoryTime: Infinity,
  predictionHorizon: Math.LN2 / 0.001,
  verdict: 'undetermined',
  zeroBelow: null,
  steps: 1,
  trace: { steps: [1], exponents: [[0.001]] },
};

export const noExponents: LyapunovValue = {
  ...lyapunovValue,
  exponents: [],
  standardErrors: [],
  sum: 0,
  trace: { steps: [], exponents: [] },
};

/** Conjugate pairs on an arc inside the unit circle, the first `unstable` of them real and outside. */
function eigenvaluesOf(n: number, unstable: number, seed: number): Complex[] {
  const random = noise(seed);
  const real = range(unstable).map((i): Complex => [1.34 + 0.09 * i + 0.08 * random(), 0]);
  const pairs = range(Math.floor((n - unstable) / 2)).flatMap((i): Complex[] => {
    const re = 0.75 - 0.055 * i + 0.2 * random();
    const im = 0.25 * Math.abs(random()) * (1 - i / n);
    return [
      [re, im],
      [re, -im],
    ];
  });
  const all = [...real, ...pairs, ...range((n - unstable) % 2).map((): Complex => [0.11, 0])];
  return all.sort((a, b) => Math.hypot(...b) - Math.hypot(...a));
}

const timeConstant = ([re, im]: Complex): number => -1 / Math.log(Math.hypot(re, im));

function restPoint(bits: readonly [number, number, number], i: number): RestPoint {
  const unstable = bits.filter((b) => b === 0).length;
  const eigenvalues = eigenvaluesOf(32, unstable, i + 1);
  const [a, b, c] = bits;
  return {
    kind: 'fixed',
    state: range(32).map((k) => Math.tanh(a * Math.sin(k) + b * Math.cos(2 * k) + c * Math.sin(3 * k))),
    q: (1 + (i % 7)) * 1.3e-32,
    residual: Math.sqrt((1 + (i % 7)) * 2.6e-32),
    spectralRadius: Math.hypot(...eigenvalues[0]!),
    unstableDimensions: unstable,
    stability: (['stable', 'saddle', 'saddle', 'unstable'] as const)[unstable]!,
    eigenvalues,
    timeConstants: eigenvalues.map(timeConstant),
    hits: [312, 41, 12, 5][unstable]! + (i % 5),
    reachable: true,
    output: bits.map((x) => 0.98 * x),
    projection: [1.9 * a + 0.35 * b - 0.4 * c, 1.6 * b - 0.5 * a + 0.75 * c],
  };
}

const corners = [-1, 0, 1].flatMap((a) =>
  [-1, 0, 1].flatMap((b) => [-1, 0, 1].map((c) => [a, b, c] as [number, number, number])),
);

const points = corners
  .map(restPoint)
  .sort((p, q) => p.unstableDimensions - q.unstableDimensions || p.q - q.q);

const slowPoint: RestPoint = {
  ...points[9]!,
  kind: 'slow',
  q: 3.1e-5,
  residual: Math.sqrt(6.2e-5),
  stability: 'marginal' satisfies Stability,
  projection: [0.6, -1.1],
  hits: 3,
};

function path(length: number): [number, number][] {
  const random = noise(3);
  let [u, v] = points[0]!.projection;
  let goal = points[0]!.projection;
  return range(length).map((t) => {
    if (t % 40 === 0) goal = points[Math.floor((random() + 0.5) * 8)]!.projection;
    u += 0.16 * (goal[0] - u) + 0.02 * random();
    v += 0.13 * (goal[1] - v) + 0.02 * random();
    return [u, v];
  });
}

export const fixedPointsValue: FixedPointsValue = {
  points: [...points, slowPoint],
  input: [0, 0, 0],
  starts: 1024,
  converged: 986,
  unconverged: 20,
  escaped: 0,
  degenerate: 0,
  slowStarts: 18,
  slowFound: 1,
  outside: 2,
  byUnstableDimension: [8, 12, 6, 1],
  coverage: {
    method: 'chao1',
    unseen: 0,
    seenOnce: 0,
    seenTwice: 1,
    unseenMass: 0,
    unseenMassError: 0.0014,
    detectableShare: 0.0029,
  },
  projection: { explained: [0.41, 0.31], paths: [path(800), path(400)] },
};

export const onePoint: FixedPointsValue = {
  ...fixedPointsValue,
  points: [points[0]!],
  starts: 1,
  converged: 1,
  unconverged: 0,
  escaped: 0,
  degenerate: 0,
  slowStarts: 0,
  slowFound: 0,
  outside: 0,
  byUnstableDimension: [1],
  projection: { explained: [1, 0], paths: [[points[0]!.projection]] },
};

export const noPoints: FixedPointsValue = {
  ...onePoint,
  points: [],
  starts: 64,
  converged: 0,
  unconverged: 64,
  escaped: 0,
  degenerate: 0,
  byUnstableDimension: [],
  projection: { explained: [0, 0], paths: [] },
};

const lags = range(301);
const knots = [
  [0, 0],
  [1, -0.005],
  [2, -0.216],
  [5, -0.84],
  [10, -1.644],
  [20, -2.796],
  [50, -9.93],
  [100, -23.967],
  [200, -48.042],
  [300, -72.091],
] as const;

function interpolated(lag: number): number {
  const k = Math.max(
    1,
    knots.findIndex(([at]) => at >= lag),
  );
  const [a, b] = [knots[k - 1]!, knots[k]!];
  return a[1] + ((b[1] - a[1]) * (lag - a[0])) / (b[0] - a[0]);
}

const norm = lags.map((lag) => interpolated(lag) + 0.25 * Math.sin(lag / 3) * Math.min(1, lag / 20));

export const gradientsValue: GradientsValue = {
  lags,
  product: { kind: 'exact', columns: 32, exactLags: 300, leftOut: 0 },
  log10SpectralNorm: norm,
  log10FrobeniusNorm: norm.map((x, lag) => x + 0.753 * Math.exp(-lag / 2)),
  log10Spread: lags.map((lag) => 0.25 * Math.sqrt(lag)),
  singularValues: {
    lags: [0, 1, 2, 3, 5, 7, 10, 14, 20, 28, 40],
    log10: [0, 1, 2, 3, 5, 7, 10, 14, 20, 28, 40].map((lag) =>
      measured.map((x) => (x * lag) / Math.LN10 + 0.1 * lag * 0.23).filter((x) => x > interpolated(lag) - 14),
    ),
  },
  rate: -0.554,
  rateError: 0.012,
  halfLife: Math.LN2 / 0.554,
  horizon: 21,
  horizonIsLowerBound: false,
  threshold: 1e-3,
  atLength: { lag: 100, log10: -23.967 },
  verdict: 'vanishing',
  ends: [500, 600, 700, 800, 900, 1000, 1100, 1200],
  effectiveRank: { lags: [1, 2, 5, 10, 20, 50, 100], values: [20, 16, 9, 5, 3, 1.7, 1.2] },
  truncation: { share: 0.01, steps: 9 },
  growth: { share: 0.02, largestFactor: 1.2, log10Clip: null },
  blocks: [],
  path: null,
};

export const preservedGradients: GradientsValue = {
  ...gradientsValue,
  log10SpectralNorm: lags.map((lag) => 0.4 * Math.sin(lag / 40)),
  log10FrobeniusNorm: lags.map((lag) => 0.5 + 0.4 * Math.sin(lag / 40)),
  log10Spread: null,
  rate: 0.0001,
  rateError: null,
  halfLife: Infinity,
  horizon: 300,
  horizonIsLowerBound: true,
  atLength: { lag: 100, log10: 0.239 },
  verdict: 'preserved',
  ends: [1000],
};

export const erasedGradients: GradientsValue = {
  ...gradientsValue,
  lags: [0, 1, 2],
  log10SpectralNorm: [-Infinity, -Infinity, -Infinity],
  log10FrobeniusNorm: [-Infinity, -Infinity, -Infinity],
  log10Spread: [NaN, NaN, NaN],
  singularValues: { lags: [0, 1, 2], log10: [[], [], []] },
  rate: -Infinity,
  rateError: null,
  halfLife: 0,
  horizon: 0,
  atLength: { lag: 2, log10: -Infinity },
};

export const oneLag: GradientsValue = {
  ...gradientsValue,
  lags: [0],
  log10SpectralNorm: [0],
  log10FrobeniusNorm: [0.75],
  log10Spread: [0],
  singularValues: { lags: [0], log10: [[0]] },
  rate: NaN,
  rateError: null,
  halfLife: NaN,
  horizon: 0,
  horizonIsLowerBound: true,
  atLength: { lag: 0, log10: 0 },
  verdict: 'undetermined',
};

/** A stack of LSTMs, followed back step by step. */
export const followedGradients: GradientsValue = {
  ...gradientsValue,
  growth: { share: 0.6, largestFactor: 3, log10Clip: 4.2 },
  truncation: { share: 0.01, steps: null },
  blocks: ['h by h', 'layer0 by itself', 'layer1 by itself', 'output of layer1 by layer0'].map((name, b) => ({
    name,
    log10Norm: range(301).map((lag) => (b === 3 && lag === 0 ? -Infinity : -0.1 * (b + 1) * lag)),
  })),
  path: {
    far: { lags: [0, 1, 5000], log10Norm: [0, -0.2, -1000] },
    of: 'the direction that survives best over 100 steps',
    log10Norm: range(301).map((k) => -0.2 * k),
    log10Factor: range(300).map((k) => (k === 40 ? -1.3 : -0.2 + 0.05 * Math.sin(k))),
    paths: ['through i', 'through f', 'through g', 'through o', 'directly'].map((name, p) => ({
      name,
      mean: p === 4 ? 0.9 : 0.025,
      share: range(300).map(() => (p === 4 ? 0.9 : 0.025)),
    })),
    gates: ['i', 'f', 'o'].map((name) => ({
      layer: 'layer1',
      name,
      weighted: range(300).map((k) => (k === 3 ? NaN : 0.8)),
    })),
    deaths: [
      {
        lag: 40,
        row: 1159,
        log10Factor: -1.3,
        path: 'directly',
        gate: { layer: 'layer1', name: 'f', here: 0.05, mean: 0.8 },
      },
      { lag: 0, row: 1199, log10Factor: -0.25, path: 'through g', gate: null },
    ],
    bias: [
      { layer: 'layer0', gate: 'f', slope: 0.12, toHold: 1.6 },
      { layer: 'layer1', gate: 'f', slope: 0.001, toHold: null },
    ],
  },
};

export const noLags: GradientsValue = {
  ...oneLag,
  lags: [],
  log10SpectralNorm: [],
  log10FrobeniusNorm: [],
  log10Spread: null,
  singularValues: { lags: [], log10: [] },
  effectiveRank: { lags: [], values: [] },
  ends: [],
};

const oneStep = eigenvaluesOf(32, 1, 99).map(([re, im]): Complex => [re - (re > 1 ? 0.17 : 0), im]);

export const jacobianValue: JacobianValue = {
  state: range(32).map(() => 0),
  input: [0, 1, 0],
  next: range(32).map((i) => 0.6 * Math.sin(i + 1)),
  spectralRadius: Math.hypot(...oneStep[0]!),
  spectralNorm: 2.040955606257321,
  frobeniusNorm: 3.9352713990726484,
  logAbsDet: -41.2,
  eigenvalues: oneStep,
  timeConstants: oneStep.map(timeConstant),
  nonNormality: 0.437,
  departure: 1.72,
  singularValues: range(32).map((i) => 2.04 * 0.8 ** i),
  transient: {
    log10Norm: range(101).map((k) => 0.31 * Math.min(k, 1) - 0.02 * k),
    peak: 1.95,
    peakPower: 1,
    beyond: { powers: [], log10Norm: [] },
    peakIsLowerBound: false,
  },
  pseudospectrum: {
    epsilon: 0.01,
    radius: 1.02,
    distanceToUnitCircle: 0.07,
    kreiss: 1.31,
    kreissAt: [1.2, 0.1],
  },
  slowModes: [
    {
      eigenvalue: [0.95, 0.1],
      timeConstant: 22.1,
      condition: 1.7,
      right: range(32).map((i): Complex => [Math.sin(i), 0.1]),
      left: range(32).map((i): Complex => [Math.cos(i), 0]),
      inputGains: [0.4, 0, 1.2],
      outputGains: [0.1, 0.2, 0.7],
    },
  ],
  inputGains: { singularValues: [1.4, 1.1, 0.3], perInput: [0.9, 1, 1.2] },
  baseline: [
    {
      layer: 'layer0',
      gains: { r: 1, z: 1, n: 2 },
      edge: 1,
      boundary: range(73).map(
        (k): Complex => [0.5 + 0.5 * Math.cos((k * Math.PI) / 36), 0.5 * Math.sin((k * Math.PI) / 36)],
      ),
    },
  ],
  cloud: {
    steps: [0, 100, 200],
    spectralRadius: [1, 0.97, 1.02],
    eigenvalues: [
      oneStep,
      oneStep.map(([re, im]): Complex => [0.97 * re, im]),
      oneStep.map(([re, im]): Complex => [1.02 * re, im]),
    ],
  },
  coordinates: range(32).map((i) => `layer0.h[${i}]`),
};

export const oneDimension: JacobianValue = {
  state: [0.5],
  input: [],
  next: [0.5],
  spectralRadius: 1,
  spectralNorm: 1,
  frobeniusNorm: 1,
  logAbsDet: 0,
  eigenvalues: [[1, 0]],
  timeConstants: [Infinity],
  nonNormality: 0,
  departure: 0,
  singularValues: [1],
  transient: {
    log10Norm: [0, 0],
    peak: 1,
    peakPower: 0,
    beyond: { powers: [], log10Norm: [] },
    peakIsLowerBound: false,
  },
  pseudospectrum: { epsilon: 0.01, radius: 1.01, distanceToUnitCircle: 0, kreiss: Infinity, kreissAt: null },
  slowModes: [
    {
      eigenvalue: [1, 0],
      timeConstant: Infinity,
      condition: 1,
      right: [[1, 0]],
      left: [[1, 0]],
      inputGains: [],
      outputGains: null,
    },
  ],
  inputGains: null,
  baseline: null,
  cloud: null,
  coordinates: ['s[0]'],
};

export const nilpotent: JacobianValue = {
  ...oneDimension,
  spectralRadius: 0,
  spectralNorm: 2,
  frobeniusNorm: 2,
  logAbsDet: -Infinity,
  eigenvalues: [
    [0, 0],
    [0, 0],
  ],
  timeConstants: [0, 0],
  nonNormality: 1,
  departure: 2,
  singularValues: [2, 0],
  transient: {
    log10Norm: [0, Math.log10(2), -Infinity],
    peak: 2,
    peakPower: 1,
    beyond: { powers: [], log10Norm: [] },
    peakIsLowerBound: false,
  },
  pseudospectrum: null,
  slowModes: [],
};

const bell = (center: number, width: number): number[] => {
  const heights = range(40).map((k) => Math.exp(-(((k + 0.5) / 40 - center) ** 2) / width ** 2));
  const total = heights.reduce((sum, v) => sum + v, 0);
  return heights.map((v) => v / total);
};

const gate = (
  name: string,
  role: 'reset' | 'keep',
  center: number,
): GatesValue['layers'][number]['gates'][number] => {
  const mean = range(32).map((i) => center + 0.2 * Math.sin(i));
  const units = mean.map((m) => -1 / Math.log(m));
  return {
    name,
    role,
    block: 'h',
    mean: center,
    standardError: 0.0031,
    shut: 0.02,
    open: 0.11,
    histogram: bell(center, 0.2),
    stuckShut: 0,
    stuckOpen: role === 'keep' ? 3 : 0,
    units: { mean, deviation: mean.map(() => 0.1), shut: mean.map(() => 0.02), open: mean.map(() => 0.11) },
    timeScales:
      role === 'keep'
        ? {
            units: [Infinity, ...units.slice(1)],
            standardErrors: [null, ...units.slice(1).map((t) => 0.01 * t)],
            quantiles: [0.9, 1.4, 2.2, 5, 410],
            integrators: [0, 7],
          }
        : null,
    inputCorrelation: {
      input: mean.map((_, i) => i % 3),
      r: mean.map((_, i) => (i === 0 ? null : Math.sin(3 * i))),
    },
  };
};

export const gatesValue: GatesValue = {
  layers: ['layer0', 'layer1'].map((name) => ({
    name,
    cell: 'gru',
    units: 32,
    gates: [gate('r', 'reset', 0.5), gate('z', 'keep', 0.72)],
    activity: {
      deviation: range(32).map(() => 0.4),
      dead: [4],
      redundant: [[1, 2, 9]],
      dimension: 4.2,
      inputCorrelation: null,
    },
    trace: {
      steps: range(50).map((k) => 36 * (k + 1)),
      mean: range(50).map((k) => [0.5 + 0.1 * Math.sin(k), 0.7]),
    },
  })),
  saturated: 0.13,
  steps: 1800,
  mode: 'driven',
  integratorSteps: 100,
  redundantAbove: 0.99,
};

export const restingGates: GatesValue = {
  ...gatesValue,
  mode: 'autonomous',
  layers: gatesValue.layers.slice(0, 1).map((layer) => ({
    ...layer,
    gates: layer.gates.map((one) => ({ ...one, standardError: null, inputCorrelation: null })),
    activity: { ...layer.activity, dead: null, redundant: null, dimension: null },
    trace: { steps: [1], mean: [[0.5, 0.7]] },
  })),
};

export const gateless: GatesValue = {
  ...restingGates,
  saturated: null,
  layers: restingGates.layers.map((layer) => ({
    ...layer,
    cell: 'rnn-tanh',
    gates: [],
    trace: { steps: [], mean: [] },
  })),
};

const array = (name: string, shape: readonly number[], spread: number) => ({
  name,
  shape,
  mean: 0.01 * spread,
  standardDeviation: spread,
  min: -3.1 * spread,
  max: 2.8 * spread,
  nonFinite: 0,
  ...(shape[0] === shape[1] ? { spectralRadius: 1.21 * spread * 5, spectralNorm: 2.2 * spread * 5 } : {}),
});

export const inspectValue: InspectValue = {
  modules: [
    {
      name: 'rnn',
      cell: 'gru',
      formula: [
        'r = σ(W_ir x + b_ir + W_hr h + b_hr)',
        'z = σ(W_iz x + b_iz + W_hz h + b_hz)',
        'n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))',
        "h' = (1 − z) ⊙ n + z ⊙ h",
      ],
      layers: 1,
      bidirectional: false,
      inputSize: 3,
      hiddenSize: 32,
      stateSize: 32,
      parameters: 3552,
      parametersIf: { rnn: 1184, gru: 3552, lstm: 4736 },
      readout: 'readout',
      assumptions: model.assumptions,
      weights: [
        ...['W_ir', 'W_iz', 'W_in'].map((name, i) => array(name, [32, 3], 0.45 - 0.09 * i)),
        ...['W_hr', 'W_hz', 'W_hn'].map((name, i) => array(name, [32, 32], 0.31 + 0.07 * i)),
        ...['b_ir', 'b_iz', 'b_in', 'b_hr', 'b_hz', 'b_hn'].map((name, i) =>
          array(name, [32], 0.1 + 0.02 * i),
        ),
      ],
    },
  ],
  tensors: [
    { name: 'rnn.weight_ih_l0', shape: [96, 3], dtype: 'float32' },
    { name: 'rnn.weight_hh_l0', shape: [96, 32], dtype: 'float32' },
    { name: 'rnn.bias_ih_l0', shape: [96], dtype: 'float32' },
    { name: 'rnn.bias_hh_l0', shape: [96], dtype: 'float32' },
    { name: 'readout.weight', shape: [3, 32], dtype: 'float32' },
    { name: 'readout.bias', shape: [3], dtype: 'float32' },
  ],
  notes: [],
};

export const verifyValue: VerifyValue = {
  against: 'onnxruntime 1.30.0',
  agrees: true,
  largestDifference: 7.1e-8,
  at: { trial: 'rnn, sequence 1', step: 17, entry: 3 },
  rootMeanSquare: 1.9e-8,
  largestValue: 0.91,
  tolerance: 1e-5,
  compared: 2048,
  trials: [
    { name: 'rnn, sequence 0', steps: 32, width: 32, largestDifference: 6.7e-8 },
    { name: 'rnn, sequence 1', steps: 32, width: 32, largestDifference: 7.1e-8 },
  ],
  byStep: range(32).map((t) => 2e-8 + 5e-8 * Math.abs(Math.sin(t))),
  fed: [
    { name: 'x', shape: [2, 32, 3], with: 'random normal numbers' },
    { name: 'sr', shape: [], with: '16000, as a sampling rate' },
  ],
  notes: [],
};

/** Another network from the first step on. */
export const otherNetwork: VerifyValue = {
  ...verifyValue,
  against: 'y.npy',
  agrees: false,
  largestDifference: 0.75,
  byStep: [0.2, Number.POSITIVE_INFINITY, 0],
  notes: ['rnn stands within another node'],
};

export const nothingInside: InspectValue = { modules: [], tensors: [], notes: ['the file holds no tensor'] };

export const partial: Outcome = {
  kind: 'partial',
  what: 'interrupted after 412 of 1024 starts',
  remedy: 'run again without interrupting for the whole result',
};

export const diagnoseValue: DiagnoseValue = {
  verdicts: [
    {
      question: 'Does it forget its initial state?',
      answer: 'Yes, within about 2 steps',
      level: 'good',
      evidence: 'leading Lyapunov exponent −0.531 ± 0.007 nats per step under the given drive',
    },
    {
      question: 'Do gradients reach 100 steps back?',
      answer: 'No: 1·10⁻²⁴ of the gradient is left',
      level: 'bad',
      evidence: 'gradients fall below 0.001 after 21 steps, averaged over 8 end points',
    },
    {
      question: 'Can it hold information while the input rests?',
      answer: 'Yes: 8 stable rest states, 3 bits',
      level: 'good',
      evidence: '27 fixed points from 1,024 starts at zero input; Chao1 counts 0 more',
    },
    {
      question: 'Are there slow transients that look like memory?',
      answer: 'One slow point',
      level: 'warn',
      evidence: 'q = 3.1·10⁻⁵ near a saddle, reached by 3 starts',
    },
    {
      question: 'Is it stable for every input?',
      answer: 'Not settled',
      level: 'unknown',
      evidence: 'no certificate was computed; a finite run cannot prove it',
    },
  ],
  results: {
    inspect: envelope('inspect', inspectValue),
    lyapunov: envelope('lyapunov', lyapunovValue, { count: 32, align: 100, reorthonormalise: 'auto' }),
    gradients: envelope('gradients', gradientsValue, { end: 1200, lags: 300, windows: 8, threshold: 1e-3 }),
    'fixed-points': envelope(
      'fixed-points',
      fixedPointsValue,
      { starts: 1024, tolerance: 1e-24, unique: 1e-5 },
      partial,
    ),
    jacobian: envelope('jacobian', jacobianValue),
  },
};

export const diagnosis = envelope('diagnose', diagnoseValue, { steps: 1800 });

/** Every shape of value that a chart may meet, by name. */
const later = envelope('diagnose', {
  ...diagnoseValue,
  results: { ...diagnoseValue.results, lyapunov: envelope('lyapunov', chaoticValue) },
});

/** Two models as they are, and the same in training. */
const compared = (steps: readonly (number | undefined)[]) =>
  compare.run(steps.map((step, k) => ({ result: k % 2 === 0 ? diagnosis : later, step })));

export const everyResult: Readonly<Record<string, AnalysisResult>> = {
  'an ordinary inspection': envelope('inspect', inspectValue),
  'a file without modules': envelope('inspect', nothingInside),
  'two programs that agree': envelope('verify', verifyValue),
  'two programs that do not': envelope('verify', otherNetwork),
  'nothing to compare': envelope('verify', {
    ...verifyValue,
    agrees: false,
    compared: 0,
    trials: [],
    byStep: [],
    fed: [],
  }),
  'an ordinary Jacobian': envelope('jacobian', jacobianValue),
  'a Jacobian of one dimension': envelope('jacobian', oneDimension),
  'a nilpotent Jacobian': envelope('jacobian', nilpotent),
  'a stable spectrum': envelope('lyapunov', lyapunovValue),
  'a chaotic spectrum': envelope('lyapunov', chaoticValue),
  'trajectories that do not agree': envelope('lyapunov', mixedValue),
  'a spectrum with all that stands beside it': envelope('lyapunov', deepValue),
  'a spectrum with unresolved and erased exponents': envelope('lyapunov', flooredValue),
  'a spectrum of −∞ only': envelope('lyapunov', erasedValue),
  'a single exponent after a single step': envelope('lyapunov', singleExponent, {}, partial),
  'no exponents': envelope('lyapunov', noExponents),
  'vanishing gradients': envelope('gradients', gradientsValue),
  'preserved gradients of one window': envelope('gradients', preservedGradients),
  'gradients that are exactly zero': envelope('gradients', erasedGradients),
  'gradients followed step by step': envelope('gradients', followedGradients),
  'a single lag': envelope('gradients', oneLag),
  'no lags': envelope('gradients', noLags),
  'gates of a stack': envelope('gates', gatesValue),
  'gates at rest': envelope('gates', restingGates),
  'a cell without gates': envelope('gates', gateless),
  'no gates, no steps': envelope('gates', { ...gateless, layers: [] }),
  'an ordinary search': envelope('fixed-points', fixedPointsValue, {}, partial),
  'a single fixed point': envelope('fixed-points', onePoint),
  'a search that found nothing': envelope('fixed-points', noPoints),
  'a diagnosis': diagnosis,
  'a diagnosis without verdicts': envelope('diagnose', { verdicts: [], results: {} }),
  'two models': envelope('compare', compared([undefined, undefined])),
  'seven checkpoints': envelope('compare', compared([1, 2, 4, 8, 16, 32, 64])),
};
