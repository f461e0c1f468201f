import { Matrix as MlMatrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  copy,
  gemm,
  type Matrix,
  release,
  resident,
  rowBlock,
  toRows,
  zeros,
} from '../../src/linalg/index.js';
import { referenceProduct } from '../../src/linalg/reference.js';
import { difference, EPS, gaussian, onEachArithmetic, scaled, scaleRows } from './helpers.js';

/** A sum of k products errs by at most k·eps times the sum of absolute products, however it is ordered. */
function expectProduct(C: Matrix, A: Matrix, B: Matrix, transA: boolean, transB: boolean): void {
  const depth = transA ? A.rows : A.cols;
  const absolute = (M: Matrix): Matrix => ({ ...M, data: M.data.map(Math.abs) });
  const exact = referenceProduct(A, B, transA, transB);
  const bound = referenceProduct(absolute(A), absolute(B), transA, transB);
  const worst = C.data.reduce((w, x, i) => Math.max(w, Math.abs(x - exact.data[i]!) / bound.data[i]!), 0);
  expect(worst).toBeLessThanOrEqual(2 * (depth + 1) * EPS);
}

const shapes = [
  [1, 1, 1],
  [2, 2, 2],
  [3, 5, 7],
  [4, 4, 4],
  [5, 1, 9],
  [1, 6, 4],
  [8, 8, 8],
  [13, 17, 11],
  [3, 40, 200],
  [200, 2, 60],
  [33, 34, 35],
  [65, 67, 259],
  [70, 515, 41],
  [127, 33, 63],
  [257, 65, 300],
  [129, 7, 130],
  [11, 9, 2100],
] as const;

onEachArithmetic(() => {
  describe('gemm', () => {
    for (const [m, n, k] of shapes)
      for (const transA of [false, true])
        for (const transB of [false, true])
          it(`agrees with the triple loop for ${m}×${k} times ${k}×${n}, transposed: ${transA} ${transB}`, () => {
            const A = transA ? gaussian(k, m, 1) : gaussian(m, k, 1);
            const B = transB ? gaussian(n, k, 2) : gaussian(k, n, 2);
            const C = zeros(m, n);
            gemm(C, A, B, { transA, transB });
            expectProduct(C, A, B, transA, transB);
            // The same where the kernels find it in place.
            const owner = {};
            const inPlace = (M: Matrix) => {
              const R = resident(owner, M.rows, M.cols);
              R.data.set(M.data);
              return R;
            };
            const D = resident(owner, m, n);
            gemm(D, inPlace(A), inPlace(B), { transA, transB });
            expectProduct(D, A, B, transA, transB);
            release(owner);
          });

    it('agrees with ml-matrix at a size that uses every block', () => {
      const A = gaussian(130, 300, 3);
      const B = gaussian(300, 530, 4);
      const C = zeros(130, 530);
      gemm(C, A, B);
      const twin = new MlMatrix(toRows(A)).mmul(new MlMatrix(toRows(B))).to1DArray();
      const norm = Math.sqrt(130 * 530 * 300);
      expect(difference(C, { ...C, data: Float64Array.from(twin) })).toBeLessThan(300 * EPS * norm);
    });

    it('adds alpha times the product to beta times C', () => {
      const A = gaussian(9, 40, 5);
      const B = gaussian(40, 6, 6);
      const C = gaussian(9, 6, 7);
      const before = copy(C);
      gemm(C, A, B, { alpha: -0.5, beta: 2 });
      const P = referenceProduct(A, B);
      for (let i = 0; i < C.data.length; i++)
        expect(C.data[i]).toBeCloseTo(2 * before.data[i]! - 0.5 * P.data[i]!, 12);
    });

    it('does not read C when beta is zero', () => {
      const A = gaussian(40, 40, 8);
      const C = zeros(40, 40);
      C.data.fill(Number.NaN);
      gemm(C, A, A);
      expect(C.data.every(Number.isFinite)).toBe(true);
    });

    it('takes and fills blocks of rows, and leaves their neighbours alone', () => {
      const A = gaussian(20, 20, 9);
      const C = zeros(60, 20);
      gemm(rowBlock(C, 20, 40), rowBlock(A, 0, 20), A);
      expectProduct(rowBlock(C, 20, 40), A, A, false, false);
      expect(rowBlock(C, 0, 20).data.every((x) => x === 0)).toBe(true);
      expect(rowBlock(C, 40, 60).data.every((x) => x === 0)).toBe(true);
    });

    it('keeps a NaN or an infinity of the factors in the rows and columns that they belong to', () => {
      const A = gaussian(37, 37, 10);
      A.data[5 * 37 + 3] = Number.NaN;
      const C = zeros(37, 37);
      gemm(C, A, gaussian(37, 37, 11));
      C.data.forEach((x, p) => {
        expect(Number.isNaN(x)).toBe(Math.floor(p / 37) === 5);
      });
    });

    it('takes factors of any scale, from 1e-150 to 1e150, and graded ones', () => {
      const A = scaled(gaussian(65, 63, 13), 1e150);
      const B = scaleRows(
        scaled(gaussian(63, 66, 14), 1e-150),
        Array.from({ length: 63 }, (_, i) => 10 ** -i),
      );
      const C = zeros(65, 66);
      gemm(C, A, B);
      expectProduct(C, A, B, false, false);
    });

    it('gives zero for an empty sum and nothing for an empty matrix', () => {
      const C = gaussian(2, 3, 12);
      gemm(C, zeros(2, 0), zeros(0, 3));
      expect(Array.from(C.data)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(() => gemm(zeros(0, 0), zeros(0, 4), zeros(4, 0))).not.toThrow();
    });

    it('refuses shapes that do not fit and a result that is a factor', () => {
      const A = zeros(3, 4);
      expect(() => gemm(zeros(3, 3), A, A)).toThrow(RangeError);
      expect(() => gemm(zeros(4, 4), A, A, { transB: true })).toThrow(/3×4/);
      const S = zeros(3, 3);
      expect(() => gemm(S, S, zeros(3, 3))).toThrow(RangeError);
    });
  });
});
