import { orthogonalise } from './arnoldi.js';
import { axpy, norm2 } from './vector.js';

/** out ← A v, for a matrix that is not at hand. */
export type Operator = (v: Float64Array, out: Float64Array) => void;

export interface GmresOptions {
  /** Solved when ‖b − A x‖ ≤ tolerance ‖b‖. */
  readonly tolerance: number;
  /** Products with A, at most. */
  readonly products: number;
  /** Vectors that are kept before it begins anew from what is left. */
  readonly restart: number;
  /** out ← M⁻¹ v with M near A, which may differ from call to call; absent: M = I. */
  readonly precondition?: Operator;
}

export interface GmresSolution {
  readonly x: Float64Array;
  /** b − A x, computed from x. */
  readonly left: Float64Array;
  readonly solved: boolean;
  readonly products: number;
}

/** A cycle that leaves more than this of the residual is the last: others would do no better. */
const STAGNANT = 0.99;

/**
 * Vectors that lower the residual by less than this share are left out. Where A is singular they only carry x off along its null
 * space.
 */
const NO_BETTER = 1e-6;

/**
 * x with A x ≈ b from products with A alone: restarted GMRES, preconditioned from the right, flexible. ‖b − A x‖ never
 * grows, so that what an unfinished run leaves is still of use. Y. Saad, M. Schultz, SIAM J. Sci. Stat. Comput. 7 (1986);
 * Y. Saad, SIAM J. Sci. Comput. 14 (1993).
 */
export function gmres(apply: Operator, b: Float64Array, options: GmresOptions): GmresSolution {
  const x = new Float64Array(b.length);
  let left = b.slice();
  let size = norm2(b);
  const goal = options.tolerance * size;
  let products = 0;
  while (size > goal && products < options.products) {
    const allowed = Math.min(options.restart, options.products - products, b.length);
    const cycle = minimise(apply, left, size, goal, allowed, options.precondition);
    products += cycle.products + 1;
    const trial = x.slice();
    axpy(trial, 1, cycle.step);
    const image = new Float64Array(b.length);
    apply(trial, image);
    const after = b.map((v, i) => v - image[i]);
    const now = norm2(after);
    if (!(now < size)) break;
    const stagnant = now > STAGNANT * size;
    x.set(trial);
    [left, size] = [after, now];
    if (stagnant) break;
  }
  return { x, left, solved: size <= goal, products };
}

/** Minimises ‖r − A z‖ over the Krylov space of r, one product a dimension. */
function minimise(
  apply: Operator,
  r: Float64Array,
  size: number,
  goal: number,
  most: number,
  precondition: Operator | undefined,
): { step: Float64Array; products: number } {
  const n = r.length;
  const basis = [r.map((v) => v / size)];
  const directions: Float64Array[] = [];
  const columns: Float64Array[] = [];
  const turns: [number, number][] = [];
  const rhs = [size];
  const sizes = [size];
  let scale = 0;
  for (let k = 0; k < most && Math.abs(rhs[k]) > goal; k++) {
    const direction = precondition ? new Float64Array(n) : basis[k];
    precondition?.(basis[k], direction);
    const w = new Float64Array(n);
    apply(direction, w);
    const { column, length, before } = orthogonalise(w, basis);
    if (!Number.isFinite(length)) break;
    scale = Math.max(scale, before);
    const h = Float64Array.of(...column, length);
    for (let j = 0; j < k; j++) turn(h, j, turns[j]);
    const pivot = Math.hypot(h[k], h[k + 1]);
    if (!(pivot > Number.EPSILON * before)) break;
    turns.push([h[k] / pivot, h[k + 1] / pivot]);
    turn(h, k, turns[k]);
    columns.push(h);
    directions.push(direction);
    rhs.push(-turns[k][1] * rhs[k]);
    rhs[k] = turns[k][0] * rhs[k];
    sizes.push(Math.abs(rhs[k + 1]));
    if (!(length > Number.EPSILON * before)) break;
    basis.push(w.map((v) => v / length));
  }
  // What is left is what the rotations say, and what A z rounds to.
  const ends = sizes.map((left, k) => {
    const y = backSubstitute(columns, rhs, k);
    return { y, left: left + Number.EPSILON * scale * norm2(y) };
  });
  const least = Math.min(...ends.map(({ left }) => left));
  const step = new Float64Array(n);
  const { y } = ends.find(({ left }) => left <= (1 + NO_BETTER) * least) ?? ends[0];
  for (let k = 0; k < y.length; k++) axpy(step, y[k], directions[k]);
  return { step, products: directions.length };
}

/** Givens' rotation of entries j and j + 1. */
function turn(h: Float64Array, j: number, [c, s]: [number, number]): void {
  const a = h[j];
  h[j] = c * a + s * h[j + 1];
  h[j + 1] = c * h[j + 1] - s * a;
}

/** y with R y = rhs, R being upper triangular, its first columns. */
function backSubstitute(
  columns: readonly Float64Array[],
  rhs: readonly number[],
  count: number,
): Float64Array {
  const y = new Float64Array(count);
  for (let k = count - 1; k >= 0; k--) {
    let sum = rhs[k];
    for (let j = k + 1; j < count; j++) sum -= columns[j][k] * y[j];
    y[k] = sum / columns[k][k];
  }
  return y;
}
