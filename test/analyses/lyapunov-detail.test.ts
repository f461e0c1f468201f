import { describe, expect, test } from 'vitest';
import { type LyapunovValue, lyapunov } from '../../analyses/lyapunov.js';
import { gruResetAfter, lstm, plrnn, rnnTanh } from '../../src/cells/index.js';
import { zeroDrive } from '../../src/dynamics/drive.js';
import { logGeometricSum } from '../../src/dynamics/from-exponents.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { network } from '../../src/dynamics/network.js';
import type { Subject } from '../../src/dynamics/subject.js';
import { singularValues } from '../../src/linalg/index.js';
import { matrix, toRows, transpose, zeros } from '../../src/linalg/matrix.js';
import type { Layer, Model } from '../../src/model/model.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { random } from '../../src/random.js';
import { normals, randomLayer } from '../dynamics/helpers.js';
import {
  autonomous,
  caseNamed,
  cat,
  diagonal,
  henon,
  logistic,
  randomMatrix,
  systemFor,
  systemOf,
  xorshiftNormals,
} from '../oracles.js';

const run = async (subject: Subject, given: Record<string, unknown> = {}): Promise<LyapunovValue> =>
  (await lyapunov.run(subject, resolve(lyapunov.options, given), unwatched)).value;

const chaotic = caseNamed('lvb-gru-reset-before');

describe('two trajectories', () => {
  test('separate by log|a| a step on a diagonal map, and agree with the Jacobians', async () => {
    const { twin } = await run(autonomous(diagonal([0.9, 0.5]), [0, 0]), { steps: 500 });
    expect(twin!.exponent).toBeCloseTo(Math.log(0.9), 8);
    expect(twin!.agrees).toBe(true);
  });

  test('tell on a transposed product, to which the sum rule is blind', async () => {
    const { system, start } = { system: systemFor(chaotic), start: chaotic.initial_state! };
    const nothing = new Float64Array(0);
    const transposed = functionSystem({
      dimension: 2,
      step(s) {
        const next = new Float64Array(2);
        system.step(Float64Array.from(s), nothing, next);
        return next;
      },
      jacobian: (s) => toRows(transpose(system.linearise(Float64Array.from(s), nothing).jacobian())),
    });
    const wrong = await run(autonomous(transposed, start), { steps: 20_000 });
    expect(wrong.sumRuleResidual).toBeLessThan(1e-9);
    expect(wrong.twin!.agrees).toBe(false);
    const right = await run(autonomous(system, start), { steps: 20_000 });
    expect(right.twin!.agrees).toBe(true);
    expect(Math.abs(right.twin!.exponent - 0.2205)).toBeLessThan(4 * right.twin!.standardError!);
  });

  test('meet at once where the map forgets all', async () => {
    const { twin } = await run(autonomous(diagonal([0]), [0.3]), { steps: 50 });
    expect(twin!.exponent).toBe(Number.NEGATIVE_INFINITY);
    expect(twin!.agrees).toBe(true);
  });
});

describe('a run until an error is reached', () => {
  test('stops when it is, and not before', async () => {
    const value = await run(autonomous(logistic(4), [0.1234]), { until: 0.005 });
    expect(value.untilReached).toBe(true);
    expect(value.standardErrors[0]).toBeLessThanOrEqual(0.005);
    // Growth per step has a deviation of π/sqrt(12) = 0.907 but is anticorrelated: far fewer steps than (0.907/0.005)² suffice.
    expect(value.steps).toBeGreaterThan(999);
    expect(value.steps).toBeLessThan(40_000);
    expect(Math.abs(value.exponents[0]! - Math.LN2)).toBeLessThan(4 * 0.005);
  });

  test('says so where the steps that are allowed do not suffice', async () => {
    const value = await run(autonomous(henon(1.4, 0.3), [0.1, 0.1]), { until: 1e-6, steps: 3000 });
    expect(value.untilReached).toBe(false);
    expect(value.steps).toBe(3000);
  });
});

describe('errors of what follows from the exponents', () => {
  test('Hénon’s dimension 1 + λ₁/(λ₁ − ln b) has the error that its derivative gives', async () => {
    const value = await run(autonomous(henon(1.4, 0.3), [0.1, 0.1]), { steps: 30_000 });
    const [first, error] = [value.exponents[0]!, value.standardErrors[0]!];
    const slope = -Math.log(0.3) / (first - Math.log(0.3)) ** 2;
    expect(value.kaplanYorkeError! / (slope * error)).toBeGreaterThan(0.8);
    expect(value.kaplanYorkeError! / (slope * error)).toBeLessThan(1.3);
    expect(value.entropyError! / error).toBeGreaterThan(0.8);
    expect(value.predictionHorizonError).toBeCloseTo((Math.LN2 * error) / first ** 2, 12);
    expect(value.memoryTimeError).toBeNull();
  });
});

