import { binaryExponent, scaleByPowerOfTwo } from "./panel";
import { dot } from "./gemv";
import { at } from "./simd";

// Balancing by a permutation and a diagonal similarity: the twin, plain/balance.ts, says how and after whom.

/** The range [from, to) outside of which the last balanced matrix is triangular. */
export let from: i32 = 0;
export let to: i32 = 0;

export function balance(n: i32, h: usize, ld: i32): void {
  isolate(n, h, ld);
  equalise(from, to, h, ld);
}

function isolate(n: i32, h: usize, ld: i32): void {
  from = 0;
  to = n;
  for (let i = to - 1; i >= 0; i--) {
    if (!emptyRow(h, ld, i, to)) continue;
    exchange(n, h, ld, i, --to);
    i = to;
  }
  for (let j = from; j < to; j++) {
    if (!emptyColumn(h, ld, j, from, to)) continue;
    exchange(n, h, ld, j, from++);
    j = from - 1;
  }
}

function emptyRow(h: usize, ld: i32, i: i32, end: i32): bool {
  const row = at(h, i * ld);
  for (let j = 0; j < end; j++) if (j != i && load<f64>(at(row, j)) != 0) return false;
  return true;
}

function emptyColumn(h: usize, ld: i32, j: i32, begin: i32, end: i32): bool {
  for (let i = begin; i < end; i++) if (i != j && load<f64>(at(h, i * ld + j)) != 0) return false;
  return true;
}

function exchange(n: i32, h: usize, ld: i32, i: i32, k: i32): void {
  if (i == k) return;
  for (let j = 0; j < n; j++) swap(at(h, i * ld + j), at(h, k * ld + j));
  for (let j = 0; j < n; j++) swap(at(h, j * ld + i), at(h, j * ld + k));
}

function swap(a: usize, b: usize): void {
  const t = load<f64>(a);
  store<f64>(a, load<f64>(b));
  store<f64>(b, t);
}

const ENOUGH: f64 = 0.95;
const MAX_SWEEPS: i32 = 100;

/** The scaling alone, of rows and columns [begin, end). */
export function equalise(begin: i32, end: i32, h: usize, ld: i32): void {
  for (let sweep = 0, changed = true; changed && sweep < MAX_SWEEPS; sweep++) {
    changed = false;
    for (let i = begin; i < end; i++) {
      const c = columnNorm(h, ld, i, begin, end);
      const row = at(h, i * ld + begin);
      const r = sqrt(dot(end - begin, row, row));
      if (c == 0 || r == 0) continue;
      // f = 2^k next to √(r/c) makes f·c and r/f nearly equal.
      const k = (binaryExponent(r / c) + 1) >> 1;
      if (k == 0) continue;
      const fc = scaleByPowerOfTwo(c, k);
      const rf = scaleByPowerOfTwo(r, -k);
      if (!(sqrt(fc * fc + rf * rf) < ENOUGH * sqrt(c * c + r * r))) continue;
      changed = true;
      for (let j = begin; j < end; j++) scale(at(h, i * ld + j), -k);
      for (let j = 0; j < end; j++) scale(at(h, j * ld + i), k);
    }
  }
}

// @ts-ignore: decorator
@inline
function scale(x: usize, k: i32): void {
  store<f64>(x, scaleByPowerOfTwo(load<f64>(x), k));
}

function columnNorm(h: usize, ld: i32, j: i32, begin: i32, end: i32): f64 {
  let sum: f64 = 0;
  for (let i = begin; i < end; i++) {
    const x = load<f64>(at(h, i * ld + j));
    sum += x * x;
  }
  return sqrt(sum);
}
