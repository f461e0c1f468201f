import { describe, expect, test } from 'vitest';
import { type Elementary, elementary } from '../../src/calculus/elementary.js';
import * as cells from '../../src/cells/index.js';
import { activationText, parseActivation } from '../../src/cells/index.js';
import { activations } from '../variants.js';

const [sigmoid, tanh, relu] = [cells.sigmoid, cells.tanh, cells.relu].map(elementary) as [
  Elementary,
  Elementary,
  Elementary,
];

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

describe.each(activations.map((f) => ({ name: activationText(f), f: elementary(f) })))('$name', ({ f }) => {
  // Away from the kinks at 0, ±0.3, ±1, 6 and where the hard sigmoids end, by more than the step.
  const places = [-7.3, -2.7, -1.6, -0.71, -0.13, 0.11, 0.77, 1.4, 2.2, 6.9];

  test('has the slope of its value', () => {
    for (const a of places) {
      const h = 1e-5;
      const slope = (f.value(a + h) - f.value(a - h)) / (2 * h);
      expect(Math.abs(f.derivative(a) - slope)).toBeLessThan(
        1e-8 * Math.max(1, Math.abs(f.value(a)), Math.abs(slope)),
      );
    }
  });

  test('has finite values and slopes far out, where its limit is finite', () => {
    for (const a of [-1e6, -800, -40, 40, 700]) {
      expect(Number.isFinite(f.value(a))).toBe(true);
      expect(Number.isFinite(f.derivative(a))).toBe(true);
    }
  });

  test('adds up to 1 with its complement, and keeps the digits of the smaller', () => {
    if (f.complement) expect(f.value(3) + f.complement(3)).toBeCloseTo(1, 15);
    if (f.complement) expectClose(f.complement(60), Math.exp(-60));
  });
});

test('slopes keep their digits where the value has reached its limit', () => {
  const slope = (name: cells.ActivationName, a: number) => elementary(cells.activation(name)).derivative(a);
  expectClose(slope('softplus', -600), Math.exp(-600));
  expectClose(slope('elu', -600), Math.exp(-600));
  expectClose(slope('softsign', 1e9), 1 / (1 + 1e9) ** 2);
  expectClose(slope('silu', -600), -599 * Math.exp(-600));
  expect(elementary(cells.activation('silu')).derivative(-1.278464542761074)).toBeCloseTo(0, 15);
});

test('at a kink the slope is that of PyTorch', () => {
  const slope = (a: number, name: cells.ActivationName, ...parameters: number[]) =>
    elementary(cells.activation(name, ...parameters)).derivative(a);
  // F.hardsigmoid, F.hardtanh and F.relu6 have 0 at both ends, torch.clamp has 1.
  expect([slope(-3, 'hard_sigmoid', 1 / 6), slope(3, 'hard_sigmoid', 1 / 6)]).toEqual([0, 0]);
  expect([slope(-1, 'hard_tanh'), slope(1, 'hard_tanh'), slope(0, 'relu6'), slope(6, 'relu6')]).toEqual([
    0, 0, 0, 0,
  ]);
  expect([slope(-2, 'clip', 2), slope(2, 'clip', 2)]).toEqual([1, 1]);
  expect([slope(0, 'leaky_relu', 0.1), slope(0, 'elu', 0.5)]).toEqual([0.1, 0.5]);
});

test('a name says which function it is, and is read back', () => {
  for (const f of activations) expect(parseActivation(activationText(f))).toEqual(f);
  expect(activationText(cells.activation('hard_sigmoid', 1 / 6))).toBe('hard_sigmoid(1/6)');
  expect(parseActivation('swish')).toEqual(cells.activation('silu'));
  for (const text of ['tanhh', 'tanh(2)', 'elu(x)', 'elu(', '', 'toString'])
    expect(parseActivation(text)).toBe(undefined);
});
