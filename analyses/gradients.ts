import { BatchMeans } from '../src/dynamics/batch-means.js';
import { blockGradients, blocksOf } from '../src/dynamics/block-gradients.js';
import { closedLoop } from '../src/dynamics/closed-loop.js';
import { type CotangentPath, cotangentPath, type Paths } from '../src/dynamics/cotangent-path.js';
import { leadingCotangent, lossCotangent, readoutCotangent } from '../src/dynamics/cotangents.js';
import { requireRows } from '../src/dynamics/drive.js';
import { network, outputRows } from '../src/dynamics/network.js';
import { readRows, type Subject } from '../src/dynamics/subject.js';
import type { System } from '../src/dynamics/system.js';
import { Trajectory } from '../src/dynamics/trajectory.js';
import { UserError } from '../src/errors.js';
import { frobeniusNorm, singularValues, spectralNorm } from '../src/linalg/index.js';
import { identity, type Matrix, zeros } from '../src/linalg/matrix.js';
import { choice, integer, number, type OptionRow, text, type Values } from '../src/options.js';
import { complete, interrupted, type Watch } from '../src/outcome.js';
import type { Analysis } from './analysis.js';

export type GradientVerdict = 'vanishing' | 'exploding' | 'preserved' | 'undetermined';

export interface GradientsValue {
  /** 0, 1, …, K. */
  readonly lags: readonly number[];
  /** log10 ‖∂s_T/∂s_{T−lag}‖₂, mean over the windows. −∞ is exact. */
  readonly log10SpectralNorm: readonly number[];
  readonly log10FrobeniusNorm: readonly number[];
  /** Standard deviation of log10 of the spectral norm over the windows; null with one window. */
  readonly log10Spread: readonly number[] | null;
  /** Singular values of the last window's product at some lags, those above the rounding floor. */
  readonly singularValues: {
    readonly lags: readonly number[];
    readonly log10: readonly (readonly number[])[];
  };
  /** Mean slope of ln of the spectral norm over the second half of the lags, nats per step. */
  readonly rate: number;
  /** Standard error of the rate by batch means; null with too few lags. */
  readonly rateError: number | null;
  /** ln 2 / −rate, steps; Infinity where the norm does not fall. */
  readonly halfLife: number;
  /** Largest lag with norm ≥ threshold. */
  readonly horizon: number;
  /** True where the norm is still above the threshold at the largest lag: the horizon is only a lower bound. */
  readonly horizonIsLowerBound: boolean;
  readonly threshold: number;
  /** log10 of the spectral norm at the length asked about, or at the largest lag where that is less. */
  readonly atLength: { readonly lag: number; readonly log10: number };
  readonly verdict: GradientVerdict;
  /** End points T (rows consumed) that were averaged. */
  readonly ends: readonly number[];
  /** (Σσ²)²/Σσ⁴ of the product at the lags of `singularValues`: how many directions share what is left. */
  readonly effectiveRank: { readonly lags: readonly number[]; readonly values: readonly number[] };
  /** The shortest window of truncated back-propagation that leaves out no more than `share` of the summed norms, with what the
   * rate says lies beyond the longest lag; null where the norms do not fall, so that no window is long enough. */
  readonly truncation: { readonly share: number; readonly steps: number | null };
  /** Lag by lag: the share at which the norm grew, the most that it grew by in one, and, where an end point exploded, a norm to clip
   * at, the geometric mean over the end points at `atLength` (R. Pascanu et al. suggest 0.5 to 10 times the average). */
  readonly growth: {
    readonly share: number;
    readonly largestFactor: number;
    readonly log10Clip: number | null;
  };
  /** Parts of the product: h alone, layer by layer, from the output of the top; none where there is but one part. */
  readonly blocks: readonly { readonly name: string; readonly log10Norm: readonly number[] }[];
  /** One gradient followed back step by step; null where nothing was left of it or the run was stopped. */
  readonly path: GradientPath | null;
}

