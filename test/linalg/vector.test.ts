import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  addScaledRows,
  axpy,
  dot,
  frobeniusNorm,
  gemv,
  type Matrix,
  matrix,
  norm2,
  release,
  resident,
  residentVector,
  sumScaledRows,
  transpose,
  vectorExp,
  vectorMultiply,
  vectorSigmoid,
  vectorTanh,
  zeros,
} from '../../src/linalg/index.js';
import { EPS, gaussian, onEachArithmetic } from './helpers.js';

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

onEachArithmetic(() => {
  describe('gemv', () => {
    for (const [m, n] of [
      [1, 1],
      [3, 5],
      [4, 4],
      [7, 2],
      [10, 9],
      [33, 64],
      [63, 65],
      [257, 127],
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
        const owner = {};
        const R = resident(owner, m, n);
        R.data.set(A.data);
        for (const [trans, from, twin] of [
          [false, x, y],
          [true, z, w],
        ] as const) {
          const out = gaussian(twin.length, 1, 5).data;
          const before = out.slice();
          gemv(out, R, from, { trans, alpha: -2, beta: 3 });
          out.forEach((v, i) => {
            expect(Math.abs(v - 3 * before[i]! + 2 * twin[i]!)).toBeLessThan(
              10 * (from.length + 2) * EPS * (norm2(from) + Math.abs(before[i]!)),
            );
          });
        }
        release(owner);
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

  describe('sums of scaled rows', () => {
    for (const [m, n] of [
      [1, 1],
      [2, 3],
      [5, 5],
      [63, 65],
      [127, 4],
      [64, 64],
    ] as const)
      it(`are those of dense products with diagonals at ${m}×${n}, in place and not`, () => {
        for (const count of [0, 1, 2, 3, 4, 5, 9])
          for (const inPlace of [false, true]) {
            const owner = {};
            const place = (M: Matrix): Matrix => {
              const R = inPlace ? resident(owner, M.rows, M.cols) : zeros(M.rows, M.cols);
              R.data.set(M.data);
              return R;
            };
            const terms = Array.from({ length: count }, (_, t) => ({
              coefficient: place(gaussian(m, 1, t + 1)).data,
              W: place(gaussian(m, n, t + 20)),
            }));
            const out = place(gaussian(m, n, 99));
            const expected = zeros(m, n);
            const size = zeros(m, n);
            for (const { coefficient, W } of terms)
              for (let i = 0; i < m * n; i++) {
                const product = coefficient[Math.floor(i / n)]! * W.data[i]!;
                expected.data[i] = expected.data[i]! + product;
                size.data[i] = size.data[i]! + Math.abs(product);
              }
            sumScaledRows(out, terms);
            expect(
              out.data.every((x, i) => Math.abs(x - expected.data[i]!) <= count * EPS * size.data[i]!),
            ).toBe(true);
            if (count > 0) {
              const [{ coefficient, W }] = terms as [{ coefficient: Float64Array; W: Matrix }];
              addScaledRows(out, coefficient, W);
              const near = (x: number, i: number): boolean => {
                const more = coefficient[Math.floor(i / n)]! * W.data[i]!;
                const bound = (count + 2) * EPS * (size.data[i]! + Math.abs(more));
                return Math.abs(x - expected.data[i]! - more) <= bound;
              };
              expect(out.data.every(near)).toBe(true);
            }
            release(owner);
          }
      });

    it('refuse what does not fit', () => {
      expect(() => addScaledRows(zeros(2, 3), new Float64Array(3), zeros(2, 3))).toThrow(/2×3/);
    });
  });

  /** |x| in units in the last place of `exact`. */
  function ulps(x: number, exact: number): number {
    if (x === exact || (Number.isNaN(x) && Number.isNaN(exact))) return 0;
    const exponent = Math.max(-1022, Math.floor(Math.log2(Math.abs(exact))));
    return Math.abs(x - exact) / 2 ** (exponent - 52) || Number.POSITIVE_INFINITY;
  }

  describe('exp, sigmoid and tanh of vectors', () => {
    // Values of 40 digits by another program (see the fixture's script), rounded once.
    const rows = JSON.parse(
      readFileSync(new URL('../fixtures/elementary.json', import.meta.url), 'utf8'),
    ) as Record<'x' | 'exp' | 'sigmoid' | 'complement' | 'sigmoidSlope' | 'tanh' | 'tanhSlope', string[]>;
    const numbers = (texts: string[]) => Float64Array.from(texts, Number);
    const x = numbers(rows.x);
    const n = x.length;
    const worst = (found: Float64Array, exact: string[]): number =>
      found.reduce((w, v, i) => Math.max(w, ulps(v, Number(exact[i]))), 0);

    it('are within 2.6 ulp of the exact values from 1e-300 to the end of the range, slopes within 4.5', () => {
      const [value, complement, slope] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
      vectorExp(value, x);
      expect(worst(value, rows.exp)).toBeLessThan(1.5);
      vectorSigmoid(value, x, complement, slope);
      expect(worst(value, rows.sigmoid)).toBeLessThan(2.6);
      expect(worst(complement, rows.complement)).toBeLessThan(2.6);
      expect(worst(slope, rows.sigmoidSlope)).toBeLessThan(4.5);
      vectorTanh(value, x, slope);
      expect(worst(value, rows.tanh)).toBeLessThan(2.6);
      expect(worst(slope, rows.tanhSlope)).toBeLessThan(4.5);
    });

    it('agree at every length and place, in place and not, and touch no neighbours', () => {
      const owner = {};
      for (const length of [1, 2, 3, 5, 31, 32, 33, 63, 65]) {
        const from = gaussian(length, 1, length).data;
        const plain = from.map(Math.tanh);
        for (const where of [new Float64Array(length + 2), residentVector(owner, length + 2)]) {
          where.fill(7);
          const inner = where.subarray(1, length + 1);
          inner.set(from);
          vectorTanh(inner, inner);
          inner.forEach((v, i) => {
            // 2.6 of the kernel's, and one of Math.tanh.
            expect(ulps(v, plain[i]!)).toBeLessThan(4);
          });
          expect([where[0], where[length + 1]]).toEqual([7, 7]);
          inner.set(from);
          vectorMultiply(inner, inner, inner);
          inner.forEach((v, i) => {
            expect(v).toBe(from[i]! * from[i]!);
          });
        }
      }
      release(owner);
    });

    it('keep signs of zero, limits at infinity, and what is not a number', () => {
      const at = new Float64Array(40);
      at.set([-0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1000, -1000]);
      const [value, complement, slope] = [new Float64Array(40), new Float64Array(40), new Float64Array(40)];
      vectorTanh(value, at, slope);
      expect(Array.from(value.subarray(0, 7))).toEqual([-0, 0, 1, -1, Number.NaN, 1, -1]);
      expect(Array.from(slope.subarray(0, 7))).toEqual([1, 1, 0, 0, Number.NaN, 0, 0]);
      vectorSigmoid(value, at, complement, slope);
      expect(Array.from(value.subarray(0, 7))).toEqual([0.5, 0.5, 1, 0, Number.NaN, 1, 0]);
      expect(Array.from(complement.subarray(0, 7))).toEqual([0.5, 0.5, 0, 1, Number.NaN, 0, 1]);
      expect(Array.from(slope.subarray(0, 7))).toEqual([0.25, 0.25, 0, 0, Number.NaN, 0, 0]);
      vectorExp(value, at);
      expect(Array.from(value.subarray(0, 7))).toEqual([
        1,
        1,
        Number.POSITIVE_INFINITY,
        0,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        0,
      ]);
    });

    it('refuse lengths that differ', () => {
      expect(() => vectorTanh(new Float64Array(2), new Float64Array(3))).toThrow(/2/);
    });
  });
});
