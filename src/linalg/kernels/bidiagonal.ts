import { gemvTransposed } from "./gemv";
import { reflectRows } from "./hessenberg";
import { reflector, scaleByPowerOfTwo, subtractOne } from "./panel";
import { at } from "./simd";

/** x ← x 2^e, entry by entry. */
export function scaleAll(n: i32, x: usize, e: i32): void {
  for (let i = 0; i < n; i++) store<f64>(at(x, i), scaleByPowerOfTwo(load<f64>(at(x, i)), e));
}

export function bidiagonalWork(m: i32, n: i32): i32 {
  return m + 2 * n + 24;
}

/**
 * Diagonal d and superdiagonal e of UᵀAV, upper bidiagonal, for A (m×n, m ≥ n, rows ld apart), which is overwritten. Golub & Van
 * Loan, Matrix Computations, 4th ed., Alg. 5.4.2. Both reflections of a step read and write A once, together.
 */
export function bidiagonal(m: i32, n: i32, a: usize, ld: i32, d: usize, e: usize, work: usize): void {
  const v = work;
  const w = at(v, (m + 8) & -8);
  const u = at(w, (n + 8) & -8);
  for (let k = 0; k < n; k++) {
    const corner = at(a, k * (ld + 1));
    const rows = m - k;
    const cols = n - k - 1;
    for (let i = 0; i < rows; i++) store<f64>(at(v, i), load<f64>(at(corner, i * ld)));
    const left = reflector(rows, v);
    store<f64>(at(d, k), load<f64>(v));
    if (cols == 0) return;
    store<f64>(v, 1);
    const C = corner + 8;
    if (left == 0) memory.fill(w, 0, (<usize>cols) << 3);
    else gemvTransposed(rows, cols, left, C, ld, v, 0, w);
    subtractOne(cols, 1, w, C);
    memory.copy(u, C, (<usize>cols) << 3);
    const right = reflector(cols, u);
    store<f64>(at(e, k), load<f64>(u));
    store<f64>(u, 1);
    reflectRows(rows - 1, cols, at(C, ld), ld, v + 8, w, right, u);
  }
}