/** A gradient g of s_T, pulled back through the last end point. */
export interface GradientPath {
  /** Which gradient: the direction that survives best, an entry of the readout, a loss. */
  readonly of: string;
  /** log10 ‖(∂s_T/∂s_{T−lag})ᵀ g‖ for lag = 0, 1, … */
  readonly log10Norm: readonly number[];
  /** log10 of the factor of each step, from lag to lag + 1. */
  readonly log10Factor: readonly number[];
  /** Ways through the cell: their part in each step, which add up to 1, and the mean of it. The last is what meets no gate's derivative. */
  readonly paths: readonly {
    readonly name: string;
    readonly mean: number;
    readonly share: readonly number[];
  }[];
  /** Openness of each gate where the gradient meets it, weighted by the gradient's squares. */
  readonly gates: readonly {
    readonly layer: string;
    readonly name: string;
    readonly weighted: readonly number[];
  }[];
  /** The steps that cost most, with the path that lost and the gate that was shut most against its own mean. */
  readonly deaths: readonly {
    readonly lag: number;
    /** The row of the drive (from 0) that was consumed in this step. */
    readonly row: number;
    readonly log10Factor: number;
    readonly path: string;
    readonly gate: {
      readonly layer: string;
      readonly name: string;
      readonly here: number;
      readonly mean: number;
    } | null;
  }[];
  /** To first order, with the states held where they are: what a bias on a gate that keeps does to the rate, through its own product
   * with the old state alone. */
  readonly bias: readonly {
    readonly layer: string;
    readonly gate: string;
    /** ∂ rate/∂ bias, nats per step. */
    readonly slope: number;
    /** The change of the bias that would bring the rate to 0; null where the slope is 0 or the change is beyond what first order says. */
    readonly toHold: number | null;
  }[];
}

/** Rows consumed before T − K where the drive has no end. */
const SETTLING = 200;

/** Lags of the singular-value fan, of blocks and of a gradient followed step by step: n³ a lag, or lists as long. */
const LONGEST_PATH = 2000;
/** Blocks cost n³ a lag, paths a map for each named quantity. */
const LARGEST_BLOCKS = 512;
const LARGEST_PATHS = 1024;
const DEATHS = 5;
const TRUNCATED = 0.01;
/** A bias that would have to change by more than this is beyond what a first order can say. */
const FARTHEST_BIAS = 3;

/** 'best', or readout:ROW. */
const cotangent: OptionRow<string> = {
  flags: '--cotangent <which>',
  help: 'the gradient that is followed step by step: best (the direction that survives best over --length) or readout:ROW (an entry of the readout, from 0); --targets takes its place',
  fallback: 'best',
  schema: { type: 'string', pattern: '^(best|readout:\\d+)$' },
  parse: (given, name) => {
    if (typeof given === 'string' && /^(best|readout:\d+)$/.test(given)) return given;
    throw new UserError('USAGE', `${name} takes best or readout:ROW, not '${String(given)}'`);
  },
};

const options = {
  end: integer({
    flags: '--end <T>',
    help: 'the last step: gradients of the state after T rows',
    fallback: undefined,
    min: 1,
    fallbackText: 'the end of the drive, or 200 steps more than --lags',
  }),
  lags: integer({ flags: '--lags <K>', help: 'how many steps back', fallback: 300, min: 1 }),
  length: integer({
    flags: '--length <L>',
    help: 'the sequence length that the verdict is about, steps',
    fallback: 100,
    min: 1,
  }),
  threshold: number({
    flags: '--threshold <norm>',
    help: 'a gradient below this share has vanished, above its inverse exploded',
    fallback: 1e-3,
    above: 0,
  }),
  windows: integer({
    flags: '--windows <W>',
    help: 'end points to average over, spread before --end',
    fallback: 1,
    min: 1,
  }),
  cotangent,
  targets: text({
    flags: '--targets <file>',
    help: 'follow the gradient of the loss of the readout at --end: FILE.npy, FILE.csv or FILE.npz:KEY, one row a step or a single one (class numbers for cross-entropy)',
    fallback: undefined,
  }),
  loss: choice({
    flags: '--loss <name>',
    help: 'loss of --targets: mse or cross-entropy',
    choices: ['mse', 'cross-entropy'],
    fallback: 'mse',
  }),
};

type Options = Values<typeof options>;

/**
 * Norms of ∂s_T/∂s_{T−k} = J_T J_{T−1} … J_{T−k+1} for k = 0 … K, exact to rounding at any size: the product is rescaled at
 * every step and its size kept as a logarithm. Y. Bengio, P. Simard, P. Frasconi, IEEE TNN 5 (1994); R. Pascanu,
 * T. Mikolov, Y. Bengio, ICML 2013.
 */
