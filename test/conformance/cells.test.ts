import { describe, expect, test } from 'vitest';
import { Plan } from '../../src/calculus/plan.js';
import { step } from '../../src/calculus/value.js';
import { type Cell, type CellWeights, cells, extentSize, stateLayout, tanh } from '../../src/cells/index.js';
import { closedLoop } from '../../src/dynamics/closed-loop.js';
import { withoutLeaky } from '../../src/dynamics/leaky-reduction.js';
import { network, outputRows } from '../../src/dynamics/network.js';
import type { System } from '../../src/dynamics/system.js';
import { logAbsDet } from '../../src/linalg/index.js';
import { identity, type Matrix, matrix, zeros } from '../../src/linalg/matrix.js';
import type { Layer } from '../../src/model/model.js';
import { type Random, random } from '../../src/random.js';
import { variants } from '../variants.js';

const H = 5;
const I = 3;
const P = 4;

const normals = (count: number, draw: Random, scale = 1): Float64Array =>
  Float64Array.from({ length: count }, () => scale * draw.normal());

function randomWeights(cell: Cell, inputSize: number, draw: Random): CellWeights {
  const sizes = { hiddenSize: H, inputSize, ...(cell.projected && { projectionSize: P }) };
  const matrices: Record<string, Matrix> = {};
  const vectors: Record<string, Float64Array> = {};
  for (const p of cell.parameters) {
    const rows = extentSize(p.rows, sizes);
    const cols = p.cols ? extentSize(p.cols, sizes) : 0;
    if (p.kind === 'vector') vectors[p.name] = normals(rows, draw, 0.5);
    else matrices[p.name] = matrix(rows, cols, normals(rows * cols, draw, 0.6));
  }
  return { ...sizes, matrices, vectors };
}

/** A cell that hands an old state on as it is, and looks at its input beside a matrix: h' = x₀ tanh(U h) + p, p' = h. */
const delayed: Cell = {
  name: 'delayed',
  family: 'other',
  summary: '',
  formula: [],
  blocks: ['h', 'p'],
  parameters: [
    { name: 'U', kind: 'matrix', rows: 'H', cols: 'H' },
    { name: 'W', kind: 'matrix', rows: 'H', cols: 'I' },
    { name: 'V', kind: 'matrix', rows: 'I', cols: 'H' },
    { name: 'd', kind: 'vector', rows: 'H' },
  ],
  equations(op, w, { h, p }, x) {
    const { U, W, V } = w.matrices;
    const scaled = op.affine(W!, op.mul(x, op.affine(V!, h!)));
    return {
      h: op.add(op.mul(op.unary(tanh, op.affine(U!, h!)), scaled), op.scale(w.vectors.d!, p!)),
      p: h!,
    };
  },
};

/** A cell with one next value for both of its blocks, which depends on one of them only through a matrix. */
const twins: Cell = {
  ...delayed,
  name: 'twins',
  equations(op, w, { h, p }, x) {
    const next = op.unary(
      tanh,
      op.add(op.affine(w.matrices.U!, p!), op.add(h!, op.affine(w.matrices.W!, x))),
    );
    return { h: next, p: next };
  },
};

/** With cells that only the plan has to fear. */
const inStacks: readonly Cell[] = [...cells, delayed, twins];
/** With the other functions that a cell may be given: there each is asked alone, and in no stack. */
const everything: readonly Cell[] = [...inStacks, ...variants];
/** Entries of the h that a cell hands on. */
const width = (cell: Cell): number => (cell.projected?.includes('h') ? P : H);

const layer = (cell: Cell, inputSize: number, seed: number): Layer => ({
  name: `layer${seed}`,
  cell,
  weights: randomWeights(cell, inputSize, random(seed)),
});

interface Named {
  readonly name: string;
  readonly system: System;
}

const single = everything.map((cell): Named => ({ name: cell.name, system: network([layer(cell, I, 1)]) }));
const stacks = inStacks.map((cell, k): Named => {
  const other = inStacks[(k + 1) % inStacks.length]!;
  return {
    name: `${cell.name} under ${other.name}`,
    system: network([layer(cell, I, 1), layer(other, width(cell), 2), layer(cell, width(other), 3)]),
  };
});
const loops = inStacks.map((cell): Named => {
  const layers = [layer(cell, I, 1), layer(cell, width(cell), 2)];
  const readout = {
    name: 'readout',
    weight: matrix(I, width(cell), normals(I * width(cell), random(9), 0.5)),
    bias: normals(I, random(8)),
  };
  return {
    name: `${cell.name} in closed loop`,
    system: closedLoop(network(layers), readout, outputRows(layers)),
  };
});

