import { BatchMeans } from '../src/dynamics/batch-means.js';
import { blockGradients, blocksOf } from '../src/dynamics/block-gradients.js';
import { cotangentPath } from '../src/dynamics/cotangent-path.js';
import { leadingCotangent, lossCotangent, readoutCotangent } from '../src/dynamics/cotangents.js';
import { requireRows } from '../src/dynamics/drive.js';
import { Feed } from '../src/dynamics/feed.js';
import { describePath, type GradientPath, pathNames, pathsOf } from '../src/dynamics/gradient-path.js';
import { doubles, requireMemory } from '../src/dynamics/memory.js';
import {
  cotangentNorms,
  type ProductMethod,
  type ProductNorms,
  productMethod,
  productNorms,
  toldLags,
} from '../src/dynamics/product-norms.js';
import { StatesBack } from '../src/dynamics/states-back.js';
import { readRows, type Subject } from '../src/dynamics/subject.js';
import { Trajectory } from '../src/dynamics/trajectory.js';
import { UserError } from '../src/errors.js';
import { choice, integer, number, type OptionRow, text, type Values } from '../src/options.js';
import { complete, interrupted, type Watch } from '../src/outcome.js';
import type { Analysis } from './analysis.js';

export type { GradientPath };

export type GradientVerdict = 'vanishing' | 'exploding' | 'preserved' | 'undetermined';

