import type { CellWeights } from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Matrix } from '../../linalg/matrix.js';
import { shapeText } from '../source.js';

// Frameworks that multiply from the left, x W, keep gates as blocks of columns.

/** What one gate is made of. */
export interface Gate {
  readonly W: Matrix;
  readonly U: Matrix;
  readonly bx?: Float64Array;
  readonly bh?: Float64Array;
}

/** Gates as the parameters W_g, U_g, bx_g, bh_g of a cell. */
export function gateParameters(
  sizes: { readonly hiddenSize: number; readonly inputSize: number },
  gates: ReadonlyMap<string, Gate>,
): CellWeights {
  const matrices: Record<string, Matrix> = {};
  const vectors: Record<string, Float64Array> = {};
  for (const [name, { W, U, bx, bh }] of gates) {
    matrices[`W_${name}`] = W;
    matrices[`U_${name}`] = U;
    if (bx) vectors[`bx_${name}`] = bx;
    if (bh) vectors[`bh_${name}`] = bh;
  }
  return { ...sizes, matrices, vectors };
}

/** The entries [rows, rows + height) × [columns, columns + width) of a stored matrix, transposed: width × height. */
export function transposedBlock(
  data: Float64Array,
  storedColumns: number,
  [row, height]: readonly [from: number, count: number],
  [column, width]: readonly [from: number, count: number],
): Matrix {
  const out = new Float64Array(width * height);
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++) out[j * height + i] = data[(row + i) * storedColumns + column + j]!;
  return { rows: width, cols: height, data: out };
}

/** Throws where a tensor does not have the shape that others give it. */
export function checkShape(tensor: Tensor, shape: readonly number[], because: string): void {
  if (tensor.shape.join() === shape.join()) return;
  throw new UserError(
    'SHAPE',
    `${tensor.name} is ${shapeText(tensor.shape)}, expected ${shapeText(shape)} ${because}.`,
  );
}
