import { beforeAll, describe, expect, test } from 'vitest';
import { type LyapunovValue, lyapunov } from '../analyses/lyapunov.js';
import { frobeniusNorm } from '../src/linalg/index.js';
import { resolve } from '../src/options.js';
import { unwatched } from '../src/outcome.js';
import { autonomous, cases, randomMatrix, systemFor, xorshiftNormals } from './oracles.js';

/** x' = J tanh(x) with Gaussian J, run as the Elman network h' = tanh(J h) from h = tanh(x). */
describe.each(cases.filter((c) => c.system.equations === 'tanh-map'))('$name', (c) => {
  const { n, g, seed } = c.system;
  const near = (found: number, expected: number, { abs = 0, rel = 0 }): void =>
    expect(Math.abs(found - expected)).toBeLessThanOrEqual(Math.max(abs, rel * Math.abs(expected)));

  /** The generator goes on from the matrix to the initial state. */
  const start = (): number[] => {
    const normal = xorshiftNormals(seed);
    randomMatrix(n, g, normal);
    return Array.from({ length: n }, () => Math.tanh(normal()));
  };
  const run = async (given: Record<string, number>): Promise<LyapunovValue> =>
    (await lyapunov.run(autonomous(systemFor(c), start()), resolve(lyapunov.options, given), unwatched))
      .value;

  test('is the matrix that the generator gives', () => {
    const J = randomMatrix(n, g, xorshiftNormals(seed));
    near(J.data[0]!, c.expected.matrix_check.matrix_first_entry, c.tolerance.matrix_check);
    near(frobeniusNorm(J), c.expected.matrix_check.frobenius_norm, c.tolerance.matrix_check);
  });

  describe('over six thousand steps', () => {
    let value: LyapunovValue;

    beforeAll(async () => {
      // The dimension is below 50 of 200: the leading exponents say all that is asked.
      value = await run({ warmup: 500, align: 300, steps: 6000, count: 56 });
    });

    test('has the simulated leading exponent', () => {
      near(value.exponents[0]!, c.expected.simulation.lambda_1, c.tolerance.simulation);
    });

    test('has the simulated shape of the spectrum', () => {
      const positive = value.exponents.filter((v) => v > 0);
      const entropy = positive.reduce((sum, v) => sum + v, 0);
      near(positive.length / n, c.expected.simulation.fraction_positive, c.tolerance.simulation);
      near(value.kaplanYorkeDimension! / n, c.expected.simulation.kaplan_yorke_per_n, c.tolerance.simulation);
      near(entropy / n, c.expected.simulation.entropy_per_n, c.tolerance.simulation);
    });
  });

  test('meets the sum rule over its whole spectrum, or marks the tail as below the numerical floor', async () => {
    const value = await run({ warmup: 500, align: 100, steps: 300 });
    expect(Number.isFinite(value.meanLogAbsDet)).toBe(true);
    expect(value.exponents.every(Number.isFinite)).toBe(true);
    if (c.expected.numerical_floor?.exceeded) expect(value.belowFloor).toContain(n - 1);
    else expect(value.sumRuleResidual).toBeLessThan(c.tolerance.sum_rule_residual);
  });
});
