import type { Matrix } from './matrix.js';
import { plainEigenvalues } from './plain/eigenvalues.js';
import { MAX_STEPS } from './plain/francis.js';
import { begin, given, lines, space, taken, toStage } from './staging.js';
import { binaryExponent, maxAbs } from './vector.js';
import { kernels } from './wasm.js';

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
  const converged = inKernels(A, exponent, re, im) ?? plainEigenvalues(A, exponent, re, im);
  return { ...sorted(re, im), converged };
}

function inKernels(A: Matrix, exponent: number, re: Float64Array, im: Float64Array): boolean | undefined {
  const fast = kernels();
  const n = A.rows;
  if (!fast || n === 0) return undefined;
  const work = fast.eigenvaluesWork(n);
  if (!begin(toStage(A.data) + 2 * lines(n) + work)) return undefined;
  const a = given(A.data);
  const r = space(n);
  const i = space(n);
  const converged = fast.eigenvalues(n, a, exponent, r, i, MAX_STEPS, space(work));
  taken(re, r);
  taken(im, i);
  return converged !== 0;
}

function sorted(re: Float64Array, im: Float64Array): { re: Float64Array; im: Float64Array } {
  const modulus = re.map((x, i) => Math.hypot(x, im[i]));
  const order = Array.from(re.keys()).sort((p, q) => {
    if (Number.isNaN(modulus[p]) || Number.isNaN(modulus[q]))
      return Number(Number.isNaN(modulus[p])) - Number(Number.isNaN(modulus[q]));
    return modulus[q] - modulus[p] || re[q] - re[p] || im[q] - im[p];
  });
  return { re: Float64Array.from(order, (i) => re[i]), im: Float64Array.from(order, (i) => im[i]) };
}
