import { gemm, qrInPlace, spectralNorm } from '../linalg/index.js';
import { copy, identity, type Matrix, zeros } from '../linalg/matrix.js';
import type { Watch } from '../outcome.js';
import { random } from '../random.js';
import { type Batch, BatchMeans } from './batch-means.js';
import type { Orbit } from './spectrum.js';
import { Trajectory } from './trajectory.js';

export interface CovariantOptions {
  readonly warmup: number;
  /** Steps that turn the frame before, and steps beyond the end that turn the backward pass. */
  readonly align: number;
  readonly relax: number;
  /** Steps that are looked at between those. */
  readonly steps: number;
  /** Vectors: no more than there are finite exponents. */
  readonly count: number;
  /** Steps between two decompositions. */
  readonly interval: number;
  /** How many of the exponents are positive beyond their error: those span the unstable directions. */
  readonly unstable: number;
  /** How many leading vectors are looked at unit by unit. */
  readonly leading: number;
}

export interface CovariantVectors {
  readonly steps: number;
  /** Mean growth along each vector, nats per step: the exponents again. */
  readonly exponents: Float64Array;
  readonly standardErrors: readonly (number | null)[];
  readonly batches: readonly Batch[];
  /** Growth over single intervals, per step: spread, least and most. */
  readonly growth: {
    readonly deviation: Float64Array;
    readonly least: Float64Array;
    readonly most: Float64Array;
  };
  /** Angles between vector i and i + 1 along the run, radians. */
  readonly neighbours: { readonly mean: Float64Array; readonly least: Float64Array };
  /** Least angles between the unstable directions and the others, radians: where they touch, the set is not hyperbolic. */
  readonly hyperbolicity: {
    readonly mean: number;
    readonly least: number;
    /** Shares of the run, in bins of equal width from 0 to π/2. */
    readonly histogram: Float64Array;
  } | null;
  /** Mean v_i² over the run of the leading vectors: rows are state entries, columns vectors. Columns add up to 1. */
  readonly participation: Matrix;
  /** 1/Σ v_i⁴ averaged over the run: how many entries a leading vector moves. */
  readonly participationNumber: Float64Array;
  /** The vectors at the beginning of the stretch that is looked at, as columns. */
  readonly first: Matrix;
  /** The state there. */
  readonly at: Float64Array;
}

const BINS = 18;

/**
 * Covariant Lyapunov vectors v_i, J_t v_i(t − 1) = growth · v_i(t): F. Ginelli et al., PRL 99, 130601 (2007), arXiv 1212.3961;
 * angles as in P. Kuptsov, U. Parlitz, arXiv 1105.5228. A frame is carried forward, J Q = Q' R; then C ← R⁻¹ C, an upper triangular
 * matrix with columns of unit length, is carried back over the same steps, and V = Q C. Only every m-th frame is kept,
 * m = sqrt(intervals), and the stretch after it is taken again on the way back: memory grows with the root of the run. null where
 * the watch asked to stop.
 */
export async function covariantVectors(
  orbit: Orbit,
  options: CovariantOptions,
  watch: Watch,
): Promise<CovariantVectors | null> {
  const forward = new Forward(orbit, options);
  if (await forward.trajectory.run(options.warmup, watch, 'warming up')) return null;
  const aligning = Math.ceil(options.align / options.interval);
  const looked = Math.ceil(options.steps / options.interval);
  const intervals = looked + Math.ceil(options.relax / options.interval);
  const R = zeros(options.count, options.count);
  for (let k = 0; k < aligning; k++) {
    if (await watch.tick(k, aligning, 'aligning')) return null;
    forward.advance(R);
  }
  const stride = Math.max(1, Math.ceil(Math.sqrt(intervals)));
  const kept: Saved[] = [];
  for (let k = 0; k < intervals; k++) {
    if (k % 8 === 0 && (await watch.tick(k, 2 * intervals, 'forward'))) return null;
    if (k % stride === 0) kept.push(forward.save());
    forward.advance(R);
  }
  const backward = new Backward(options);
  for (let segment = kept.length - 1; segment >= 0; segment--) {
    const from = segment * stride;
    const to = Math.min(intervals, from + stride);
    if (await watch.tick(intervals + (intervals - to), 2 * intervals, 'backward')) return null;
    forward.restore(kept.pop()!);
    const links = Array.from({ length: to - from }, () => forward.link());
    for (let k = to - 1; k >= from; k--) {
      const { R, Q, state } = links.pop()!;
      backward.step(R);
      if (k < looked) backward.look(Q, state);
    }
  }
  return backward.result();
}

