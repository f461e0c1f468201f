import { type Batch, jackknifeError } from './batch-means.js';
import type { SpectrumRun } from './spectrum.js';

/** What follows from measured exponents: verdicts, dimension, entropy, times, and how sure each is. */

export type LyapunovVerdict = 'stable' | 'chaotic' | 'marginal' | 'undetermined';

/** Exponents over stretches of the run: what a short look would have found. */
export interface FiniteTime {
  /** Steps in a stretch, and how many there were. */
  readonly window: number;
  readonly windows: number;
  /** Of each of the leading exponents, over the stretches. */
  readonly deviation: readonly number[];
  readonly least: readonly number[];
  readonly most: readonly number[];
  /** λ₁ of each stretch, in order. */
  readonly leading: readonly number[];
  /** Share of the stretches over which small differences grew. */
  readonly growing: number;
}

/**
 * Newton's method on all steps of a sequence at once (DEER, ELK) has the residual Jacobian M, I on the diagonal and −J_t below it. If
 * products of d Jacobians have norms e^(λ₁ d), then (e^λ₁ − 1)/(e^(λ₁ T) − 1) ≤ σ_min(M) ≤ min(1, e^(−λ₁ (T − 1))).
 * X. Gonzalez et al., arXiv 2508.16817; Y. H. Lim et al., arXiv 2309.12252.
 */
export interface ParallelInTime {
  readonly verdict: 'yes' | 'no' | 'undecided';
  /** T, steps. */
  readonly length: number;
  readonly log10SmallestSingularValue: { readonly atLeast: number; readonly atMost: number };
}

/** What is said of a spectrum. */
export interface Told {
  /** null where too few exponents were computed to tell. */
  readonly kaplanYorkeDimension: number | null;
  /** Sum of the positive exponents: the entropy rate is at most this (Ruelle's inequality). */
  readonly entropyBound: number;
  /** −1/λ₁, steps; Infinity where λ₁ ≥ 0. */
  readonly memoryTime: number;
  /** ln 2/λ₁, steps; Infinity where λ₁ ≤ 0. */
  readonly predictionHorizon: number;
  readonly verdict: LyapunovVerdict;
  /** |λ₁| up to this counts as zero: max(3 SE, 5/steps). null where there is no standard error. */
  readonly zeroBelow: number | null;
}

/** Jackknife errors of dimension and entropy, first-order errors of times; null where there is no value or too few steps. */
export interface ToldErrors {
  readonly kaplanYorkeError: number | null;
  readonly entropyError: number | null;
  readonly memoryTimeError: number | null;
  readonly predictionHorizonError: number | null;
}

/** |λ| that cannot be told from 0: three standard errors, and the O(1/T) that a zero exponent is off by. */
export const indistinguishable = (error: number, steps: number): number => Math.max(3 * error, 5 / steps);

/** A zero band wider than this cannot call an exponent zero, only unknown: growth by e takes fewer than 100 steps at its edge. */
const WIDEST_ZERO = 0.01;

export function summarise(
  exponents: readonly number[],
  errors: readonly (number | null)[],
  steps: number,
  whole: boolean,
): Told {
  const first = exponents[0]!;
  const zeroBelow = errors[0] == null ? null : indistinguishable(errors[0], steps);
  // A zero exponent that came out at ±1/T counts as zero in the dimension and the entropy.
  const cleaned = exponents.map((v, i) =>
    errors[i] != null && Math.abs(v) <= indistinguishable(errors[i]!, steps) ? 0 : v,
  );
  return {
    kaplanYorkeDimension: kaplanYorke(cleaned, whole),
    entropyBound: entropy(cleaned),
    memoryTime: memoryTime(first),
    predictionHorizon: predictionHorizon(first),
    verdict: verdictOf(first, zeroBelow),
    zeroBelow,
  };
}

export function verdictOf(first: number, zeroBelow: number | null): LyapunovVerdict {
  if (first === Number.NEGATIVE_INFINITY) return 'stable';
  if (zeroBelow === null || Number.isNaN(first)) return 'undetermined';
  if (first > zeroBelow) return 'chaotic';
  if (first < -zeroBelow) return 'stable';
  return zeroBelow <= WIDEST_ZERO ? 'marginal' : 'undetermined';
}

/**
 * D = k + S_k/|λ_{k+1}| with k the largest index for which S_k = λ₁ + … + λ_k ≥ 0 (J. Kaplan, J. Yorke, 1979); 0 where
 * λ₁ < 0, n where S_n ≥ 0, k where λ_{k+1} = −∞. null where the computed exponents do not reach down to S < 0.
 */
export function kaplanYorke(exponents: readonly number[], whole: boolean): number | null {
  let sum = 0;
  for (let k = 0; k < exponents.length; k++) {
    const next = exponents[k]!;
    if (Number.isNaN(next)) return Number.NaN;
    if (sum + next < 0) return next === Number.NEGATIVE_INFINITY ? k : k + sum / Math.abs(next);
    sum += next;
  }
  return whole ? exponents.length : null;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, v) => sum + v, 0) / values.length;