const at = ({ dimension, inputSize }: System, seed: number): [Float64Array, Float64Array] => {
  const draw = random(seed, 7);
  return [normals(dimension, draw, 0.8), normals(inputSize, draw)];
};

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(0, ...Array.from(a, (v, i) => Math.abs(v - b[i]!)));

const product = (A: Matrix, B: Matrix): Matrix => {
  const C = zeros(A.rows, B.cols);
  for (let i = 0; i < A.rows; i++)
    for (let j = 0; j < B.cols; j++)
      for (let k = 0; k < A.cols; k++)
        C.data[i * B.cols + j]! += A.data[i * A.cols + k]! * B.data[k * B.cols + j]!;
  return C;
};

/** Central differences of F along each coordinate of the state or the input. */
function differences(system: System, s: Float64Array, x: Float64Array, of: 'state' | 'input'): Matrix {
  const h = 1e-6;
  const width = of === 'state' ? s.length : x.length;
  const D = zeros(system.dimension, width);
  const value = (j: number, by: number): Float64Array => {
    const [p, y] = [s.slice(), x.slice()];
    (of === 'state' ? p : y)[j]! += by;
    const next = new Float64Array(system.dimension);
    system.step(p, y, next);
    return next;
  };
  for (let j = 0; j < width; j++) {
    const [up, down] = [value(j, h), value(j, -h)];
    for (let i = 0; i < D.rows; i++) D.data[i * width + j] = (up[i]! - down[i]!) / (2 * h);
  }
  return D;
}

describe.each(everything)('the plan of $name', (cell) => {
  test('steps as the equations read with plain vectors do', () => {
    const { weights } = layer(cell, I, 1);
    const plan = new Plan(cell, weights);
    const draw = random(4);
    const layout = stateLayout(cell, weights);
    const s = normals(layout.at(-1)!.to, draw);
    const x = normals(I, draw);
    const next = new Float64Array(s.length);
    plan.evaluate(s, x, next);
    const state = Object.fromEntries(layout.map(({ name, from, to }) => [name, s.slice(from, to)]));
    const plain = step(cell, weights, state, x);
    expect(
      largest(
        next,
        cell.blocks.flatMap((name) => Array.from(plain[name]!)),
      ),
    ).toBeLessThan(1e-14);
  });
});

