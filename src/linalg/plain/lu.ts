import type { Matrix } from '../matrix.js';
import { accumulate } from './gemm.js';

/** Below this size the gemm updates of a blocked factorisation cost more than they save. */
const BLOCK_FROM = 128;
const BLOCK = 32;

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

/** X ← A⁻¹ X, column by column of X but row by row in memory. */
export function plainSolveMatrix(f: Float64Array, n: number, swaps: Int32Array, X: Matrix): void {
  const { cols, data: x } = X;
  for (let i = 0; i < n; i++) exchangeRows(x, cols, 0, cols, i, swaps[i]);
  for (let i = 0; i < n; i++) for (let p = 0; p < i; p++) subtractRow(x, cols, i, p, f[i * n + p]);
  for (let i = n - 1; i >= 0; i--) {
    for (let p = i + 1; p < n; p++) subtractRow(x, cols, i, p, f[i * n + p]);
    const pivot = f[i * n + i];
    for (let j = i * cols; j < (i + 1) * cols; j++) x[j] /= pivot;
  }
}

/** Right-looking, by panels of columns; swaps[i] is the row exchanged with row i at step i. */
export function plainFactorise(a: Float64Array, n: number, swaps: Int32Array): void {
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
