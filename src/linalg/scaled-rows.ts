import type { Matrix } from './matrix.js';
import { plainScaledRows } from './plain/scaled-rows.js';
import { addressOf, type Kernels, kernels } from './wasm.js';

/** diag(coefficient) W. */
export interface ScaledRows {
  readonly coefficient: Float64Array;
  readonly W: Matrix;
}

/** out ← Σ diag(coefficient) W over the terms, in one pass where all are resident. out must not overlap a W. */
export function sumScaledRows(out: Matrix, terms: readonly ScaledRows[]): void {
  combine(out, terms, false);
}

/** into ← into + diag(d) from. `into` must not overlap `from`. */
export function addScaledRows(into: Matrix, d: Float64Array, from: Matrix): void {
  combine(into, [{ coefficient: d, W: from }], true);
}

function combine(out: Matrix, terms: readonly ScaledRows[], add: boolean): void {
  const { rows, cols, data } = out;
  for (const { coefficient, W } of terms)
    if (W.rows !== rows || W.cols !== cols || coefficient.length !== rows)
      throw new RangeError(
        `scaled rows: ${coefficient.length} times ${W.rows}×${W.cols} does not give ${rows}×${cols}`,
      );
  const fast = kernels();
  const to = addressOf(data);
  // As much work as copying would be: what is not resident is left to the twin.
  if (fast && to && terms.length > 0 && terms.every(isResident)) inKernels(fast, to, rows, cols, add, terms);
  else plainScaledRows(data, rows, cols, add, terms);
}

const isResident = ({ coefficient, W }: ScaledRows): boolean =>
  addressOf(coefficient) > 0 && addressOf(W.data) > 0;

/** Up to four terms a pass: more would want more registers than there are. */
function inKernels(
  fast: Kernels,
  to: number,
  rows: number,
  cols: number,
  add: boolean,
  terms: readonly ScaledRows[],
): void {
  for (let t = 0; t < terms.length; t += 4) {
    const a = terms
      .slice(t, t + 4)
      .flatMap(({ coefficient, W }) => [addressOf(coefficient), addressOf(W.data)]);
    const more = add || t > 0 ? 1 : 0;
    if (a.length === 2) fast.scaledRows1(rows, cols, to, cols, more, a[0]!, a[1]!);
    else if (a.length === 4) fast.scaledRows2(rows, cols, to, cols, more, a[0]!, a[1]!, a[2]!, a[3]!);
    else if (a.length === 6)
      fast.scaledRows3(rows, cols, to, cols, more, a[0]!, a[1]!, a[2]!, a[3]!, a[4]!, a[5]!);
    else fast.scaledRows4(rows, cols, to, cols, more, a[0]!, a[1]!, a[2]!, a[3]!, a[4]!, a[5]!, a[6]!, a[7]!);
  }
}
