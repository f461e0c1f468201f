import { expect, test } from 'vitest';
import { jacobian, timeConstant } from '../../analyses/jacobian.js';
import { rnnTanh } from '../../src/cells/index.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { matrix } from '../../src/linalg/matrix.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { autonomous, diagonal, henon, systemOf } from '../oracles.js';

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

test('eigenvalues along an orbit of Hénon’s map multiply to −b at every state', async () => {
  const value = await run(henon(1.4, 0.3), [0.1, 0.1], { warmup: 100, along: 7 });
  expect(value.cloud!.steps).toHaveLength(7);
  expect(value.cloud!.steps[0]).toBe(100);
  for (const [first, second] of value.cloud!.eigenvalues)
    expect(first![0] * second![0] - first![1] * second![1]).toBeCloseTo(-0.3, 10);
  expect(new Set(value.cloud!.spectralRadius).size).toBe(7);
});

test('a state at rest has no cloud, and one that overflows on the way keeps the derivative here', async () => {
  expect((await run(diagonal([0.5]), [0])).cloud).toBeNull();
  const value = await run(diagonal([10, 0.1]), [1, 1], { along: 5 });
  expect(value.spectralRadius).toBe(10);
  // The second of the states, 250 steps on, is 10²⁵⁰; the third would be beyond the range of doubles.
  expect(value.cloud!.steps).toEqual([0, 250]);
});

test('the singular values are the axes of the ellipse that a circle becomes', async () => {
  const value = await run(
    linear([
      [3, 0],
      [4, 5],
    ]),
    [0, 0],
  );
  // MᵀM = [25 20; 20 25]: 45 and 5
  expect(value.singularValues[0]).toBeCloseTo(Math.sqrt(45), 12);
  expect(value.singularValues[1]).toBeCloseTo(Math.sqrt(5), 12);
  expect(value.departure).toBeCloseTo(4, 12);
});

test('inputs of a network push through W at a state of zero, and its readout shows C x', async () => {
  const W = matrix(2, 3, [1, 0, 2, 0, 3, 0]);
  const U = matrix(2, 2, [0.5, 0, 0, 0.1]);
  const system = systemOf(rnnTanh, {
    hiddenSize: 2,
    inputSize: 3,
    matrices: { W_h: W, U_h: U },
    vectors: {},
  });
  const subject = {
    ...autonomous(system, [0, 0]),
    output: (s: Float64Array) => Float64Array.of(7 * s[0]! + 1, s[0]! - s[1]!),
  };
  const { value } = await jacobian.run(subject, resolve(jacobian.options, {}), unwatched);
  expect(value.inputGains!.perInput).toEqual([1, 3, 2]);
  expect(value.inputGains!.singularValues).toEqual([expect.closeTo(3, 12), expect.closeTo(Math.sqrt(5), 12)]);
  expect(value.slowModes[0]!.inputGains).toEqual([1, 0, 2].map((v) => expect.closeTo(v, 12)));
  expect(value.slowModes[0]!.outputGains).toEqual([7, 1].map((v) => expect.closeTo(v, 12)));
});
