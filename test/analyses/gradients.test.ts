import { describe, expect, test } from 'vitest';
import { type GradientsValue, gradients } from '../../analyses/gradients.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { autonomous, diagonal, logistic } from '../oracles.js';

const run = async (
  system: ReturnType<typeof diagonal>,
  start: number[],
  given: Record<string, unknown>,
): Promise<GradientsValue> =>
  (await gradients.run(autonomous(system, start), resolve(gradients.options, given), unwatched)).value;

describe('of a diagonal map', () => {
  test('the norms are powers of its largest entry, far below what doubles hold', async () => {
    const value = await run(diagonal([0.01, 0.001]), [0, 0], { lags: 2000 });
    expect(value.log10SpectralNorm[2000]).toBeCloseTo(-4000, 8);
    expect(value.rate).toBeCloseTo(Math.log(0.01), 10);
    expect(value.halfLife).toBeCloseTo(Math.LN2 / -Math.log(0.01), 10);
  });

  test('the Frobenius norm joins all directions', async () => {
    const value = await run(diagonal([0.5, 0.5, 0.5, 0.5]), [0, 0, 0, 0], { lags: 10 });
    expect(value.log10FrobeniusNorm[10]).toBeCloseTo(Math.log10(2 * 0.5 ** 10), 12);
  });

  test('singular values above the rounding floor are its entries’ powers', async () => {
    const value = await run(diagonal([0.5, 0.25]), [0, 0], { lags: 50 });
    const at20 = value.singularValues.log10[value.singularValues.lags.indexOf(20)]!;
    expect(at20[0]).toBeCloseTo(20 * Math.log10(0.5), 10);
    expect(at20[1]).toBeCloseTo(20 * Math.log10(0.25), 8);
    // At lag 50 the second is 2⁻⁵⁰ of the first, near the floor; by lag 60 it would be gone.
    expect(value.singularValues.log10.at(-1)!.length).toBeLessThanOrEqual(2);
  });

  test('an entry of 0 ends the gradient for good', async () => {
    const value = await run(diagonal([0]), [0], { lags: 30 });
    expect(value.log10SpectralNorm.slice(1).every((v) => v === Number.NEGATIVE_INFINITY)).toBe(true);
    expect(value.horizon).toBe(0);
    expect(value.verdict).toBe('vanishing');
  });
});

describe('the verdict', () => {
  test.each([
    [0.9, 'vanishing'],
    [1.1, 'exploding'],
    [0.999, 'preserved'],
    [1, 'preserved'],
  ])('on a factor of %d a step over 100 steps is %s', async (factor, verdict) => {
    expect((await run(diagonal([factor]), [0], { length: 100 })).verdict).toBe(verdict);
  });

  test('is open where fewer lags were looked at than were asked about', async () => {
    expect((await run(diagonal([0.999]), [0], { lags: 20, length: 100 })).verdict).toBe('undetermined');
  });
});

test('the horizon is the largest lag at which the norm is still above the threshold', async () => {
  // 0.5^9 = 0.00195, 0.5^10 = 0.00098
  const value = await run(diagonal([0.5]), [0], { threshold: 1e-3 });
  expect(value.horizon).toBe(9);
  expect(value.horizonIsLowerBound).toBe(false);
  expect((await run(diagonal([0.999]), [0], { lags: 50 })).horizonIsLowerBound).toBe(true);
});

test('windows are averaged, and their spread is told', async () => {
  // J = 2 or 1/2 by turns along a cycle of period two: log2 of a product over an odd lag is ±1 by where it ends.
  const flip = functionSystem({
    dimension: 1,
    step: ([s]) => [-s!],
    jacobian: ([s]) => [[s! > 0 ? -2 : -0.5]],
  });
  const value = await run(flip, [1], { end: 101, lags: 21, windows: 81 });
  expect(value.ends).toHaveLength(81);
  expect(Math.abs(value.log10SpectralNorm[21]!)).toBeLessThan(0.01);
  expect(value.log10Spread![21]).toBeCloseTo(Math.log10(2), 1);
  expect(value.log10Spread![20]).toBeCloseTo(0, 12);
});

test('the norm’s slope on a chaotic orbit is the Lyapunov exponent ln 2 of the logistic map', async () => {
  const value = await run(logistic(4), [0.1234], { end: 5000, lags: 4000 });
  expect(value.log10SpectralNorm[4000]! * Math.LN10).toBeGreaterThan(4000 * Math.LN2 * 0.98);
  expect(value.log10SpectralNorm[4000]! * Math.LN10).toBeLessThan(4000 * Math.LN2 * 1.02);
});
