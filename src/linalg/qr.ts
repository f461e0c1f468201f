import type { Matrix } from './matrix.js';
import { stridedNorm } from './vector.js';

let tau = new Float64Array(64);
let sign = new Float64Array(64);
let work = new Float64Array(64);

function reserve(k: number): void {
  if (tau.length >= k) return;
  tau = new Float64Array(2 * k);
  sign = new Float64Array(2 * k);
  work = new Float64Array(2 * k);
}

/**
 * A = QR by Householder reflections: A (n×k, k ≤ n) is overwritten by Q with orthonormal columns, R (k×k, if
 * given) is filled in, and diag R is returned, never negative. A column that depends on those before it gives
 * an R_jj of rounding size (exactly 0 for a zero column) and still a Q with orthonormal columns.
 */
export function qrInPlace(A: Matrix, R?: Matrix): Float64Array {
  const { rows: n, cols: k, data: a } = A;
  if (k > n) throw new RangeError(`qrInPlace: ${n}×${k} has more columns than rows`);
  if (R && (R.rows !== k || R.cols !== k))
    throw new RangeError(`qrInPlace: R is ${R.rows}×${R.cols}, not ${k}×${k}`);
  reserve(k);
  const diagonal = new Float64Array(k);
  factor(a, 0, k, n, k, 0);
  for (let j = 0; j < k; j++) {
    const r = a[j * k + j];
    sign[j] = r < 0 ? -1 : 1;
    diagonal[j] = Math.abs(r);
  }
  if (R) copyUpper(R.data, a, k);
  form(a, 0, k, n, k, 0);
  return diagonal;
}

function copyUpper(r: Float64Array, a: Float64Array, k: number): void {
  for (let i = 0; i < k; i++) {
    const s = sign[i];
    const row = i * k;
    for (let j = 0; j < i; j++) r[row + j] = 0;
    for (let j = i; j < k; j++) r[row + j] = s * a[row + j];
  }
}

/**
 * Golub & Van Loan, Matrix Computations, 4th ed., Alg. 5.1.1: H = I − τ v vᵀ with v_0 = 1 takes the column
 * x = (a[at], a[at + ld], …) to (β, 0, …). Leaves β and v_1… in the column; returns τ.
 */
export function reflector(a: Float64Array, at: number, ld: number, m: number): number {
  const x0 = a[at];
  const below = stridedNorm(a, at + ld, m - 1, ld);
  if (below === 0) return 0;
  const length = Math.hypot(x0, below);
  // The sign that adds in x0 − β, so nothing cancels and every |v_i| ≤ 1.
  const beta = x0 < 0 ? length : -length;
  const head = x0 - beta;
  const end = at + m * ld;
  for (let i = at + ld; i < end; i += ld) a[i] /= head;
  a[at] = beta;
  return -head / beta;
}

/** C ← (I − τ v vᵀ) C for the m×n block at `at`; v_1… stand in the column at `vAt`. Rows are read in order. */
function reflect(
  a: Float64Array,
  vAt: number,
  at: number,
  ld: number,
  m: number,
  n: number,
  t: number,
): void {
  const w = work;
  for (let j = 0; j < n; j++) w[j] = a[at + j];
  for (let i = 1; i < m; i++) {
    const v = a[vAt + i * ld];
    const row = at + i * ld;
    for (let j = 0; j < n; j++) w[j] += v * a[row + j];
  }
  for (let j = 0; j < n; j++) {
    w[j] *= t;
    a[at + j] -= w[j];
  }
  for (let i = 1; i < m; i++) {
    const v = a[vAt + i * ld];
    const row = at + i * ld;
    for (let j = 0; j < n; j++) a[row + j] -= v * w[j];
  }
}

/** Unblocked factor of the m×b block at `from`; its τ go to tau[first…]. */
function factor(a: Float64Array, from: number, ld: number, m: number, b: number, first: number): void {
  for (let j = 0; j < b; j++) {
    const at = from + j * (ld + 1);
    const t = reflector(a, at, ld, m - j);
    tau[first + j] = t;
    if (t !== 0 && j + 1 < b) reflect(a, at, at + 1, ld, m - j, b - j - 1, t);
  }
}

/** Q = H_0 H_1 … diag(sign), from the last reflector back, over the reflectors themselves. */
function form(a: Float64Array, from: number, ld: number, m: number, b: number, first: number): void {
  for (let j = b - 1; j >= 0; j--) {
    const at = from + j * (ld + 1);
    const t = tau[first + j];
    if (t !== 0 && j + 1 < b) reflect(a, at, at + 1, ld, m - j, b - j - 1, t);
    const s = sign[first + j];
    for (let i = 0; i < j; i++) a[from + i * ld + j] = 0;
    a[at] = s * (1 - t);
    for (let i = 1; i < m - j; i++) a[at + i * ld] *= -s * t;
  }
}

/** The upper triangle of A (n×k, k ≤ n) becomes R, up to the signs of its rows; everything below becomes zero. */
export function triangularise(A: Matrix): void {
  const { rows: n, cols: k, data: a } = A;
  reserve(k);
  factor(a, 0, k, n, k, 0);
  for (let i = 1; i < n; i++) a.fill(0, i * k, i * k + Math.min(i, k));
}
