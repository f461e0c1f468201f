import { BatchMeans } from '../src/dynamics/batch-means.js';
import { requireRows } from '../src/dynamics/drive.js';
import type { Subject } from '../src/dynamics/subject.js';
import { Trajectory } from '../src/dynamics/trajectory.js';
import { frobeniusNorm, singularValues, spectralNorm } from '../src/linalg/index.js';
import { identity, type Matrix, zeros } from '../src/linalg/matrix.js';
import { integer, number, type Values } from '../src/options.js';
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
}

/** Rows consumed before T − K where the drive has no end. */
const SETTLING = 200;

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
    const outcome = stopped ? interrupted(done, ends.length * settled.lags, 'lags') : complete;
    return { value: summarise(windows, ends.slice(0, windows.length), settled), outcome, settled };
  },
};

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
): GradientsValue {
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