export const gradients: Analysis<typeof options, GradientsValue> = {
  name: 'gradients',
  summary: 'how much of a gradient survives k steps back',
  options,
  async run(subject, given, watch) {
    const settled = settle(subject, given);
    const follow = await following(subject, settled);
    const windows: Window[] = [];
    const trajectory = new Trajectory(subject.system, subject.drive, subject.initialState);
    const ends = endPoints(settled);
    let stopped = false;
    for (const end of ends) {
      const last = end === ends.at(-1);
      const states = await history(trajectory, end, settled.lags, watch);
      const window = await pullBack(subject, states, end, last, watch, windows.length, ends.length);
      if (window.logSpectral.length > 1) windows.push(window);
      stopped = window.logSpectral.length <= Math.min(settled.lags, end);
      if (stopped) break;
    }
    const done = windows.reduce((sum, window) => sum + window.logSpectral.length, 0);
    const plain = summarise(windows, ends.slice(0, windows.length), settled);
    const detail = stopped ? nothing : await closer(subject, settled, follow, watch);
    stopped ||= detail.stopped;
    const outcome = stopped ? interrupted(done, ends.length * settled.lags, 'lags') : complete;
    return { value: { ...plain, blocks: detail.blocks, path: detail.path }, outcome, settled };
  },
};

type Closer = Pick<GradientsValue, 'blocks' | 'path'> & { readonly stopped: boolean };
const nothing: Closer = { blocks: [], path: null, stopped: true };

/** The last end point, looked at block by block and step by step. */
async function closer(
  subject: Subject,
  settled: Options & { end: number },
  follow: Follow,
  watch: Watch,
): Promise<Closer> {
  const { system, drive, initialState } = subject;
  const { end } = settled;
  const lags = Math.min(settled.lags, LONGEST_PATH);
  const trajectory = new Trajectory(system, drive, initialState);
  const states = await history(trajectory, end, lags, watch);
  if (states.length === 0) return nothing;
  const blocks = system.dimension > LARGEST_BLOCKS ? [] : blocksOf(system.parts ?? []);
  const norms = blocks.length === 0 ? [] : await blockGradients(subject, blocks, states, end, watch);
  const told = blocks.map(({ name }, b) => ({ name, log10Norm: norms[b]!.map((v) => v / Math.LN10) }));
  if (norms.some((logs) => logs.length <= states.length)) return { ...nothing, blocks: told };
  const { of, cotangent } = follow(trajectory.state, states);
  const followed = await cotangentPath(pathsOf(subject), drive, states, end, cotangent, watch);
  const whole =
    followed.lags === states.length || followed.logNorm[followed.lags] === Number.NEGATIVE_INFINITY;
  return { blocks: told, path: describe(followed, pathNames(subject), of, settled), stopped: !whole };
}

type Follow = (
  state: Float64Array,
  states: readonly Float64Array[],
) => { readonly of: string; readonly cotangent: Float64Array };

/** Which gradient is to be followed: files are read, and what does not fit is refused, before the long run. */
async function following(
  subject: Subject,
  { targets, loss, cotangent, end, length }: Options & { end: number },
): Promise<Follow> {
  if (targets !== undefined) {
    const rows = await readRows(targets, '--targets');
    const kind = loss ?? 'mse';
    lossCotangent(subject, subject.initialState, rows, kind, end);
    return (state) => ({
      of: `the ${kind} loss at row ${end}`,
      cotangent: lossCotangent(subject, state, rows, kind, end),
    });
  }
  if (cotangent !== 'best') {
    const row = Number(cotangent.slice('readout:'.length));
    const given = readoutCotangent(subject, row);
    return () => ({ of: `entry ${row} of the readout`, cotangent: given });
  }
  return (_state, states) => {
    const back = states.slice(-Math.min(length, states.length));
    return {
      of: `the direction that survives best over ${back.length} steps`,
      cotangent: leadingCotangent(subject.system, subject.drive, back, end),
    };
  };
}

/** Names of gates and candidates, each once, in the order in which cells evaluate them; none where their maps would be too large. */
function quantityNames({ model, system }: Subject): string[] {
  if (!model || system.dimension > LARGEST_PATHS) return [];
  return [...new Set((system.parts ?? []).flatMap(({ quantities }) => quantities.map(({ name }) => name)))];
}

const pathNames = (subject: Subject): string[] => {
  const names = quantityNames(subject).map((name) => `through ${name}`);
  return [...names, names.length > 0 ? 'directly' : 'all'];
};

