import { type Drive, requireRows } from '../src/dynamics/drive.js';
import { type SpectrumRun, spectrum } from '../src/dynamics/spectrum.js';
import type { Subject } from '../src/dynamics/subject.js';
import { UserError } from '../src/errors.js';
import { integer, type OptionRow, type Values } from '../src/options.js';
import type { Analysis, Answer } from './analysis.js';

export type LyapunovVerdict = 'stable' | 'chaotic' | 'marginal' | 'undetermined';

export interface LyapunovValue {
  readonly unit: 'nats per step';
  /** Descending. −∞ is exact. */
  readonly exponents: readonly number[];
  /** Batch-means standard errors, in the order of the exponents; null where there were too few steps to tell, or at −∞. */
  readonly standardErrors: readonly (number | null)[];
  /** Indices (from 0) of exponents whose growth fell below the rounding floor of a QR step: their values are not resolved. */
  readonly belowFloor: readonly number[];
  readonly sum: number;
  /** null where only the leading exponents were computed. */
  readonly meanLogAbsDet: number | null;
  /** |sum − meanLogAbsDet|; null where it cannot be formed, 0 where both are −∞. */
  readonly sumRuleResidual: number | null;
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
  readonly mode: Subject['mode'];
  /** Steps that were averaged. */
  readonly steps: number;
  /** Steps between two re-orthonormalisations, on average. */
  readonly meanInterval: number;
  readonly finalState: readonly number[];
  /** Running estimates: exponents[k][i] is exponent i after steps[k] steps, for the leading ones. */
  readonly trace: { readonly steps: readonly number[]; readonly exponents: readonly (readonly number[])[] };
}

const DEFAULT_STEPS = 2000;
const DEFAULT_WARMUP = 200;
const DEFAULT_ALIGN = 100;
const DEFAULT_COUNT = 512;
const TRACE_EXPONENTS = 16;

/** 'auto', or a whole number of steps. */
const interval: OptionRow<number | 'auto'> = {
  flags: '--reorthonormalise <steps>',
  help: 'steps between two QR decompositions; auto keeps the condition of R near 10⁴',
  fallback: 'auto',
  parse: (given, flag) => {
    const v = Number(given);
    if (given === 'auto') return 'auto';
    if (Number.isSafeInteger(v) && v >= 1) return v;
    throw new UserError(
      'USAGE',
      `${flag} takes auto or a whole number of at least 1, not '${String(given)}'`,
    );
  },
};

const options = {
  warmup: integer({
    flags: '--warmup <steps>',
    help: 'steps that let the state settle first',
    fallback: undefined,
    fallbackText: '200, or a tenth of a short drive',
  }),
  align: integer({
    flags: '--align <steps>',
    help: 'steps that then turn the frame before averaging begins',
    fallback: undefined,
    fallbackText: '100, or a tenth of a short drive',
  }),
  steps: integer({
    flags: '--steps <n>',
    help: 'steps that are averaged',
    fallback: undefined,
    min: 1,
    fallbackText: 'the rest of the drive, or 2000',
  }),
  count: integer({
    flags: '--count <k>',
    help: 'how many exponents, the largest first',
    fallback: undefined,
    min: 1,
    fallbackText: 'all, up to 512',
  }),
  reorthonormalise: interval,
};

type Options = Values<typeof options>;

/**
 * Lyapunov exponents λ_i = lim (1/T) Σ ln (R_t)_ii, from J_t Q_{t−1} = Q_t R_t (G. Benettin et al., Meccanica 15, 1980;
 * K. Geist, U. Parlitz, W. Lauterborn, Prog. Theor. Phys. 83, 1990). Nats per step. Errors by batch means; the whole
 * spectrum is checked by Σ λ_i = ⟨ln|det J|⟩, which holds for every T.
 */
export const lyapunov: Analysis<typeof options, LyapunovValue> = {
  name: 'lyapunov',
  summary: 'do nearby trajectories separate or merge, and how fast',
  options,
  async run(subject, given, watch) {
    const settled = settle(subject, given);
    const run = await spectrum(subject, settled, watch);
    const value = describe(subject, run, settled.count);
    return { value, outcome: run.outcome, settled } satisfies Answer<typeof options, LyapunovValue>;
  },
};

