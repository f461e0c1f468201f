import { qrInPlace, resident } from '../linalg/index.js';
import type { Matrix } from '../linalg/matrix.js';
import type { Trajectory } from './trajectory.js';

/** What one interval between two re-orthonormalisations gave. */
export interface Growth {
  readonly steps: number;
  /** ln of the growth of column i: ln R_ii. −∞ where J is singular and R_ii is only its rounding. */
  readonly logs: Float64Array;
  /** Columns whose R_ii lies below the rounding floor although J is regular: their logs are not resolved. */
  readonly unresolved: readonly number[];
  /** Σ ln|det J| over the interval; NaN where it was not found. */
  readonly logAbsDet: number;
}

/** R's condition is let grow to 10⁵ between decompositions, which costs five of sixteen digits of the smallest R_ii. */
const TARGET_SPREAD = Math.log(1e5);
/** Beyond this an interval is taken again in smaller parts. */
const LARGEST_SPREAD = Math.log(1e7);
/** The size of R costs no digits, only range: ln R may be so many times as large as its spread. */
const SIZE_ALLOWED = 16;
const LONGEST_INTERVAL = 128;

/**
 * An orthonormal frame carried along an orbit, J_t Q = Q' R with positive diagonal.
 * G. Benettin et al., Meccanica 15 (1980): ln R_ii is the growth of the i-th direction.
 */
export class TangentFrame {
  private Q: Matrix;
  private spare: Matrix;
  /** The frame as it was when the interval under way began. */
  private kept: Matrix;
  private interval: number;
  /** Intervals since the determinant was last asked for. */
  private unchecked = Number.POSITIVE_INFINITY;
  /** Whether the last interval had a column that only the determinant could judge. */
  private doubtful = false;
  /** Columns that a singular J has annihilated: what they hold since is noise. */
  private readonly dead: boolean[];
  private readonly longest: number;

  constructor(
    private readonly trajectory: Trajectory,
    private readonly count: number,
    private readonly options: {
      readonly reorthonormalise: number | 'auto';
      /** Intervals from one that asks for ln|det J| to the next: 1 for all; 0 for none, but where a column is in doubt. */
      readonly determinants: number;
      /** No automatic interval is longer, so that there are enough of them to tell their spread. */
      readonly longest: number;
    },
  ) {
    const n = trajectory.system.dimension;
    this.Q = resident(this, n, count);
    this.spare = resident(this, n, count);
    this.kept = resident(this, n, count);
    for (let i = 0; i < count; i++) this.Q.data[i * (count + 1)] = 1;
    this.interval = options.reorthonormalise === 'auto' ? 1 : options.reorthonormalise;
    this.longest = Math.max(1, Math.min(LONGEST_INTERVAL, options.longest));
    this.dead = new Array<boolean>(count).fill(false);
  }

  /** Forgets which columns a singular J has annihilated, so that only what comes from here on counts. The next interval is checked. */
  revive(): void {
    this.unchecked = Number.POSITIVE_INFINITY;
    this.dead.fill(false);
  }

  /** Carries the frame on by one interval of at most `most` steps. */
  advance(most: number): Growth {
    const automatic = this.options.reorthonormalise === 'auto';
    const steps = Math.min(this.interval, most);
    const { determinants } = this.options;
    const check = determinants > 0 && (this.doubtful || this.unchecked + 1 >= determinants);
    const before = steps > 1 || !check ? this.save() : null;
    let growth = this.attempt(steps, check);
    const spread = this.spread(growth.logs);
    // A product that has overflowed or vanished altogether is too long for any setting.
    if (steps > 1 && !(spread <= (automatic ? LARGEST_SPREAD : Number.MAX_VALUE))) {
      this.restore(before!);
      this.interval = steps >> 1;
      return this.advance(most);
    }
    if (growth.unresolved.length > 0 && !check) {
      // Rounding or a singular J? Only the determinant tells.
      this.restore(before!);
      growth = this.attempt(steps, true);
    }
    this.doubtful = growth.unresolved.length > 0;
    this.unchecked = Number.isNaN(growth.logAbsDet) ? this.unchecked + 1 : 0;
    if (automatic) {
      const perStep = Math.max(spread / steps, TARGET_SPREAD / this.longest);
      this.interval = Math.max(1, Math.min(2 * steps, Math.floor(TARGET_SPREAD / perStep)));
    }
    return growth;
  }

  private attempt(steps: number, determinants: boolean): Growth {
    const { trajectory } = this;
    let logAbsDet = determinants ? 0 : Number.NaN;
    for (let k = 0; k < steps; k++) {
      const here = trajectory.linearise();
      here.jvp(this.Q, this.spare);
      [this.Q, this.spare] = [this.spare, this.Q];
      if (determinants) logAbsDet += here.logAbsDet();
      trajectory.accept(here.next);
    }
    return this.decompose(steps, logAbsDet);
  }

  private decompose(steps: number, logAbsDet: number): Growth {
    // n eps ‖J Q‖: a diagonal entry of R below it is rounding.
    const floor = this.Q.rows * Number.EPSILON * largestColumn(this.Q);
    const singular = logAbsDet === Number.NEGATIVE_INFINITY;
    const unresolved: number[] = [];
    const logs = qrInPlace(this.Q).map((r, i) => {
      if (r <= floor && singular) this.dead[i] = true;
      if (this.dead[i]) return Number.NEGATIVE_INFINITY;
      if (r > floor) return Math.log(r);
      unresolved.push(i);
      // Where nothing at all is left of a column, the floor is the most that it can have been.
      return Math.log(r > 0 ? r : floor);
    });
    return { steps, logs, unresolved, logAbsDet };
  }

  /** ln of the condition of R over the living columns, or what counts as such where its size nears the ends of the range. */
  private spread(logs: Float64Array): number {
    const living = logs.filter((_, i) => !this.dead[i]);
    if (living.length === 0) return 0;
    const most = Math.max(...living);
    return Math.max(most - Math.min(...living), Math.abs(most) / SIZE_ALLOWED);
  }

  private save() {
    const { state, time } = this.trajectory;
    this.kept.data.set(this.Q.data);
    return { state: state.slice(), time, dead: [...this.dead] };
  }

  private restore(saved: ReturnType<TangentFrame['save']>): void {
    [this.Q, this.kept] = [this.kept, this.Q];
    this.trajectory.state = saved.state;
    this.trajectory.time = saved.time;
    for (let i = 0; i < this.count; i++) this.dead[i] = saved.dead[i]!;
  }
}

function largestColumn(Q: Matrix): number {
  const squares = new Float64Array(Q.cols);
  for (let i = 0, p = 0; i < Q.rows; i++) {
    for (let j = 0; j < Q.cols; j++, p++) squares[j] = squares[j]! + Q.data[p]! * Q.data[p]!;
  }
  return Math.sqrt(Math.max(...squares));
}
