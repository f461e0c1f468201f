import { describe, expect, test } from 'vitest';
import { pseudospectrum, transient } from '../../src/dynamics/non-normality.js';
import { slowModes } from '../../src/dynamics/slow-modes.js';
import { eigenvalues } from '../../src/linalg/index.js';
import { type Matrix, matrix, transpose } from '../../src/linalg/matrix.js';
import type { Complex } from '../../src/result.js';
import { diagonal, gaussian, orthogonal, product, scaled } from '../linalg/helpers.js';

const spectrumOf = (J: Matrix): Complex[] => {
  const { re, im } = eigenvalues(J);
  return Array.from(re, (v, i): Complex => [v, im[i]!]);
};

const look = (J: Matrix, epsilon = 0.01) => pseudospectrum(J, spectrumOf(J), epsilon);

describe('powers', () => {
  test('of a Jordan block peak where k λᵏ⁻¹ does, and are found however small', () => {
    // J = [a, c; 0, a]: Jᵏ = [aᵏ, k c aᵏ⁻¹; 0, aᵏ], ‖·‖ from σ₁σ₂ = a²ᵏ and σ₁² + σ₂² = 2a²ᵏ + (k c aᵏ⁻¹)².
    const [a, c] = [0.8, 5];
    const norm = (k: number): number => {
      const [p, q] = [a ** k, k * c * a ** (k - 1)];
      return (q + Math.sqrt(q * q + 4 * p * p)) / 2;
    };
    const found = transient(matrix(2, 2, [a, c, 0, a]), 4000, true);
    const best = Array.from({ length: 50 }, (_, k) => norm(k));
    expect(found.peakPower).toBe(best.indexOf(Math.max(...best)));
    expect(found.peak).toBeCloseTo(Math.max(...best), 10);
    expect(found.peakIsLowerBound).toBe(false);
    // 0.8⁴⁰⁰⁰ = 10⁻³⁸⁷: below the smallest double.
    expect(found.log10Norm[4000]).toBeCloseTo(4000 * Math.log10(a) + Math.log10((4000 * c) / a), 6);
  });

  test('of a nilpotent matrix end at exactly zero, and those that grow say that the peak is still to come', () => {
    expect(transient(matrix(2, 2, [0, 3, 0, 0]), 10, true).log10Norm).toEqual([
      0,
      Math.log10(3),
      Number.NEGATIVE_INFINITY,
    ]);
    expect(transient(matrix(1, 1, [1.1]), 10, false).peakIsLowerBound).toBe(true);
  });
});

test('a peak beyond the powers that were looked at one by one is found at their multiples', () => {
  // ‖Jᵏ‖ ≈ k c aᵏ⁻¹ is largest near k = −1/ln a = 999.5.
  const found = transient(matrix(2, 2, [0.999, 1, 0, 0.999]), 50, true);
  expect(found.peakIsLowerBound).toBe(false);
  expect(Math.abs(found.peakPower - 999.5)).toBeLessThanOrEqual(50);
  expect(found.peak / (1000 * 0.999 ** 999)).toBeCloseTo(1, 2);
});

describe('pseudospectra', () => {
  test('of a normal matrix are discs: nothing is hidden', () => {
    const Q = orthogonal(6, 1);
    const J = product(Q, diagonal([0.9, -0.7, 0.5, 0.2, 0.1, 0]), transpose(Q));
    const found = look(J, 0.05);
    expect(found.radius).toBeCloseTo(0.95, 3);
    expect(found.distanceToUnitCircle).toBeCloseTo(0.1, 3);
    expect(found.kreiss).toBeCloseTo(1, 3);
  });

  test.each([0.5, 3, 40])('of [0, %d; 0, 0] are those on paper', (a) => {
    // zI − J has σ₁σ₂ = r², σ₁² + σ₂² = 2r² + a², r = |z|: σ₂ = (sqrt(a² + 4r²) − a)/2.
    const least = (r: number): number => (2 * r * r) / (Math.sqrt(a * a + 4 * r * r) + a);
    const found = look(matrix(2, 2, [0, a, 0, 0]), 0.01);
    expect(found.radius).toBeCloseTo(Math.sqrt(0.01 ** 2 + a * 0.01), 3);
    expect(found.distanceToUnitCircle / least(1)).toBeCloseTo(1, 2);
    let kreiss = 1;
    for (let r = 1.001; r < 200; r *= 1.001) kreiss = Math.max(kreiss, (r - 1) / least(r));
    expect(found.kreiss / kreiss).toBeCloseTo(1, 2);
  });

  test('give a Kreiss constant that the powers keep: K ≤ max ‖Jᵏ‖ ≤ e n K', () => {
    for (const seed of [1, 2, 3]) {
      const G = gaussian(12, 12, seed);
      const J = scaled(G, 0.95 / Math.hypot(...spectrumOf(G)[0]!));
      const { kreiss } = look(J);
      const { peak } = transient(J, 400, true);
      expect(kreiss).toBeLessThanOrEqual(peak * (1 + 1e-6));
      expect(peak).toBeLessThanOrEqual(Math.E * 12 * kreiss);
    }
  });

  test('have an infinite Kreiss constant where powers grow', () => {
    expect(look(matrix(1, 1, [1.2])).kreiss).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('slow modes', () => {
  test('of a triangular matrix read and write as on paper', () => {
    // λ = 0.9: x = (1, 0), y ∝ (1, 1/0.7). λ = 0.2: x ∝ (1, −0.7), y = (0, 1).
    const J = matrix(2, 2, [0.9, 1, 0, 0.2]);
    const B = matrix(2, 1, [0, 1]);
    const [slow, fast] = slowModes(J, B, spectrumOf(J), 6);
    const length = Math.hypot(1, 1 / 0.7);
    expect(slow!.eigenvalue).toEqual([expect.closeTo(0.9, 12), 0]);
    expect(slow!.right.map(([re]) => re)).toEqual([expect.closeTo(1, 12), expect.closeTo(0, 12)]);
    expect(slow!.left.map(([re]) => re)).toEqual([
      expect.closeTo(1 / length, 12),
      expect.closeTo(1 / 0.7 / length, 12),
    ]);
    expect(slow!.condition).toBeCloseTo(length, 10);
    // An input to entry 2 pushes the mode by yᵀB/yᵀx = 1/0.7.
    expect(slow!.inputGains[0]).toBeCloseTo(1 / 0.7, 10);
    expect(Math.abs(fast!.left[1]![0])).toBeCloseTo(1, 12);
  });

  test('a complex pair is one mode, and what is 0 is none', () => {
    const J = matrix(3, 3, [0.5, -0.5, 0, 0.5, 0.5, 0, 0, 0, 0]);
    const modes = slowModes(J, matrix(3, 0, []), spectrumOf(J), 6);
    expect(modes).toHaveLength(1);
    expect(modes[0]!.eigenvalue[1]).toBeCloseTo(0.5, 12);
    expect(modes[0]!.condition).toBeCloseTo(1, 10);
  });
});
