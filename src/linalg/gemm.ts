import type { Matrix } from './matrix.js';
import { plainGemm } from './plain/gemm.js';
import { begin, given, room, taken, toStage } from './staging.js';
import { type Kernels, kernels } from './wasm.js';

export interface GemmOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
  readonly beta?: number;
}

/** Below so many multiplications, ordinary operands are multiplied before they could be copied to the kernels. */
const WORTH_COPYING = 16 ** 3;

/** C ← alpha op(A) op(B) + beta C. C must not overlap A or B. With beta = 0 the old C is never read. */
export function gemm(C: Matrix, A: Matrix, B: Matrix, options?: GemmOptions): void {
  const transA = options?.transA ?? false;
  const transB = options?.transB ?? false;
  const m = transA ? A.cols : A.rows;
  const k = transA ? A.rows : A.cols;
  const n = transB ? B.rows : B.cols;
  if (C.rows !== m || C.cols !== n || (transB ? B.cols : B.rows) !== k)
    throw mismatch(C, A, B, transA, transB);
  if (C.data === A.data || C.data === B.data) throw new RangeError('gemm: C must not be A or B');
  const alpha = options?.alpha ?? 1;
  const beta = options?.beta ?? 0;
  const fast = kernels();
  if (!fast || !inKernels(fast, C, A, B, k, transA, transB, alpha, beta))
    plainGemm(C, A, B, k, transA, transB, alpha, beta);
}

function mismatch(C: Matrix, A: Matrix, B: Matrix, transA: boolean, transB: boolean): RangeError {
  const shape = (M: Matrix, trans = false) => `${M.rows}×${M.cols}${trans ? ' transposed' : ''}`;
  return new RangeError(`gemm: ${shape(A, transA)} times ${shape(B, transB)} does not give ${shape(C)}`);
}

/** False where it was not worth it, or there was no room to copy what is not resident. */
function inKernels(
  fast: Kernels,
  C: Matrix,
  A: Matrix,
  B: Matrix,
  k: number,
  transA: boolean,
  transB: boolean,
  alpha: number,
  beta: number,
): boolean {
  const { rows: m, cols: n } = C;
  const count = toStage(A.data) + toStage(B.data) + toStage(C.data);
  if (count > 0 && (m * n * k < WORTH_COPYING || !begin(count))) return false;
  const a = given(A.data);
  const b = given(B.data);
  const c = beta === 0 ? room(C.data) : given(C.data);
  const aRow = transA ? 1 : A.cols;
  const aCol = transA ? A.cols : 1;
  const bRow = transB ? 1 : B.cols;
  const bCol = transB ? B.cols : 1;
  fast.gemm(m, n, k, alpha, a, aRow, aCol, b, bRow, bCol, beta, c, n);
  taken(C.data, c);
  return true;
}
