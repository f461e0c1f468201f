/** Rows and columns [from, to). */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Balances the n×n matrix in h (row stride ld) in place by a permutation and a diagonal similarity, and returns
 * the range outside of which the matrix is already triangular. Parlett & Reinsch 1969; the scaling compares
 * 2-norms of whole rows and columns, since the 1-norm without the diagonal can wreck a matrix that was fine
 * (James, Langou & Lowery, On matrix balancing and eigenvector computation, 2014).
 */
export function balance(h: Float64Array, n: number, ld: number): Range {
  const range = isolate(h, n, ld);
  equalise(h, ld, range);
  return range;
}

/** Moves rows (columns) that hold nothing but their diagonal to the end (start): those are eigenvalues. */
function isolate(h: Float64Array, n: number, ld: number): Range {
  let from = 0;
  let to = n;
  for (let i = to - 1; i >= 0; i--) {
    if (!emptyRow(h, ld, i, to)) continue;
    exchange(h, n, ld, i, --to);
    i = to;
  }
  for (let j = from; j < to; j++) {
    if (!emptyColumn(h, ld, j, from, to)) continue;
    exchange(h, n, ld, j, from++);
    j = from - 1;
  }
  return { from, to };
}

function emptyRow(h: Float64Array, ld: number, i: number, to: number): boolean {
  for (let j = 0; j < to; j++) if (j !== i && h[i * ld + j] !== 0) return false;
  return true;
}

function emptyColumn(h: Float64Array, ld: number, j: number, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (i !== j && h[i * ld + j] !== 0) return false;
  return true;
}

function exchange(h: Float64Array, n: number, ld: number, i: number, k: number): void {
  if (i === k) return;
  for (let j = 0; j < n; j++) {
    const t = h[i * ld + j];
    h[i * ld + j] = h[k * ld + j];
    h[k * ld + j] = t;
  }
  for (let j = 0; j < n; j++) {
    const t = h[j * ld + i];
    h[j * ld + i] = h[j * ld + k];
    h[j * ld + k] = t;
  }
}

/** A sweep that gains less than five per cent anywhere is the last; each gain shrinks the norm, so few are needed. */
const ENOUGH = 0.95;
const MAX_SWEEPS = 100;

/** The scaling alone, on the rows and columns of the range and as if nothing else were there. */
export function equalise(h: Float64Array, ld: number, { from, to }: Range): void {
  for (let sweep = 0, changed = true; changed && sweep < MAX_SWEEPS; sweep++) {
    changed = false;
    for (let i = from; i < to; i++) {
      const c = columnNorm(h, ld, i, from, to);
      const r = rowNorm(h, ld, i, from, to);
      if (c === 0 || r === 0) continue;
      // f = 2^k next to √(r/c) makes f·c and r/f nearly equal.
      const k = Math.round(Math.log2(r / c) / 2);
      const f = 2 ** k;
      if (k === 0 || !(Math.hypot(f * c, r / f) < ENOUGH * Math.hypot(c, r))) continue;
      changed = true;
      for (let j = from; j < to; j++) h[i * ld + j] /= f;
      for (let j = 0; j < to; j++) h[j * ld + i] *= f;
    }
  }
}

function columnNorm(h: Float64Array, ld: number, j: number, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += h[i * ld + j] * h[i * ld + j];
  return Math.sqrt(sum);
}

function rowNorm(h: Float64Array, ld: number, i: number, from: number, to: number): number {
  let sum = 0;
  for (let j = from; j < to; j++) sum += h[i * ld + j] * h[i * ld + j];
  return Math.sqrt(sum);
}
