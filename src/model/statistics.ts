import { eigenvalues, spectralNorm } from '../linalg/index.js';
import type { Matrix } from '../linalg/matrix.js';
import type { Layer } from './model.js';
import { nonFiniteCount } from './non-finite.js';

/** Mean, spread and extremes of one weight array, over its finite entries. */
export interface WeightStatistics {
  /** 'layer0.U_z', 'layer0_reverse.bx_i': layer, direction, the cell's own name of the parameter. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly standardDeviation: number;
  readonly min: number;
  readonly max: number;
  readonly nonFinite: number;
  /** Largest |eigenvalue| and singular value of a recurrent matrix; absent where H is too large or entries not finite. */
  readonly spectralRadius?: number;
  readonly spectralNorm?: number;
}

/** Above this many units the eigenvalues of each gate would take longer than reading the file is worth. */
const LARGEST_SPECTRUM = 512;

/** One row for each parameter of the layer, under the layer's name. */
export function layerStatistics({ cell, weights }: Layer, name: string): WeightStatistics[] {
  return cell.parameters.flatMap((parameter) => {
    const full = `${name}.${parameter.name}`;
    const vector = weights.vectors[parameter.name];
    if (vector) return [{ name: full, shape: [vector.length], ...moments(vector) }];
    const matrix = weights.matrices[parameter.name];
    if (!matrix) return [];
    const summary = { name: full, shape: [matrix.rows, matrix.cols], ...moments(matrix.data) };
    const isRecurrent =
      parameter.cols === 'H' &&
      matrix.rows === matrix.cols &&
      matrix.rows <= LARGEST_SPECTRUM &&
      summary.nonFinite === 0;
    return [isRecurrent ? { ...summary, ...spectrum(matrix) } : summary];
  });
}

/** Of an array without finite entries the moments are NaN. */
function moments(values: Float64Array) {
  const finite = values.filter(Number.isFinite);
  const mean = finite.reduce((sum, v) => sum + v, 0) / finite.length;
  const variance = finite.reduce((sum, v) => sum + (v - mean) ** 2, 0) / finite.length;
  const isEmpty = finite.length === 0;
  return {
    mean,
    standardDeviation: Math.sqrt(variance),
    min: isEmpty ? Number.NaN : finite.reduce((a, b) => Math.min(a, b)),
    max: isEmpty ? Number.NaN : finite.reduce((a, b) => Math.max(a, b)),
    nonFinite: nonFiniteCount(values),
  };
}

function spectrum(U: Matrix) {
  const { re, im, converged } = eigenvalues(U);
  const norm = { spectralNorm: spectralNorm(U) };
  return converged ? { spectralRadius: Math.hypot(re[0]!, im[0]!), ...norm } : norm;
}
