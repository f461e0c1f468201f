import { complete, interrupted, type Outcome, type Watch } from '../outcome.js';
import { type Batch, BatchMeans } from './batch-means.js';
import { doubles } from './memory.js';
import type { Subject } from './subject.js';
import { type Growth, TangentFrame } from './tangent-frame.js';
import { Divergence, Trajectory } from './trajectory.js';

/** How long and how closely to look. */
export interface SpectrumOptions {
  /** Steps that let the state settle. */
  readonly warmup: number;
  /** Steps that then turn the frame before averaging begins. */
  readonly align: number;
  /** Steps that are averaged. */
  readonly steps: number;
  /** How many of the largest exponents are wanted. */
  readonly count: number;
  readonly reorthonormalise: number | 'auto';
  /** Stop as soon as the standard error of the largest exponent is at most this; `steps` is then the most that are taken. */
  readonly until?: number | undefined;
}

/** What one trajectory gave: plain data, column by column of the frame. */
export interface SpectrumRun {
  readonly outcome: Outcome;
  /** Steps that were averaged, in how many intervals between decompositions. */
  readonly steps: number;
  readonly intervals: number;
  /** Mean growth of each column, nats per step; NaN where nothing was averaged or the state overflowed. */
  readonly means: Float64Array;
  /** Batch-means standard errors; null where there were too few steps to tell, or at −∞. */
  readonly errors: readonly (number | null)[];
  /** Columns whose growth fell below the rounding floor of a decomposition. */
  readonly unresolved: readonly number[];
  /** ⟨ln|det J|⟩ and ⟨Σ ln R_ii⟩ over the intervals in which both were found; null where only the leading columns were carried. */
  readonly sumRule: SumRule | null;
  readonly finalState: Float64Array;
  /** Running means at evenly spaced times. */
  readonly trace: readonly TracePoint[];
  /** Sums over consecutive stretches of the run: what functions of the means get their errors from. */
  readonly batches: readonly Batch[];
  /** Whether the error that `until` asked for was reached; null where none was asked for. */
  readonly reached: boolean | null;
}

/** Which part of a longer run a segment is, and how its frame is compared with that of the next. */
export interface Part {
  /** Rows of the drive before its first state. */
  readonly from: number;
  /** Steps of the whole run, by which the intervals between decompositions are chosen. */
  readonly of: number;
  /** Steps beyond its end, and as many at its beginning, over which two frames are compared. */
  readonly overlap: number;
  readonly last: boolean;
}

/** What one segment gave, and what it takes to join it to its neighbours. */
export interface SegmentRun extends SpectrumRun {
  /** Whether a direction was erased: the segment then ends there. */
  readonly erased: boolean;
  /** Σ ln R_ii over the first `overlap` steps, and over as many beyond the end; null where it did not come so far. */
  readonly beginning: Float64Array | null;
  readonly beyond: Float64Array | null;
  /** Where averaging began. */
  readonly firstState: Float64Array | null;
  /** Σ of what rounding may have done to ln R_ii. */
  readonly rounding: Float64Array;
}

/** Two sums that are equal, but for rounding, whatever the interval that they are taken over. */
export interface SumRule {
  readonly steps: number;
  readonly logAbsDet: number;
  readonly growth: number;
}

export interface TracePoint {
  readonly steps: number;
  readonly means: Float64Array;
}

/** Running means that are kept: every other one is dropped when there are twice as many. */
export const TRACE_POINTS = 200;
/** Steps after which an error is first looked at, and by how much the run has grown when it is looked at again. */
const FIRST_LOOK = 1000;
const LATER_LOOKS = 1.25;
/**
 * Columns carried beside those that are asked for. Over a finite run the growth of columns does not fall in order, so that
 * one of the next may overtake the last: with some to spare, the largest are among those carried.
 */
const LEAST_SPARE = 4;
/** Decompositions in a run, so that there are batches enough for a standard error. */
const LEAST_INTERVALS = 64;

/** The sum rule holds interval by interval: where a determinant costs a factorisation, it is checked on every 16th. */
const SPARSE_CHECK = 16;
const SMALL_DETERMINANT = 32;

const checkEvery = ({ dimension, cheapDeterminant }: Orbit['system']): number =>
  cheapDeterminant || dimension <= SMALL_DETERMINANT ? 1 : SPARSE_CHECK;

/** R_ii is what is left of a column of the size of R₁₁, and so off by ε R₁₁/R_ii of itself. */
function addRounding(sum: Float64Array, logs: Float64Array): void {
  const most = Math.max(...logs);
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + Number.EPSILON * Math.exp(most - logs[i]!);
}

