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
  let k = m;
  for (; k + 3 <= end; k += 2) chaseTwice(h, ld, k, m, start, end);
  for (; k < end; k++) chase(h, ld, k, m, start, end);
}

// The last reflector made: P = I − τ (1, v1, v2)(1, v1, v2)ᵀ on rows and columns k, k + 1, k + 2.
let tau: f64 = 0;
let v1: f64 = 0;
let v2: f64 = 0;

/** Makes the reflector that moves the bulge from row k on by one, and carries it out on the column before. */
function reflectBulge(h: usize, ld: i32, k: i32, m: i32, start: i32, end: i32): void {
  const bytes = (<usize>ld) << 3;
  const before = at(h, k * ld + k - 1);
  const three = k + 2 <= end;
  if (k > m) {
    x = load<f64>(before);
    y = load<f64>(before + bytes);
    z = three ? load<f64>(before + bytes + bytes) : 0;
  }
  const size = abs(x) + abs(y) + abs(z);
  tau = v1 = v2 = 0;
  if (size == 0) return;
  x /= size;
  y /= size;
  z /= size;
  const length = sqrt(x * x + y * y + z * z);
  const beta = x < 0 ? length : -length;
  tau = (beta - x) / beta;
  v1 = y / (x - beta);
  v2 = z / (x - beta);
  if (k > m) {
    store<f64>(before, beta * size);
    store<f64>(before + bytes, 0);
    if (three) store<f64>(before + bytes + bytes, 0);
  } else if (m > start) store<f64>(before, load<f64>(before) * (1 - tau));
}

function chase(h: usize, ld: i32, k: i32, m: i32, start: i32, end: i32): void {
  reflectBulge(h, ld, k, m, start, end);
  const bytes = (<usize>ld) << 3;
  const here = at(h, k * (ld + 1));
  if (k + 2 <= end) {
    threeRows(end - k + 1, here, bytes, tau, v1, v2);
    threeColumns(min(k + 3, end) - start + 1, at(h, start * ld + k), bytes, tau, v1, v2);
  } else {
    twoRows(end - k + 1, here, bytes, tau, v1);
    twoColumns(end - start + 1, at(h, start * ld + k), bytes, tau, v1);
  }
}

/**
 * Two steps of the bulge, to the same result: each at once only in the square around it that the next one needs, both together on the
 * rest of its rows and columns, which are then read and written once.
 */
function chaseTwice(h: usize, ld: i32, k: i32, m: i32, start: i32, end: i32): void {
  const bytes = (<usize>ld) << 3;
  const last = min(k + 4, end);
  const here = at(h, k * (ld + 1));
  reflectBulge(h, ld, k, m, start, end);
  const tau0 = tau;
  const u1 = v1;
  const u2 = v2;
  threeRows(last - k + 1, here, bytes, tau, v1, v2);
  threeColumns(4, here, bytes, tau, v1, v2);
  reflectBulge(h, ld, k + 1, m, start, end);
  threeRows(last - k, here + bytes + 8, bytes, tau, v1, v2);
  threeColumns(last - k + 1, here + 8, bytes, tau, v1, v2);
  fourRows(end - last, at(h, k * ld + last + 1), bytes, tau0, u1, u2, tau, v1, v2);
  fourColumns(k - start, at(h, start * ld + k), bytes, tau0, u1, u2, tau, v1, v2);
}

/** Two reflectors, one a row below the other, on four rows. */
function fourRows(
  cols: i32, r0: usize, step: usize, tau0: f64, u1: f64, u2: f64, tau1: f64, w1: f64, w2: f64,
): void {
  let r1 = r0 + step;
  let r2 = r1 + step;
  let r3 = r2 + step;
  const p1 = f64x2.splat(u1);
  const p2 = f64x2.splat(u2);
  const s0 = f64x2.splat(tau0);
  const s1 = f64x2.splat(tau0 * u1);
  const s2 = f64x2.splat(tau0 * u2);
  const q1 = f64x2.splat(w1);
  const q2 = f64x2.splat(w2);
  const t0 = f64x2.splat(tau1);
  const t1 = f64x2.splat(tau1 * w1);
  const t2 = f64x2.splat(tau1 * w2);
  const end = at(r0, cols & -2);
  while (r0 < end) {
    let b = v128.load(r1);
    let c = v128.load(r2);
    const a = v128.load(r0);
    const s = madd(p2, c, madd(p1, b, a));
    v128.store(r0, nmadd(s, s0, a));
    b = nmadd(s, s1, b);
    c = nmadd(s, s2, c);
    const d = v128.load(r3);
    const t = madd(q2, d, madd(q1, c, b));
    v128.store(r1, nmadd(t, t0, b));
    v128.store(r2, nmadd(t, t1, c));
    v128.store(r3, nmadd(t, t2, d));
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
  }
  if ((cols & 1) == 0) return;
  let b = v128.load64_zero(r1);
  let c = v128.load64_zero(r2);
  const a = v128.load64_zero(r0);
  const s = madd(p2, c, madd(p1, b, a));
  v128.store64_lane(r0, nmadd(s, s0, a), 0);
  b = nmadd(s, s1, b);
  c = nmadd(s, s2, c);
  const d = v128.load64_zero(r3);
  const t = madd(q2, d, madd(q1, c, b));
  v128.store64_lane(r1, nmadd(t, t0, b), 0);
  v128.store64_lane(r2, nmadd(t, t1, c), 0);
  v128.store64_lane(r3, nmadd(t, t2, d), 0);
}

/** The same on four columns, two rows at a time. */
function fourColumns(
  rows: i32, p: usize, step: usize, tau0: f64, u1: f64, u2: f64, tau1: f64, w1: f64, w2: f64,
): void {
  const p1 = f64x2.splat(u1);
  const p2 = f64x2.splat(u2);
  const s0 = f64x2.splat(tau0);
  const s1 = f64x2.splat(tau0 * u1);
  const s2 = f64x2.splat(tau0 * u2);
  const q1 = f64x2.splat(w1);
  const q2 = f64x2.splat(w2);
  const t0 = f64x2.splat(tau1);
  const t1 = f64x2.splat(tau1 * w1);
  const t2 = f64x2.splat(tau1 * w2);
  for (let i = 0; i < rows; i += 2) {
    // An odd row is paired with itself.
    const q = i + 1 < rows ? p + step : p;
    const ab0 = v128.load(p);
    const ab1 = v128.load(q);
    const cd0 = v128.load(p, 16);
    const cd1 = v128.load(q, 16);
    let a = v128.shuffle<f64>(ab0, ab1, 0, 2);
    let b = v128.shuffle<f64>(ab0, ab1, 1, 3);
    let c = v128.shuffle<f64>(cd0, cd1, 0, 2);
    let d = v128.shuffle<f64>(cd0, cd1, 1, 3);
    const s = madd(p2, c, madd(p1, b, a));
    a = nmadd(s, s0, a);
    b = nmadd(s, s1, b);
    c = nmadd(s, s2, c);
    const t = madd(q2, d, madd(q1, c, b));
    b = nmadd(t, t0, b);
    c = nmadd(t, t1, c);
    d = nmadd(t, t2, d);
    v128.store(p, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(p, v128.shuffle<f64>(c, d, 0, 2), 16);
    v128.store(q, v128.shuffle<f64>(a, b, 1, 3));
    v128.store(q, v128.shuffle<f64>(c, d, 1, 3), 16);
    p += step << 1;
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
