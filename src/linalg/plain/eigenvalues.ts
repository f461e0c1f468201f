import type { Matrix } from '../matrix.js';
import { scaleByPowerOfTwo } from '../vector.js';
import { balance } from './balance.js';
import { francis } from './francis.js';
import { hessenberg } from './hessenberg.js';

/** Eigenvalues of A, whose largest entry has that exponent, in no order; whether all were found. */
export function plainEigenvalues(A: Matrix, exponent: number, re: Float64Array, im: Float64Array): boolean {
  const n = A.rows;
  const ld = paddedStride(n);
  const h = reserve(n * ld);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) h[i * ld + j] = scaleByPowerOfTwo(A.data[i * n + j], -exponent);
  const active = balance(h, n, ld);
  hessenberg(h, ld, active);
  const converged = francis(h, n, ld, active, re, im);
  for (let i = 0; i < n; i++) {
    re[i] = scaleByPowerOfTwo(re[i], exponent);
    im[i] = scaleByPowerOfTwo(im[i], exponent);
  }
  return converged;
}

let scratch = new Float64Array(0);

function reserve(size: number): Float64Array {
  if (scratch.length < size) scratch = new Float64Array(size);
  return scratch;
}

/** A column walk over a power-of-two stride meets the same cache lines again and again; an odd multiple of 8 does not. */
const paddedStride = (n: number): number => (n < 32 ? n : (((n + 7) >> 3) | 1) << 3);
