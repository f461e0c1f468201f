import { describe, expect, test } from 'vitest';
import { BatchMeans } from '../../src/dynamics/batch-means.js';
import { random } from '../../src/random.js';

/** The standard error that a series of T values is given. */
function errorOf(next: () => number, T: number): { error: number; mean: number } {
  const means = new BatchMeans(1);
  for (let t = 0; t < T; t++) means.add(1, [next()]);
  return { error: means.standardErrors()[0]!, mean: means.means()[0]! };
}

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('the standard error', () => {
  const seeds = Array.from({ length: 100 }, (_, k) => k);
  const T = 4096;

  test('of white noise is σ/√T', () => {
    const runs = seeds.map((seed) => {
      const draw = random(seed);
      return errorOf(() => 3 * draw.normal(), T);
    });
    // SE from B batches scatters by 1/√(2(B−1)); the largest over doublings leans upwards.
    const ratio = average(runs.map(({ error }) => error)) / (3 / Math.sqrt(T));
    expect(ratio).toBeGreaterThan(0.97);
    expect(ratio).toBeLessThan(1.25);
    // 68 of 100 true means lie within one error bar, 95 within two: binomial, three deviations.
    const within = (k: number) => runs.filter(({ error, mean }) => Math.abs(mean) <= k * error).length;
    expect(within(1)).toBeGreaterThan(68 - 14);
    expect(within(2)).toBeGreaterThan(95 - 7);
  });

  test('of AR(1) with ρ = 0.9 is near σ √((1 + ρ)/(1 − ρ)) / √T, four times what white noise would have', () => {
    const rho = 0.9;
    const runs = seeds.map((seed) => {
      const draw = random(seed, 1);
      let x = draw.normal();
      return errorOf(() => {
        x = rho * x + Math.sqrt(1 - rho * rho) * draw.normal();
        return x;
      }, T);
    });
    const exact = Math.sqrt((1 + rho) / (1 - rho)) / Math.sqrt(T);
    const ratio = average(runs.map(({ error }) => error)) / exact;
    expect(ratio).toBeGreaterThan(0.85);
    expect(ratio).toBeLessThan(1.25);
    expect(runs.filter(({ error, mean }) => Math.abs(mean) <= 2 * error).length).toBeGreaterThan(85);
  });

  test('of a constant series is rounding', () => {
    expect(errorOf(() => 0.1, 1000).error).toBeLessThan(1e-15);
  });

  test('is not given for fewer than 20 batches, or where the mean is not finite', () => {
    const draw = random(1);
    expect(errorOf(() => draw.normal(), 19).error).toBe(null);
    expect(errorOf(() => draw.normal(), 20).error).toBeGreaterThan(0);
    expect(errorOf(() => Number.NEGATIVE_INFINITY, 100)).toEqual({
      error: null,
      mean: Number.NEGATIVE_INFINITY,
    });
    expect(errorOf(() => Number.NaN, 100).error).toBe(null);
  });

  test('of one series does not depend on another that is −∞', () => {
    const means = new BatchMeans(2);
    const draw = random(3);
    const values = Array.from({ length: 300 }, () => draw.normal());
    for (const v of values) means.add(1, [Number.NEGATIVE_INFINITY, v]);
    const alone = errorOf(() => values.shift()!, 300);
    expect(means.standardErrors()).toEqual([null, alone.error]);
  });
});

test('the mean is that of all steps, however they were grouped', () => {
  const draw = random(5);
  const values = Array.from({ length: 1000 }, () => draw.normal());
  const grouped = new BatchMeans(1);
  for (let t = 0; t < values.length; ) {
    const some = values.slice(t, t + 1 + draw.below(9));
    grouped.add(some.length, [some.reduce((a, b) => a + b, 0)]);
    t += some.length;
  }
  expect(grouped.steps).toBe(1000);
  expect(grouped.means()[0]).toBeCloseTo(average(values), 12);
});

test('memory does not grow with the run', () => {
  const size = (T: number): number => {
    const means = new BatchMeans(4);
    for (let t = 0; t < T; t++) means.add(1, [1, 2, 3, 4]);
    return JSON.stringify(means).length;
  };
  const short = size(1000);
  for (const T of [10_000, 100_000]) expect(size(T)).toBeLessThan(2.5 * short);
});