/** The map with one more quantity held each time. */
function pathsOf(subject: Subject): Paths {
  const { system, model, mode } = subject;
  const names = quantityNames(subject);
  const cut = names.map((_, k): System => {
    const open = network(model!.layers, names.slice(0, k + 1));
    return mode === 'closed loop' ? closedLoop(open, model!.readout!, outputRows(model!.layers)) : open;
  });
  return { system, names, cut };
}

function describe(
  { logNorm, shares, gates, biasSlopes, lags }: CotangentPath,
  names: readonly string[],
  of: string,
  { end, length }: Options & { end: number },
): GradientPath | null {
  if (lags === 0 || !Number.isFinite(logNorm[0]!)) return null;
  const log10Norm = Array.from(logNorm.subarray(0, lags + 1), (v) => v / Math.LN10);
  const log10Factor = Array.from({ length: lags }, (_, k) => log10Norm[k + 1]! - log10Norm[k]!);
  const trimmed = (values: Float64Array): number[] => Array.from(values.subarray(0, lags));
  const paths = shares.map((share, p) => ({
    name: names[p]!,
    mean: average(trimmed(share)),
    share: trimmed(share),
  }));
  const met = gates.map(({ part, name, role, weighted }) => ({
    layer: part,
    name,
    weighted: trimmed(weighted),
    keeps: role === 'keep',
  }));
  const within = Math.min(length, lags);
  const rate = (logNorm[within]! - logNorm[0]!) / within;
  return {
    of,
    log10Norm,
    log10Factor,
    paths,
    gates: met.map(({ keeps: _keeps, ...gate }) => gate),
    deaths: deaths(log10Factor, paths, met, end),
    bias: gates
      .filter(({ role }) => role === 'keep')
      .map(({ part, name }, q) => {
        const slope = average(trimmed(biasSlopes[q]!).slice(0, within));
        const change = -rate / slope;
        const known = slope !== 0 && Math.abs(change) <= FARTHEST_BIAS;
        return { layer: part, gate: name, slope, toHold: known ? change : null };
      }),
  };
}

/**
 * Steps with the smallest factors below 1. What a path gives to the factor is its share of it. Where the direct way lost, a gate that
 * keeps is at fault; otherwise it may be any.
 */
function deaths(
  log10Factor: readonly number[],
  paths: GradientPath['paths'],
  gates: readonly (GradientPath['gates'][number] & { readonly keeps: boolean })[],
  end: number,
): GradientPath['deaths'] {
  const factors = log10Factor.map((v) => 10 ** v);
  const gives = paths.map(({ share }) => share.map((s, k) => s * factors[k]!));
  const usual = gives.map(average);
  const open = gates.map(({ weighted }) => average(weighted.filter((v) => !Number.isNaN(v))));
  return factors
    .map((factor, lag) => ({ factor, lag }))
    .filter(({ factor }) => factor < 1)
    .sort((a, b) => a.factor - b.factor || a.lag - b.lag)
    .slice(0, DEATHS)
    .map(({ lag }) => {
      const lost = usual.map((u, p) => u - gives[p]![lag]!);
      const path = lost.indexOf(Math.max(...lost));
      const direct = path === paths.length - 1;
      const shut = gates.map(({ weighted, keeps }, q) => (direct && !keeps ? 1 : weighted[lag]! / open[q]!));
      const q = shut.reduce((best, v, i) => (v < (shut[best] ?? 1) ? i : best), -1);
      const { layer, name, weighted } = gates[q] ?? { layer: '', name: '', weighted: [] };
      return {
        lag,
        row: end - 1 - lag,
        log10Factor: log10Factor[lag]!,
        path: paths[path]!.name,
        gate: q < 0 ? null : { layer, name, here: weighted[lag]!, mean: open[q]! },
      };
    });
}

function settle({ drive }: Subject, given: Options): Options & { end: number } {
  const end = given.end ?? (Number.isFinite(drive.length) ? drive.length : given.lags + SETTLING);
  requireRows(drive, end, `gradients --end ${end}`);
  return { ...given, end, lags: Math.min(given.lags, end) };
}

/** The last end point is `end`; the others lie evenly between it and the first that has all lags. */
function endPoints({ end, lags, windows }: { end: number; lags: number; windows: number }): number[] {
  const count = Math.min(windows, end - lags + 1);
  const stride = count > 1 ? (end - lags) / (count - 1) : 0;
  return Array.from({ length: count }, (_, w) => Math.round(end - (count - 1 - w) * stride));
}