function settle(
  { drive, system }: Subject,
  given: Options,
): Required<{ [K in keyof Options]: NonNullable<Options[K]> }> {
  const tenth = Number.isFinite(drive.length) ? Math.floor(drive.length / 10) : Number.POSITIVE_INFINITY;
  const warmup = given.warmup ?? Math.min(DEFAULT_WARMUP, tenth);
  const align = given.align ?? Math.min(DEFAULT_ALIGN, tenth);
  const steps = given.steps ?? restOf(drive, warmup + align);
  requireRows(drive, warmup + align + steps, `lyapunov with ${warmup} + ${align} + ${steps} steps`);
  const count = Math.min(given.count ?? DEFAULT_COUNT, system.dimension);
  return { warmup, align, steps, count, reorthonormalise: given.reorthonormalise };
}

const restOf = (drive: Drive, used: number): number =>
  Number.isFinite(drive.length) ? Math.max(1, drive.length - used) : DEFAULT_STEPS;

function describe(
  { mode }: Subject,
  { means, errors, unresolved, logAbsDet, steps, intervals, finalState, trace }: SpectrumRun,
  count: number,
): LyapunovValue {
  const order = Array.from(means, (_, i) => i)
    .sort((a, b) => means[b]! - means[a]! || a - b)
    .slice(0, count);
  const exponents = order.map((i) => means[i]!);
  const standardErrors = order.map((i) => errors[i]!);
  const sum = exponents.reduce((total, v) => total + v, 0);
  return {
    unit: 'nats per step',
    exponents,
    standardErrors,
    belowFloor: order.flatMap((i, rank) =>
      unresolved.includes(i) && means[i]! > Number.NEGATIVE_INFINITY ? [rank] : [],
    ),
    sum,
    meanLogAbsDet: logAbsDet,
    sumRuleResidual: logAbsDet === null ? null : sum === logAbsDet ? 0 : Math.abs(sum - logAbsDet),
    ...summarise(exponents, standardErrors, steps, logAbsDet !== null),
    mode,
    steps,
    meanInterval: intervals === 0 ? 0 : steps / intervals,
    finalState: Array.from(finalState),
    trace: {
      steps: trace.map((point) => point.steps),
      exponents: trace.map((point) => order.slice(0, TRACE_EXPONENTS).map((i) => point.means[i]!)),
    },
  };
}

/** |λ| that cannot be told from 0: three standard errors, and the O(1/T) that a zero exponent is off by. */
const indistinguishable = (error: number, steps: number): number => Math.max(3 * error, 5 / steps);

/** A zero band wider than this cannot call an exponent zero, only unknown: growth by e takes fewer than 100 steps at its edge. */
const WIDEST_ZERO = 0.01;

export function summarise(
  exponents: readonly number[],
  errors: readonly (number | null)[],
  steps: number,
  whole: boolean,
): Pick<
  LyapunovValue,
  'kaplanYorkeDimension' | 'entropyBound' | 'memoryTime' | 'predictionHorizon' | 'verdict' | 'zeroBelow'
> {
  const first = exponents[0]!;
  const zeroBelow = errors[0] == null ? null : indistinguishable(errors[0], steps);
  // A zero exponent that came out at ±1/T counts as zero in the dimension and the entropy.
  const cleaned = exponents.map((v, i) =>
    errors[i] != null && Math.abs(v) <= indistinguishable(errors[i]!, steps) ? 0 : v,
  );
  return {
    kaplanYorkeDimension: kaplanYorke(cleaned, whole),
    entropyBound: cleaned.reduce((sum, v) => sum + Math.max(0, v), 0),
    memoryTime: first < 0 ? -1 / first + 0 : Number.isNaN(first) ? first : Number.POSITIVE_INFINITY,
    predictionHorizon: first > 0 ? Math.LN2 / first : Number.isNaN(first) ? first : Number.POSITIVE_INFINITY,
    verdict: verdictOf(first, zeroBelow),
    zeroBelow,
  };
}

function verdictOf(first: number, zeroBelow: number | null): LyapunovVerdict {
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
