/** Vectors, entry by entry. `out` may be one of the others. */

type Vector = Float64Array;

/** out ← a + b. */
export function add(out: Vector, a: Vector, b: Vector): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! + b[i]!;
}

/** out ← a − b. */
export function subtract(out: Vector, a: Vector, b: Vector): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! - b[i]!;
}

/** out ← −a. */
export function negate(out: Vector, a: Vector): void {
  for (let i = 0; i < out.length; i++) out[i] = -a[i]!;
}

/** out ← a ⊙ b. */
export function multiply(out: Vector, a: Vector, b: Vector): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! * b[i]!;
}

/** out ← p ⊙ a + q ⊙ b. */
export function combine(out: Vector, p: Vector, a: Vector, q: Vector, b: Vector): void {
  for (let i = 0; i < out.length; i++) out[i] = p[i]! * a[i]! + q[i]! * b[i]!;
}

/** Σ ln|d_i|. */
export function sumLogAbs(d: Vector): number {
  let sum = 0;
  for (let i = 0; i < d.length; i++) sum += Math.log(Math.abs(d[i]!));
  return sum;
}

export function equal(a: Vector, b: Vector): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
