import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Matrix } from '../../linalg/matrix.js';
import { shapeText } from '../source.js';

/** A tensor as a matrix; a UserError when it is none or does not hold weights. */
export function matrixOf(tensor: Tensor): Matrix {
  const [rows, cols] = matrixShape(tensor);
  return { rows, cols, data: tensor.values() };
}

export function matrixShape(tensor: Tensor): [rows: number, cols: number] {
  refuseCodes(tensor);
  if (tensor.shape.length === 2) return [tensor.shape[0]!, tensor.shape[1]!];
  throw new UserError('SHAPE', `${tensor.name} is ${shapeText(tensor.shape)}, expected a matrix.`);
}

/** A tensor of `length` numbers, [length] or a single row or column; a fresh copy. */
export function vectorOf(tensor: Tensor, length: number, why: string): Float64Array {
  refuseCodes(tensor);
  const size = tensor.shape.reduce((product, n) => product * n, 1);
  const extents = tensor.shape.filter((n) => n !== 1).length;
  if (size !== length || extents > 1)
    throw new UserError(
      'SHAPE',
      `${tensor.name} is ${shapeText(tensor.shape)}, expected [${length}] ${why}.`,
    );
  return tensor.values().slice();
}

/** A fresh copy of the rows [from, from + rows). */
export const rowsOf = (m: Matrix, from: number, rows: number): Matrix => ({
  rows,
  cols: m.cols,
  data: m.data.slice(from * m.cols, (from + rows) * m.cols),
});

/** Bytes and booleans are codes of quantised weights, not weights. */
function refuseCodes(tensor: Tensor): void {
  if (/^(i8|u8|bool|c\d+)$/.test(tensor.dtype))
    throw new UserError(
      'UNSUPPORTED',
      `${tensor.name} holds ${tensor.dtype} values, which are no weights to compute with. Save the network before quantisation.`,
    );
}

/** w = g · v / ‖v‖, row by row, or with one norm for the whole matrix when g is a single number (`dim=None`). */
export function weightNormed(g: Tensor, v: Tensor): Matrix {
  const { rows, cols, data } = matrixOf(v);
  const whole = g.shape.length === 0;
  const lengths = vectorOf(g, whole ? 1 : rows, `(one length for each row of ${v.name})`);
  const w = new Float64Array(rows * cols);
  const wholeNorm = whole ? euclidean(data) : 0;
  for (let i = 0; i < rows; i++) {
    const norm = whole ? wholeNorm : euclidean(data.subarray(i * cols, (i + 1) * cols));
    const factor = lengths[whole ? 0 : i]! / norm;
    for (let j = 0; j < cols; j++) w[i * cols + j] = factor * data[i * cols + j]!;
  }
  return { rows, cols, data: w };
}

const euclidean = (v: Float64Array): number => Math.sqrt(v.reduce((sum, a) => sum + a * a, 0));
