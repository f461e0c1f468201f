import fc from 'fast-check';
import { determinant, Matrix as MlMatrix, solve as mlSolve } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  gemv,
  identity,
  logAbsDet,
  lu,
  type Matrix,
  matrix,
  norm2,
  toRows,
  transpose,
  zeros,
} from '../../src/linalg/index.js';
import { random } from '../../src/random.js';
import {
  diagonal,
  difference,
  EPS,
  gaussian,
  hilbert,
  onEachArithmetic,
  orthogonal,
  product,
  scaleColumns,
  scaled,
  scaleRows,
} from './helpers.js';

const columnNorm = (A: Matrix): number =>
  Math.max(...toRows(transpose(A)).map((column) => column.reduce((s, x) => s + Math.abs(x), 0)));

/** ln det of the n×n Hilbert matrix: Π_{i<n} i!⁴ / Π_{i<2n} i!. */
function logHilbert(n: number): number {
  let log = 0;
  let factorial = 0;
  for (let i = 1; i < 2 * n; i++) {
    factorial += Math.log(i);
    log += (i < n ? 4 : 0) * factorial - factorial;
  }
  return log;
}

onEachArithmetic(() => {
  describe('lu', () => {
    for (const n of [1, 2, 3, 5, 30, 63, 65, 127, 128, 150, 257])
      it(`solves with a residual of rounding size at n = ${n}, also transposed and for many right-hand sides`, () => {
        const A = gaussian(n, n, n);
        const b = gaussian(n, 1, 1).data;
        const f = lu(A);
        // Backward error: ‖b − Ax‖ ≤ c·n·eps·‖A‖‖x‖ (Higham, Thm 9.4), c the growth of the pivots.
        const bound = (x: Float64Array) => 10 * n * EPS * Math.sqrt(n) * norm2(x);
        for (const trans of [false, true]) {
          const x = trans ? f.solveTransposed(b) : f.solve(b);
          const rest = b.slice();
          gemv(rest, A, x, { trans, alpha: -1, beta: 1 });
          expect(norm2(rest)).toBeLessThan(bound(x));
        }
        const inverse = f.solveMatrix(identity(n));
        expect(difference(product(A, inverse), identity(n))).toBeLessThan(bound(inverse.data));
      });

    it('agrees with ml-matrix on solutions and determinants', () => {
      for (const n of [2, 6, 20]) {
        const A = gaussian(n, n, n);
        const b = gaussian(n, 1, 5);
        const x = mlSolve(new MlMatrix(toRows(A)), new MlMatrix(toRows(b))).to1DArray();
        const f = lu(A);
        f.solve(b.data).forEach((value, i) => {
          expect(value).toBeCloseTo(x[i]!, 10);
        });
        const det = determinant(new MlMatrix(toRows(A)));
        expect(f.sign).toBe(Math.sign(det));
        expect(f.logAbsDet).toBeCloseTo(Math.log(Math.abs(det)), 10);
      }
    });

    it('knows the sign of a permutation', () => {
      expect(lu(matrix(3, 3, [0, 1, 0, 0, 0, 1, 1, 0, 0])).sign).toBe(1);
      expect(lu(matrix(3, 3, [0, 1, 0, 1, 0, 0, 0, 0, 1])).sign).toBe(-1);
      expect(lu(matrix(1, 1, [-2])).sign).toBe(-1);
    });

    it('says −Infinity and sign 0 for a matrix with a zero row', () => {
      const f = lu(matrix(2, 2, [1, 2, 0, 0]));
      expect(f.logAbsDet).toBe(Number.NEGATIVE_INFINITY);
      expect(f.sign).toBe(0);
      expect(f.reciprocalCondition()).toBe(0);
    });

    it('has determinant 1 and condition 1 at n = 0', () => {
      const f = lu(zeros(0, 0));
      expect([f.logAbsDet, f.sign, f.reciprocalCondition()]).toEqual([0, 1, 1]);
    });

    it('estimates the reciprocal condition from above, within a factor of three', () => {
      for (let seed = 0; seed < 40; seed++) {
        const n = 2 + (seed % 20);
        const A = scaleRows(
          gaussian(n, n, seed),
          Array.from({ length: n }, (_, i) => 10 ** ((-i * (seed % 5)) / 5)),
        );
        const f = lu(A);
        const truth = 1 / (columnNorm(A) * columnNorm(f.solveMatrix(identity(n))));
        const estimate = f.reciprocalCondition();
        expect(estimate).toBeGreaterThan(truth * (1 - 1e-6));
        expect(estimate).toBeLessThan(3 * truth);
      }
      expect(lu(identity(7)).reciprocalCondition()).toBe(1);
    });

    it('refuses a matrix that is not square and a right-hand side that does not fit', () => {
      expect(() => lu(zeros(2, 3))).toThrow(RangeError);
      expect(() => lu(identity(2)).solve(new Float64Array(3))).toThrow(/3 rows/);
    });
  });

  describe('logAbsDet', () => {
    it('agrees with the closed form for Hilbert matrices, which are barely regular', () => {
      // ln det errs by about eps·κ: the rounding of 1/3 alone does that.
      const condition = [1, 19.3, 524, 1.55e4, 4.77e5, 1.5e7, 4.75e8, 1.53e10];
      for (let n = 1; n <= 8; n++)
        expect(Math.abs(logAbsDet(hilbert(n)) - logHilbert(n))).toBeLessThan(
          n * EPS * condition[n - 1]! + n * EPS * 100,
        );
    });

    it('is zero for orthogonal matrices and their products', () => {
      for (const n of [1, 2, 10, 100, 200]) {
        const Q = orthogonal(n, n);
        expect(Math.abs(logAbsDet(Q))).toBeLessThan(10 * n * EPS);
        expect(Math.abs(logAbsDet(product(Q, orthogonal(n, 1))))).toBeLessThan(20 * n * EPS);
      }
    });

    it('counts a graded diagonal exactly, from whichever side it multiplies', () => {
      for (const n of [3, 20, 130]) {
        const Q = orthogonal(n, n);
        const d = Array.from({ length: n }, (_, i) => 10 ** ((-200 * i) / n));
        const log = d.reduce((s, x) => s + Math.log(x), 0);
        for (const A of [scaleRows(Q, d), scaleColumns(Q, d)])
          expect(Math.abs(logAbsDet(A) / log - 1)).toBeLessThan(1e-12);
      }
    });

    it('is the sum of the logarithms of a diagonal, also where the product would underflow or overflow', () => {
      expect(logAbsDet(diagonal(new Array(50).fill(1e-200)))).toBeCloseTo(-50 * 200 * Math.LN10, 8);
      expect(logAbsDet(diagonal([1e300, -1e300, 5e-324]))).toBeCloseTo(600 * Math.LN10 + Math.log(5e-324), 9);
    });

    it('keeps an exact triangle regular whatever its condition number', () => {
      // All ones on the diagonal, −1 above: determinant 1, condition 2^59 · 60.
      const n = 60;
      const T = identity(n);
      for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) T.data[i * n + j] = -1;
      expect(logAbsDet(T)).toBe(0);
      expect(logAbsDet(matrix(2, 2, [1, 1, 0, 1e-40]))).toBeCloseTo(-40 * Math.LN10, 10);
    });

    it('is −Infinity for every rank-deficient W under any tiny row scaling D', () => {
      const next = random(11);
      for (let trial = 0; trial < 500; trial++) {
        const n = 2 + next.below(trial % 50 === 0 ? 150 : 30);
        const W = product(gaussian(n, n - 1, trial), gaussian(n - 1, n, trial + 1));
        const D = Array.from({ length: n }, () => 10 ** (-200 * next.uniform()));
        expect(logAbsDet(scaleRows(W, D))).toBe(Number.NEGATIVE_INFINITY);
      }
    });

    it('is −Infinity for repeated and zero rows and columns, and for rank one', () => {
      const A = gaussian(6, 6, 1);
      A.data.copyWithin(6, 0, 6);
      expect(logAbsDet(A)).toBe(Number.NEGATIVE_INFINITY);
      expect(logAbsDet(transpose(A))).toBe(Number.NEGATIVE_INFINITY);
      expect(logAbsDet(scaleRows(gaussian(4, 4, 2), [1, 0, 1, 1]))).toBe(Number.NEGATIVE_INFINITY);
      expect(logAbsDet(scaleColumns(gaussian(4, 4, 2), [1, 1, 1, 0]))).toBe(Number.NEGATIVE_INFINITY);
      expect(logAbsDet(product(gaussian(9, 1, 3), gaussian(1, 9, 4)))).toBe(Number.NEGATIVE_INFINITY);
      expect(logAbsDet(matrix(3, 3, [1, 2, 3, 4, 5, 6, 7, 8, 9]))).toBe(Number.NEGATIVE_INFINITY);
      expect(logAbsDet(zeros(3, 3))).toBe(Number.NEGATIVE_INFINITY);
    });

    it('adds up the logarithms of D and of W for regular W and tiny D, to 1e-12', () => {
      const next = random(12);
      for (const n of [2, 5, 20, 80, 160]) {
        const W = gaussian(n, n, n);
        const D = Array.from({ length: n }, () => 10 ** (-200 * next.uniform()));
        const expected = logAbsDet(W) + D.reduce((s, d) => s + Math.log(d), 0);
        expect(Math.abs(logAbsDet(scaleRows(W, D)) / expected - 1)).toBeLessThan(1e-12);
      }
    });

    it('is finite as long as the determinant has a correct digit, and −Infinity beyond', () => {
      for (const n of [10, 60]) {
        const sigma = (last: number) =>
          diagonal(Array.from({ length: n }, (_, i) => (i === n - 1 ? last : 1)));
        const U = orthogonal(n, 1);
        const V = orthogonal(n, 2);
        const nearly = logAbsDet(product(U, sigma(1e-10), V));
        // σ_n moves by at most 2n·eps in forming the two products.
        expect(Math.abs(nearly - Math.log(1e-10))).toBeLessThan((4 * n * EPS) / 1e-10);
        expect(logAbsDet(product(U, sigma(1e-17), V))).toBe(Number.NEGATIVE_INFINITY);
      }
    });

    it('does not depend on a common factor, except by n times its logarithm', () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 8 }),
          fc.integer({ min: -900, max: 900 }),
          fc.integer(),
          (n, e, seed) => {
            const A = gaussian(n, n, seed);
            expect(Math.abs(logAbsDet(scaled(A, 2 ** e)) - logAbsDet(A) - n * e * Math.LN2)).toBeLessThan(
              1e-15 * n * 1e4,
            );
          },
        ),
        { numRuns: 200, seed: 2 },
      );
    });

    it('is 0 for the empty matrix and NaN for one with a NaN', () => {
      expect(logAbsDet(zeros(0, 0))).toBe(0);
      expect(logAbsDet(matrix(2, 2, [1, Number.NaN, 0, 1]))).toBeNaN();
      expect(() => logAbsDet(zeros(2, 3))).toThrow(RangeError);
    });
  });
});
