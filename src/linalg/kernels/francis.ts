import { equalise } from "./balance";
import { at, madd, nmadd } from "./simd";
import { dot } from "./gemv";

// Implicit double-shift QR: the twin, plain/francis.ts, says how, why, and after whom.

const EPSILON: f64 = 2.220446049250313e-16;
const RELAX_FROM: i32 = 20;
const RECENTRE_EVERY: i32 = 15;
/** 2^−960: with entries scaled to 1, products of this and anything else no longer matter. */
const TINY: f64 = 1.0261342003245941e-289;

/**
 * Eigenvalues of the Hessenberg matrix in h, triangular outside [from, to). False when a block ran out of steps: its places hold
 * NaN.
 */
export function francis(
  n: i32, from: i32, to: i32, h: usize, ld: i32, re: usize, im: usize, maxSteps: i32,
): bool {
  for (let i = 0; i < n; i++) {
    store<f64>(at(re, i), i < from || i >= to ? load<f64>(at(h, i * (ld + 1))) : 0);
    store<f64>(at(im, i), 0);
  }
  const rounding = EPSILON * hessenbergNorm(h, ld, from, to);
  let converged = true;
  let end = to - 1;
  let steps = 0;
  while (end >= from) {
    const negligible = steps < RELAX_FROM ? TINY : (<f64>steps / 10) * rounding;
    const start = blockStart(h, ld, from, end, negligible);
    if (start == end) {
      store<f64>(at(re, end), load<f64>(at(re, end)) + load<f64>(at(h, end * (ld + 1))));
      end--;
      steps = 0;
    } else if (start == end - 1) {
      pair(h, ld, start, re, im);
      end -= 2;
      steps = 0;
    } else if (steps == maxSteps) {
      for (let i = start; i <= end; i++) {
        store<f64>(at(re, i), NaN);
        store<f64>(at(im, i), NaN);
      }
      converged = false;
      end = start - 1;
      steps = 0;
    } else {
      steps++;
      if (steps % RECENTRE_EVERY == 0) recentre(h, ld, start, end, re);
      step(h, ld, start, end, steps == 10 || steps == 20);
    }
  }
  return converged;
}

function recentre(h: usize, ld: i32, start: i32, end: i32, taken: usize): void {
  let mean: f64 = 0;
  for (let i = start; i <= end; i++) mean += load<f64>(at(h, i * (ld + 1))) / <f64>(end - start + 1);
  for (let i = start; i <= end; i++) {
    const here = at(h, i * (ld + 1));
    store<f64>(here, load<f64>(here) - mean);
    store<f64>(at(taken, i), load<f64>(at(taken, i)) + mean);
  }
  equalise(start, end + 1, h, ld);
}

function hessenbergNorm(h: usize, ld: i32, from: i32, to: i32): f64 {
  let sum: f64 = 0;
  for (let i = from; i < to; i++) {
    const j = max(from, i - 1);
    const row = at(h, i * ld + j);
    sum += dot(to - j, row, row);
  }
  return sqrt(sum);
}

function blockStart(h: usize, ld: i32, from: i32, end: i32, negligible: f64): i32 {
  const step = (<usize>ld) << 3;
  let here = at(h, end * (ld + 1));
  for (let l = end; l > from; l--) {
    const sub = abs(load<f64>(here - 8));
    let size = abs(load<f64>(here - step - 8)) + abs(load<f64>(here));
    if (size == 0) {
      if (l - 1 > from) size += abs(load<f64>(here - step - 16));
      if (l < end) size += abs(load<f64>(here + step));
    }
    if (sub <= negligible || (sub <= EPSILON * size && harmless(here, step))) {
      store<f64>(here - 8, 0);
      return l;
    }
    here -= step + 8;
  }
  return from;
}

function harmless(at: usize, step: usize): bool {
  const sub = abs(load<f64>(at - 8));
  const sup = abs(load<f64>(at - step));
  const here = abs(load<f64>(at));
  const gap = abs(load<f64>(at - step - 8) - load<f64>(at));
  const large = max(here, gap);
  const total = large + max(sub, sup);
  const dropped = min(sub, sup) * (max(sub, sup) / total);
  return dropped <= max(TINY, EPSILON * min(here, gap) * (large / total));
}

let re1: f64 = 0;
let re2: f64 = 0;
let im0: f64 = 0;