/** Columns that are carried for so many exponents of n. */
const columnsFor = (count: number, n: number): number =>
  Math.min(n, count + Math.ceil(count / 2) + LEAST_SPARE);

/** Bytes that a spectrum of so many exponents takes: three frames, and the batches and the trace of their growth. */
export function spectrumMemory(count: number, n: number): number {
  const columns = columnsFor(count, n);
  const sums = columns > 1 ? 2 * n * n : 0;
  return doubles(3 * n * columns + columns * columns + sums + 1000 * columns);
}

/** What a spectrum is asked about. */
export type Orbit = Pick<Subject, 'system' | 'drive' | 'initialState'>;

/** Mean growth of the columns of a frame that is carried along one trajectory, with errors. */
export async function spectrum(orbit: Orbit, options: SpectrumOptions, watch: Watch): Promise<SpectrumRun> {
  const run = new Spectrum(orbit, options);
  return run.result(await run.run(watch));
}

/** One segment of a longer run: its own alignment, its part of the average, and the comparison with the next. */
export async function segment(
  orbit: Orbit,
  options: SpectrumOptions,
  part: Part,
  watch: Watch,
): Promise<SegmentRun> {
  const run = new Spectrum(orbit, options, part.of);
  return run.segmentResult(await run.segment(part, watch));
}

class Spectrum {
  private readonly trajectory: Trajectory;
  private readonly frame: TangentFrame;
  private readonly columns: number;
  private readonly means: BatchMeans;
  private trace: TracePoint[] = [];
  private traceEvery = 1;
  private readonly unresolved = new Set<number>();
  /** Σ over the intervals of what rounding may have done to ln R_ii. */
  private readonly rounding: Float64Array;
  private readonly whole: boolean;
  private readonly checked = { steps: 0, logAbsDet: 0, growth: 0 };
  private intervals = 0;
  private diverged = false;
  private reached = false;
  private erased = false;
  private beginning: Float64Array | null = null;
  private beyond: Float64Array | null = null;
  private firstState: Float64Array | null = null;
  private endState: Float64Array | null = null;

  constructor(
    { system, drive, initialState }: Orbit,
    private readonly options: SpectrumOptions,
    of: number = options.steps,
  ) {
    const { count, reorthonormalise } = options;
    this.whole = count === system.dimension;
    this.columns = columnsFor(count, system.dimension);
    this.trajectory = new Trajectory(system, drive, initialState);
    this.frame = new TangentFrame(this.trajectory, this.columns, {
      reorthonormalise,
      determinants: this.whole ? checkEvery(system) : 0,
      longest: Math.floor((options.until === undefined ? of : FIRST_LOOK) / LEAST_INTERVALS),
    });
    this.means = new BatchMeans(this.columns);
    this.rounding = new Float64Array(this.columns);
  }

  async run(watch: Watch): Promise<Outcome> {
    const { warmup, align, steps } = this.options;
    try {
      if (await this.trajectory.run(warmup, watch, 'warming up')) return interrupted(0, steps, 'steps');
      if (await this.carry(align, watch, 'aligning', () => false)) return interrupted(0, steps, 'steps');
      this.frame.revive();
      const stopped = await this.average(watch);
      return stopped ? interrupted(this.means.steps, steps, 'steps') : complete;
    } catch (error) {
      if (!(error instanceof Divergence)) throw error;
      this.diverged = true;
      return error.outcome;
    }
  }

  async segment({ from, overlap, last }: Part, watch: Watch): Promise<Outcome> {
    const { align, steps } = this.options;
    const total = align + steps + (last ? 0 : overlap);
    const after = (before: number): Watch => ({
      tick: (done) => watch.tick(before + done, total, 'averaging'),
    });
    // Only a frame that is carried all along tells how many directions a run erases.
    const take = (growth: Growth): boolean => {
      this.take(growth);
      this.erased ||= growth.logs.includes(Number.NEGATIVE_INFINITY);
      return this.erased;
    };
    const stopped = (): Outcome => interrupted(this.means.steps, steps, 'steps');
    this.trajectory.time = from;
    try {
      if (await this.carry(align, after(0), 'averaging', () => false)) return stopped();
      this.frame.revive();
      this.firstState = this.trajectory.state.slice();
      if (await this.carry(overlap, after(align), 'averaging', take)) return stopped();
      this.beginning = this.means.means().map((mean) => mean * overlap);
      if (await this.carry(steps - overlap, after(align + overlap), 'averaging', take)) return stopped();
      this.endState = this.trajectory.state.slice();
      if (!last) await this.compare(overlap, after(align + steps));
      return complete;
    } catch (error) {
      if (!(error instanceof Divergence)) throw error;
      this.diverged = true;
      return error.outcome;
    }
  }

