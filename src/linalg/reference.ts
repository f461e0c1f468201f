import { type Matrix, zeros } from './matrix.js';

/** op(A) op(B) by the definition, summed in the order of the index. */
export function referenceProduct(A: Matrix, B: Matrix, transA = false, transB = false): Matrix {
  const m = transA ? A.cols : A.rows;
  const depth = transA ? A.rows : A.cols;
  const n = transB ? B.rows : B.cols;
  const C = zeros(m, n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let p = 0; p < depth; p++)
        C.data[i * n + j] +=
          A.data[transA ? p * A.cols + i : i * A.cols + p] * B.data[transB ? j * B.cols + p : p * B.cols + j];
  return C;
}

/**
 * Thin QR by modified Gram–Schmidt, each column orthogonalised twice ("twice is enough": Giraud, Langou &
 * Rozložník 2005). For columns that are not numerically dependent.
 */
export function referenceQr(A: Matrix): { Q: Matrix; R: Matrix } {
  const { rows: n, cols: k } = A;
  const Q: Matrix = { rows: n, cols: k, data: A.data.slice() };
  const R = zeros(k, k);
  const q = Q.data;
  for (let j = 0; j < k; j++) {
    for (let pass = 0; pass < 2; pass++)
      for (let i = 0; i < j; i++) {
        let r = 0;
        for (let p = 0; p < n; p++) r += q[p * k + i] * q[p * k + j];
        for (let p = 0; p < n; p++) q[p * k + j] -= r * q[p * k + i];
        R.data[i * k + j] += r;
      }
    let sum = 0;
    for (let p = 0; p < n; p++) sum += q[p * k + j] * q[p * k + j];
    const length = Math.sqrt(sum);
    R.data[j * k + j] = length;
    for (let p = 0; p < n; p++) q[p * k + j] /= length;
  }
  return { Q, R };
}

/**
 * Singular values (descending) of the upper bidiagonal matrix with diagonal d and superdiagonal e, by bisection
 * on the 2n×2n tridiagonal matrix with zero diagonal and off-diagonals d_1, e_1, d_2, e_2, …, whose eigenvalues
 * are ±σ_i (Golub & Kahan 1965). Slow, but it cannot fail.
 */
export function bidiagonalByBisection(d: Float64Array, e: Float64Array): Float64Array {
  const n = d.length;
  const off = new Float64Array(2 * n);
  let bound = 0;
  for (let i = 0; i < n; i++) {
    off[2 * i] = d[i];
    if (i + 1 < n) off[2 * i + 1] = e[i];
  }
  for (let i = 0; i < 2 * n; i++)
    bound = Math.max(bound, Math.abs(off[i]) + Math.abs(i > 0 ? off[i - 1] : 0));
  return Float64Array.from({ length: n }, (_, i) => {
    // σ_i is where the number of values at or above x drops below i + 1.
    let low = 0;
    let high = bound * (1 + 4 * Number.EPSILON);
    for (let half = 0; half < 200; half++) {
      const middle = (low + high) / 2;
      if (middle <= low || middle >= high) break;
      if (countAtLeast(off, middle) > i) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  });
}

/** Positive eigenvalues of the zero-diagonal tridiagonal that are ≥ x, from the signs of its LDLᵀ pivots. */
function countAtLeast(off: Float64Array, x: number): number {
  let count = 0;
  let pivot = -x;
  for (let i = 0; ; i++) {
    if (pivot >= 0) count++;
    if (i + 1 >= off.length) return count;
    pivot = -x - (off[i] / (pivot === 0 ? Number.MIN_VALUE : pivot)) * off[i];
  }
}
