import { describe, expect, it } from 'vitest';
import { axpy, dot, frobeniusNorm, gemv, matrix, norm2, transpose } from '../../src/linalg/index.js';
import { EPS, gaussian } from './helpers.js';

describe('vectors', () => {
  it('dot sums the products, whatever the length modulo four', () => {
    for (let n = 0; n < 10; n++) {
      const x = Float64Array.from({ length: n }, (_, i) => i + 1);
      expect(dot(x, x)).toBe((n * (n + 1) * (2 * n + 1)) / 6);
    }
  });

  it('axpy adds a multiple in place', () => {
    const y = Float64Array.of(1, 2, 3);
    axpy(y, 2, Float64Array.of(1, 0, -1));
    expect(Array.from(y)).toEqual([3, 2, 1]);
  });

  it('norm2 is right at every scale, down to subnormal numbers', () => {
    for (const scale of [1, 1e150, 1e-150, 1e300, 1e-300])
      expect(Math.abs(norm2(Float64Array.of(3 * scale, -4 * scale)) / (5 * scale) - 1)).toBeLessThan(4 * EPS);
    expect(norm2(Float64Array.of(3 * 2 ** -1074, 4 * 2 ** -1074))).toBe(5 * 2 ** -1074);
    expect(norm2(Float64Array.of(1e308, 1e308))).toBeCloseTo(Math.SQRT2 * 1e308, -295);
  });

  it('norm2 passes on what is not finite, and is zero for nothing', () => {
    expect(norm2(Float64Array.of(1, Number.NaN))).toBeNaN();
    expect(norm2(Float64Array.of(1, Number.POSITIVE_INFINITY))).toBe(Number.POSITIVE_INFINITY);
    expect(norm2(new Float64Array(0))).toBe(0);
    expect(norm2(new Float64Array(4))).toBe(0);
  });

  it('refuses different lengths', () => {
    expect(() => dot(new Float64Array(2), new Float64Array(3))).toThrow(RangeError);
    expect(() => axpy(new Float64Array(2), 1, new Float64Array(3))).toThrow(RangeError);
  });

  it('the Frobenius norm of a large or tiny matrix neither overflows nor vanishes', () => {
    expect(frobeniusNorm(matrix(2, 2, [1e200, 1e200, 1e200, 1e200]))).toBeCloseTo(2e200, -188);
    expect(frobeniusNorm(matrix(2, 2, [1e-200, 1e-200, 1e-200, 1e-200])) / 2e-200).toBeCloseTo(1, 14);
  });
});

describe('gemv', () => {
  for (const [m, n] of [
    [1, 1],
    [3, 5],
    [4, 4],
    [7, 2],
    [10, 9],
    [33, 64],
  ] as const)
    it(`agrees with rows of dot products for ${m}×${n}, also transposed`, () => {
      const A = gaussian(m, n, m);
      const x = gaussian(n, 1, 2).data;
      const z = gaussian(m, 1, 3).data;
      const y = new Float64Array(m);
      gemv(y, A, x);
      for (let i = 0; i < m; i++)
        expect(Math.abs(y[i]! - dot(A.data.subarray(i * n, (i + 1) * n), x))).toBeLessThan(
          10 * n * EPS * norm2(x),
        );
      const w = new Float64Array(n);
      const expected = new Float64Array(n);
      gemv(w, A, z, { trans: true });
      gemv(expected, transpose(A), z);
      for (let j = 0; j < n; j++)
        expect(Math.abs(w[j]! - expected[j]!)).toBeLessThan(10 * m * EPS * norm2(z));
    });

  it('adds alpha A x to beta y, and does not read y when beta is zero', () => {
    const A = matrix(2, 2, [1, 2, 3, 4]);
    for (const trans of [false, true]) {
      const y = Float64Array.of(10, 20);
      gemv(y, A, Float64Array.of(1, 1), { alpha: 2, beta: 0.5, trans });
      expect(Array.from(y)).toEqual(trans ? [13, 22] : [11, 24]);
      y.fill(Number.NaN);
      gemv(y, A, Float64Array.of(1, 1), { trans });
      expect(Array.from(y)).toEqual(trans ? [4, 6] : [3, 7]);
    }
  });

  it('refuses lengths that do not fit', () => {
    expect(() => gemv(new Float64Array(2), matrix(2, 3, new Float64Array(6)), new Float64Array(2))).toThrow(
      /2×3/,
    );
  });
});
