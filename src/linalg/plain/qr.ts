import type { Matrix } from '../matrix.js';
import { accumulate } from './gemm.js';
import { reflectFromLeft, reflector } from './householder.js';

/** Columns factored at a time once a matrix is wide enough for the gemm updates to pay. */
const PANEL = 16;
const BLOCK_FROM = 80;

// Scratch for one call: no call leaves anything here that another reads.
let tau = new Float64Array(64);
let sign = new Float64Array(64);
let reflectors = new Float64Array(0);
let tall = new Float64Array(0);
let wide = new Float64Array(0);
const small = new Float64Array(PANEL * PANEL);
const triangle = new Float64Array(PANEL * PANEL);

function reserve(n: number, k: number): void {
  if (tau.length < k) {
    tau = new Float64Array(2 * k);
    sign = new Float64Array(2 * k);
  }
  if (k < BLOCK_FROM) return;
  if (reflectors.length < n * PANEL) reflectors = new Float64Array(n * PANEL);
  if (wide.length < k * PANEL) {
    wide = new Float64Array(k * PANEL);
    tall = new Float64Array(k * PANEL);
  }
}

/** A ← Q, R filled in, diag R returned: see the door. */
export function plainQr(A: Matrix, R?: Matrix): Float64Array {
  const { rows: n, cols: k, data: a } = A;
  reserve(n, k);
  const diagonal = new Float64Array(k);
  factorAll(a, n, k);
  for (let j = 0; j < k; j++) {
    const r = a[j * k + j];
    sign[j] = r < 0 ? -1 : 1;
    diagonal[j] = Math.abs(r);
  }
  if (R) copyUpper(R.data, a, k);
  formAll(a, n, k);
  return diagonal;
}

function factorAll(a: Float64Array, n: number, k: number): void {
  const width = k < BLOCK_FROM ? k : PANEL;
  for (let from = 0; from < k; from += width) {
    const b = Math.min(width, k - from);
    factorPanel(a, from * (k + 1), k, n - from, b, from);
    if (from + b < k) applyBlock(a, k, n, from, b, k - from - b, true);
  }
}

function formAll(a: Float64Array, n: number, k: number): void {
  const width = k < BLOCK_FROM ? k : PANEL;
  for (let from = k === 0 ? -1 : k - 1 - ((k - 1) % width); from >= 0; from -= width) {
    const b = Math.min(width, k - from);
    // Above the trailing block Q is zero so far, but R still stands there.
    for (let i = from; i < from + b; i++) a.fill(0, i * k + from + b, (i + 1) * k);
    if (from + b < k) applyBlock(a, k, n, from, b, k - from - b, false);
    formPanel(a, from * (k + 1), k, n - from, b, from);
  }
}

/**
 * C ← (I − V T Vᵀ) C, or with Tᵀ when factoring, for the b reflectors of the panel at column `from` and the
 * `cols` columns after it. H_0 … H_{b−1} = I − V T Vᵀ: Schreiber & Van Loan 1989; Golub & Van Loan, §5.2.3.
 */
function applyBlock(
  a: Float64Array,
  k: number,
  n: number,
  from: number,
  b: number,
  cols: number,
  transposed: boolean,
): void {
  const m = n - from;
  const C = from * (k + 1) + b;
  gather(a, from * (k + 1), k, m, b);
  buildTriangle(m, b, from);
  const V = reflectors;
  const count = b * cols;
  wide.fill(0, 0, count);
  accumulate(b, cols, m, 1, V, 0, 1, b, a, C, k, 1, wide, 0, cols);
  tall.fill(0, 0, count);
  const row = transposed ? 1 : b;
  accumulate(b, cols, b, 1, triangle, 0, row, transposed ? b : 1, wide, 0, cols, 1, tall, 0, cols);
  accumulate(m, cols, b, -1, V, 0, b, 1, tall, 0, cols, 1, a, C, k);
}

/** V with its unit diagonal and the zeros above it written out. */
function gather(a: Float64Array, at: number, ld: number, m: number, b: number): void {
  for (let i = 0; i < m; i++)
    for (let j = 0; j < b; j++) reflectors[i * b + j] = i > j ? a[at + i * ld + j] : i === j ? 1 : 0;
}

/** T, column by column: T_jj = τ_j and T_{0:j, j} = −τ_j T_{0:j, 0:j} (V_{0:j}ᵀ v_j). */
function buildTriangle(m: number, b: number, first: number): void {
  const T = triangle;
  T.fill(0, 0, b * b);
  small.fill(0, 0, b * b);
  accumulate(b, b, m, 1, reflectors, 0, 1, b, reflectors, 0, b, 1, small, 0, b);
  for (let j = 0; j < b; j++) {
    const t = tau[first + j];
    for (let i = 0; i < j; i++) {
      let s = 0;
      for (let p = i; p < j; p++) s += T[i * b + p] * small[p * b + j];
      T[i * b + j] = -t * s;
    }
    T[j * b + j] = t;
  }
}

function copyUpper(r: Float64Array, a: Float64Array, k: number): void {
  for (let i = 0; i < k; i++) {
    const s = sign[i];
    const row = i * k;
    for (let j = 0; j < i; j++) r[row + j] = 0;
    for (let j = i; j < k; j++) r[row + j] = s * a[row + j];
  }
}

/** Unblocked factor of the m×b block at `from`; its τ go to tau[first…]. */
function factorPanel(a: Float64Array, from: number, ld: number, m: number, b: number, first: number): void {
  for (let j = 0; j < b; j++) {
    const at = from + j * (ld + 1);
    const t = reflector(a, at, ld, m - j);
    tau[first + j] = t;
    if (t !== 0 && j + 1 < b) reflectFromLeft(a, at, at + 1, ld, m - j, b - j - 1, t);
  }
}

/** Q = H_0 H_1 … diag(sign), from the last reflector back, over the reflectors themselves. */
function formPanel(a: Float64Array, from: number, ld: number, m: number, b: number, first: number): void {
  for (let j = b - 1; j >= 0; j--) {
    const at = from + j * (ld + 1);
    const t = tau[first + j];
    if (t !== 0 && j + 1 < b) reflectFromLeft(a, at, at + 1, ld, m - j, b - j - 1, t);
    const s = sign[first + j];
    for (let i = 0; i < j; i++) a[from + i * ld + j] = 0;
    a[at] = s * (1 - t);
    // With τ = 0 the rest of the column is zero already; the product would make it −0.
    if (t !== 0) for (let i = 1; i < m - j; i++) a[at + i * ld] *= -s * t;
  }
}

/** The upper triangle of A (n×k, k ≤ n) becomes R, up to the signs of its rows; everything below becomes zero. */
export function triangularise(A: Matrix): void {
  const { rows: n, cols: k, data: a } = A;
  reserve(n, k);
  factorAll(a, n, k);
  for (let i = 1; i < n; i++) a.fill(0, i * k, i * k + Math.min(i, k));
}
