import { describe, expect, test } from 'vitest';
import { type Box, contains, cube, pointBox } from '../../src/calculus/interval.js';
import {
  type Cell,
  type CellWeights,
  cellNamed,
  gruResetAfter,
  gruSeparateGates,
  lstm,
  rnnRelu,
  rnnTanh,
} from '../../src/cells/index.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { network } from '../../src/dynamics/network.js';
import { principalPlane } from '../../src/dynamics/principal-plane.js';
import { reachableBox } from '../../src/dynamics/reachable-box.js';
import { findRest } from '../../src/dynamics/rest-point.js';
import { stabilityAt } from '../../src/dynamics/stability.js';
import { startsFor } from '../../src/dynamics/starts.js';
import type { System } from '../../src/dynamics/system.js';
import { matrix, zeros } from '../../src/linalg/matrix.js';
import { random } from '../../src/random.js';
import { autonomous } from '../oracles.js';
import { line, none, normals, randomLayer, randomWeights, step } from './helpers.js';

const of = (cell: Cell, weights: CellWeights): System => network([{ name: 'layer0', cell, weights }]);
const noInput = pointBox(none);

/** A cell of one unit whose gates are held by their biases: no recurrent weights, no inputs. */
function held(cell: Cell, vectors: Record<string, number>): System {
  const matrices = Object.fromEntries(
    cell.parameters.filter((p) => p.kind === 'matrix').map((p) => [p.name, zeros(1, p.cols === 'I' ? 0 : 1)]),
  );
  const biases = Object.fromEntries(Object.entries(vectors).map(([name, v]) => [name, Float64Array.of(v)]));
  return of(cell, { hiddenSize: 1, inputSize: 0, matrices, vectors: biases });
}

const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a));

describe('the reachable box', () => {
  test.each([rnnTanh, gruResetAfter, cellNamed('gru-reset-before')!, cellNamed('gru-two-step')!])(
    'of $name is the cube of radius 1',
    (cell) => {
      const system = of(cell, randomWeights(cell, { hidden: 5, inputs: 2 }, 2, { gain: 3, bias: 2 }));
      expect(reachableBox(system, cube(2, 10))).toEqual(cube(5, 1));
    },
  );

  test('of an LSTM holds every orbit, under any input in the range', () => {
    for (const seed of [1, 2, 3, 4]) {
      const system = of(lstm, randomWeights(lstm, { hidden: 6, inputs: 2 }, seed, { gain: 3, bias: 1 }));
      const box = reachableBox(system, cube(2, 1.5))!;
      const draw = random(seed);
      let s: Float64Array = Float64Array.from(box.hi, (hi) => hi * (2 * draw.uniform() - 1));
      let most = 0;
      for (let t = 0; t < 5000; t++) {
        s = step(system, s, Float64Array.of(3 * draw.uniform() - 1.5, 3 * draw.uniform() - 1.5));
        expect(contains(box, pointBox(s))).toBe(true);
        most = Math.max(most, ...s.map((v, i) => Math.abs(v) / box.hi[i]!));
      }
      expect(most).toBeGreaterThan(0.05);
    }
  });

  test('of an LSTM is no larger than it must be: c ends at i g / (1 − f), the bound itself', () => {
    const system = held(lstm, { bx_i: 2, bx_f: 3, bx_g: 1.5, bx_o: 1 });
    const bound = (sigmoid(2) * Math.tanh(1.5)) / (1 - sigmoid(3));
    const box = reachableBox(system, noInput)!;
    expect(box.hi[1]! / bound).toBeGreaterThanOrEqual(1);
    expect(box.hi[1]! / bound).toBeLessThan(1 + 1e-7);
    let s: Float64Array = new Float64Array(2);
    for (let t = 0; t < 2000; t++) s = step(system, s);
    expect(s[1]! / bound).toBeCloseTo(1, 12);
    expect(contains(box, pointBox(s))).toBe(true);
  });

  test('of a stack of LSTMs holds its orbits', () => {
    const first = randomLayer(lstm, { hidden: 4, inputs: 1 }, 1, { gain: 2 });
    const system = network([
      first,
      { ...randomLayer(lstm, { hidden: 3, inputs: 4 }, 2, { gain: 2 }), name: 'layer1' },
    ]);
    const box = reachableBox(system, cube(1, 1))!;
    const draw = random(8);
    let s: Float64Array = new Float64Array(system.dimension);
    for (let t = 0; t < 5000; t++) {
      s = step(system, s, Float64Array.of(2 * draw.uniform() - 1));
      expect(contains(box, pointBox(s))).toBe(true);
    }
  });

  test('is not claimed for ReLU, nor for gates that let the state grow', () => {
    const relu = of(rnnRelu, randomWeights(rnnRelu, { hidden: 3, inputs: 1 }, 1, { gain: 2 }));
    expect(reachableBox(relu, cube(1, 1))).toBe(null);
    // f = 1 to rounding: h' = h + (1 − z) tanh(b) has no bound.
    const growing = held(gruSeparateGates, { b_f: 40, b_z: -3, b_h: 1 });
    let s: Float64Array = new Float64Array(1);
    for (let t = 0; t < 1000; t++) s = step(growing, s);
    expect(s[0]).toBeGreaterThan(700);
    expect(reachableBox(growing, noInput)).toBe(null);
  });

  test('of separate gates that forget is the one of a leak: (1 − z) n / (1 − f)', () => {
    const leak = held(gruSeparateGates, { b_f: 1, b_z: -3, b_h: 2 });
    const rest = (sigmoid(3) * Math.tanh(2)) / (1 - sigmoid(1));
    expect(reachableBox(leak, noInput)!.hi[0]).toBeCloseTo(rest, 6);
  });

  test.each([
    ['lstm', 3],
    ['gru', 4],
    ['rnn-tanh', 2],
  ])('of %s holds every root that a wide search finds', (name, gain) => {
    const cell = cellNamed(name)!;
    const system = of(cell, randomWeights(cell, { hidden: 3, inputs: 0 }, 5, { gain, bias: 0.5 }));
    const box = reachableBox(system, noInput)!;
    const draw = random(3);
    let roots = 0;
    for (let k = 0; k < 200; k++) {
      const start = Float64Array.from(box.hi, (hi) => hi * 2 * draw.normal());
      const found = findRest(system, none, start, { tolerance: 1e-24, iterations: 120, box });
      // Far outside a GRU's box z saturates and everything is a root to rounding.
      if (found.kind !== 'root' || found.state.some((v, i) => Math.abs(v) > 2 * box.hi[i]!)) continue;
      roots++;
      expect(contains(box, pointBox(found.state))).toBe(true);
    }
    expect(roots).toBeGreaterThan(10);
  });
});