  /** Carries the frame on over what the next segment begins with. */
  private async compare(overlap: number, watch: Watch): Promise<void> {
    const sums = new Float64Array(this.columns);
    const add = ({ logs }: Growth): false => {
      for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + logs[i]!;
      return false;
    };
    if (!(await this.carry(overlap, watch, 'averaging', add))) this.beyond = sums;
  }

  /** To the end, or until the error is small enough. */
  private async average(watch: Watch): Promise<boolean> {
    const { steps, until } = this.options;
    const take = (growth: Growth): boolean => this.take(growth);
    if (until === undefined) return this.carry(steps, watch, 'averaging', take);
    for (let look = FIRST_LOOK; this.means.steps < steps; look = Math.ceil(look * LATER_LOOKS)) {
      const next = Math.min(look, steps) - this.means.steps;
      if (next > 0 && (await this.carry(next, watch, 'averaging', take))) return true;
      const error = this.leadingError();
      this.reached = error !== null && error <= until;
      if (this.reached) break;
    }
    return false;
  }

  /** 0 where every column is dead: −∞ is exact. */
  private leadingError(): number | null {
    const means = this.means.means();
    const first = means.reduce((best, v, i) => (v > means[best]! ? i : best), 0);
    return means[first] === Number.NEGATIVE_INFINITY ? 0 : this.means.standardErrors()[first]!;
  }

  /** Carries the frame on, until the watch or `take` says to stop; answers whether one did. */
  private async carry(
    steps: number,
    watch: Watch,
    label: string,
    take: (growth: Growth) => boolean,
  ): Promise<boolean> {
    for (let done = 0; done < steps; ) {
      if (await watch.tick(done, steps, label)) return true;
      const growth = this.frame.advance(steps - done);
      done += growth.steps;
      if (take(growth)) return true;
    }
    return false;
  }

  private take(growth: Growth): false {
    this.means.add(growth.steps, growth.logs);
    if (!Number.isNaN(growth.logAbsDet)) {
      this.checked.steps += growth.steps;
      this.checked.logAbsDet += growth.logAbsDet;
      this.checked.growth += growth.logs.reduce((sum, v) => sum + v, 0);
    }
    this.intervals++;
    for (const i of growth.unresolved) this.unresolved.add(i);
    addRounding(this.rounding, growth.logs);
    this.note();
    return false;
  }

  private note(): void {
    const { steps } = this.means;
    if (steps < (this.trace.at(-1)?.steps ?? 0) + this.traceEvery) return;
    this.trace.push({ steps, means: this.means.means() });
    if (this.trace.length < 2 * TRACE_POINTS) return;
    this.trace = this.trace.filter((_, k) => k % 2 === 1);
    this.traceEvery *= 2;
  }

  private sumRule(known: boolean): SumRule {
    const { steps, logAbsDet, growth } = this.checked;
    if (!known) return { steps: 0, logAbsDet: Number.NaN, growth: Number.NaN };
    return { steps, logAbsDet: logAbsDet / steps, growth: growth / steps };
  }

  result(outcome: Outcome): SpectrumRun {
    const { steps } = this.means;
    const known = steps > 0 && !this.diverged;
    const nothing = Number.NaN;
    return {
      outcome,
      steps,
      intervals: this.intervals,
      means: known ? this.means.means() : new Float64Array(this.columns).fill(nothing),
      // No error is smaller than what rounding may have done.
      errors: known
        ? this.means
            .standardErrors()
            .map((e, i) => (e === null ? null : Math.max(e, Number.EPSILON, this.rounding[i]! / steps)))
        : new Array<null>(this.columns).fill(null),
      unresolved: [...this.unresolved],
      sumRule: this.whole ? this.sumRule(known) : null,
      finalState: this.endState ?? this.trajectory.state.slice(),
      trace: this.trace,
      batches: known ? this.means.stretches() : [],
      reached: this.options.until === undefined ? null : this.reached,
    };
  }

  segmentResult(outcome: Outcome): SegmentRun {
    const { erased, beginning, beyond, firstState, rounding } = this;
    return { ...this.result(outcome), erased, beginning, beyond, firstState, rounding };
  }
}