/** Eigenvalues of [a b; c d] without cancellation: re1 ± i·im0, or re1 and re2, the one nearer to d. */
function solveTwo(a: f64, b: f64, c: f64, d: f64): void {
  const p = (a - d) / 2;
  const scale = max(abs(p), sqrt(abs(b)) * sqrt(abs(c)));
  im0 = 0;
  re1 = a;
  re2 = d;
  if (scale == 0) return;
  const discriminant = (p / scale) * (p / scale) + (b / scale) * (c / scale);
  const root = scale * sqrt(abs(discriminant));
  if (discriminant < 0) {
    re1 = re2 = d + p;
    im0 = root;
    return;
  }
  // λ − d solves z² − 2pz − bc = 0: the larger root first, the other from their product.
  const z = p < 0 ? p - root : p + root;
  re1 = d + z;
  re2 = z == 0 ? d : d - (b / z) * c;
}

function pair(h: usize, ld: i32, k: i32, re: usize, im: usize): void {
  const here = at(h, k * (ld + 1));
  const below = at(here, ld);
  solveTwo(load<f64>(here), load<f64>(here, 8), load<f64>(below), load<f64>(below, 8));
  const r = at(re, k);
  store<f64>(r, load<f64>(r) + re1);
  store<f64>(r, load<f64>(r, 8) + re2, 8);
  store<f64>(at(im, k), im0);
  store<f64>(at(im, k), im0 == 0 ? 0 : -im0, 8);
}

function chooseShifts(h: usize, ld: i32, end: i32, exceptional: bool): void {
  const e = at(h, end * (ld + 1));
  const above = e - ((<usize>ld) << 3);
  if (exceptional) {
    // From LAPACK's dlahqr: off any symmetry that the matrix could have.
    const size = abs(load<f64>(e - 8)) + abs(load<f64>(above - 16));
    const centre = load<f64>(e) + 0.75 * size;
    solveTwo(centre, -0.4375 * size, size, centre);
  } else solveTwo(load<f64>(above - 8), load<f64>(above), load<f64>(e - 8), load<f64>(e));
  if (im0 == 0) re1 = re2;
}

// The first column of (H − aI)(H − bI), scaled.
let x: f64 = 0;
let y: f64 = 0;
let z: f64 = 0;

/** The lowest row at which a sweep may begin: two small subdiagonals in a row decouple what is above. */
function sweepStart(h: usize, ld: i32, start: i32, end: i32): i32 {
  const step = (<usize>ld) << 3;
  x = 0;
  y = 0;
  z = 0;
  let m = end - 2;
  let here = at(h, m * (ld + 1));
  for (; m >= start; m--) {
    const h21 = load<f64>(here + step);
    const h32 = load<f64>(here + step + step, 8);
    const hmm = load<f64>(here);
    const next = load<f64>(here + step, 8);
    const scale = abs(hmm - re2) + im0 + abs(h21);
    const t = h21 / scale;
    x = (hmm - re1) * ((hmm - re2) / scale) + im0 * (im0 / scale) + t * load<f64>(here, 8);
    y = t * (hmm + next - re1 - re2);
    z = t * h32;
    const size = abs(x) + abs(y) + abs(z);
    if (size != 0) {
      x /= size;
      y /= size;
      z /= size;
    }
    if (m == start) break;
    const left = abs(load<f64>(here - 8)) * (abs(y) + abs(z));
    const right = abs(x) * (abs(load<f64>(here - step - 8)) + abs(hmm) + abs(next));
    if (left <= EPSILON * right) break;
    here -= step + 8;
  }
  return m;
}

function step(h: usize, ld: i32, start: i32, end: i32, exceptional: bool): void {
  chooseShifts(h, ld, end, exceptional);
  const m = sweepStart(h, ld, start, end);
  for (let k = m; k < end; k++) chase(h, ld, k, m, start, end);
}

/** Moves the bulge from row k on by one. */
function chase(h: usize, ld: i32, k: i32, m: i32, start: i32, end: i32): void {
  const bytes = (<usize>ld) << 3;
  const before = at(h, k * ld + k - 1);
  const three = k + 2 <= end;
  if (k > m) {
    x = load<f64>(before);
    y = load<f64>(before + bytes);
    z = three ? load<f64>(before + bytes + bytes) : 0;
  }
  const size = abs(x) + abs(y) + abs(z);
  if (size == 0) return;
  x /= size;
  y /= size;
  z /= size;
  const length = sqrt(x * x + y * y + z * z);
  const beta = x < 0 ? length : -length;
  const tau = (beta - x) / beta;
  const v1 = y / (x - beta);
  const v2 = z / (x - beta);
  if (k > m) {
    store<f64>(before, beta * size);
    store<f64>(before + bytes, 0);
    if (three) store<f64>(before + bytes + bytes, 0);
  } else if (m > start) store<f64>(before, load<f64>(before) * (1 - tau));
  const here = at(h, k * (ld + 1));
  if (three) {
    threeRows(end - k + 1, here, bytes, tau, v1, v2);
    threeColumns(min(k + 3, end) - start + 1, at(h, start * ld + k), bytes, tau, v1, v2);
  } else {
    twoRows(end - k + 1, here, bytes, tau, v1);
    twoColumns(end - start + 1, at(h, start * ld + k), bytes, tau, v1);
  }
}