export interface GradientsValue {
  /** 0, 1, …, K; of more than 32768 those up to 16384, then evenly spaced ones and K. */
  readonly lags: readonly number[];
  /**
   * How the product was had: whole up to lag `exactLags`, then in `columns` directions of s_T, where its norms are lower bounds. If
   * what was left out there, `leftOut` of the leading direction, grows no faster, they are off by a factor √(1 + leftOut²) at
   * most. null where the product never was whole.
   */
  readonly product: ProductMethod & { readonly leftOut: number | null };
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

/** Rows consumed before T − K where the drive has no end. */
const SETTLING = 200;

/** Lags of the singular-value fan, of blocks and of a gradient followed step by step: n³ a lag, or lists as long. */
const LONGEST_PATH = 2000;
/** Blocks cost n³ a lag. */
const LARGEST_BLOCKS = 512;
const BLOCK_LAGS = 300;
/** The product, the one before it, and what its singular values take. */
const WHOLE_PRODUCTS = 6;
const TRUNCATED = 0.01;

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
  method: choice({
    flags: '--method <name>',
    help: 'exact: the whole product, n³ a lag; block: the directions that survive best, n² a lag, for long horizons and large networks',
    choices: ['exact', 'block'],
    fallback: undefined,
    fallbackText: 'exact where it takes about a minute at most',
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
    const windows: ProductNorms[] = [];
    const trajectory = new Trajectory(subject.system, subject.drive, subject.initialState);
    const ends = endPoints(settled);
    let stopped = false;
    const n = subject.system.dimension;
    const method = productMethod(n, settled.lags, settled.method);
    requireMemory(
      doubles(WHOLE_PRODUCTS * n * method.columns),
      `the whole product of the Jacobians of ${n} state entries`,
      'take a few directions of it with --method block',
    );
    const told = toldLags(settled.lags, settled.length);
    let back: StatesBack | null = null;
    for (const end of ends) {
      const last = end === ends.at(-1);
      back = await statesBack(trajectory, end, settled.lags, watch);
      if (!back) break;
      const window = await productNorms(
        subject.system.dimension,
        back,
        method,
        told,
        nth(watch, windows.length, ends.length),
        last,
      );
      if (window.lags.length > 1) windows.push(window);
      stopped = window.lags.length <= told.length;
      if (stopped) break;
    }
    stopped ||= back === null;
    const done = windows.reduce((sum, window) => sum + window.lags.at(-1)!, 0);
    const plain = summarise(windows, ends.slice(0, windows.length), settled, method);
    const detail = stopped ? nothing : await closer(subject, settled, follow, back!, watch);
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
  back: StatesBack,
  watch: Watch,
): Promise<Closer> {
  const { system, drive } = subject;
  const { end } = settled;
  const lags = Math.min(settled.lags, LONGEST_PATH);
  const states = Array.from({ length: lags }, (_, k) => back.at(end - lags + k).slice());
  const final = new Float64Array(system.dimension);
  new Feed(system, drive).step(end - 1, states.at(-1)!, final);
  const blocks = system.dimension > LARGEST_BLOCKS ? [] : blocksOf(system.parts ?? []);
  const norms =
    blocks.length === 0 ? [] : await blockGradients(subject, blocks, states.slice(-BLOCK_LAGS), end, watch);
  const told = blocks.map(({ name }, b) => ({ name, log10Norm: norms[b]!.map((v) => v / Math.LN10) }));
  if (norms.some((logs) => logs.length <= Math.min(BLOCK_LAGS, states.length)))
    return { ...nothing, blocks: told };
  const { of, cotangent } = follow(final, states);
  const followed = await cotangentPath(pathsOf(subject), drive, states, end, cotangent, watch);
  const whole =
    followed.lags === states.length || followed.logNorm[followed.lags] === Number.NEGATIVE_INFINITY;
  const far = whole ? await farther(settled, back, cotangent, watch) : null;
  const path = describePath(followed, pathNames(subject), of, settled);
  return {
    blocks: told,
    path: path && { ...path, far: far?.norms ?? null },
    stopped: !whole || far?.stopped === true,
  };
}

/** A gradient that was chosen, over the whole horizon; null where the steps have told it already. */
async function farther(
  { lags, length, cotangent, targets }: Options,
  back: StatesBack,
  g: Float64Array,
  watch: Watch,
): Promise<{ norms: NonNullable<GradientPath['far']>; stopped: boolean } | null> {
  if (lags <= LONGEST_PATH || (cotangent === 'best' && targets === undefined)) return null;
  const told = toldLags(lags, length);
  const found = await cotangentNorms(back, g, told, watch);
  return {
    norms: { lags: found.lags, log10Norm: found.logNorms.map((v) => v / Math.LN10) },
    stopped: found.lags.length <= told.length,
  };
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

/** States s_{T−K} … s_{T−1}; null where the watch asked to stop. */
async function statesBack(
  trajectory: Trajectory,
  end: number,
  lags: number,
  watch: Watch,
): Promise<StatesBack | null> {
  const first = end - lags;
  const again =
    trajectory.time > first
      ? new Trajectory(trajectory.system, trajectory.drive, trajectory.start)
      : trajectory;
  if (await again.run(first - again.time, watch, 'stepping')) return null;
  return StatesBack.along(again, end, watch);
}

/** The progress of one window as part of that of all. */
const nth = (watch: Watch, window: number, windows: number): Watch => ({
  tick: (done, total) => watch.tick(window * total + done, windows * total, 'pulling back'),
});

function summarise(
  windows: readonly ProductNorms[],
  ends: readonly number[],
  { length, threshold }: Options & { end: number },
  method: ProductMethod,
): Omit<GradientsValue, 'blocks' | 'path'> {
  // Each window has the same lags, but for one that was interrupted.
  const lags = windows
    .map((w) => w.lags)
    .reduce((a, b) => (b.length < a.length ? b : a), windows[0]?.lags ?? []);
  const mean = (of: (w: ProductNorms) => number[]): number[] =>
    lags.map((_, k) => average(windows.map((w) => of(w)[k]! / Math.LN10)));
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
  const { rate, rateError } = decay(lags, log10SpectralNorm);
  const horizon = log10SpectralNorm.findLastIndex((v) => v >= Math.log10(threshold));
  const at = lags.findLastIndex((lag) => lag <= length);
  const atLength = { lag: lags[at] ?? 0, log10: log10SpectralNorm[at] ?? Number.NaN };
  const singular = told(windows.at(-1)?.singular);
  return {
    lags,
    product: { ...method, leftOut: leftOut(windows) },
    log10SpectralNorm,
    log10FrobeniusNorm: mean((w) => w.logFrobenius),
    log10Spread,
    singularValues: singular,
    rate,
    rateError,
    halfLife: rate < 0 ? Math.LN2 / -rate : Number.isNaN(rate) ? rate : Number.POSITIVE_INFINITY,
    horizon: lags[horizon] ?? 0,
    horizonIsLowerBound: horizon === log10SpectralNorm.length - 1,
    threshold,
    atLength,
    verdict: verdictOf(atLength, length, threshold, log10Spread?.[at] ?? 0),
    ends,
    effectiveRank: effectiveRank(singular),
    truncation: { share: TRUNCATED, steps: truncation(lags, log10SpectralNorm, rate) },
    growth: growth(
      lags,
      log10SpectralNorm,
      windows.map((w) => w.logSpectral[at]! / Math.LN10),
      -Math.log10(threshold),
    ),
  };
}

const told = (singular: ProductNorms['singular'] | undefined): GradientsValue['singularValues'] => ({
  lags: singular?.lags ?? [],
  log10: (singular?.logs ?? []).map((logs) => logs.map((v) => v / Math.LN10)),
});

/** The most that was left out in a window; null where the product was whole in none. */
function leftOut(windows: readonly ProductNorms[]): number | null {
  const all = windows.map((w) => w.leftOut);
  return all.some((v) => v === null) ? null : Math.max(0, ...all.map((v) => v!));
}

function effectiveRank({ lags, log10 }: GradientsValue['singularValues']): GradientsValue['effectiveRank'] {
  const values = log10.map((log10) => {
    // Relative to the largest, so that nothing overflows.
    const squares = log10.map((v) => 10 ** (2 * (v - log10[0]!)));
    const sum = squares.reduce((total, v) => total + v, 0);
    return sum ** 2 / squares.reduce((total, v) => total + v * v, 0);
  });
  return { lags, values };
}

/** The tail beyond the last lag is a geometric series at the rate of long lags. */
function truncation(lags: readonly number[], log10Norm: readonly number[], rate: number): number | null {
  if (!(rate < 0) || log10Norm.length === 0) return null;
  const most = log10Norm.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  // A lag that was told stands for those before it that were not.
  const norms = log10Norm.map((v, k) => 10 ** (v - most) * (k === 0 ? 1 : lags[k]! - lags[k - 1]!));
  const final = 10 ** (log10Norm.at(-1)! - most);
  const beyond = rate === Number.NEGATIVE_INFINITY ? 0 : final * (Math.exp(rate) / -Math.expm1(rate));
  const total = norms.reduce((sum, v) => sum + v, beyond);
  let left = total;
  for (let k = 0; k < norms.length; k++) {
    left -= norms[k]!;
    if (left <= TRUNCATED * total) return lags[k]!;
  }
  return Math.ceil(lags.at(-1)! + Math.log((TRUNCATED * total) / beyond) / rate);
}

function growth(
  lags: readonly number[],
  log10Norm: readonly number[],
  atLength: readonly number[],
  border: number,
): GradientsValue['growth'] {
  const steps = log10Norm.slice(1).map((v, k) => {
    const over = lags[k + 1]! - lags[k]!;
    return { over, each: (v - log10Norm[k]!) / over };
  });
  const finite = steps.filter(({ each }) => !Number.isNaN(each));
  const lagsOf = (some: typeof finite): number => some.reduce((sum, { over }) => sum + over, 0);
  return {
    share: finite.length === 0 ? 0 : lagsOf(finite.filter(({ each }) => each > 0)) / lagsOf(finite),
    largestFactor: 10 ** finite.reduce((most, { each }) => Math.max(most, each), Number.NEGATIVE_INFINITY),
    log10Clip: atLength.some((v) => v > border) ? average(atLength) : null,
  };
}

const average = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

function spread(values: readonly number[], mean: number): number {
  if (!Number.isFinite(mean)) return 0;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
}

/** Mean increment of ln norm over the second half of the lags, where the start is forgotten. */
function decay(
  lags: readonly number[],
  log10Norm: readonly number[],
): { rate: number; rateError: number | null } {
  const half = Math.floor(((lags.at(-1) ?? 0) + 1) / 2);
  const from = lags.findIndex((lag) => lag >= half);
  const tail = log10Norm.slice(from);
  if (tail.length < 2) return { rate: Number.NaN, rateError: null };
  if (tail.at(-1) === Number.NEGATIVE_INFINITY) return { rate: Number.NEGATIVE_INFINITY, rateError: null };
  const increments = new BatchMeans(1);
  for (let k = 1; k < tail.length; k++)
    increments.add(lags[from + k]! - lags[from + k - 1]!, [(tail[k]! - tail[k - 1]!) * Math.LN10]);
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
