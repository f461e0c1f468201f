import { type ActivationName, type Algebra, type State, stateLayout } from '../../src/cells/index.js';
import type { Layer, Model } from '../../src/model/index.js';

type Vector = readonly number[];

const each = (a: Vector, b: ArrayLike<number>, f: (x: number, y: number) => number): Vector =>
  a.map((x, i) => f(x, b[i]!));

const between = (x: number, least: number, most: number) => Math.min(most, Math.max(least, x));

/** Written down again, from the definitions in ONNX's and PyTorch's documentation. */
const functions: Record<ActivationName, (x: number, alpha: number, beta: number) => number> = {
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  relu: (x) => Math.max(x, 0),
  linear: (x) => x,
  affine: (x, alpha, beta) => alpha * x + beta,
  hard_sigmoid: (x, alpha, beta) => between(alpha * x + beta, 0, 1),
  hard_tanh: (x) => between(x, -1, 1),
  relu6: (x) => between(x, 0, 6),
  clip: (x, alpha) => between(x, -alpha, alpha),
  softsign: (x) => x / (1 + Math.abs(x)),
  softplus: (x) => Math.log(1 + Math.exp(x)),
  elu: (x, alpha) => (x >= 0 ? x : alpha * (Math.exp(x) - 1)),
  selu: (x) => 1.0507009873554805 * (x >= 0 ? x : 1.6732632423543772 * (Math.exp(x) - 1)),
  leaky_relu: (x, alpha) => (x >= 0 ? x : alpha * x),
  thresholded_relu: (x, alpha) => (x > alpha ? x : 0),
  scaled_tanh: (x, alpha, beta) => alpha * Math.tanh(beta * x),
  exponential: Math.exp,
  silu: (x) => x / (1 + Math.exp(-x)),
  square: (x) => x ** 2,
  rsqrt: (x, alpha) => (Math.max(x, 0) + alpha) ** -0.5,
};

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
  unary: ({ name, parameters: [alpha = 0, beta = 0] }, q) => q.map((x) => functions[name](x, alpha, beta)),
  named: (_name, q) => q,
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