/** States s_{T−K} … s_{T−1}; none where the watch asked to stop. */
async function history(
  trajectory: Trajectory,
  end: number,
  lags: number,
  watch: Watch,
): Promise<Float64Array[]> {
  const first = end - Math.min(lags, end);
  const again =
    trajectory.time > first
      ? new Trajectory(trajectory.system, trajectory.drive, trajectory.start)
      : trajectory;
  if (await again.run(first - again.time, watch, 'stepping')) return [];
  const states: Float64Array[] = [];
  for (let t = first; t < end; t++) {
    if (t % 64 === 0 && (await watch.tick(t, end, 'stepping'))) return [];
    states.push(again.state.slice());
    again.advance();
  }
  return states;
}

interface Window {
  /** ln of the norms at lags 0, 1, …. */
  readonly logSpectral: number[];
  readonly logFrobenius: number[];
  readonly singular: { lags: number[]; log10: number[][] };
}

/** Carries Pᵀ back by P_{k+1}ᵀ = J_{T−k}ᵀ P_kᵀ. */
async function pullBack(
  { system, drive }: Subject,
  states: readonly Float64Array[],
  end: number,
  withSingularValues: boolean,
  watch: Watch,
  window: number,
  windows: number,
): Promise<Window> {
  const n = system.dimension;
  const x = new Float64Array(system.inputSize);
  let P = identity(n);
  let spare = zeros(n, n);
  let scale = 0;
  const result: Window = {
    logSpectral: [0],
    logFrobenius: [Math.log(n) / 2],
    singular: { lags: [], log10: [] },
  };
  for (let k = 1; k <= states.length; k++) {
    if (await watch.tick(window * states.length + k, windows * states.length, 'pulling back')) break;
    drive.at(end - k, x);
    system.linearise(states[states.length - k]!, x).vjp(P, spare);
    [P, spare] = [spare, P];
    const norm = frobeniusNorm(P);
    scale += Math.log(norm);
    if (norm > 0) for (let p = 0; p < P.data.length; p++) P.data[p] = P.data[p]! / norm;
    result.logFrobenius.push(scale);
    result.logSpectral.push(norm > 0 ? scale + Math.log(spectralNorm(P)) : Number.NEGATIVE_INFINITY);
    if (withSingularValues && norm > 0 && isRoundLag(k)) {
      result.singular.lags.push(k);
      result.singular.log10.push(aboveFloor(P, scale));
    }
  }
  return result;
}

/** 1, 2, 5, 10, 20, 50, … */
const isRoundLag = (k: number): boolean => [1, 2, 5].includes(k / 10 ** Math.floor(Math.log10(k) + 1e-9));

function aboveFloor(P: Matrix, scale: number): number[] {
  const values = singularValues(P);
  const floor = P.rows * Number.EPSILON * values[0]!;
  return Array.from(
    values.filter((v) => v > floor),
    (v) => (Math.log(v) + scale) / Math.LN10,
  );
}

function summarise(
  windows: readonly Window[],
  ends: readonly number[],
  { length, threshold, lags }: Options & { end: number },
): Omit<GradientsValue, 'blocks' | 'path'> {
  const count = Math.min(...windows.map((w) => w.logSpectral.length), lags + 1);
  const mean = (of: (w: Window) => number[]): number[] =>
    Array.from({ length: windows.length > 0 ? count : 0 }, (_, k) =>
      average(windows.map((w) => of(w)[k]! / Math.LN10)),
    );
  const log10SpectralNorm = mean((w) => w.logSpectral);
  const log10Spread =
    windows.length > 1
      ? log10SpectralNorm.map((m, k) =>
          spread(
            windows.map((w) => w.logSpectral[k]! / Math.LN10),
            m,
          ),
        )
      : null;
  const { rate, rateError } = decay(log10SpectralNorm);
  const horizon = log10SpectralNorm.findLastIndex((v) => v >= Math.log10(threshold));
  const lag = Math.min(length, log10SpectralNorm.length - 1);
  const atLength = { lag, log10: log10SpectralNorm[lag] ?? Number.NaN };
  return {
    lags: log10SpectralNorm.map((_, k) => k),
    log10SpectralNorm,
    log10FrobeniusNorm: mean((w) => w.logFrobenius),
    log10Spread,
    singularValues: windows.at(-1)?.singular ?? { lags: [], log10: [] },
    rate,
    rateError,
    halfLife: rate < 0 ? Math.LN2 / -rate : Number.isNaN(rate) ? rate : Number.POSITIVE_INFINITY,
    horizon: Math.max(0, horizon),
    horizonIsLowerBound: horizon === log10SpectralNorm.length - 1,
    threshold,
    atLength,
    verdict: verdictOf(atLength, length, threshold, log10Spread?.[lag] ?? 0),
    ends,
    effectiveRank: effectiveRank(windows.at(-1)?.singular),
    truncation: { share: TRUNCATED, steps: truncation(log10SpectralNorm, rate) },
    growth: growth(
      log10SpectralNorm,
      windows.map((w) => w.logSpectral[lag]! / Math.LN10),
      -Math.log10(threshold),
    ),
  };
}