/** Three rows of H ← P H, P = I − τ (1, v1, v2)(1, v1, v2)ᵀ. */
function threeRows(cols: i32, r0: usize, step: usize, tau: f64, v1: f64, v2: f64): void {
  let r1 = r0 + step;
  let r2 = r1 + step;
  const u1 = f64x2.splat(v1);
  const u2 = f64x2.splat(v2);
  const t0 = f64x2.splat(tau);
  const t1 = f64x2.splat(tau * v1);
  const t2 = f64x2.splat(tau * v2);
  const end = at(r0, cols & -2);
  while (r0 < end) {
    const a = v128.load(r0);
    const b = v128.load(r1);
    const c = v128.load(r2);
    const s = madd(u2, c, madd(u1, b, a));
    v128.store(r0, nmadd(s, t0, a));
    v128.store(r1, nmadd(s, t1, b));
    v128.store(r2, nmadd(s, t2, c));
    r0 += 16;
    r1 += 16;
    r2 += 16;
  }
  if (cols & 1) {
    const a = v128.load64_zero(r0);
    const b = v128.load64_zero(r1);
    const c = v128.load64_zero(r2);
    const s = madd(u2, c, madd(u1, b, a));
    v128.store64_lane(r0, nmadd(s, t0, a), 0);
    v128.store64_lane(r1, nmadd(s, t1, b), 0);
    v128.store64_lane(r2, nmadd(s, t2, c), 0);
  }
}

/** Three columns of H ← H P, two rows at a time. */
function threeColumns(rows: i32, p: usize, step: usize, tau: f64, v1: f64, v2: f64): void {
  const u1 = f64x2.splat(v1);
  const u2 = f64x2.splat(v2);
  const t0 = f64x2.splat(tau);
  const t1 = f64x2.splat(tau * v1);
  const t2 = f64x2.splat(tau * v2);
  for (let i = rows >> 1; i > 0; i--) {
    const q = p + step;
    const ab = v128.load(p);
    const de = v128.load(q);
    const a = v128.shuffle<f64>(ab, de, 0, 2);
    const b = v128.shuffle<f64>(ab, de, 1, 3);
    const c = v128.load64_lane(q + 16, v128.load64_zero(p, 16), 1);
    const s = madd(u2, c, madd(u1, b, a));
    const x = nmadd(s, t0, a);
    const y = nmadd(s, t1, b);
    const z = nmadd(s, t2, c);
    v128.store(p, v128.shuffle<f64>(x, y, 0, 2));
    v128.store(q, v128.shuffle<f64>(x, y, 1, 3));
    v128.store64_lane(p + 16, z, 0);
    v128.store64_lane(q + 16, z, 1);
    p = q + step;
  }
  if (rows & 1) {
    const a = v128.load64_zero(p);
    const b = v128.load64_zero(p, 8);
    const c = v128.load64_zero(p, 16);
    const s = madd(u2, c, madd(u1, b, a));
    v128.store64_lane(p, nmadd(s, t0, a), 0);
    v128.store64_lane(p + 8, nmadd(s, t1, b), 0);
    v128.store64_lane(p + 16, nmadd(s, t2, c), 0);
  }
}

function twoRows(cols: i32, r0: usize, step: usize, tau: f64, v1: f64): void {
  for (let j = 0; j < cols; j++) reflectTwo(at(r0, j), at(r0, j) + step, tau, v1);
}

function twoColumns(rows: i32, p: usize, step: usize, tau: f64, v1: f64): void {
  for (let i = 0; i < rows; i++) {
    reflectTwo(p, p + 8, tau, v1);
    p += step;
  }
}

// @ts-ignore: decorator
@inline
function reflectTwo(p: usize, q: usize, tau: f64, v1: f64): void {
  const a = load<f64>(p);
  const b = load<f64>(q);
  const s = a + v1 * b;
  store<f64>(p, a - s * tau);
  store<f64>(q, b - s * (tau * v1));
}
