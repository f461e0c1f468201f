import { copy, type Matrix } from './matrix.js';
import { accumulate } from './plain/gemm.js';

/** Below this size the gemm updates of a blocked factorisation cost more than they save. */
const BLOCK_FROM = 128;
const BLOCK = 32;

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
    const { n, factors: f, swaps } = this;
    const { cols, data: x } = X;
    for (let i = 0; i < n; i++) exchangeRows(x, cols, 0, cols, i, swaps[i]);
    for (let i = 0; i < n; i++) for (let p = 0; p < i; p++) subtractRow(x, cols, i, p, f[i * n + p]);
    for (let i = n - 1; i >= 0; i--) {
      for (let p = i + 1; p < n; p++) subtractRow(x, cols, i, p, f[i * n + p]);
      const pivot = f[i * n + i];
      for (let j = i * cols; j < (i + 1) * cols; j++) x[j] /= pivot;
    }
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

/** x ← A⁻¹ x from the factors of A. */
export function solveInPlace(f: Float64Array, n: number, swaps: Int32Array, x: Float64Array): void {
  for (let i = 0; i < n; i++) exchange(x, i, swaps[i]);
  for (let i = 0; i < n; i++) {
    let s = x[i];
    for (let j = 0; j < i; j++) s -= f[i * n + j] * x[j];
    x[i] = s;
  }
  solveUpper(f, n, x);
}

/** x ← U⁻¹ x. */
export function solveUpper(f: Float64Array, n: number, x: Float64Array): void {
  for (let i = n - 1; i >= 0; i--) {
    let s = x[i];
    for (let j = i + 1; j < n; j++) s -= f[i * n + j] * x[j];
    x[i] = s / f[i * n + i];
  }
}

/** x ← A⁻ᵀ x; the factors are still read along their rows. */
export function solveTransposedInPlace(f: Float64Array, n: number, swaps: Int32Array, x: Float64Array): void {
  for (let i = 0; i < n; i++) {
    x[i] /= f[i * n + i];
    for (let j = i + 1; j < n; j++) x[j] -= f[i * n + j] * x[i];
  }
  for (let i = n - 1; i >= 0; i--) for (let j = 0; j < i; j++) x[j] -= f[i * n + j] * x[i];
  for (let i = n - 1; i >= 0; i--) exchange(x, i, swaps[i]);
}

/** Right-looking, by panels of columns; swaps[i] is the row exchanged with row i at step i. */
export function factorise(a: Float64Array, n: number, swaps: Int32Array): void {
  const width = n < BLOCK_FROM ? n : BLOCK;
  for (let from = 0; from < n; from += width) {
    const to = Math.min(from + width, n);
    panel(a, n, from, to, swaps);
    if (to === n) break;
    // U_12 = L_11⁻¹ A_12, then A_22 −= L_21 U_12.
    for (let i = from + 1; i < to; i++)
      for (let p = from; p < i; p++) eliminate(a, n, i, p, a[i * n + p], to, n);
    const rest = n - to;
    accumulate(rest, rest, to - from, -1, a, to * n + from, n, 1, a, from * n + to, n, 1, a, to * n + to, n);
  }
}

/** Columns [from, to) of the rows from `from` down; whole rows are exchanged. */
function panel(a: Float64Array, n: number, from: number, to: number, swaps: Int32Array): void {
  for (let p = from; p < to; p++) {
    let best = p;
    let largest = Math.abs(a[p * n + p]);
    for (let i = p + 1; i < n; i++) {
      const size = Math.abs(a[i * n + p]);
      if (size > largest) {
        largest = size;
        best = i;
      }
    }
    swaps[p] = best;
    exchangeRows(a, n, 0, n, p, best);
    const pivot = a[p * n + p];
    if (pivot === 0) continue;
    for (let i = p + 1; i < n; i++) {
      const ratio = a[i * n + p] / pivot;
      a[i * n + p] = ratio;
      if (ratio !== 0) eliminate(a, n, i, p, ratio, p + 1, to);
    }
  }
}

function eliminate(
  a: Float64Array,
  n: number,
  i: number,
  p: number,
  ratio: number,
  from: number,
  to: number,
): void {
  const target = i * n;
  const source = p * n;
  for (let j = from; j < to; j++) a[target + j] -= ratio * a[source + j];
}

function subtractRow(x: Float64Array, cols: number, i: number, p: number, factor: number): void {
  if (factor !== 0) eliminate(x, cols, i, p, factor, 0, cols);
}

function exchangeRows(a: Float64Array, ld: number, from: number, to: number, i: number, k: number): void {
  if (i === k) return;
  const p = i * ld;
  const q = k * ld;
  for (let j = from; j < to; j++) {
    const t = a[p + j];
    a[p + j] = a[q + j];
    a[q + j] = t;
  }
}

function exchange(x: Float64Array, i: number, k: number): void {
  const t = x[i];
  x[i] = x[k];
  x[k] = t;
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
