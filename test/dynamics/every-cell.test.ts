import { beforeAll, describe, expect, test } from 'vitest';
import { diagnose } from '../../analyses/diagnose.js';
import { type FixedPointsValue, fixedPoints } from '../../analyses/fixed-points.js';
import { type GradientsValue, gradients } from '../../analyses/gradients.js';
import { jacobian } from '../../analyses/jacobian.js';
import { type LyapunovValue, lyapunov } from '../../analyses/lyapunov.js';
import { cells } from '../../src/cells/index.js';
import { constantDrive } from '../../src/dynamics/drive.js';
import { network } from '../../src/dynamics/network.js';
import type { Subject } from '../../src/dynamics/subject.js';
import { type OptionTable, resolve, type Values } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { random } from '../../src/random.js';
import { variants } from '../variants.js';
import { normals, randomLayer, step } from './helpers.js';

const options = <T extends OptionTable>(table: T, given: Partial<Values<T>>): Values<T> =>
  resolve(table, given);

/** Under these weights one gives 0 whatever it is given, and the other's softplus gates hold nothing together. */
const exceptions = ['rnn(thresholded_relu)', 'lstm(softplus,sigmoid,tanh,clip_state=0.3)'];
const others = variants.filter(({ name }) => !exceptions.includes(name));

describe.each([...cells, ...others])('every question about $name', (cell) => {
  // Small weights contract: one attracting fixed point, which plain iteration finds.
  const layer = randomLayer(cell, { hidden: 3, inputs: 2 }, 4, { gain: 0.2, bias: 0.4 });
  const system = network([layer]);
  const input = [0.3, -0.2];
  const subject: Subject = {
    system,
    drive: constantDrive(input, 2, 'constant:0.3,-0.2'),
    initialState: normals(system.dimension, random(1), 0.3),
    mode: 'autonomous',
    seed: 3,
  };
  const x = Float64Array.from(input);
  let rest: Float64Array = subject.initialState;
  let spectrum: LyapunovValue;
  let flow: GradientsValue;
  let found: FixedPointsValue;
  let radius: number;

  beforeAll(async () => {
    for (let t = 0; t < 3000; t++) rest = step(system, rest, x);
    const still = { ...subject, initialState: rest };
    const here = await jacobian.run(still, options(jacobian.options, {}), unwatched);
    radius = here.value.spectralRadius;
    const long = { warmup: 400, align: 200, steps: 400 };
    spectrum = (await lyapunov.run(subject, options(lyapunov.options, long), unwatched)).value;
    const back = { end: 700, lags: 200 };
    flow = (await gradients.run(subject, options(gradients.options, back), unwatched)).value;
    found = (await fixedPoints.run(subject, options(fixedPoints.options, { starts: 40 }), unwatched)).value;
  });

  test('finds the point where plain iteration ends, and it is stable', () => {
    const near = found.points.filter((p) => p.kind === 'fixed' && p.stability === 'stable');
    const distances = near.map((p) => Math.hypot(...p.state.map((v, i) => v - rest[i]!)));
    expect(Math.min(...distances)).toBeLessThan(1e-10);
    expect(radius).toBeLessThan(1);
  });

  test('gives it the leading exponent ln|λ₁| of the Jacobian there', () => {
    // A pair of complex eigenvalues turns the frame: the mean over T steps is off by O(1/T).
    expect(Math.abs(spectrum.exponents[0]! - Math.log(radius))).toBeLessThan(2 / 400);
  });

  test('has exponents that add up to the mean of ln|det J|', () => {
    expect(spectrum.exponents).toHaveLength(system.dimension);
    expect(spectrum.sumRuleResidual).toBeLessThan(1e-9);
  });

  test('has gradients that decay at the same rate', () => {
    expect(flow.log10SpectralNorm).toHaveLength(201);
    expect(Math.abs(flow.rate - Math.log(radius))).toBeLessThan(2 / 100);
  });

  test('is answered whole by a diagnosis', async () => {
    const given = options(diagnose.options, { warmup: 50, align: 20, steps: 100, lags: 30, starts: 10 });
    const { value, outcome } = await diagnose.run(subject, given, unwatched);
    expect(outcome).toEqual({ kind: 'complete' });
    const gated = cell.quantities !== undefined;
    expect(value.verdicts).toHaveLength(gated ? 5 : 4);
    expect(Object.keys(value.results).includes('gates')).toBe(gated);
    expect(Object.values(value.results).map(({ outcome }) => outcome.kind)).toEqual(
      new Array(Object.keys(value.results).length).fill('complete'),
    );
  });
});
