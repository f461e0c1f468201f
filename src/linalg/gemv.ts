import type { Matrix } from './matrix.js';
import { plainGemv } from './plain/gemv.js';
import { begin, given, room, taken, toStage } from './staging.js';
import { addressOf, kernels } from './wasm.js';

export interface GemvOptions {
  readonly trans?: boolean;
  readonly alpha?: number;
  readonly beta?: number;
}

/**
 * y ← alpha op(A) x + beta y. y must not overlap x or A. With beta = 0 the old y is never read. An A that is not resident is
 * left to the twin: copying it would cost as much as the product.
 */
export function gemv(y: Float64Array, A: Matrix, x: Float64Array, options?: GemvOptions): void {
  const trans = options?.trans ?? false;
  const alpha = options?.alpha ?? 1;
  const beta = options?.beta ?? 0;
  const { rows, cols, data } = A;
  if (y.length !== (trans ? cols : rows) || x.length !== (trans ? rows : cols) || y === x)
    throw new RangeError(
      `gemv: ${rows}×${cols}${trans ? ' transposed' : ''}, x of ${x.length}, y of ${y.length}` +
        (y === x ? ', and y is x' : ''),
    );
  const fast = kernels();
  const a = addressOf(data);
  if (!fast || !a || !begin(toStage(x) + toStage(y))) {
    plainGemv(y, A, x, trans, alpha, beta);
    return;
  }
  const from = given(x);
  const to = beta === 0 ? room(y) : given(y);
  if (trans) fast.gemvTransposed(rows, cols, alpha, a, cols, from, beta, to);
  else fast.gemv(rows, cols, alpha, a, cols, from, beta, to);
  taken(y, to);
}
