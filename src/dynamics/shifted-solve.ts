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
 * The same for a layer with H rows of h above H rows of c, and J in the leading columns of `local`. The LSTM's c acts on
 * c' and h' entry by entry, J − I = [[A, B], [G, D]] with B and D diagonal, so that c is eliminated by division and an
 * H × H system is left: (A − B D⁻¹ G) y_h = b_h − B D⁻¹ b_c, y_c = D⁻¹ (b_c − G y_h).
 */
export function solveLayer(local: Matrix, H: number, b: Float64Array): Float64Array | null {
  const n = b.length;
  const at = (i: number, j: number): number => local.data[i * local.cols + j]!;
  if (n !== 2 * H || !leaky(at, H)) return solveShifted(leading(local, n), b);
  const A = zeros(H, H);
  const rhs = new Float64Array(H);
  for (let i = 0; i < H; i++) {
    const ratio = at(i, H + i) / (at(H + i, H + i) - 1);
    for (let j = 0; j < H; j++) A.data[i * H + j] = at(i, j) - ratio * at(H + i, j);
    A.data[i * H + i] = A.data[i * H + i]! - 1;
    rhs[i] = b[i]! - ratio * b[H + i]!;
  }
  const h = solve(A, rhs);
  if (!h) return null;
  const y = new Float64Array(n);
  y.set(h);
  for (let i = 0; i < H; i++) {
    let sum = b[H + i]!;
    for (let j = 0; j < H; j++) sum -= at(H + i, j) * h[j]!;
    y[H + i] = sum / (at(H + i, H + i) - 1);
  }
  return y;
}

/** Whether c acts on h' and c' entry by entry, with pivots that may be divided by. */
function leaky(at: (i: number, j: number) => number, H: number): boolean {
  for (let i = 0; i < 2 * H; i++) {
    for (let j = H; j < 2 * H; j++) if ((i - j) % H !== 0 && at(i, j) !== 0) return false;
  }
  for (let i = H; i < 2 * H; i++) if (Math.abs(at(i, i) - 1) < SMALLEST_PIVOT) return false;
  return true;
}

function leading(local: Matrix, n: number): Matrix {
  if (local.cols === n) return local;
  const out = zeros(n, n);
  for (let i = 0; i < n; i++) out.data.set(local.data.subarray(i * local.cols, i * local.cols + n), i * n);
  return out;
}
