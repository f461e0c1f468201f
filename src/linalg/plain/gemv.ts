import type { Matrix } from '../matrix.js';

/** y ← alpha op(A) x + beta y for lengths that fit. */
export function plainGemv(
  y: Float64Array,
  { rows, cols, data }: Matrix,
  x: Float64Array,
  trans: boolean,
  alpha: number,
  beta: number,
): void {
  if (trans) columns(y, data, x, rows, cols, alpha, beta);
  else rowsOf(y, data, x, rows, cols, alpha, beta);
}

/** Four rows share each load of x. */
function rowsOf(
  y: Float64Array,
  a: Float64Array,
  x: Float64Array,
  rows: number,
  cols: number,
  alpha: number,
  beta: number,
): void {
  let i = 0;
  for (; i + 3 < rows; i += 4) {
    const p0 = i * cols;
    const p1 = p0 + cols;
    const p2 = p1 + cols;
    const p3 = p2 + cols;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0; j < cols; j++) {
      const xj = x[j];
      s0 += a[p0 + j] * xj;
      s1 += a[p1 + j] * xj;
      s2 += a[p2 + j] * xj;
      s3 += a[p3 + j] * xj;
    }
    y[i] = alpha * s0 + (beta === 0 ? 0 : beta * y[i]);
    y[i + 1] = alpha * s1 + (beta === 0 ? 0 : beta * y[i + 1]);
    y[i + 2] = alpha * s2 + (beta === 0 ? 0 : beta * y[i + 2]);
    y[i + 3] = alpha * s3 + (beta === 0 ? 0 : beta * y[i + 3]);
  }
  for (; i < rows; i++) {
    const p = i * cols;
    let s = 0;
    for (let j = 0; j < cols; j++) s += a[p + j] * x[j];
    y[i] = alpha * s + (beta === 0 ? 0 : beta * y[i]);
  }
}

/** Aᵀx as a sum of rows, so that A is still read in the order it is stored. */
function columns(
  y: Float64Array,
  a: Float64Array,
  x: Float64Array,
  rows: number,
  cols: number,
  alpha: number,
  beta: number,
): void {
  if (beta === 0) y.fill(0);
  else if (beta !== 1) for (let j = 0; j < cols; j++) y[j] *= beta;
  let i = 0;
  for (; i + 3 < rows; i += 4) {
    const p0 = i * cols;
    const p1 = p0 + cols;
    const p2 = p1 + cols;
    const p3 = p2 + cols;
    const x0 = alpha * x[i];
    const x1 = alpha * x[i + 1];
    const x2 = alpha * x[i + 2];
    const x3 = alpha * x[i + 3];
    for (let j = 0; j < cols; j++)
      y[j] += x0 * a[p0 + j] + x1 * a[p1 + j] + (x2 * a[p2 + j] + x3 * a[p3 + j]);
  }
  for (; i < rows; i++) {
    const p = i * cols;
    const xi = alpha * x[i];
    for (let j = 0; j < cols; j++) y[j] += xi * a[p + j];
  }
}
