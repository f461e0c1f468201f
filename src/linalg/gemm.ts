import type { Matrix } from './matrix.js';

export interface GemmOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
  readonly beta?: number;
}

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
  const aRow = transA ? 1 : A.cols;
  const aCol = transA ? A.cols : 1;
  const bRow = transB ? 1 : B.cols;
  const bCol = transB ? B.cols : 1;
  scale(C.data, m * n, options?.beta ?? 0);
  accumulate(m, n, k, options?.alpha ?? 1, A.data, 0, aRow, aCol, B.data, 0, bRow, bCol, C.data, 0, n);
}

function mismatch(C: Matrix, A: Matrix, B: Matrix, transA: boolean, transB: boolean): RangeError {
  const shape = (M: Matrix, trans = false) => `${M.rows}×${M.cols}${trans ? ' transposed' : ''}`;
  return new RangeError(`gemm: ${shape(A, transA)} times ${shape(B, transB)} does not give ${shape(C)}`);
}

function scale(c: Float64Array, count: number, beta: number): void {
  if (beta === 0) c.fill(0, 0, count);
  else if (beta !== 1) for (let i = 0; i < count; i++) c[i] *= beta;
}

/**
 * C ← C + alpha A B on blocks inside larger arrays: A(i, p) is a[aFrom + i·aRow + p·aCol], B likewise, and
 * C(i, j) is c[cFrom + i·cRow + j].
 */
export function accumulate(
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: Float64Array,
  aFrom: number,
  aRow: number,
  aCol: number,
  b: Float64Array,
  bFrom: number,
  bRow: number,
  bCol: number,
  c: Float64Array,
  cFrom: number,
  cRow: number,
): void {
  for (let i = 0; i < m; i++) {
    const ci = cFrom + i * cRow;
    for (let p = 0; p < k; p++) {
      const t = alpha * a[aFrom + i * aRow + p * aCol];
      const bp = bFrom + p * bRow;
      for (let j = 0; j < n; j++) c[ci + j] += t * b[bp + j * bCol];
    }
  }
}