interface Saved {
  readonly Q: Matrix;
  readonly state: Float64Array;
  readonly time: number;
}

/** The frame on its way forward. */
class Forward {
  readonly trajectory: Trajectory;
  private Q: Matrix;
  private spare: Matrix;

  constructor(
    { system, drive, initialState }: Orbit,
    private readonly options: CovariantOptions,
  ) {
    this.trajectory = new Trajectory(system, drive, initialState);
    this.Q = identity(system.dimension, options.count);
    this.spare = zeros(system.dimension, options.count);
    const draw = random(0xc1f);
    // Not along the axes, which a map may never mix.
    for (let p = 0; p < this.Q.data.length; p++) this.Q.data[p] = draw.normal();
    qrInPlace(this.Q);
  }

  /** One interval on: J … J Q = Q' R. */
  advance(R: Matrix): void {
    const { trajectory } = this;
    for (let k = 0; k < this.options.interval; k++) {
      trajectory.drive.at(trajectory.time, trajectory.input);
      const here = trajectory.system.linearise(trajectory.state, trajectory.input);
      here.jvp(this.Q, this.spare);
      [this.Q, this.spare] = [this.spare, this.Q];
      trajectory.accept(here.next);
    }
    qrInPlace(this.Q, R);
  }

  /** The frame and the state here, and the R of the interval that follows. */
  link(): { Q: Matrix; R: Matrix; state: Float64Array } {
    const { Q, state } = this.save();
    const R = zeros(this.options.count, this.options.count);
    this.advance(R);
    return { Q, R, state };
  }

  save(): Saved {
    return { Q: copy(this.Q), state: this.trajectory.state.slice(), time: this.trajectory.time };
  }

  restore({ Q, state, time }: Saved): void {
    this.Q = Q;
    this.trajectory.state = state;
    this.trajectory.time = time;
  }
}

/** The coefficients C on their way back, and what is seen there. */
class Backward {
  private readonly C: Matrix;
  private readonly logs: Float64Array;
  private readonly means: BatchMeans;
  private readonly squares: Float64Array;
  private readonly least: Float64Array;
  private readonly most: Float64Array;
  private readonly angleSums: Float64Array;
  private readonly angleLeast: Float64Array;
  private readonly touching = new Float64Array(BINS);
  private touchingSum = 0;
  private touchingLeast = Math.PI / 2;
  private participation: Matrix | null = null;
  private readonly participationNumber: Float64Array;
  private looks = 0;
  private last: { Q: Matrix; state: Float64Array } | null = null;

  constructor(private readonly options: CovariantOptions) {
    const { count, leading } = options;
    this.C = zeros(count, count);
    const draw = random(0xc1);
    for (let i = 0; i < count; i++)
      for (let j = i; j < count; j++) this.C.data[i * count + j] = i === j ? 1 : draw.normal();
    this.logs = new Float64Array(count);
    normaliseColumns(this.C, this.logs);
    this.means = new BatchMeans(count);
    this.squares = new Float64Array(count);
    this.least = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.most = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
    this.angleSums = new Float64Array(Math.max(0, count - 1));
    this.angleLeast = new Float64Array(Math.max(0, count - 1)).fill(Math.PI / 2);
    this.participationNumber = new Float64Array(Math.min(leading, count));
  }

  /** C ← R⁻¹ C, columns to unit length: what they shrank by is what the vectors grow by on the way forward. */
  step(R: Matrix): void {
    solveUpper(R, this.C);
    normaliseColumns(this.C, this.logs);
    for (let i = 0; i < this.logs.length; i++) this.logs[i] = -this.logs[i]!;
  }

  look(Q: Matrix, state: Float64Array): void {
    const { interval } = this.options;
    this.means.add(interval, this.logs);
    this.looks++;
    for (let i = 0; i < this.logs.length; i++) {
      const growth = this.logs[i]! / interval;
      this.squares[i] = this.squares[i]! + growth * growth;
      this.least[i] = Math.min(this.least[i]!, growth);
      this.most[i] = Math.max(this.most[i]!, growth);
    }
    this.lookAtAngles();
    this.lookAtUnits(Q);
    this.last = { Q, state };
  }

  /** The vectors' angles are those of the columns of C, since Q keeps lengths. */
  private lookAtAngles(): void {
    const { C } = this;
    const k = C.cols;
    for (let j = 0; j + 1 < k; j++) {
      let cosine = 0;
      for (let i = 0; i <= j; i++) cosine += C.data[i * k + j]! * C.data[i * k + j + 1]!;
      const angle = Math.acos(Math.min(1, Math.abs(cosine)));
      this.angleSums[j] = this.angleSums[j]! + angle;
      this.angleLeast[j] = Math.min(this.angleLeast[j]!, angle);
    }
    const angle = leastAngle(C, this.options.unstable);
    if (angle === null) return;
    this.touchingSum += angle;
    this.touchingLeast = Math.min(this.touchingLeast, angle);
    const bin = Math.min(BINS - 1, Math.floor((angle / (Math.PI / 2)) * BINS));
    this.touching[bin] = this.touching[bin]! + 1;
  }

