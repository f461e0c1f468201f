import { afterEach, describe, expect, test, vi } from 'vitest';
import { Plan } from '../../src/calculus/plan.js';
import { trace } from '../../src/calculus/trace.js';
import { step } from '../../src/calculus/value.js';
import {
  type Cell,
  type CellWeights,
  cells,
  extentSize,
  gatedRnn,
  gruResetBefore,
  lstm,
  tanh,
} from '../../src/cells/index.js';
import { type Matrix, matrix, zeros } from '../../src/linalg/matrix.js';
import { random } from '../../src/random.js';
import { normals, randomWeights } from '../dynamics/helpers.js';

const count = (cell: Cell, op: string): number =>
  trace(cell, randomWeights(cell, { hidden: 3, inputs: 2 }, 1)).nodes.filter((node) => node.op === op).length;

describe('the trace of a cell', () => {
  test('has for an LSTM as many nodes as its equations have operations', () => {
    // h, c, x; two affines and their sum for each of four gates; four gate functions; f c, i g, their sum; tanh c', o tanh c'.
    const { nodes, outputs } = trace(lstm, randomWeights(lstm, { hidden: 3, inputs: 2 }, 1));
    expect(nodes).toHaveLength(3 + 4 * 3 + 4 + 3 + 2);
    expect(outputs.map((id) => nodes[id]!.op)).toEqual(['mul', 'add']);
  });

  test('names only earlier nodes as arguments', () => {
    for (const cell of cells) {
      const { nodes } = trace(cell, randomWeights(cell, { hidden: 3, inputs: 2 }, 1));
      nodes.forEach((node, id) => {
        for (const key of ['arg', 'a', 'b', 'z'] as const) {
          const argument = (node as unknown as Record<string, unknown>)[key];
          if (typeof argument === 'number') expect(argument).toBeLessThan(id);
        }
      });
    }
  });

  test('splits a product with the state above the input into one with each', () => {
    const weights = randomWeights(gatedRnn, { hidden: 3, inputs: 2 }, 1);
    const { nodes } = trace(gatedRnn, weights);
    const joint = weights.matrices.W_hc!;
    const affines = nodes.filter((node) => node.op === 'affine');
    // Three gates of W [h; x] (split in two), W h, W x; and the candidate, split in two.
    expect(affines).toHaveLength(3 * 4 + 2);
    const [left, right] = affines.slice(-2) as { W: Matrix; b: Float64Array | undefined }[];
    expect([left!.W.cols, right!.W.cols]).toEqual([3, 2]);
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 5; j++) {
        const part = j < 3 ? left!.W.data[i * 3 + j] : right!.W.data[i * 2 + j - 3];
        expect(part).toBe(joint.data[i * 5 + j]);
      }
    expect([left!.b, right!.b]).toEqual([weights.vectors.b_c, undefined]);
  });

  test('refuses a stacked quantity anywhere but under a matrix, and a matrix that does not fit', () => {
    const bad = (equations: Cell['equations']): Cell => ({ ...lstm, name: 'bad', blocks: ['h'], equations });
    const weights = randomWeights(lstm, { hidden: 3, inputs: 2 }, 1);
    expect(() =>
      trace(
        bad((op, _w, { h }, x) => ({ h: op.unary(tanh, op.concat(h!, x)) })),
        weights,
      ),
    ).toThrow(/stacked/);
    expect(() =>
      trace(
        bad((op, w, _s, x) => ({ h: op.affine(w.matrices.U_i!, x) })),
        weights,
      ),
    ).toThrow(/3×3 times 2/);
  });

  test('has one complement and no more where an equation says 1 − z', () => {
    expect(count(gruResetBefore, 'mix')).toBe(1);
    expect(count(gruResetBefore, 'complement')).toBe(0);
  });
});

