import { type Cell, type CellWeights, extentSize } from '../../src/cells/index.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import type { System } from '../../src/dynamics/system.js';
import { type Matrix, matrix } from '../../src/linalg/matrix.js';
import type { Layer } from '../../src/model/model.js';
import { type Random, random } from '../../src/random.js';

export const normals = (count: number, draw: Random, scale = 1): Float64Array =>
  Float64Array.from({ length: count }, () => scale * draw.normal());

export interface Sizes {
  readonly hidden: number;
  readonly inputs: number;
  readonly projection?: number;
}

/** Weights with independent normal entries of variance gain²/columns, and biases of size `bias`. */
export function randomWeights(
  cell: Cell,
  { hidden, inputs, projection }: Sizes,
  seed: number,
  { gain = 1, bias = 0.3 } = {},
): CellWeights {
  const draw = random(seed);
  const sizes = { hiddenSize: hidden, inputSize: inputs, ...(projection && { projectionSize: projection }) };
  const matrices: Record<string, Matrix> = {};
  const vectors: Record<string, Float64Array> = {};
  for (const p of cell.parameters) {
    const rows = extentSize(p.rows, sizes);
    if (p.kind === 'vector') vectors[p.name] = normals(rows, draw, bias);
    else {
      const cols = extentSize(p.cols!, sizes);
      matrices[p.name] = matrix(rows, cols, normals(rows * cols, draw, gain / Math.sqrt(Math.max(1, cols))));
    }
  }
  return { ...sizes, matrices, vectors };
}

export const randomLayer = (
  cell: Cell,
  sizes: Sizes,
  seed: number,
  scales?: { gain?: number; bias?: number },
): Layer => ({ name: 'layer0', cell, weights: randomWeights(cell, sizes, seed, scales) });

/** A map of the line with its derivative. */
export const line = (f: (x: number) => number, slope: (x: number) => number): System =>
  functionSystem({ dimension: 1, step: ([x]) => [f(x!)], jacobian: ([x]) => [[slope(x!)]] });

export const none = new Float64Array(0);

export function step(system: System, s: Float64Array, x: Float64Array = none): Float64Array {
  const next = new Float64Array(system.dimension);
  system.step(s, x, next);
  return next;
}
