import fc from 'fast-check';
import { Matrix as MlMatrix, QrDecomposition as MlQr } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  copy,
  frobeniusNorm,
  identity,
  type Matrix,
  qrInPlace,
  release,
  resident,
  toRows,
  zeros,
} from '../../src/linalg/index.js';
import { referenceQr } from '../../src/linalg/reference.js';
import { random } from '../../src/random.js';
import {
  diagonal,
  difference,
  EPS,
  gaussian,
  onEachArithmetic,
  orthogonal,
  orthogonalityError,
  product,
  scaleColumns,
  scaled,
} from './helpers.js';

function decompose(A: Matrix): { Q: Matrix; R: Matrix; r: Float64Array } {
  const Q = copy(A);
  const R = zeros(A.cols, A.cols);
  R.data.fill(Number.NaN);
  const r = qrInPlace(Q, R);
  return { Q, R, r };
}

/** Householder QR errs by a small multiple of √k·eps·‖A‖ and departs from orthogonality by one of √k·eps. */
function expectFactors(A: Matrix): Float64Array {
  const { Q, R, r } = decompose(A);
  const k = A.cols;
  expect(orthogonalityError(Q)).toBeLessThan(Math.max(20, 5 * k) * EPS);
  expect(difference(product(Q, R), A)).toBeLessThanOrEqual(Math.max(20, 2 * k) * EPS * frobeniusNorm(A));
  for (let i = 0; i < k; i++) {
    expect(r[i]).toBeGreaterThanOrEqual(0);
    expect(R.data[i * k + i]).toBe(r[i]);
    for (let j = 0; j < i; j++) expect(R.data[i * k + j]).toBe(0);
  }
  return r;
}

