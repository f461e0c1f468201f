import type { Range } from './balance.js';
import { reflectFromLeft, reflectFromRight, reflector } from './householder.js';

/**
 * Reduces the active block of h (row stride ld) to upper Hessenberg form by Householder similarities, zeros below
 * the subdiagonal included. Golub & Van Loan, Matrix Computations, 4th ed., Alg. 7.4.2. Entries outside the block
 * do not influence eigenvalues and are left alone.
 */
export function hessenberg(h: Float64Array, ld: number, { from, to }: Range): void {
  for (let k = from; k + 2 < to; k++) {
    const m = to - k - 1;
    const at = (k + 1) * ld + k;
    const tau = reflector(h, at, ld, m);
    if (tau === 0) continue;
    reflectFromLeft(h, at, at + 1, ld, m, m, tau);
    reflectFromRight(h, at, ld, from * ld + k + 1, ld, to - from, m, tau);
    for (let i = 1; i < m; i++) h[at + i * ld] = 0;
  }
}
