import { expect, test } from 'vitest';
import { pointBox } from '../../src/calculus/interval.js';
import { cellNamed, rnnTanh } from '../../src/cells/index.js';
import { leadingStability } from '../../src/dynamics/leading-stability.js';
import { network } from '../../src/dynamics/network.js';
import { reachableBox } from '../../src/dynamics/reachable-box.js';
import { restSpace, searchRest } from '../../src/dynamics/rest-point.js';
import { stabilityAt } from '../../src/dynamics/stability.js';
import type { System } from '../../src/dynamics/system.js';
import { zeros } from '../../src/linalg/matrix.js';
import { random } from '../../src/random.js';
import { none, normals, randomLayer, step } from './helpers.js';

const N = 2048;

/** h' = tanh(W h + b), without any way to a matrix of its Jacobian. */
function withoutMatrices(W: (i: number) => readonly [number, number][], b: Float64Array): System {
  const Wh = zeros(N, N);
  for (let i = 0; i < N; i++) for (const [j, v] of W(i)) Wh.data[i * N + j] = v;
  const weights = { hiddenSize: N, inputSize: 0, matrices: { Wx: zeros(N, 0), Wh }, vectors: { b } };
  const names = rnnTanh.parameters.map((p) => p.name);
  const matrices = Object.fromEntries(
    rnnTanh.parameters
      .filter((p) => p.kind === 'matrix')
      .map((p) => [p.name, p.cols === 'I' ? zeros(N, 0) : Wh]),
  );
  const vectors = Object.fromEntries(
    rnnTanh.parameters
      .filter((p) => p.kind === 'vector')
      .map((p, i) => [p.name, i === 0 ? b : new Float64Array(N)]),
  );
  expect(names.length).toBe(Object.keys({ ...matrices, ...vectors }).length);
  const system = network([{ name: 'layer0', cell: rnnTanh, weights: { ...weights, matrices, vectors } }]);
  const forbidden = (): never => {
    throw new Error('J was formed');
  };
  return Object.assign(Object.create(system) as System, {
    dimension: N,
    inputSize: 0,
    step: system.step.bind(system),
    linearise: (s: Float64Array, x: Float64Array) => {
      const here = system.linearise(s, x);
      return Object.assign(Object.create(here), { jacobian: forbidden, solveShifted: forbidden });
    },
  });
}

const search = (system: System, start: Float64Array) =>
  searchRest(system, restSpace(system), none, start, { tolerance: 1e-24, iterations: 120, box: null });

test('a contraction of 2048 units has one fixed point, where iteration ends too, and it is stable', () => {
  const draw = random(1);
  const system = withoutMatrices(
    () =>
      Array.from({ length: 8 }, () => [draw.below(N), 0.11 * (2 * draw.uniform() - 1)] as [number, number]),
    normals(N, draw, 0.5),
  );
  let s: Float64Array = new Float64Array(N);
  for (let t = 0; t < 100; t++) s = step(system, s);
  for (const seed of [2, 3]) {
    const found = search(system, normals(N, random(seed), 1));
    expect(found.kind).toBe('root');
    expect(found.q).toBeLessThan(1e-28);
    expect(Math.max(...found.state.map((v, i) => Math.abs(v - s[i]!)))).toBeLessThan(1e-13);
  }
  expect(stabilityAt(system, none, s, 1e-14)).toMatchObject({
    unstable: 0,
    marginal: false,
    leading: 'settled',
  });
}, 30_000);

test('units that are alone rest at ±a and 0 of a = tanh(w a), and every unit at 0 is an unstable dimension', () => {
  const w = 1.5;
  let a = 1;
  for (let k = 0; k < 200; k++) a = Math.tanh(w * a);
  const system = withoutMatrices((i) => [[i, w]], new Float64Array(N));
  const draw = random(4);
  const kinds = Float64Array.from({ length: N }, (_, i) => (i < 12 ? 0 : draw.below(2) * 2 - 1));
  const start = kinds.map((k) => k * a + 0.02 * draw.normal());
  const found = search(system, start);
  expect(found.kind).toBe('root');
  expect(Math.max(...found.state.map((v, i) => Math.abs(v - kinds[i]! * a)))).toBeLessThan(1e-13);
  const at = stabilityAt(system, none, found.state, Math.sqrt(2 * found.q));
  expect(at).toMatchObject({ unstable: 12, marginal: false, leading: 'settled' });
  expect(at.eigenvalues[0]![0]).toBeCloseTo(w, 10);
}, 30_000);

test.each(['gru', 'lstm'])('of %s the same roots are found without matrices as with them', (name) => {
  const system = network([randomLayer(cellNamed(name)!, { hidden: 6, inputs: 0 }, 3, { gain: 3 })]);
  const space = restSpace(system);
  const box = reachableBox(system, pointBox(none));
  const rootsOf = (matrixFree: boolean) => {
    const draw = random(7);
    const roots: Float64Array[] = [];
    for (let k = 0; k < 200; k++) {
      const options = { tolerance: 1e-24, iterations: 120, box, matrixFree };
      const { kind, state } = searchRest(system, space, none, normals(system.dimension, draw), options);
      const inside = state.every((v, i) => Math.abs(v) <= box!.hi[i]! + 1e-9);
      if (kind === 'root' && inside && !roots.some((r) => r.every((v, i) => Math.abs(v - state[i]!) < 1e-7)))
        roots.push(state);
    }
    return roots.sort((a, b) => a[0]! - b[0]!);
  };
  const [dense, free] = [rootsOf(false), rootsOf(true)];
  expect(free.length).toBe(dense.length);
  for (const [k, root] of free.entries())
    expect(Math.max(...root.map((v, i) => Math.abs(v - dense[k]![i]!)))).toBeLessThan(1e-10);
});

test.each([
  ['rnn-tanh', 0.8],
  ['rnn-tanh', 1.02],
  ['rnn-tanh', 1.3],
  ['gru', 2],
  ['lstm', 3],
])(
  'leading eigenvalues of %s at gain %d count what the whole spectrum counts, or at least so many',
  (name, gain) => {
    const system = network([randomLayer(cellNamed(name)!, { hidden: 300, inputs: 0 }, 1, { gain, bias: 0 })]);
    const s = new Float64Array(system.dimension);
    const whole = stabilityAt(system, none, s, 0);
    const leading = leadingStability(system, none, s, 0);
    if (leading.leading === 'settled') expect(leading.unstable).toBe(whole.unstable);
    else expect(leading.unstable).toBeLessThanOrEqual(whole.unstable);
    const [known, found] = [whole, leading].map(({ eigenvalues }) => Math.hypot(...eigenvalues[0]!));
    expect(Math.abs(found! - known!)).toBeLessThan(leading.radiusError! + 1e-10);
    expect(leading.radiusError).toBeLessThan(1e-3);
  },
);
