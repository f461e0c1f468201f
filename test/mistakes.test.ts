import { describe, expect, test } from 'vitest';
import { type SpectrumOptions, spectrum } from '../src/dynamics/spectrum.js';
import type { Linearisation, System } from '../src/dynamics/system.js';
import { gemm, logAbsDet } from '../src/linalg/index.js';
import { type Matrix, transpose } from '../src/linalg/matrix.js';
import { unwatched } from '../src/outcome.js';
import { autonomous, caseNamed, systemFor } from './oracles.js';

/**
 * Known mistakes, made on purpose and put through the checks that the right program passes (shared cases, §3: where public code goes
 * wrong). A check that no mistake fails would be none.
 */
interface Made {
  readonly system?: (right: System) => System;
  readonly options?: Partial<SpectrumOptions>;
  readonly read?: (exponent: number) => number;
}

/** The map with another derivative. */
const withDerivative = (change: (J: Matrix) => Matrix) => (right: System) => ({
  ...right,
  dimension: right.dimension,
  inputSize: right.inputSize,
  coordinates: right.coordinates,
  step: right.step.bind(right),
  linearise(s: Float64Array, x: Float64Array): Linearisation {
    const here = right.linearise(s, x);
    const J = change(here.jacobian());
    return {
      next: here.next,
      jvp: (V, out) => gemm(out, J, V),
      vjp: (W, out) => gemm(out, J, W, { transA: true }),
      jacobian: () => J,
      inputJacobian: () => here.inputJacobian(),
      logAbsDet: () => logAbsDet(J),
      solveShifted: () => null,
    };
  },
});

/** Only ∂h′/∂h of an LSTM, whose h is the first half of the state. */
const withoutCellState = (J: Matrix): Matrix => {
  const half = J.rows / 2;
  return { ...J, data: J.data.map((v, p) => (Math.floor(p / J.cols) < half && p % J.cols < half ? v : 0)) };
};

const mistakes: Record<string, Made> = {
  'the product transposed': { system: withDerivative(transpose) },
  'the cell state dropped': { system: withDerivative(withoutCellState) },
  'logarithms to base 2': { read: (v) => v / Math.LN2 },
  'no steps to settle': { options: { warmup: 0, align: 0 } },
};

/** Whether a case's exponents come out as stated. */
async function passes(name: string, options: SpectrumOptions, made: Made = {}): Promise<boolean> {
  const c = caseNamed(name);
  const system = (made.system ?? ((right) => right))(systemFor(c));
  const { means } = await spectrum(
    autonomous(system, c.initial_state!),
    { ...options, ...made.options, count: system.dimension },
    unwatched,
  );
  const found = Array.from(means, made.read ?? ((v) => v)).sort((a, b) => b - a);
  const expected = c.expected.spectrum.exponents as (number | '-inf')[];
  const given = c.tolerance.spectrum;
  const rules = Array.isArray(given) ? given[0] : given;
  const tolerance = typeof rules === 'number' ? rules : rules.abs;
  return expected.every((v, i) =>
    v === '-inf' ? found[i] === Number.NEGATIVE_INFINITY : Math.abs(found[i]! - v) <= tolerance,
  );
}

const options: SpectrumOptions = {
  warmup: 2000,
  align: 200,
  steps: 100_000,
  count: 0,
  reorthonormalise: 'auto',
};

const shows: readonly [mistake: string, name: string][] = [
  ['the product transposed', 'lvb-gru-reset-before'],
  ['the product transposed', 'chaotic-lstm-code'],
  ['the cell state dropped', 'chaotic-lstm-code'],
  ['logarithms to base 2', 'lvb-gru-reset-before'],
  ['logarithms to base 2', 'chaotic-lstm-code'],
  ['no steps to settle', 'relu-net-fixed-point-2'],
];

describe.each([...new Set(shows.map(([, name]) => name))])('the exponents of %s', (name) => {
  test('come out as stated', async () => {
    expect(await passes(name, options)).toBe(true);
  });

  test.each(shows.filter(([, shown]) => shown === name).map(([mistake]) => mistake))(
    'do not with %s',
    async (mistake) => {
      expect(await passes(name, options, mistakes[mistake])).toBe(false);
    },
  );
});

test('every mistake is shown by some case', () => {
  expect(new Set(shows.map(([mistake]) => mistake))).toEqual(new Set(Object.keys(mistakes)));
});
