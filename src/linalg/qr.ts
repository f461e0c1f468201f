import type { Matrix } from './matrix.js';
import { plainQr } from './plain/qr.js';
import { begin, given, lines, room, space, taken, toStage } from './staging.js';
import { addressOf, type Kernels, kernels } from './wasm.js';

/** Below so many entries, an ordinary matrix is decomposed before it could be copied to the kernels. */
const WORTH_COPYING = 64;

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
  const fast = kernels();
  if (!fast || k === 0 || (!addressOf(a) && n * k < WORTH_COPYING)) return plainQr(A, R);
  return inKernels(fast, A, R) ?? plainQr(A, R);
}

function inKernels(fast: Kernels, { rows: n, cols: k, data }: Matrix, R?: Matrix): Float64Array | undefined {
  const work = fast.qrWork(n, k);
  if (!begin(toStage(data) + (R ? toStage(R.data) : 0) + lines(k) + work)) return undefined;
  const diagonal = new Float64Array(k);
  const a = given(data);
  const r = R ? room(R.data) : 0;
  const d = space(k);
  fast.qr(n, k, a, k, r, d, 1, space(work));
  taken(data, a);
  if (R) taken(R.data, r);
  taken(diagonal, d);
  return diagonal;
}