const options = { tolerance: 1e-24, iterations: 120, box: null as Box | null };
const search = (system: System, ...start: number[]) =>
  findRest(system, none, Float64Array.from(start), options);

describe('a search for rest', () => {
  /** F(s) = s + (x² − 1, y² − 4): roots at (±1, ±2). */
  const four = functionSystem({
    dimension: 2,
    step: ([x, y]) => [x! + x! * x! - 1, y! + y! * y! - 4],
    jacobian: ([x, y]) => [
      [1 + 2 * x!, 0],
      [0, 1 + 2 * y!],
    ],
  });

  test('ends at the roots that there are, whatever their stability', () => {
    const draw = random(1);
    const seen = new Set<string>();
    for (let k = 0; k < 100; k++) {
      const { kind, state, q } = search(four, 3 * draw.normal(), 3 * draw.normal());
      expect(kind).toBe('root');
      expect(q).toBeLessThan(1e-29);
      expect(Math.abs(state[0]!)).toBeCloseTo(1, 14);
      expect(Math.abs(state[1]!)).toBeCloseTo(2, 14);
      seen.add(state.map(Math.sign).join());
    }
    expect(seen.size).toBe(4);
  });

  test('calls the ghost of a fold a minimum: x + x² + 0.01 is nearest to rest at 0, q = 5·10⁻⁵', () => {
    for (const start of [-0.4, -0.01, 0.002, 0.3, 2]) {
      const ghost = line(
        (x) => x + x * x + 0.01,
        (x) => 1 + 2 * x,
      );
      const { kind, state, q } = search(ghost, start);
      expect(kind).toBe('minimum');
      expect(Math.abs(state[0]!)).toBeLessThan(1e-4);
      expect(q).toBeCloseTo(5e-5, 10);
    }
  });

  test('finds both roots where the fold has opened', () => {
    const open = line(
      (x) => x + x * x - 0.01,
      (x) => 1 + 2 * x,
    );
    expect(search(open, 0.4).state[0]).toBeCloseTo(0.1, 14);
    expect(search(open, -0.4).state[0]).toBeCloseTo(-0.1, 14);
  });

  test('comes near to a root at which J − I is singular', () => {
    const { kind, state } = search(
      line(
        (x) => x - x ** 3,
        (x) => 1 - 3 * x * x,
      ),
      0.8,
    );
    expect(kind).toBe('root');
    // q = x⁶/2 ≤ 10⁻²⁴
    expect(Math.abs(state[0]!)).toBeLessThan(1.13e-4);
  });

  test('stays where everything rests', () => {
    expect(
      search(
        line(
          (x) => x,
          () => 1,
        ),
        0.7,
      ),
    ).toMatchObject({ kind: 'root', q: 0 });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'that starts at %d ends at once',
    (start) => {
      expect(search(four, start, 0).kind).toBe('unconverged');
    },
  );

  test.each<[string, System]>([
    [
      'x + 1',
      line(
        (x) => x + 1,
        () => 1,
      ),
    ],
    [
      'x + 1/x',
      line(
        (x) => x + 1 / x,
        (x) => 1 - 1 / (x * x),
      ),
    ],
    [
      'eˣ + 1 + x²',
      line(
        (x) => Math.exp(x) + 1 + x * x,
        (x) => Math.exp(x) + 2 * x,
      ),
    ],
    [
      'a step with a slope that is not its own',
      line(
        (x) => (x > 0 ? -1 : 1),
        () => 0.5,
      ),
    ],
    [
      'not a number beyond 1',
      line(
        (x) => x + Math.sqrt(1 - x) + 0.1,
        (x) => 1 - 0.5 / Math.sqrt(1 - x),
      ),
    ],
  ])('ends for %s, which has no root', (_name, map) => {
    for (const start of [-2, -0.5, 0.5, 0.99]) expect(search(map, start).kind).not.toBe('root');
  });
});

describe('stability', () => {
  const cubic = (slope: number): System =>
    line(
      (x) => slope * x + x ** 3,
      (x) => slope + 3 * x * x,
    );

  test.each([1, -1])('at a slope of exactly %i is marginal', (slope) => {
    expect(stabilityAt(cubic(slope), none, Float64Array.of(0), 0)).toMatchObject({
      marginal: true,
      unstable: 0,
    });
  });

  test.each([
    [1 - 1e-6, 0],
    [1 + 1e-6, 1],
    [-1 + 1e-6, 0],
    [-1 - 1e-6, 1],
    [0, 0],
    [3, 1],
  ])('at a slope of %d is decided: %i unstable directions', (slope, unstable) => {
    for (const residual of [0, 1e-15])
      expect(stabilityAt(cubic(slope), none, Float64Array.of(0), residual)).toMatchObject({
        marginal: false,
        unstable,
      });
  });

  test('of a rotation is marginal in both directions, of a spiral it is not', () => {
    const turn = (r: number): System => {
      const J = [
        [r * Math.cos(1), -r * Math.sin(1)],
        [r * Math.sin(1), r * Math.cos(1)],
      ];
      return functionSystem({ dimension: 2, step: () => [0, 0], jacobian: () => J });
    };
    const at = (r: number) => stabilityAt(turn(r), none, new Float64Array(2), 0);
    expect(at(1)).toMatchObject({ marginal: true, unstable: 0 });
    expect(at(1 + 1e-9)).toMatchObject({ marginal: false, unstable: 2 });
    expect(at(1 - 1e-9)).toMatchObject({ marginal: false, unstable: 0 });
    expect(at(2).eigenvalues.map(([re, im]) => Math.hypot(re, im))).toEqual([
      expect.closeTo(2, 14),
      expect.closeTo(2, 14),
    ]);
  });

  test('is not claimed where the residual could have moved the eigenvalue across', () => {
    // x² + x at 10⁻⁷: the slope 1 + 2·10⁻⁷ is that of a point that may be off by 10⁻⁷.
    const fold = line(
      (x) => x + x * x,
      (x) => 1 + 2 * x,
    );
    expect(stabilityAt(fold, none, Float64Array.of(1e-7), 1e-14).marginal).toBe(true);
  });
});

describe('the principal plane', () => {
  /** ±σ_k along the k-th column of a rotation, about a mean. */
  const spread = (deviations: readonly number[]) => {
    const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
    const axes = [
      [c, s, 0],
      [-s * c, c * c, s],
      [s * s, -c * s, c],
    ];
    const mean = [5, -3, 2];
    const states = deviations.flatMap((d, k) =>
      [d, -d].map((v) => Float64Array.from(mean, (m, i) => m + v * axes[k]![i]!)),
    );
    return { states, axes, mean };
  };

  test('lies along the two largest deviations and says what share of the variance they hold', () => {
    const { states, axes, mean } = spread([1, 3, 2]);
    const plane = principalPlane(states);
    expect(plane.explained[0]).toBeCloseTo(9 / 14, 9);
    expect(plane.explained[1]).toBeCloseTo(4 / 14, 9);
    const along = (k: number, by: number) =>
      plane.project(Float64Array.from(mean, (m, i) => m + by * axes[k]![i]!));
    expect(Math.abs(along(1, 3)[0])).toBeCloseTo(3, 5);
    expect(along(1, 3)[1]).toBeCloseTo(0, 5);
    expect(Math.abs(along(2, 2)[1])).toBeCloseTo(2, 5);
    expect(Math.hypot(...along(0, 1))).toBeLessThan(1e-5);
  });

  test('of a line explains all by one axis, of a point nothing', () => {
    const only = principalPlane(spread([2]).states);
    expect(only.explained[0]).toBeCloseTo(1, 12);
    expect(only.explained[1]).toBeCloseTo(0, 12);
    const point = principalPlane([Float64Array.of(1, 2), Float64Array.of(1, 2)]);
    expect(point.explained).toEqual([0, 0]);
    expect(point.project(Float64Array.of(1, 2))).toEqual([0, 0]);
  });
});

describe('places to start from', () => {
  const system = of(gruResetAfter, randomWeights(gruResetAfter, { hidden: 4, inputs: 2 }, 1));
  const take = (on: System, seed: number, count: number, box: Box | null = null): Float64Array[] => {
    const { next } = startsFor(
      autonomous(on, new Float64Array(on.dimension), seed),
      new Float64Array(on.inputSize),
      box,
    );
    return Array.from({ length: count }, next);
  };

  test('are the same for the same seed and others for another', () => {
    expect(take(system, 1, 40)).toEqual(take(system, 1, 40));
    expect(take(system, 2, 40)).not.toEqual(take(system, 1, 40));
  });

  test('do not depend on how many are taken', () => {
    expect(take(system, 1, 100).slice(0, 7)).toEqual(take(system, 1, 7));
  });

  test('are finite, also for a map that grows without bound, and hardly ever the same', () => {
    const growing = functionSystem({
      dimension: 2,
      step: ([x, y]) => [3 * x! + 1, x! * y! + 2],
      jacobian: ([x, y]) => [
        [3, 0],
        [y!, x!],
      ],
    });
    for (const on of [system, growing])
      expect(take(on, 3, 400).every((s) => s.every(Number.isFinite))).toBe(true);
    expect(new Set(take(system, 3, 400).map((s) => s.join())).size).toBeGreaterThan(390);
  });

  test('reach over the whole range, on both sides of zero in every coordinate', () => {
    const starts = take(system, 1, 400, cube(4, 1));
    for (let i = 0; i < 4; i++) {
      expect(Math.min(...starts.map((s) => s[i]!))).toBeLessThan(-0.7);
      expect(Math.max(...starts.map((s) => s[i]!))).toBeGreaterThan(0.7);
    }
  });
});

test('weights with no recurrence at all rest where their biases put them', () => {
  const draw = random(2);
  const b = normals(3, draw);
  const system = of(rnnTanh, {
    hiddenSize: 3,
    inputSize: 0,
    matrices: { W_h: zeros(3, 0), U_h: matrix(3, 3, new Float64Array(9)) },
    vectors: { bx_h: b },
  });
  const { kind, state } = search(system, 5, -5, 5);
  expect(kind).toBe('root');
  state.forEach((v, i) => void expect(v).toBeCloseTo(Math.tanh(b[i]!), 15));
});