describe('over short stretches', () => {
  test('the cat map grows alike everywhere, the logistic map does not', async () => {
    const M = caseNamed('cat-map').system.parameters.M;
    const even = (await run(autonomous(cat(M), [0.1, 0.2]), { steps: 2000 })).finiteTime!;
    expect(even.deviation[0]).toBeLessThan(1e-10);
    expect(even.growing).toBe(1);
    const uneven = (await run(autonomous(logistic(4), [0.1234]), { steps: 2000 })).finiteTime!;
    expect(uneven.deviation[0]).toBeGreaterThan(0.01);
    expect(uneven.leading.length).toBe(uneven.windows);
    expect(uneven.least[0]).toBeLessThan(Math.LN2);
    expect(uneven.most[0]).toBeGreaterThan(Math.LN2);
  });
});

test('with --dt everything is per unit of time as well', async () => {
  const { perTime, exponents } = await run(autonomous(diagonal([0.9]), [1]), { steps: 500, dt: 0.25 });
  expect(perTime!.exponents[0]).toBeCloseTo(4 * exponents[0]!, 12);
  expect(perTime!.memoryTime).toBeCloseTo(0.25 / -Math.log(0.9), 10);
});

describe('in parallel over time', () => {
  test.each([0.8, 1, 1.3])('the least singular value for J = %d lies between the bounds', async (a) => {
    const T = 30;
    const M = zeros(T, T);
    for (let t = 0; t < T; t++) {
      M.data[t * T + t] = 1;
      if (t > 0) M.data[t * T + t - 1] = -a;
    }
    const exact = Math.log10(singularValues(M).at(-1)!);
    const value = await run(autonomous(diagonal([a]), [0]), { steps: T, warmup: 0, align: 0 });
    const { atLeast, atMost } = value.parallelInTime!.log10SmallestSingularValue;
    expect(atLeast).toBeLessThanOrEqual(exact + 1e-12);
    expect(atMost).toBeGreaterThanOrEqual(exact - 1e-12);
    expect(value.parallelInTime!.length).toBe(T);
  });

  test('the sum of a geometric series is had without overflow', () => {
    for (const lambda of [-2, -1e-9, 0, 1e-9, 0.3]) {
      let direct = 0;
      for (let d = 0; d < 50; d++) direct += Math.exp(lambda * d);
      expect(logGeometricSum(lambda, 50)).toBeCloseTo(Math.log(direct), 6);
    }
    expect(logGeometricSum(1, 1e6)).toBeCloseTo(1e6 - 1 - Math.log(-Math.expm1(-1)), 6);
    expect(logGeometricSum(Number.NEGATIVE_INFINITY, 9)).toBe(0);
  });
});

describe('layer by layer', () => {
  const layers = [
    { ...randomLayer(gruResetAfter, { hidden: 4, inputs: 2 }, 5, { gain: 1.5 }), name: 'layer0' },
    { ...randomLayer(lstm, { hidden: 3, inputs: 4 }, 6, { gain: 1.5 }), name: 'layer1' },
  ];
  const system = network(layers);
  const draw = (t: number, out: Float64Array) => out.set(normals(2, random(7, t)));
  const subject: Subject = {
    system,
    drive: { kind: 'noise', spec: 'noise:1', inputSize: 2, length: Number.POSITIVE_INFINITY, at: draw },
    initialState: new Float64Array(system.dimension),
    mode: 'driven',
    seed: 0,
    model: { layers } as unknown as Model,
  };

  test('the exponents are those of the stack', async () => {
    const value = await run(subject, { steps: 3000, layerExponents: true });
    const parts = value.layers!.flatMap(({ exponents }) => [...exponents]).sort((a, b) => b - a);
    expect(parts).toHaveLength(10);
    parts.forEach((v, i) => {
      const error = value.standardErrors[i] ?? 0;
      expect(Math.abs(v - value.exponents[i]!)).toBeLessThan(Math.max(5 / 3000, error) + 1e-9);
    });
    // Block triangular: the determinants multiply.
    const sum = parts.reduce((total, v) => total + v, 0);
    expect(sum).toBeCloseTo(value.meanLogAbsDet!, 8);
  });

  test('a loop through the readout and a map without inputs are refused before the run', async () => {
    await expect(run({ ...subject, mode: 'closed loop' }, { layerExponents: true })).rejects.toThrow(
      /closed over/,
    );
    await expect(run(autonomous(henon(1.4, 0.3), [0, 0]), { inputExponent: true })).rejects.toThrow(/inputs/);
  });
});