onEachArithmetic(() => {
  describe('qrInPlace', () => {
    for (const [n, k] of [
      [1, 1],
      [2, 2],
      [2, 1],
      [3, 2],
      [8, 8],
      [40, 7],
      [64, 64],
      [79, 79],
      [80, 80],
      [81, 81],
      [100, 97],
      [150, 90],
      [250, 250],
      [5, 3],
      [31, 31],
      [32, 32],
      [33, 33],
      [63, 63],
      [65, 65],
      [127, 65],
      [257, 127],
      [257, 257],
      [500, 8],
      [500, 1],
    ] as const)
      it(`gives orthonormal columns and the matrix back at ${n}×${k}`, () => {
        const A = gaussian(n, k, n + k);
        const r = expectFactors(A);
        // The same bytes where the kernels find it in place.
        const owner = {};
        const Q = resident(owner, n, k);
        Q.data.set(A.data);
        const found = qrInPlace(Q);
        if (n * k >= 64) expect(found).toEqual(r);
        expect(orthogonalityError(Q)).toBeLessThan(Math.max(20, 5 * k) * EPS);
        release(owner);
      });

    it('agrees with Gram–Schmidt and with ml-matrix, signs made equal', () => {
      for (const n of [3, 20, 96]) {
        // Diagonally heavy, so that the factors themselves are well conditioned.
        const A = gaussian(n, n, n);
        for (let i = 0; i < n; i++) A.data[i * (n + 1)]! += 4 * Math.sqrt(n);
        const { Q, R } = decompose(A);
        const twin = referenceQr(A);
        expect(difference(Q, twin.Q)).toBeLessThan(100 * n * EPS);
        expect(difference(R, twin.R)).toBeLessThan(100 * n * EPS * frobeniusNorm(A));
        const theirs = new MlQr(new MlMatrix(toRows(A))).upperTriangularMatrix;
        for (let i = 0; i < n; i++)
          expect(Math.abs(Math.abs(theirs.get(i, i)) - R.data[i * (n + 1)]!)).toBeLessThan(
            50 * n * EPS * 8 * Math.sqrt(n),
          );
      }
    });

    it('gives the same diagonal with and without R', () => {
      const A = gaussian(90, 90, 4);
      expect(qrInPlace(copy(A))).toEqual(decompose(A).r);
    });

    it('keeps ‖QᵀQ − I‖ below 1e-13 at condition 1e12', () => {
      for (const n of [16, 100, 200]) {
        const sigma = Array.from({ length: n }, (_, i) => 10 ** ((-12 * i) / (n - 1)));
        const { Q } = decompose(product(orthogonal(n, 1), diagonal(sigma), orthogonal(n, 2)));
        expect(orthogonalityError(Q)).toBeLessThan(1e-13);
      }
    });

    it('keeps Q orthonormal when columns are zero, repeated or combinations of others', () => {
      for (const n of [5, 30, 100]) {
        const A = gaussian(n, n, n);
        for (let i = 0; i < n; i++) {
          const row = i * n;
          A.data[row + 2] = 0;
          A.data[row + 3] = 2 * A.data[row]!;
          A.data[row + n - 1] = A.data[row]! - A.data[row + 1]!;
        }
        const r = expectFactors(A);
        expect(r[2]).toBe(0);
        expect(r[3]).toBeLessThan(n * EPS * 4 * Math.sqrt(n));
      }
    });

    it('takes the zero matrix to the identity and zeros', () => {
      for (const n of [1, 3, 90]) {
        const Q = zeros(n, n);
        expect(Array.from(qrInPlace(Q))).toEqual(new Array(n).fill(0));
        expect(Q).toEqual(identity(n));
      }
    });

    it('does not depend on the scale of a column, from 1e-150 to 1e150', () => {
      for (const n of [4, 30, 100]) {
        const A = gaussian(n, n, n);
        const next = random(n);
        const powers = Array.from({ length: n }, () => 2 ** (next.below(997) - 498));
        const plain = qrInPlace(copy(A));
        const graded = scaleColumns(A, powers);
        const r = qrInPlace(graded);
        for (let j = 0; j < n; j++) expect(r[j]! / powers[j]!).toBe(plain[j]);
        expect(orthogonalityError(graded)).toBeLessThan(5 * n * EPS + 20 * EPS);
      }
    });

    it('resolves what rounding leaves of a dependent column even at 1e-150', () => {
      const A = scaled(gaussian(6, 6, 1), 1e-150);
      for (let i = 0; i < 6; i++) A.data[i * 6 + 4] = A.data[i * 6]! / 3;
      const { Q, r } = decompose(A);
      expect(orthogonalityError(Q)).toBeLessThan(30 * EPS);
      expect(r[4]).toBeLessThan(1e-164);
    });

    it('finds the diagonal of QR from an orthogonal Q and a graded triangle to full relative accuracy', () => {
      const n = 40;
      const R = gaussian(n, n, 3);
      const d = Array.from({ length: n }, (_, j) => 10 ** (-3 * j));
      for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) R.data[i * n + j] = i === j ? 3 : 0;
      const r = qrInPlace(scaleColumns(product(orthogonal(n, 9), R), d));
      // Column scaling aside, the relative error of R_jj is that of a matrix with condition number κ(R).
      for (let j = 0; j < n; j++) expect(Math.abs(r[j]! / (3 * d[j]!) - 1)).toBeLessThan(1e-11);
    });

    it('holds for any small matrix of ordinary numbers', () => {
      const entry = fc.oneof(
        fc.constantFrom(0, 0, 1, -1),
        fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((x) => (Math.abs(x) < 1e-100 ? 0 : x)),
      );
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 6 }),
          fc.integer({ min: 0, max: 4 }),
          fc.infiniteStream(entry),
          (k, more, s) => {
            const A = zeros(k + more, k);
            for (let i = 0; i < A.data.length; i++) A.data[i] = s.next().value;
            expectFactors(A);
          },
        ),
        { numRuns: 300, seed: 1 },
      );
    });

    it('accepts no columns and refuses more columns than rows', () => {
      expect(qrInPlace(zeros(3, 0)).length).toBe(0);
      expect(() => qrInPlace(zeros(2, 3))).toThrow(RangeError);
      expect(() => qrInPlace(zeros(3, 2), zeros(3, 3))).toThrow(RangeError);
    });
  });
});