  private lookAtUnits(Q: Matrix): void {
    const m = this.participationNumber.length;
    const V = this.vectors(Q, m);
    this.participation ??= zeros(V.rows, m);
    const fourths = new Float64Array(m);
    for (let p = 0; p < V.data.length; p++) {
      const square = V.data[p]! ** 2;
      this.participation.data[p] = this.participation.data[p]! + square;
      fourths[p % m] = fourths[p % m]! + square * square;
    }
    for (let j = 0; j < m; j++) this.participationNumber[j] = this.participationNumber[j]! + 1 / fourths[j]!;
  }

  /** The first m columns of Q C; those of C end at row m. */
  private vectors(Q: Matrix, m: number): Matrix {
    const k = this.C.cols;
    const corner = zeros(k, m);
    for (let i = 0; i < m; i++) for (let j = i; j < m; j++) corner.data[i * m + j] = this.C.data[i * k + j]!;
    const V = zeros(Q.rows, m);
    gemm(V, Q, corner);
    return V;
  }

  result(): CovariantVectors | null {
    const { looks, last, participation } = this;
    if (!last || !participation) return null;
    const exponents = this.means.means();
    const share = (sum: number): number => sum / looks;
    return {
      steps: this.means.steps,
      exponents,
      standardErrors: this.means.standardErrors(),
      batches: this.means.stretches(),
      growth: {
        deviation: this.squares.map((sum, i) => Math.sqrt(Math.max(0, share(sum) - exponents[i]! ** 2))),
        least: this.least,
        most: this.most,
      },
      neighbours: { mean: this.angleSums.map(share), least: this.angleLeast },
      hyperbolicity:
        this.options.unstable > 0 && this.options.unstable < exponents.length
          ? { mean: share(this.touchingSum), least: this.touchingLeast, histogram: this.touching.map(share) }
          : null,
      participation: { ...participation, data: participation.data.map(share) },
      participationNumber: this.participationNumber.map(share),
      first: this.vectors(last.Q, this.C.cols),
      at: last.state,
    };
  }
}

/** X ← R⁻¹ X, both upper triangular. */
function solveUpper(R: Matrix, X: Matrix): void {
  const k = R.cols;
  for (let i = k - 1; i >= 0; i--) {
    const row = i * k;
    for (let l = i + 1; l < k; l++) {
      const r = R.data[row + l]!;
      for (let j = l; j < k; j++) X.data[row + j] = X.data[row + j]! - r * X.data[l * k + j]!;
    }
    const pivot = R.data[row + i]!;
    for (let j = i; j < k; j++) X.data[row + j] = X.data[row + j]! / pivot;
  }
}

/** Columns to unit length; ln of what they were is written to `logs`. */
function normaliseColumns(X: Matrix, logs: Float64Array): void {
  const k = X.cols;
  for (let j = 0; j < k; j++) {
    let largest = 0;
    for (let i = 0; i <= j; i++) largest = Math.max(largest, Math.abs(X.data[i * k + j]!));
    let sum = 0;
    for (let i = 0; i <= j; i++) sum += (X.data[i * k + j]! / largest) ** 2;
    const length = largest * Math.sqrt(sum);
    for (let i = 0; i <= j; i++) X.data[i * k + j] = X.data[i * k + j]! / length;
    logs[j] = Math.log(length);
  }
}

/**
 * The least principal angle between the span of the first p columns of C, which is that of the first p axes, and the span of the
 * others: the cosine is ‖the first p rows of an orthonormal basis of the others‖ (Å. Björck, G. Golub, Math. Comp. 27, 1973).
 * null where one of the two is empty.
 */
function leastAngle(C: Matrix, p: number): number | null {
  const k = C.cols;
  if (p <= 0 || p >= k) return null;
  const others = zeros(k, k - p);
  for (let i = 0; i < k; i++)
    for (let j = Math.max(i, p); j < k; j++) others.data[i * (k - p) + j - p] = C.data[i * k + j]!;
  qrInPlace(others);
  const top: Matrix = { rows: p, cols: k - p, data: others.data.slice(0, p * (k - p)) };
  return Math.acos(Math.min(1, spectralNorm(top)));
}
