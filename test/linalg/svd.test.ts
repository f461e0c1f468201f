import { Matrix as MlMatrix, SVD as MlSvd } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  frobeniusNorm,
  identity,
  type Matrix,
  matrix,
  singularValues,
  spectralNorm,
  toRows,
  transpose,
  zeros,
} from '../../src/linalg/index.js';
import { bidiagonalSingularValues } from '../../src/linalg/plain/bidiagonal.js';
import { bidiagonalByBisection } from '../../src/linalg/reference.js';
import { random } from '../../src/random.js';
import {
  diagonal,
  EPS,
  gaussian,
  hilbert,
  onEachArithmetic,
  orthogonal,
  product,
  scaled,
} from './helpers.js';

const withSingularValues = (sigma: number[], seed: number): Matrix =>
  product(orthogonal(sigma.length, seed), diagonal(sigma), orthogonal(sigma.length, seed + 1));

const largestGap = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  Array.from(x).reduce((worst, v, i) => Math.max(worst, Math.abs(v - y[i]!)), 0);

onEachArithmetic(() => {
  describe('singularValues', () => {
    it('are the absolute values of a diagonal, descending', () => {
      expect(Array.from(singularValues(diagonal([1, -3, 0, 2])))).toEqual([3, 2, 1, 0]);
    });

    for (const [m, n] of [
      [1, 1],
      [1, 7],
      [2, 2],
      [5, 3],
      [3, 5],
      [30, 30],
      [100, 20],
      [64, 96],
      [63, 65],
      [127, 63],
      [257, 100],
      [150, 150],
    ] as const)
      it(`have the squares of the Frobenius norm as their sum, and those of ml-matrix, at ${m}×${n}`, () => {
        const A = gaussian(m, n, m + n);
        const sigma = singularValues(A);
        expect(sigma.length).toBe(Math.min(m, n));
        const sum = sigma.reduce((s, x) => s + x * x, 0);
        const norm = frobeniusNorm(A);
        expect(Math.abs(Math.sqrt(sum) - norm)).toBeLessThan(10 * Math.max(m, n) * EPS * norm);
        const twin = new MlSvd(new MlMatrix(toRows(m < n ? transpose(A) : A))).diagonal;
        expect(largestGap(sigma, twin)).toBeLessThan(30 * Math.max(m, n) * EPS * sigma[0]!);
      });

    it('come back to n·eps·σ₁ from U Σ Vᵀ with clusters, zeros and graded values', () => {
      for (const n of [6, 40, 120]) {
        const spectra = [
          Array.from({ length: n }, (_, i) => 10 ** ((-20 * i) / n)),
          Array.from({ length: n }, (_, i) => (i < n / 2 ? 5 : 1)),
          Array.from({ length: n }, (_, i) => (i < n / 3 ? 1 - i / n : 0)),
          Array.from({ length: n }, () => 1),
        ];
        for (const sigma of spectra)
          expect(largestGap(singularValues(withSingularValues(sigma, n)), sigma)).toBeLessThan(
            6 * n * EPS * sigma[0]!,
          );
      }
    });

    it('of a nilpotent shift are ones and a single zero', () => {
      const n = 12;
      const N = zeros(n, n);
      for (let i = 0; i + 1 < n; i++) N.data[i * n + i + 1] = 1;
      expect(Array.from(singularValues(N))).toEqual([...new Array(n - 1).fill(1), 0]);
    });

    it('scale with the matrix down to 1e-300 and up to 1e300', () => {
      const A = gaussian(5, 5, 1);
      const sigma = singularValues(A);
      for (const factor of [2 ** 990, 2 ** -990])
        expect(Array.from(singularValues(scaled(A, factor)))).toEqual(Array.from(sigma, (s) => s * factor));
    });

    it('of the Hilbert matrix multiply to its determinant', () => {
      // 5×5: det = 1/266716800000 (Choi 1983).
      const det = singularValues(hilbert(5)).reduce((p, s) => p * s, 1);
      expect(Math.abs(det * 266716800000 - 1)).toBeLessThan(5 * EPS * 4.77e5 * 5);
    });

    it('agree with bisection on bidiagonal matrices, zeros on the diagonal included', () => {
      const next = random(5);
      for (let trial = 0; trial < 200; trial++) {
        const n = 1 + next.below(12);
        const entry = () => (next.below(5) === 0 ? 0 : next.normal() * 10 ** (next.below(3) * -4));
        const d = Float64Array.from({ length: n }, entry);
        const e = Float64Array.from({ length: n }, entry);
        const expected = bidiagonalByBisection(d, e.subarray(0, n - 1));
        const [d0, e0] = [d.slice(), e.slice()];
        bidiagonalSingularValues(d, e, n);
        expect(largestGap(d, expected)).toBeLessThan(20 * n * EPS * Math.max(expected[0]!, 1e-300));
        // With no sweeps allowed, bisection does the work.
        bidiagonalSingularValues(d0, e0, n, 0);
        expect(largestGap(d0, expected)).toBeLessThan(20 * n * EPS * Math.max(expected[0]!, 1e-300));
      }
    });

    it('are none for an empty matrix, zero for zero, and refused for NaN', () => {
      expect(singularValues(zeros(0, 3)).length).toBe(0);
      expect(Array.from(singularValues(zeros(2, 3)))).toEqual([0, 0]);
      expect(() => singularValues(matrix(1, 1, [Number.NaN]))).toThrow(RangeError);
    });
  });

  describe('spectralNorm', () => {
    it('is the largest singular value, to 1e-13', () => {
      for (const [m, n] of [
        [3, 3],
        [130, 130],
        [140, 200],
        [200, 140],
        [250, 250],
      ] as const) {
        const A = gaussian(m, n, m);
        expect(Math.abs(spectralNorm(A) / singularValues(A)[0]! - 1)).toBeLessThan(1e-13);
      }
    });

    it('is known from U Σ Vᵀ when the top is single, double, clustered or the whole spectrum', () => {
      const n = 140;
      const tops = [[3], [3, 3], [3, 3 - 1e-7, 3 - 2e-7], [3, 3 - 1e-14], new Array(n).fill(3)];
      for (const top of tops) {
        const sigma = Array.from({ length: n }, (_, i) => top[i] ?? 2 * (1 - i / n));
        // Forming the product moves σ₁ by rounding itself.
        expect(Math.abs(spectralNorm(withSingularValues(sigma, 7)) / 3 - 1)).toBeLessThan(1e-13);
      }
    });

    it('finds a top singular vector that has no part in most directions', () => {
      for (const place of [0, 17, 149]) {
        const d = Float64Array.from({ length: 150 }, (_, i) => (i === place ? 1.0001 : 1 - (i % 7) / 10));
        expect(Math.abs(spectralNorm(diagonal(d)) / 1.0001 - 1)).toBeLessThan(1e-13);
      }
    });

    it('is exact for rank one, orthogonal and zero matrices', () => {
      const u = gaussian(190, 1, 1);
      const v = gaussian(1, 170, 2);
      expect(Math.abs(spectralNorm(product(u, v)) / (frobeniusNorm(u) * frobeniusNorm(v)) - 1)).toBeLessThan(
        1e-13,
      );
      expect(Math.abs(spectralNorm(orthogonal(190, 3)) - 1)).toBeLessThan(1e-13);
      expect(spectralNorm(identity(150))).toBeCloseTo(1, 14);
      expect(spectralNorm(zeros(150, 150))).toBe(0);
      expect(spectralNorm(zeros(0, 0))).toBe(0);
    });

    it('lies between the largest entry and the Frobenius norm at any scale', () => {
      for (const factor of [2 ** 980, 2 ** -1000]) {
        const A = gaussian(150, 150, 8);
        expect(spectralNorm(scaled(A, factor))).toBe(spectralNorm(A) * factor);
      }
    });
  });
});
