import type { Range } from './balance.js';
import { reflector } from './qr.js';

let v = new Float64Array(64);
let w = new Float64Array(64);

/**
 * Reduces the active block of h (row stride ld) to upper Hessenberg form by Householder similarities, zeros
 * below the subdiagonal included. Golub & Van Loan, Matrix Computations, 4th ed., Alg. 7.4.2. Entries outside
 * the block do not influence eigenvalues and are left alone.
 */
export function hessenberg(h: Float64Array, n: number, ld: number, { from, to }: Range): void {
  if (v.length < n) {
    v = new Float64Array(2 * n);
    w = new Float64Array(2 * n);
  }
  for (let k = from; k + 2 < to; k++) {
    const m = to - k - 1;
    const at = (k + 1) * ld + k;
    const tau = reflector(h, at, ld, m);
    if (tau === 0) continue;
    v[0] = 1;
    for (let i = 1; i < m; i++) {
      v[i] = h[at + i * ld];
      h[at + i * ld] = 0;
    }
    fromLeft(h, ld, at + 1, m, tau);
    fromRight(h, ld, from * ld + k + 1, to - from, m, tau);
  }
}

/** C ← C − τ v (vᵀ C), the m×m block at `at`. */
function fromLeft(h: Float64Array, ld: number, at: number, m: number, tau: number): void {
  for (let j = 0; j < m; j++) w[j] = h[at + j];
  for (let i = 1; i < m; i++) {
    const t = v[i];
    const row = at + i * ld;
    for (let j = 0; j < m; j++) w[j] += t * h[row + j];
  }
  for (let i = 0; i < m; i++) {
    const t = tau * v[i];
    const row = at + i * ld;
    for (let j = 0; j < m; j++) h[row + j] -= t * w[j];
  }
}

/** C ← C − τ (C v) vᵀ, the rows×m block at `at`. */
function fromRight(h: Float64Array, ld: number, at: number, rows: number, m: number, tau: number): void {
  for (let i = 0; i < rows; i++) {
    const row = at + i * ld;
    let s = 0;
    for (let j = 0; j < m; j++) s += h[row + j] * v[j];
    s *= tau;
    for (let j = 0; j < m; j++) h[row + j] -= s * v[j];
  }
}
