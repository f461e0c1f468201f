import { BatchMeans } from '../src/dynamics/batch-means.js';
import { type Drive, requireRows } from '../src/dynamics/drive.js';
import type { Subject } from '../src/dynamics/subject.js';
import { type Growth, ROUNDING, TangentFrame } from '../src/dynamics/tangent-frame.js';
import { Divergence, Trajectory } from '../src/dynamics/trajectory.js';
import { UserError } from '../src/errors.js';
import { integer, type OptionRow, type Values } from '../src/options.js';
import { complete, interrupted, type Outcome, type Watch } from '../src/outcome.js';
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
const TRACE_POINTS = 200;
/**
 * Columns carried beside those that are asked for. Over a finite run the growth of columns does not fall in order, so that
 * one of the next may overtake the last: with some to spare, the largest are among those carried.
 */
const LEAST_SPARE = 4;
/** Decompositions in a run, so that there are batches enough for a standard error. */
const LEAST_INTERVALS = 64;
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
    const spectrum = new Spectrum(subject, settled);
    const outcome = await spectrum.run(watch);
    return { value: spectrum.value(), outcome, settled } satisfies Answer<typeof options, LyapunovValue>;
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

class Spectrum {
  private readonly trajectory: Trajectory;
  private readonly frame: TangentFrame;
  private readonly means: BatchMeans;
  private readonly trace: Trace;
  private readonly unresolved = new Set<number>();
  private readonly whole: boolean;
  private logAbsDet = 0;
  private intervals = 0;
  private diverged = false;

  constructor(
    private readonly subject: Subject,
    private readonly options: ReturnType<typeof settle>,
  ) {
    const { count, reorthonormalise } = options;
    const { dimension } = subject.system;
    this.whole = count === dimension;
    const columns = Math.min(dimension, count + Math.ceil(count / 2) + LEAST_SPARE);
    this.trajectory = new Trajectory(subject.system, subject.drive, subject.initialState);
    this.frame = new TangentFrame(this.trajectory, columns, {
      reorthonormalise,
      determinants: this.whole,
      longest: Math.floor(options.steps / LEAST_INTERVALS),
    });
    this.means = new BatchMeans(columns);
    this.trace = new Trace(Math.ceil(options.steps / TRACE_POINTS));
  }

  async run(watch: Watch): Promise<Outcome> {
    const { warmup, align, steps } = this.options;
    try {
      if (await this.trajectory.run(warmup, watch, 'warming up')) return interrupted(0, steps, 'steps');
      if (await this.carry(align, watch, 'aligning', () => {})) return interrupted(0, steps, 'steps');
      this.frame.revive();
      const stopped = await this.carry(steps, watch, 'averaging', (growth) => this.take(growth));
      return stopped ? interrupted(this.means.steps, steps, 'steps') : complete;
    } catch (error) {
      if (!(error instanceof Divergence)) throw error;
      this.diverged = true;
      return error.outcome;
    }
  }

  private async carry(
    steps: number,
    watch: Watch,
    label: string,
    take: (growth: Growth) => void,
  ): Promise<boolean> {
    for (let done = 0; done < steps; ) {
      if (await watch.tick(done, steps, label)) return true;
      const growth = this.frame.advance(steps - done);
      done += growth.steps;
      take(growth);
    }
    return false;
  }

  private take(growth: Growth): void {
    this.means.add(growth.steps, growth.logs);
    this.logAbsDet += growth.logAbsDet;
    this.intervals++;
    for (const i of growth.unresolved) this.unresolved.add(i);
    this.trace.note(this.means);
  }

  value(): LyapunovValue {
    const { steps } = this.means;
    const raw = this.diverged || steps === 0 ? this.unknown() : Array.from(this.means.means());
    const order = raw
      .map((_, i) => i)
      .sort((a, b) => raw[b]! - raw[a]! || a - b)
      .slice(0, this.options.count);
    // No error is smaller than what rounding may have done.
    const errors =
      steps === 0
        ? raw.map(() => null)
        : this.means.standardErrors().map((e) => (e === null ? null : Math.max(e, ROUNDING)));
    const exponents = order.map((i) => raw[i]!);
    const standardErrors = order.map((i) => (this.diverged ? null : errors[i]!));
    const sum = exponents.reduce((total, v) => total + v, 0);
    const meanLogAbsDet = this.whole ? (Number.isNaN(sum) ? Number.NaN : this.logAbsDet / steps) : null;
    return {
      unit: 'nats per step',
      exponents,
      standardErrors,
      belowFloor: order.flatMap((i, rank) =>
        this.unresolved.has(i) && raw[i]! > Number.NEGATIVE_INFINITY ? [rank] : [],
      ),
      sum,
      meanLogAbsDet,
      sumRuleResidual:
        meanLogAbsDet === null ? null : sum === meanLogAbsDet ? 0 : Math.abs(sum - meanLogAbsDet),
      ...summarise(exponents, standardErrors, steps, this.whole),
      mode: this.subject.mode,
      steps,
      meanInterval: this.intervals === 0 ? 0 : steps / this.intervals,
      finalState: Array.from(this.trajectory.state),
      trace: this.trace.sorted(order.slice(0, TRACE_EXPONENTS)),
    };
  }

  private unknown(): number[] {
    return new Array<number>(this.options.count).fill(Number.NaN);
  }
}

/** Running means at evenly spaced times. */
class Trace {
  private readonly points: { steps: number; means: Float64Array }[] = [];
  constructor(private readonly every: number) {}

  note(means: BatchMeans): void {
    if (means.steps >= (this.points.at(-1)?.steps ?? 0) + this.every) {
      this.points.push({ steps: means.steps, means: means.means() });
    }
  }

  sorted(order: readonly number[]): LyapunovValue['trace'] {
    return {
      steps: this.points.map((point) => point.steps),
      exponents: this.points.map((point) => order.map((i) => point.means[i]!)),
    };
  }
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
