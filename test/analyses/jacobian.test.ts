import { expect, test } from 'vitest';
import { jacobian, timeConstant } from '../../analyses/jacobian.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { autonomous, diagonal, henon } from '../oracles.js';

const run = async (system: ReturnType<typeof henon>, start: number[], given: Record<string, unknown> = {}) =>
  (await jacobian.run(autonomous(system, start), resolve(jacobian.options, given), unwatched)).value;

const linear = (rows: number[][]) =>
  functionSystem({
    dimension: rows.length,
    step: (s) => rows.map((row) => row.reduce((sum, v, j) => sum + v * s[j]!, 0)),
    jacobian: () => rows,
  });

test('a rotation has eigenvalues on the unit circle, and is normal', async () => {
  const [c, s] = [Math.cos(1), Math.sin(1)];
  const value = await run(
    linear([
      [c, -s],
      [s, c],
    ]),
    [1, 0],
  );
  expect(value.spectralRadius).toBeCloseTo(1, 14);
  expect(value.eigenvalues[0]![1]).toBeCloseTo(s, 14);
  expect(value.nonNormality).toBeCloseTo(0, 7);
  expect(value.logAbsDet).toBeCloseTo(0, 14);
});

test('a shear is far from normal by Henrici’s measure, and stretches more than its eigenvalues say', async () => {
  // ‖J‖_F² = 1/2 + 100 and Σ|λ|² = 1/2
  const value = await run(
    linear([
      [0.5, 10],
      [0, 0.5],
    ]),
    [0, 0],
  );
  expect(value.nonNormality).toBeCloseTo(Math.sqrt(100 / 100.5), 12);
  expect(value.spectralRadius).toBeCloseTo(0.5, 7);
  expect(value.spectralNorm).toBeGreaterThan(10);
});

test('the determinant of a singular map is 0: its logarithm −∞', async () => {
  expect(
    (
      await run(
        linear([
          [1, 2],
          [2, 4],
        ]),
        [0, 0],
      )
    ).logAbsDet,
  ).toBe(Number.NEGATIVE_INFINITY);
});

test('of Hénon’s map ln|det| is ln b at every state', async () => {
  expect((await run(henon(1.4, 0.3), [0.1, 0.1], { warmup: 1000 })).logAbsDet).toBeCloseTo(Math.log(0.3), 12);
});

test('a mode with |λ| = e^(−1/τ) has time constant τ', async () => {
  const value = await run(diagonal([Math.exp(-1 / 20), Math.exp(-1 / 5), 0]), [0, 0, 0]);
  expect(value.timeConstants[0]).toBeCloseTo(20, 10);
  expect(value.timeConstants[1]).toBeCloseTo(5, 10);
  expect(value.timeConstants[2]).toBe(0);
  expect(timeConstant(1)).toBe(Number.POSITIVE_INFINITY);
  expect(timeConstant(Math.E)).toBeCloseTo(-1, 14);
});

test('weights that are not finite are refused', async () => {
  await expect(run(linear([[Number.NaN]]), [0])).rejects.toThrow(/not finite/);
});
