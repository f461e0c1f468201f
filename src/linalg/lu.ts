import { copy, type Matrix } from './matrix.js';
import { plainFactorise, plainSolveMatrix, solveInPlace, solveTransposedInPlace } from './plain/lu.js';
import { begin, given, lines, space, taken, toStage } from './staging.js';
import { kernels, putWhole, takeWhole } from './wasm.js';

/** P A = L U with partial pivoting. */
export class Lu {
  readonly n: number;
  /** ln |det A|; −Infinity when a pivot is exactly zero. */
  readonly logAbsDet: number;
  /** The sign of det A: −1, 0 or 1. */
  readonly sign: number;
  private readonly norm1: number;
  private readonly factors: Float64Array;
  private readonly swaps: Int32Array;

  constructor(A: Matrix) {
    if (A.rows !== A.cols) throw new RangeError(`lu: ${A.rows}×${A.cols} is not square`);
    this.n = A.rows;
    this.norm1 = columnSumNorm(A);
    this.factors = copy(A).data;
    this.swaps = new Int32Array(this.n);
    factorise(this.factors, this.n, this.swaps);
    let sign = 1;
    let log = 0;
    for (let i = 0; i < this.n; i++) {
      const pivot = this.factors[i * (this.n + 1)];
      log += Math.log(Math.abs(pivot));
      if (pivot === 0) sign = 0;
      else if (pivot < 0 !== (this.swaps[i] !== i)) sign = -sign;
    }
    this.logAbsDet = log;
    this.sign = sign;
  }

  /** x with A x = b. A singular A gives non-finite entries. */
  solve(b: Float64Array): Float64Array {
    this.expect(b.length);
    const x = b.slice();
    solveInPlace(this.factors, this.n, this.swaps, x);
    return x;
  }

  /** x with Aᵀ x = b. */
  solveTransposed(b: Float64Array): Float64Array {
    this.expect(b.length);
    const x = b.slice();
    solveTransposedInPlace(this.factors, this.n, this.swaps, x);
    return x;
  }

  /** X with A X = B, column by column of B but row by row in memory. */
  solveMatrix(B: Matrix): Matrix {
    this.expect(B.rows);
    const X = copy(B);
    solveMatrixInPlace(this.factors, this.n, this.swaps, X);
    return X;
  }

  /**
   * An estimate of 1 / (‖A‖₁ ‖A⁻¹‖₁), rarely off by more than a factor 3 and never too small; 0 when singular.
   * Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., Alg. 15.4 (after Hager 1984).
   */
  reciprocalCondition(): number {
    const { n } = this;
    if (n === 0) return 1;
    if (this.sign === 0 || this.norm1 === 0) return 0;
    const condition = this.norm1 * this.inverseNorm1();
    return condition >= 1 ? 1 / condition : Number.isNaN(condition) ? 0 : 1;
  }

  private inverseNorm1(): number {
    const { n } = this;
    let estimate = 0;
    let x = new Float64Array(n).fill(1 / n);
    let peak = -1;
    for (let round = 0; round < 5; round++) {
      const y = this.solve(x);
      const size = sumAbs(y);
      // A non-finite solution comes from pivots so small that the inverse overflows.
      if (!Number.isFinite(size)) return Number.POSITIVE_INFINITY;
      if (round > 0 && size <= estimate) break;
      estimate = size;
      const z = this.solveTransposed(y.map((v) => (v < 0 ? -1 : 1)));
      const next = indexOfLargest(z);
      if (next === peak) break;
      peak = next;
      x = new Float64Array(n);
      x[peak] = 1;
    }
    // A vector that defeats the matrices on which the ascent above stops early (Higham, (15.14)).
    const wave = Float64Array.from({ length: n }, (_, i) => (i % 2 ? -1 : 1) * (1 + i / Math.max(1, n - 1)));
    return Math.max(estimate, (2 * sumAbs(this.solve(wave))) / (3 * n));
  }

  private expect(length: number): void {
    if (length !== this.n)
      throw new RangeError(`lu: right-hand side of ${length} rows for a ${this.n}×${this.n} matrix`);
  }
}

export const lu = (A: Matrix): Lu => new Lu(A);

/** Below so many operations the twin is as fast as the way to the kernels. */
const WORTH_COPYING = 8 ** 3;

/** a (n×n) ← the factors L and U of P a; swaps[i] is the row exchanged with row i at step i. */
export function factorise(a: Float64Array, n: number, swaps: Int32Array): void {
  const fast = kernels();
  const work = fast?.luWork(n) ?? 0;
  if (!fast || n ** 3 < WORTH_COPYING || !begin(toStage(a) + lines(n) + work)) {
    plainFactorise(a, n, swaps);
    return;
  }
  const f = given(a);
  const s = space(n);
  fast.lu(n, f, s, space(work));
  taken(a, f);
  takeWhole(s, swaps);
}

/** X ← A⁻¹ X from the factors of A. */
function solveMatrixInPlace(f: Float64Array, n: number, swaps: Int32Array, X: Matrix): void {
  const fast = kernels();
  const { cols, data } = X;
  if (!fast || n * n * cols < WORTH_COPYING || !begin(toStage(f) + toStage(data) + lines(n))) {
    plainSolveMatrix(f, n, swaps, X);
    return;
  }
  const factors = given(f);
  const x = given(data);
  const s = space(n);
  putWhole(s, swaps);
  fast.luSolve(n, factors, s, cols, x);
  taken(data, x);
}

function columnSumNorm(A: Matrix): number {
  const sums = new Float64Array(A.cols);
  for (let i = 0; i < A.rows; i++)
    for (let j = 0; j < A.cols; j++) sums[j] += Math.abs(A.data[i * A.cols + j]);
  return sums.reduce((largest, s) => Math.max(largest, s), 0);
}

const sumAbs = (x: Float64Array): number => x.reduce((s, v) => s + Math.abs(v), 0);

function indexOfLargest(x: Float64Array): number {
  let best = 0;
  for (let i = 1; i < x.length; i++) if (Math.abs(x[i]) > Math.abs(x[best])) best = i;
  return best;
}
