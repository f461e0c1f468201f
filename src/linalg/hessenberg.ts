import type { Matrix } from './matrix.js';
import { hessenberg } from './plain/hessenberg.js';
import { begin, given, space, taken, toStage } from './staging.js';
import { kernels } from './wasm.js';

/** A ← an upper Hessenberg matrix that is orthogonally similar to it. */
export function hessenbergInPlace(A: Matrix): void {
  const { rows: n, cols, data } = A;
  if (cols !== n) throw new RangeError(`hessenbergInPlace: ${n}×${cols} is not square`);
  const fast = kernels();
  const work = 2 * n + 32;
  if (!fast || n < 3 || !begin(toStage(data) + work)) {
    hessenberg(data, n, { from: 0, to: n });
    return;
  }
  const h = given(data);
  fast.hessenberg(0, n, h, n, space(work));
  taken(data, h);
}