describe('the buffers of a plan', () => {
  afterEach(() => void vi.unstubAllGlobals());

  /** Lengths of the arrays that a piece of work allocates. */
  function allocated(work: () => void): number[] {
    const lengths: number[] = [];
    const Plain = Float64Array;
    vi.stubGlobal(
      'Float64Array',
      class extends Plain {
        constructor(...given: unknown[]) {
          super(...(given as []));
          const [from, , length] = given;
          // A view of the kernels' memory with a length of its own is an allocation there.
          const isPart = from instanceof SharedArrayBuffer ? length !== undefined : !ArrayBuffer.isView(from);
          if (isPart && !(from instanceof ArrayBuffer)) lengths.push(this.length);
        }
      },
    );
    work();
    vi.unstubAllGlobals();
    return lengths;
  }

  const H = 150;
  const n = 2 * H;

  /** What products with k columns allocate, beyond the plan itself. */
  function forProducts(k: number): number[] {
    const plan = new Plan(lstm, randomWeights(lstm, { hidden: H, inputs: 2 }, 1));
    const V = matrix(n, k, normals(n * k, random(3)));
    const [out, back] = [zeros(n, k), zeros(n, k)];
    plan.evaluate(normals(n, random(2)), new Float64Array(2), new Float64Array(n));
    const lengths = allocated(() => {
      plan.linearise();
      plan.jvp(V, null, out);
      plan.vjp(V, back, null);
    });
    expect(out.data.every(Number.isFinite)).toBe(true);
    return lengths;
  }

  test('hold sums of gates, H × H for each block that h acts on, and never a Jacobian of the whole state', () => {
    // c' and h' each see h once; h' sees c' only by a diagonal.
    expect(Math.max(...forProducts(7))).toBe(2 * H * H);
  });

  test('are vectors where one column is multiplied', () => {
    expect(Math.max(...forProducts(1))).toBeLessThanOrEqual(4 * H);
  });

  test('are laid out once: a second step and product take nothing more', () => {
    const weights = randomWeights(lstm, { hidden: H, inputs: 2 }, 1);
    const plan = new Plan(lstm, weights);
    const k = 7;
    const [s, x, next] = [normals(n, random(2)), new Float64Array(2), new Float64Array(n)];
    const V = matrix(n, k, normals(n * k, random(3)));
    const out = zeros(n, k);
    const once = () => {
      plan.evaluate(s, x, next);
      plan.linearise();
      plan.jvp(V, null, out);
    };
    once();
    expect(allocated(once)).toEqual([]);
  });
});

test('a gated RNN is an LSTM whose matrices are sums: the same steps and the same Jacobians', () => {
  const [H, I] = [6, 3];
  const draw = random(12);
  // Multiples of 1/64: their sums are exact, so that only the order of the arithmetic differs.
  const coarse = (length: number) => Float64Array.from({ length }, () => Math.round(32 * draw.normal()) / 64);
  const gated: CellWeights = {
    hiddenSize: H,
    inputSize: I,
    matrices: Object.fromEntries(
      gatedRnn.parameters
        .filter((p) => p.kind === 'matrix')
        .map((p) => {
          const cols = extentSize(p.cols!, { hiddenSize: H, inputSize: I });
          return [p.name, matrix(H, cols, coarse(H * cols))];
        }),
    ),
    vectors: Object.fromEntries(
      gatedRnn.parameters.filter((p) => p.kind === 'vector').map((p) => [p.name, coarse(H)]),
    ),
  };
  const slice = (W: Matrix, from: number, to: number): Matrix =>
    matrix(
      H,
      to - from,
      Float64Array.from({ length: H * (to - from) }, (_, p) => {
        const [i, j] = [Math.floor(p / (to - from)), p % (to - from)];
        return W.data[i * W.cols + from + j]!;
      }),
    );
  const plus = (A: Matrix, B: Matrix): Matrix => ({ ...A, data: A.data.map((v, p) => v + B.data[p]!) });
  const { matrices: m, vectors: v } = gated;
  const summed: CellWeights = {
    hiddenSize: H,
    inputSize: I,
    matrices: {
      ...Object.fromEntries(
        ['i', 'f', 'o'].flatMap((g) => [
          [`U_${g}`, plus(slice(m[`W_${g}i`]!, 0, H), m[`W_${g}f`]!)],
          [`W_${g}`, plus(slice(m[`W_${g}i`]!, H, H + I), m[`W_${g}x`]!)],
        ]),
      ),
      U_g: slice(m.W_hc!, 0, H),
      W_g: slice(m.W_hc!, H, H + I),
    },
    vectors: { bx_i: v.b_i!, bx_f: v.b_f!, bx_o: v.b_o!, bx_g: v.b_c! },
  };
  const x = normals(I, draw);
  const plans = [new Plan(gatedRnn, gated), new Plan(lstm, summed)] as const;
  let s = normals(2 * H, draw, 0.5);
  for (let t = 0; t < 20; t++) {
    const [a, b] = plans.map((plan) => {
      const next = new Float64Array(2 * H);
      plan.evaluate(s, x, next);
      plan.linearise();
      return { next, J: plan.jacobian() };
    });
    a!.next.forEach((value, i) => void expect(Math.abs(value - b!.next[i]!)).toBeLessThanOrEqual(1e-15));
    a!.J.data.forEach((value, p) => void expect(Math.abs(value - b!.J.data[p]!)).toBeLessThanOrEqual(1e-15));
    s = a!.next;
  }
  const plain = step(gatedRnn, gated, { h: s.slice(0, H), c: s.slice(H) }, x);
  const twin = step(lstm, summed, { h: s.slice(0, H), c: s.slice(H) }, x);
  plain.h!.forEach((value, i) => void expect(value).toBeCloseTo(twin.h![i]!, 14));
});

