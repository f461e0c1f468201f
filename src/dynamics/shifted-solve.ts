import { lu } from '../linalg/index.js';
import { copy, type Matrix, zeros } from '../linalg/matrix.js';

/** y with (J − I) y = b; null where J − I is singular to rounding. */
export const solveShifted = (J: Matrix, b: Float64Array): Float64Array | null => solve(minusIdentity(J), b);

/** J − I. */
export function minusIdentity(J: Matrix): Matrix {
  const A = copy(J);
  for (let i = 0; i < A.rows; i++) A.data[i * (A.cols + 1)] = A.data[i * (A.cols + 1)]! - 1;
  return A;
}

function solve(A: Matrix, b: Float64Array): Float64Array | null {
  const factors = lu(A);
  if (factors.sign === 0) return null;
  const y = factors.solve(b);
  return y.every(Number.isFinite) ? y : null;
}

/** Eliminating by a smaller pivot than this would cost more digits than it saves work. */
const SMALLEST_PIVOT = 1e-6;

/**
 * The same for a layer with P rows of h above those of c, and J in the leading columns of `local`. The LSTM's c acts on
 * c' entry by entry, J − I = [[A, B], [G, D]] with D diagonal, so that c is eliminated by division and a P × P system is
 * left: (A − B D⁻¹ G) y_h = b_h − B D⁻¹ b_c, y_c = D⁻¹ (b_c − G y_h). B is diagonal unless h is projected.
 */
export function solveLayer(local: Matrix, P: number, b: Float64Array): Float64Array | null {
  const n = b.length;
  const at = (i: number, j: number): number => local.data[i * local.cols + j]!;
  if (n === P || !leaky(at, P, n)) return solve(leadingMinusIdentity(local, n), b);
  const A = spare(P);
  const rhs = b.slice(0, P);
  for (let i = 0; i < P; i++) {
    for (let j = 0; j < P; j++) A.data[i * P + j] = at(i, j);
    A.data[i * P + i] = A.data[i * P + i]! - 1;
    for (let c = P; c < n; c++) {
      if (at(i, c) === 0) continue;
      const ratio = at(i, c) / (at(c, c) - 1);
      for (let j = 0; j < P; j++) A.data[i * P + j] = A.data[i * P + j]! - ratio * at(c, j);
      rhs[i] = rhs[i]! - ratio * b[c]!;
    }
  }
  const h = solve(A, rhs);
  if (!h) return null;
  const y = new Float64Array(n);
  y.set(h);
  for (let c = P; c < n; c++) {
    let sum = b[c]!;
    for (let j = 0; j < P; j++) sum -= at(c, j) * h[j]!;
    y[c] = sum / (at(c, c) - 1);
  }
  return y;
}

/** Whether c acts on c' entry by entry, with pivots that may be divided by. */
function leaky(at: (i: number, j: number) => number, P: number, n: number): boolean {
  for (let i = P; i < n; i++) {
    for (let j = P; j < n; j++) if (i !== j && at(i, j) !== 0) return false;
    if (Math.abs(at(i, i) - 1) < SMALLEST_PIVOT) return false;
  }
  return true;
}

/** J − I, with J in the leading columns of `local`. */
function leadingMinusIdentity(local: Matrix, n: number): Matrix {
  const A = spare(n);
  for (let i = 0; i < n; i++) {
    A.data.set(local.data.subarray(i * local.cols, i * local.cols + n), i * n);
    A.data[i * (n + 1)] = A.data[i * (n + 1)]! - 1;
  }
  return A;
}

let room = zeros(0, 0);

/** An n×n matrix with anything in it, the same each time: a search solves thousands of systems of one size. */
function spare(n: number): Matrix {
  if (room.rows !== n) room = zeros(n, n);
  return room;
}
