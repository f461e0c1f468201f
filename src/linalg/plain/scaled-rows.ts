import type { ScaledRows } from '../scaled-rows.js';

/** out ← Σ diag(d) W, or added to out, one matrix after another. */
export function plainScaledRows(
  out: Float64Array,
  rows: number,
  cols: number,
  add: boolean,
  terms: readonly ScaledRows[],
): void {
  if (!add) out.fill(0);
  for (const { coefficient, W } of terms)
    for (let i = 0; i < rows; i++) {
      const scale = coefficient[i];
      for (let p = i * cols, end = p + cols; p < end; p++) out[p] += scale * W.data[p];
    }
}