describe.each([...single, ...stacks, ...loops])('the derivative of $name', ({ system }) => {
  const [s, x] = at(system, 3);

  test('linearises about the same value that a step gives', () => {
    const next = new Float64Array(system.dimension);
    system.step(s, x, next);
    expect(largest(system.linearise(s, x).next, next)).toBe(0);
  });

  test('agrees with central differences in the state and in the input', () => {
    const here = system.linearise(s, x);
    const [J, Jx] = [here.jacobian(), here.inputJacobian()];
    const scale = Math.max(1, ...J.data.map(Math.abs), ...Jx.data.map(Math.abs));
    expect(largest(J.data, differences(system, s, x, 'state').data)).toBeLessThan(2e-9 * scale);
    expect(largest(Jx.data, differences(system, s, x, 'input').data)).toBeLessThan(2e-9 * scale);
  });

  test.each([1, 2, 7])('multiplies a block of %i columns as the dense Jacobians do', (k) => {
    const here = system.linearise(s, x);
    const V = matrix(system.dimension, k, normals(system.dimension * k, random(5)));
    const X = matrix(system.inputSize, k, normals(system.inputSize * k, random(6)));
    const [out, J, Jx] = [zeros(system.dimension, k), here.jacobian(), here.inputJacobian()];
    here.jvp(V, out);
    expect(largest(out.data, product(J, V).data)).toBeLessThan(1e-13);
    if (system.inputSize === 0) return;
    here.jvp(V, out, X);
    const whole = product(J, V).data.map((v, i) => v + product(Jx, X).data[i]!);
    expect(largest(out.data, whole)).toBeLessThan(1e-13);
  });

  test('pulls back by the transpose: ⟨w, J v⟩ = ⟨Jᵀ w, v⟩ in the state and in the input', () => {
    const here = system.linearise(s, x);
    const n = system.dimension;
    const [V, W] = [matrix(n, 2, normals(2 * n, random(5))), matrix(n, 2, normals(2 * n, random(6)))];
    const X = matrix(system.inputSize, 2, normals(2 * system.inputSize, random(7)));
    const [out, back, backX] = [zeros(n, 2), zeros(n, 2), zeros(system.inputSize, 2)];
    here.jvp(V, out, system.inputSize > 0 ? X : undefined);
    here.vjp(W, back, system.inputSize > 0 ? backX : undefined);
    const column = (A: Matrix, B: Matrix, a: number, b: number): number =>
      Array.from({ length: A.rows }, (_, i) => A.data[i * 2 + a]! * B.data[i * 2 + b]!).reduce(
        (p, q) => p + q,
        0,
      );
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const pulled = column(back, V, a, b) + (system.inputSize > 0 ? column(backX, X, a, b) : 0);
      expect(pulled).toBeCloseTo(column(W, out, a, b), 12);
    }
  });

  test('carries the identity to the Jacobian', () => {
    const here = system.linearise(s, x);
    const out = zeros(system.dimension, system.dimension);
    here.jvp(identity(system.dimension), out);
    expect(largest(out.data, here.jacobian().data)).toBeLessThan(1e-14);
  });

  test('has the determinant of its dense Jacobian', () => {
    const here = system.linearise(s, x);
    const dense = logAbsDet(here.jacobian());
    if (dense === Number.NEGATIVE_INFINITY) expect(here.logAbsDet()).toBe(dense);
    else expect(here.logAbsDet()).toBeCloseTo(dense, 9);
  });

  test('solves (J − I) y = b', () => {
    const here = system.linearise(s, x);
    const n = system.dimension;
    const b = normals(n, random(12));
    const y = here.solveShifted(b)!;
    const Jy = zeros(n, 1);
    here.jvp(matrix(n, 1, y), Jy);
    const scale = Math.max(1, ...y.map(Math.abs));
    expect(
      largest(
        Jy.data.map((v, i) => v - y[i]!),
        b,
      ),
    ).toBeLessThan(1e-12 * scale);
  });

  test('encloses a step of every point of a box', () => {
    const wide = { lo: s.map((v) => v - 0.1), hi: s.map((v) => v + 0.1) };
    const box = system.bounds!(wide, { lo: x.map((v) => v - 0.1), hi: x.map((v) => v + 0.1) });
    const draw = random(11);
    const next = new Float64Array(system.dimension);
    for (let k = 0; k < 50; k++) {
      const inside = (v: Float64Array) => v.map((c) => c + 0.2 * (draw.uniform() - 0.5));
      system.step(inside(s), inside(x), next);
      expect(next.every((v, i) => v >= box.lo[i]! && v <= box.hi[i]!)).toBe(true);
    }
  });
});

describe.each([...single, ...stacks, ...loops].filter(({ system }) => withoutLeaky(system)))(
  'the leaky entries of $name at rest',
  ({ system }) => {
    const reduction = withoutLeaky(system)!;
    const [s, x] = at(system, 3);
    const h = reduction.restrict(s);
    const step = (at: Float64Array): Float64Array => {
      const next = new Float64Array(at.length);
      reduction.step(at, x, next);
      return next;
    };

    test('do not move, whatever the others are', () => {
      const lifted = reduction.lift(h, x);
      const next = new Float64Array(lifted.length);
      system.step(lifted, x, next);
      for (const { from, to } of system.leaky!) {
        expect(largest(next.slice(from, to), lifted.slice(from, to))).toBeLessThan(1e-14);
      }
      expect(Array.from(reduction.restrict(lifted))).toEqual(Array.from(h));
    });

    test('leave a map whose derivative agrees with central differences, both ways', () => {
      const n = reduction.dimension;
      const here = reduction.linearise(h, x);
      const [J, Jt] = [zeros(n, n), zeros(n, n)];
      here.jvp(identity(n), J);
      here.vjp(identity(n), Jt);
      for (let j = 0; j < n; j++) {
        const moved = (by: number): Float64Array => step(h.map((v, i) => (i === j ? v + by : v)));
        const [up, down] = [moved(1e-6), moved(-1e-6)];
        for (let i = 0; i < n; i++) {
          expect(J.data[i * n + j]).toBeCloseTo((up[i]! - down[i]!) / 2e-6, 7);
          expect(Jt.data[j * n + i]).toBeCloseTo(J.data[i * n + j]!, 12);
        }
      }
    });

    test('leave a map whose (J − I) y = b is solved', () => {
      const n = reduction.dimension;
      const here = reduction.linearise(h, x);
      const b = normals(n, random(13));
      const y = here.solveShifted(b)!;
      const Jy = zeros(n, 1);
      here.jvp(matrix(n, 1, y), Jy);
      expect(
        largest(
          Jy.data.map((v, i) => v - y[i]!),
          b,
        ),
      ).toBeLessThan(1e-11);
    });
  },
);