function effectiveRank(singular: Window['singular'] | undefined): GradientsValue['effectiveRank'] {
  const values = (singular?.log10 ?? []).map((log10) => {
    // Relative to the largest, so that nothing overflows.
    const squares = log10.map((v) => 10 ** (2 * (v - log10[0]!)));
    const sum = squares.reduce((total, v) => total + v, 0);
    return sum ** 2 / squares.reduce((total, v) => total + v * v, 0);
  });
  return { lags: singular?.lags ?? [], values };
}

/** The tail beyond the last lag is a geometric series at the rate of long lags. */
function truncation(log10Norm: readonly number[], rate: number): number | null {
  if (!(rate < 0) || log10Norm.length === 0) return null;
  const most = log10Norm.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const norms = log10Norm.map((v) => 10 ** (v - most));
  const beyond = rate === Number.NEGATIVE_INFINITY ? 0 : norms.at(-1)! * (Math.exp(rate) / -Math.expm1(rate));
  const total = norms.reduce((sum, v) => sum + v, beyond);
  let left = total;
  for (let k = 0; k < norms.length; k++) {
    left -= norms[k]!;
    if (left <= TRUNCATED * total) return k;
  }
  return Math.ceil(norms.length - 1 + Math.log((TRUNCATED * total) / beyond) / rate);
}

function growth(
  log10Norm: readonly number[],
  atLength: readonly number[],
  border: number,
): GradientsValue['growth'] {
  const steps = log10Norm.slice(1).map((v, k) => v - log10Norm[k]!);
  const finite = steps.filter((v) => !Number.isNaN(v));
  return {
    share: finite.length === 0 ? 0 : finite.filter((v) => v > 0).length / finite.length,
    largestFactor: 10 ** finite.reduce((most, v) => Math.max(most, v), Number.NEGATIVE_INFINITY),
    log10Clip: atLength.some((v) => v > border) ? average(atLength) : null,
  };
}

const average = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

function spread(values: readonly number[], mean: number): number {
  if (!Number.isFinite(mean)) return 0;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
}

/** Mean increment of ln norm over the second half of the lags, where the start is forgotten. */
function decay(log10Norm: readonly number[]): { rate: number; rateError: number | null } {
  const half = Math.floor(log10Norm.length / 2);
  const tail = log10Norm.slice(half);
  if (tail.length < 2) return { rate: Number.NaN, rateError: null };
  if (tail.at(-1) === Number.NEGATIVE_INFINITY) return { rate: Number.NEGATIVE_INFINITY, rateError: null };
  const increments = new BatchMeans(1);
  for (let k = 1; k < tail.length; k++) increments.add(1, [(tail[k]! - tail[k - 1]!) * Math.LN10]);
  return { rate: increments.means()[0]!, rateError: atLeastRounding(increments.standardErrors()[0]!) };
}

/** Norms are good to about n ε, a slope over a hundred lags no better than this. */
const atLeastRounding = (error: number | null): number | null =>
  error === null ? null : Math.max(error, 1e-14);

/**
 * About the length asked for: below the threshold the gradient has vanished, above its inverse exploded. Where the windows
 * differ by more than the distance to that border, or fewer lags were had than asked for and nothing is settled yet,
 * nothing is claimed.
 */
function verdictOf(
  { lag, log10 }: { lag: number; log10: number },
  length: number,
  threshold: number,
  windowSpread: number,
): GradientVerdict {
  if (Number.isNaN(log10)) return 'undetermined';
  const border = -Math.log10(threshold);
  if (Math.abs(Math.abs(log10) - border) < windowSpread) return 'undetermined';
  if (log10 < -border) return 'vanishing';
  if (log10 > border) return 'exploding';
  return lag < length ? 'undetermined' : 'preserved';
}
