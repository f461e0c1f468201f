import { balance } from './balance.js';
import { francis } from './francis.js';
import { hessenberg } from './hessenberg.js';
import type { Matrix } from './matrix.js';
import { binaryExponent, maxAbs, scaleByPowerOfTwo } from './vector.js';

export interface Eigenvalues {
  /** Sorted by modulus, then real part, then imaginary part, all descending; NaN last for those not found. */
  readonly re: Float64Array;
  readonly im: Float64Array;
  readonly converged: boolean;
}

/**
 * Eigenvalues of a real square matrix: scale, balance, reduce to Hessenberg form, then implicit double-shift QR
 * (Golub & Van Loan, Matrix Computations, 4th ed., §7.4–7.5). Always ends; see `converged`.
 */
export function eigenvalues(A: Matrix): Eigenvalues {
  const n = A.rows;
  if (A.cols !== n) throw new RangeError(`eigenvalues: ${n}×${A.cols} is not square`);
  const largest = maxAbs(A.data);
  if (!Number.isFinite(largest))
    throw new RangeError('eigenvalues: the matrix has an entry that is not finite');
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  if (largest === 0) return { re, im, converged: true };
  // Products of entries must neither overflow nor vanish (LAPACK dgeev scales for the same reason).
  const exponent = binaryExponent(largest);
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
  return { ...sorted(re, im), converged };
}

let scratch = new Float64Array(0);

function reserve(size: number): Float64Array {
  if (scratch.length < size) scratch = new Float64Array(size);
  return scratch;
}

/** A column walk over a power-of-two stride meets the same cache lines again and again; an odd multiple of 8 does not. */
const paddedStride = (n: number): number => (n < 32 ? n : (((n + 7) >> 3) | 1) << 3);

function sorted(re: Float64Array, im: Float64Array): { re: Float64Array; im: Float64Array } {
  const modulus = re.map((x, i) => Math.hypot(x, im[i]));
  const order = Array.from(re.keys()).sort((p, q) => {
    if (Number.isNaN(modulus[p]) || Number.isNaN(modulus[q]))
      return Number(Number.isNaN(modulus[p])) - Number(Number.isNaN(modulus[q]));
    return modulus[q] - modulus[p] || re[q] - re[p] || im[q] - im[p];
  });
  return { re: Float64Array.from(order, (i) => re[i]), im: Float64Array.from(order, (i) => im[i]) };
}
