import { type Algebra, type State, stateLayout } from '../../src/cells/index.js';
import type { Layer, Model } from '../../src/model/index.js';

type Vector = readonly number[];

const each = (a: Vector, b: ArrayLike<number>, f: (x: number, y: number) => number): Vector =>
  a.map((x, i) => f(x, b[i]!));

/** The equations over plain lists of numbers, written down without any of the library's arithmetic. */
const plain: Algebra<Vector> = {
  affine: (W, q, b) =>
    Array.from({ length: W.rows }, (_, i) =>
      q.reduce((sum, value, j) => sum + W.data[i * W.cols + j]! * value, b?.[i] ?? 0),
    ),
  concat: (a, b) => [...a, ...b],
  add: (a, b) => each(a, b, (x, y) => x + y),
  mul: (a, b) => each(a, b, (x, y) => x * y),
  scale: (d, q) => each(q, d, (x, y) => x * y),
  shift: (d, q) => each(q, d, (x, y) => x + y),
  complement: (q) => q.map((x) => 1 - x),
  mix: (z, a, b) => z.map((t, i) => (1 - t) * a[i]! + t * b[i]!),
  sigmoid: (q) => q.map((x) => 1 / (1 + Math.exp(-x))),
  tanh: (q) => q.map(Math.tanh),
  named: (_name, q) => q,
  relu: (q) => q.map((x) => Math.max(x, 0)),
};

const rest = ({ cell, weights }: Layer): State<Vector> =>
  Object.fromEntries(
    stateLayout(cell, weights).map(({ name, from, to }) => [name, new Array<number>(to - from).fill(0)]),
  );

/** The last layer's h after each of the inputs, from rest. */
export function hiddenStates({ layers }: Model, inputs: readonly Vector[]): Vector[] {
  let states = layers.map(rest);
  return inputs.map((x) => {
    let below = x;
    states = layers.map(({ cell, weights }, k) => {
      const next = cell.equations(plain, weights, states[k]!, below);
      below = next.h!;
      return next;
    });
    return below;
  });
}

export const largestDifference = (a: readonly Vector[], b: readonly Vector[]): number =>
  Math.max(...a.flatMap((row, t) => row.map((value, i) => Math.abs(value - b[t]![i]!))));
