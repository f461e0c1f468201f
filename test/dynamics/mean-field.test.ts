import { describe, expect, test } from 'vitest';
import { meanField } from '../../src/dynamics/mean-field.js';
import { cases } from '../oracles.js';

describe.each(cases.filter((c) => c.expected.theory))('the theory of $name', (c) => {
  const { abs, rel } = c.tolerance.theory;
  const found = meanField(c.system.g, 0);
  const e = c.expected.theory;

  test.each([
    ['Delta', found.variance, e.Delta],
    ['lambda_1', found.leading, e.lambda_1],
    ['fraction_positive', found.positive, e.fraction_positive],
    ['kaplan_yorke_per_n', found.dimension, e.kaplan_yorke_per_n],
    ['entropy_per_n', found.entropy, e.entropy_per_n],
  ])('has the stated %s', (_name, value, expected) => {
    expect(Math.abs(value - expected)).toBeLessThanOrEqual(Math.max(abs, rel * Math.abs(expected)));
  });
});

test('below the onset g = 1 the network is silent, and contracts by ln g', () => {
  const found = meanField(0.8, 0);
  expect(found.variance).toBe(0);
  expect(found.leading).toBeCloseTo(Math.log(0.8), 10);
  expect([found.positive, found.dimension, found.entropy]).toEqual([0, 0, 0]);
});

test('a strong input quiets the chaos of g = 1.5', () => {
  expect(meanField(1.5, 0).leading).toBeGreaterThan(0);
  expect(meanField(1.5, 4).leading).toBeLessThan(0);
});
