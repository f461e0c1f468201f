import { describe, expect, test } from 'vitest';
import { elementary } from '../../src/calculus/elementary.js';

const { sigmoid, tanh, relu } = elementary;

/** Relative to the value, so that tails count as much as the middle. */
const expectClose = (found: number, exact: number): void =>
  expect(Math.abs(found - exact)).toBeLessThanOrEqual(4 * Number.EPSILON * Math.abs(exact));

describe('the derivative of tanh', () => {
  test.each([0, 1e-9, 0.3, 1, 5, 18, 20, 40, 100, 300])(
    'at %d is 1/cosh², to the last digits and on both sides',
    (a) => {
      const c = Math.cosh(a);
      // exp and cosh each carry a relative error that grows with the argument's own rounding: none here, a is exact.
      expectClose(tanh.derivative(a), 1 / c / c);
      expect(tanh.derivative(-a)).toBe(tanh.derivative(a));
    },
  );

  test('is not 0 before it underflows, where 1 − tanh² has long been', () => {
    for (const a of [20, 100, 350, 372]) {
      expect(1 - Math.tanh(a) ** 2).toBe(0);
      expect(tanh.derivative(a)).toBeGreaterThan(0);
      expect(Math.log(tanh.derivative(a)) / (Math.log(4) - 2 * a)).toBeCloseTo(1, 3);
    }
    // 4 e^(−800) is below the smallest double, 5·10⁻³²⁴.
    expect(tanh.derivative(400)).toBe(0);
    expect(tanh.derivative(Number.POSITIVE_INFINITY)).toBe(0);
  });
});

describe('the logistic function', () => {
  test.each([0, 0.5, 3, 10, 37, 40, 200, 700])(
    'has at %d the derivative 1/(4 cosh²(a/2)), the same on both sides',
    (a) => {
      const c = 2 * Math.cosh(a / 2);
      expectClose(sigmoid.derivative(a), 1 / c / c);
      expect(sigmoid.derivative(-a)).toBe(sigmoid.derivative(a));
      expect(sigmoid.derivative(a)).toBeGreaterThan(0);
    },
  );

  test('is 1/2 at 0 and adds up to 1 with its mirror image', () => {
    expect(sigmoid.value(0)).toBe(0.5);
    for (const a of [0.1, 2, 30, 800]) expect(sigmoid.value(a) + sigmoid.value(-a)).toBeCloseTo(1, 15);
    expect([sigmoid.value(1e4), sigmoid.value(-1e4)]).toEqual([1, 0]);
  });
});

test('ReLU has the derivative 0 at 0, as PyTorch has it', () => {
  expect([-2, 0, 3].map(relu.value)).toEqual([0, 0, 3]);
  expect([-2, -0, 0, 1e-300, 3].map(relu.derivative)).toEqual([0, 0, 0, 1, 1]);
});