describe('named quantities', () => {
  test('are those that the cell lists, in the order of evaluation, and gates lie between 0 and 1', () => {
    for (const cell of cells) {
      const weights = randomWeights(cell, { hidden: 4, inputs: 2 }, 3, { gain: 3 });
      const listed = cell.quantities ?? [];
      expect([...trace(cell, weights).named.keys()], cell.name).toEqual(listed.map((q) => q.name));
      const plan = new Plan(cell, weights);
      plan.evaluate(
        normals(plan.stateSize, random(1)),
        normals(2, random(2)),
        new Float64Array(plan.stateSize),
      );
      for (const { name, role, block } of listed) {
        expect(cell.blocks).toContain(block);
        const { value, logit } = plan.quantity(name);
        expect(value).toHaveLength(4);
        if (role === 'candidate') continue;
        value.forEach((v, i) => void expect(v).toBeCloseTo(1 / (1 + Math.exp(-logit![i]!)), 15));
      }
    }
  });

  test('have the values of the formula: z = σ(W_z x + bx_z + U_z h + bh_z)', () => {
    const weights = randomWeights(gruResetBefore, { hidden: 3, inputs: 2 }, 9);
    const plan = new Plan(gruResetBefore, weights);
    const [h, x] = [normals(3, random(1)), normals(2, random(2))];
    plan.evaluate(h, x, new Float64Array(3));
    const { W_z, U_z } = weights.matrices;
    plan.quantity('z').value.forEach((z, i) => {
      let a = weights.vectors.bx_z![i]! + weights.vectors.bh_z![i]!;
      for (let j = 0; j < 2; j++) a += W_z!.data[2 * i + j]! * x[j]!;
      for (let j = 0; j < 3; j++) a += U_z!.data[3 * i + j]! * h[j]!;
      expect(z).toBeCloseTo(1 / (1 + Math.exp(-a)), 14);
    });
  });

  test('with their derivatives cut leave an LSTM’s cell state to its forget gate alone: ∂c′/∂c = f, ∂h′/∂c = o sech²(c′) f', () => {
    const weights = randomWeights(lstm, { hidden: 3, inputs: 2 }, 5);
    const plan = new Plan(lstm, weights, ['i', 'f', 'g', 'o']);
    const next = new Float64Array(6);
    plan.evaluate(normals(6, random(1)), normals(2, random(2)), next);
    plan.linearise();
    const J = plan.jacobian();
    const [f, o] = ['f', 'o'].map((name) => plan.quantity(name).value);
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 8; j++) {
        const through = j === 3 + i ? f![i]! : 0;
        expect(J.data[(3 + i) * 8 + j]).toBeCloseTo(through, 14);
        expect(J.data[i * 8 + j]).toBeCloseTo(o![i]! * (1 - Math.tanh(next[3 + i]!) ** 2) * through, 14);
      }
  });

  test('cut one after the other split the derivative into paths, also through a gate that a product acts on', () => {
    // Through the reset gate alone: n = tanh(U (r ⊙ h)) gives diag((1 − z)(1 − n²)) U diag(h r (1 − r)) U_r.
    const weights = randomWeights(gruResetBefore, { hidden: 3, inputs: 2 }, 7);
    const [s, x] = [normals(3, random(1)), normals(2, random(2))];
    const jacobians = [[], ['r']].map((cut) => {
      const plan = new Plan(gruResetBefore, weights, cut);
      plan.evaluate(s, x, new Float64Array(3));
      plan.linearise();
      return { J: plan.jacobian(), plan };
    });
    const [r, z, n] = ['r', 'z', 'n'].map((name) => jacobians[0]!.plan.quantity(name).value);
    const [U, Ur] = [weights.matrices.U_n!.data, weights.matrices.U_r!.data];
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) {
        let inner = 0;
        for (let k = 0; k < 3; k++) inner += U[i * 3 + k]! * s[k]! * r![k]! * (1 - r![k]!) * Ur[k * 3 + j]!;
        const expected = (1 - z![i]!) * (1 - n![i]! ** 2) * inner;
        const [whole, rest] = jacobians.map(({ J }) => J.data[i * 5 + j]!);
        expect(whole! - rest!).toBeCloseTo(expected, 13);
      }
  });
});