test('inputs reach as far as the powers of J: ‖A^k C‖', async () => {
  // h' = A h + C x with A = diag(0.9, 0.5): ‖A^(k−1) C‖ = sqrt(0.9^(2k−2) + 4 · 0.5^(2k−2))
  const system = systemOf(plrnn, {
    hiddenSize: 2,
    inputSize: 1,
    matrices: { W: zeros(2, 2), C: matrix(2, 1, [1, 2]) },
    vectors: { A: Float64Array.of(0.9, 0.5) },
  });
  const subject = { ...autonomous(system, [0, 0]), drive: zeroDrive(1) };
  const { inputToState } = await run(subject, { steps: 1000, inputExponent: true });
  for (const k of [1, 2, 50])
    expect(inputToState!.log10Norm[k - 1]).toBeCloseTo(
      Math.log10(Math.sqrt(0.9 ** (2 * k - 2) + 4 * 0.5 ** (2 * k - 2))),
      10,
    );
  expect(inputToState!.exponent).toBeCloseTo(Math.log(0.9), 10);
});

describe('covariant vectors, asked for with --clv', () => {
  test('grow at the exponents, to three standard errors, and leave out what is −∞', async () => {
    const value = await run(autonomous(henon(1.4, 0.3), [0.1, 0.1]), { steps: 10_000, clv: true });
    value.covariant!.exponents.forEach((v, i) => {
      expect(Math.abs(v - value.exponents[i]!)).toBeLessThan(3 * value.standardErrors[i]!);
    });
    expect(value.covariant!.hyperbolicity!.unstable).toBe(1);
    const erased = await run(autonomous(diagonal([0.5, 0]), [1, 1]), { steps: 200, clv: true });
    expect(erased.covariant!.exponents).toEqual([expect.closeTo(Math.log(0.5), 10)]);
  });

  test('fit into a drive with an end', async () => {
    const system = network([randomLayer(gruResetAfter, { hidden: 3, inputs: 1 }, 2)]);
    const drive = {
      ...zeroDrive(1),
      kind: 'data' as const,
      length: 300,
      at: (t: number, out: Float64Array) => out.fill(t % 2),
    };
    const subject = { ...autonomous(system, [0, 0, 0]), drive, mode: 'driven' as const };
    const { covariant } = await run(subject, { clv: true });
    expect(covariant!.steps).toBeGreaterThan(100);
    expect(covariant!.exponents).toHaveLength(3);
  });
});

test('with --baseline a random tanh network lies a little below the theory of its gain, and others have none', async () => {
  const c = caseNamed('random-tanh-map-g5');
  const { n, g, seed } = c.system;
  const normal = xorshiftNormals(seed);
  const U_h = randomMatrix(n, g, normal);
  const layer: Layer = {
    name: 'layer0',
    cell: rnnTanh,
    weights: { hiddenSize: n, inputSize: 0, matrices: { U_h, W_h: zeros(n, 0) }, vectors: {} },
  };
  const start = Float64Array.from({ length: n }, () => Math.tanh(normal()));
  const subject = { ...autonomous(network([layer]), start), model: { layers: [layer] } as unknown as Model };
  const value = await run(subject, { steps: 1000, count: 4, baseline: true });
  // The gain is that of the matrix at hand, ‖J‖_F/√n, 0.2 % above the nominal one.
  expect(value.baseline!.gain).toBeCloseTo(70.88164663 / Math.sqrt(n), 6);
  expect(Math.abs(value.baseline!.leading / c.expected.theory.lambda_1 - 1)).toBeLessThan(0.01);
  expect(value.exponents[0]! / value.baseline!.leading).toBeGreaterThan(0.9);
  expect(value.exponents[0]! / value.baseline!.leading).toBeLessThan(1);
  expect((await run(autonomous(diagonal([0.5]), [1]), { steps: 50, baseline: true })).baseline).toBeNull();
});

test('what is kept of a run does not grow with it', async () => {
  const sizes = [];
  for (const steps of [20_000, 200_000]) {
    const { trace, finiteTime } = await run(autonomous(diagonal([0.99]), [1]), { steps });
    sizes.push([trace.steps.length, finiteTime!.windows]);
    expect(trace.steps.at(-1)).toBeGreaterThan(0.99 * steps);
  }
  for (const [points, windows] of sizes) {
    expect(points).toBeLessThanOrEqual(400);
    expect(windows).toBeLessThanOrEqual(128);
  }
});

test('a run that is stopped after the exponents keeps them, and says what is missing', async () => {
  const watch = { tick: (_done: number, _total: number, label = '') => label.startsWith('two trajectories') };
  const options = resolve(lyapunov.options, { steps: 300, clv: true });
  const { value, outcome } = await lyapunov.run(autonomous(henon(1.4, 0.3), [0.1, 0.1]), options, watch);
  expect(outcome).toMatchObject({
    kind: 'partial',
    what: expect.stringMatching(/two trajectories; the exponents are whole/),
  });
  expect(value.steps).toBe(300);
  expect([value.twin, value.covariant]).toEqual([null, null]);
});