export function deviation(values: readonly number[]): number {
  const middle = mean(values);
  if (!Number.isFinite(middle)) return 0;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - middle) ** 2, 0) / Math.max(1, values.length - 1));
}

export const descending = (means: Float64Array): number[] =>
  Array.from(means, (_, i) => i).sort((a, b) => means[b]! - means[a]! || a - b);

/** Ranks of columns that fell below the floor and are not exactly −∞. */
export const below = (order: readonly number[], { means, unresolved }: SpectrumRun): number[] =>
  order.flatMap((i, rank) => (unresolved.includes(i) && means[i]! > Number.NEGATIVE_INFINITY ? [rank] : []));

export const memoryTime = (first: number): number =>
  first < 0 ? -1 / first + 0 : Number.isNaN(first) ? first : Number.POSITIVE_INFINITY;

const predictionHorizon = (first: number): number =>
  first > 0 ? Math.LN2 / first : Number.isNaN(first) ? first : Number.POSITIVE_INFINITY;

/** An exponent without an error is not told from zero. */
export const band = (error: number | null, steps: number): number =>
  error === null ? Number.POSITIVE_INFINITY : indistinguishable(error, steps);

/** Of the leading `most` exponents, in the order given. */
export function finiteTime(
  batches: readonly Batch[],
  order: readonly number[],
  most: number,
): FiniteTime | null {
  const lengths = batches.map(({ steps }) => steps).sort((a, b) => a - b);
  const window = lengths[lengths.length >> 1] ?? 0;
  // The last one may have been cut short.
  const whole = batches.filter(({ steps }) => 2 * steps >= window);
  if (whole.length < 2) return null;
  const series = order.slice(0, most).map((i) => whole.map(({ steps, sums }) => sums[i]! / steps));
  return {
    window: mean(whole.map(({ steps }) => steps)),
    windows: whole.length,
    deviation: series.map(deviation),
    least: series.map((values) => Math.min(...values)),
    most: series.map((values) => Math.max(...values)),
    leading: series[0]!,
    growing: series[0]!.filter((v) => v > 0).length / whole.length,
  };
}

const PARALLEL: Record<LyapunovVerdict, ParallelInTime['verdict']> = {
  stable: 'yes',
  chaotic: 'no',
  marginal: 'undecided',
  undetermined: 'undecided',
};

export function parallelInTime(
  first: number,
  verdict: LyapunovVerdict,
  length: number,
): ParallelInTime | null {
  if (Number.isNaN(first) || length < 2) return null;
  return {
    verdict: PARALLEL[verdict],
    length,
    log10SmallestSingularValue: {
      atLeast: -logGeometricSum(first, length) / Math.LN10,
      atMost: Math.min(0, -first * (length - 1)) / Math.LN10,
    },
  };
}

/** ln Σ e^(λ d) over d = 0 … T − 1. */
export function logGeometricSum(lambda: number, T: number): number {
  if (lambda === 0) return Math.log(T);
  if (lambda < 0) return Math.log(-Math.expm1(lambda * T)) - Math.log(-Math.expm1(lambda));
  return lambda * (T - 1) + logGeometricSum(-lambda, T);
}

/** Dimension and entropy are functions of all means, whose errors are correlated: the jackknife takes both into account. */
export function errorsOf(
  told: Told,
  { batches, steps }: Pick<SpectrumRun, 'batches' | 'steps'>,
  order: readonly number[],
  standardErrors: readonly (number | null)[],
): ToldErrors {
  const zero = new Set<number>();
  for (const [rank, i] of order.entries()) {
    const error = standardErrors[rank] ?? null;
    const value = batches.reduce((sum, batch) => sum + batch.sums[i]!, 0) / steps;
    if (error !== null && Math.abs(value) <= indistinguishable(error, steps)) zero.add(i);
  }
  const cleaned = (means: Float64Array): number[] => order.map((i) => (zero.has(i) ? 0 : means[i]!));
  const first = standardErrors[0] ?? null;
  return {
    kaplanYorkeError:
      told.kaplanYorkeDimension === null
        ? null
        : jackknifeError(batches, (means) => kaplanYorke(cleaned(means), true) ?? Number.NaN),
    entropyError: jackknifeError(batches, (means) => entropy(cleaned(means))),
    // τ = −1/λ: dτ = τ² dλ
    memoryTimeError:
      first === null || !Number.isFinite(told.memoryTime) ? null : first * told.memoryTime ** 2,
    // τ = ln 2/λ: dτ = τ² dλ/ln 2
    predictionHorizonError:
      first === null || !Number.isFinite(told.predictionHorizon)
        ? null
        : (first * told.predictionHorizon ** 2) / Math.LN2,
  };
}

const entropy = (exponents: readonly number[]): number =>
  exponents.reduce((sum, v) => sum + Math.max(0, v), 0);
