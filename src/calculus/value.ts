import type { Algebra, Cell, CellWeights, State } from '../cells/index.js';
import { elementary } from './elementary.js';

type Vector = Float64Array;

const map = (q: Vector, f: (v: number, i: number) => number): Vector => Float64Array.from(q, f);

/** Equations read with plain vectors: what a step of the cell gives. The planned evaluation has to agree with it. */
export const value: Algebra<Vector> = {
  affine: (W, q, b) =>
    Float64Array.from({ length: W.rows }, (_, i) => {
      let sum = b ? b[i]! : 0;
      for (let j = 0; j < W.cols; j++) sum += W.data[i * W.cols + j]! * q[j]!;
      return sum;
    }),
  concat: (a, b) => Float64Array.of(...a, ...b),
  add: (a, b) => map(a, (v, i) => v + b[i]!),
  mul: (a, b) => map(a, (v, i) => v * b[i]!),
  scale: (d, q) => map(q, (v, i) => d[i]! * v),
  shift: (d, q) => map(q, (v, i) => d[i]! + v),
  complement: (q) => map(q, (v) => 1 - v),
  mix: (z, a, b) => map(z, (v, i) => (1 - v) * a[i]! + v * b[i]!),
  unary: (f, q) => map(q, elementary(f).value),
  named: (_name, q) => q,
};

/** s' = F(s, x) of one cell, straight from its equations. */
export const step = (cell: Cell, weights: CellWeights, state: State<Vector>, x: Vector): State<Vector> =>
  cell.equations(value, weights, state, x);
