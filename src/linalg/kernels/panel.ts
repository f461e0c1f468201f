import { dot } from "./gemv";
import { at, nmadd, total } from "./simd";

// A panel is a block of columns stored column after column, so that reflectors and what they act on are contiguous.

// Between these a sum of squares neither overflows nor loses digits to subnormal terms.
const SAFE_LOW: f64 = 1e-289;
const SAFE_HIGH: f64 = 1e301;

/** 2^k for a k of any size; 0 or ∞ where there is no such number. */
function power(k: i32): f64 {
  if (k > 1023) return Infinity;
  if (k < -1022) return k < -1074 ? 0 : reinterpret<f64>(<u64>1 << (k + 1074));
  return reinterpret<f64>((<u64>(k + 1023)) << 52);
}

/** An e with 2^e within a factor two of |x|, for a finite x ≠ 0. */
export function binaryExponent(x: f64): i32 {
  const e = <i32>((reinterpret<u64>(x) >> 52) & 0x7ff);
  return e > 0 ? e - 1023 : binaryExponent(x * 18014398509481984) - 54;
}

/** x 2^e in two factors, since 2^e alone may overflow or vanish when the product does not. */
export function scaleByPowerOfTwo(x: f64, e: i32): f64 {
  const half = e >> 1;
  return x * power(half) * power(e - half);
}

/** max |x_i|; NaN if one is. */
export function maxAbs(n: i32, x: usize): f64 {
  let m = f64x2.splat(0);
  const end = at(x, n & -2);
  while (x < end) {
    m = f64x2.max(m, f64x2.abs(v128.load(x)));
    x += 16;
  }
  if (n & 1) m = f64x2.max(m, f64x2.abs(v128.load64_splat(x)));
  return max(f64x2.extract_lane(m, 0), f64x2.extract_lane(m, 1));
}

/** Σ (x_i 2^e)². */
function scaledSquares(n: i32, x: usize, e: i32): f64 {
  const half = e >> 1;
  const f = f64x2.splat(power(half));
  const g = f64x2.splat(power(e - half));
  let s = f64x2.splat(0);
  const end = at(x, n & -2);
  while (x < end) {
    const t = f64x2.mul(f64x2.mul(v128.load(x), f), g);
    s = f64x2.add(s, f64x2.mul(t, t));
    x += 16;
  }
  if (n & 1) {
    const t = f64x2.mul(f64x2.mul(v128.load64_zero(x), f), g);
    s = f64x2.add(s, f64x2.mul(t, t));
  }
  return total(s);
}

/** Euclidean length, right whenever it can be represented. */
export function norm(n: i32, x: usize): f64 {
  const sum = dot(n, x, x);
  if (sum > SAFE_LOW && sum < SAFE_HIGH) return sqrt(sum);
  const largest = maxAbs(n, x);
  if (largest == 0 || !isFinite(largest)) return largest;
  const e = binaryExponent(largest);
  return scaleByPowerOfTwo(sqrt(scaledSquares(n, x, -e)), e);
}

/**
 * Golub & Van Loan, Matrix Computations, 4th ed., Alg. 5.1.1: H = I − τ v vᵀ with v_0 = 1 takes x to (β, 0, …). Leaves β and
 * v_1… in x; returns τ.
 */
export function reflector(m: i32, x: usize): f64 {
  if (norm(m - 1, x + 8) == 0) return 0;
  const x0 = load<f64>(x);
  const length = norm(m, x);
  // The sign that adds in x0 − β, so nothing cancels and every |v_i| ≤ 1.
  const beta = x0 < 0 ? length : -length;
  const head = x0 - beta;
  divide(m - 1, x + 8, head);
  store<f64>(x, beta);
  return -head / beta;
}

function divide(n: i32, x: usize, by: f64): void {
  const d = f64x2.splat(by);
  const end = at(x, n & -2);
  while (x < end) {
    v128.store(x, f64x2.div(v128.load(x), d));
    x += 16;
  }
  if (n & 1) store<f64>(x, load<f64>(x) / by);
}

/** A ← A − x yᵀ, four rows sharing each load of y. */
export function subtractOuter(rows: i32, cols: i32, x: usize, y: usize, a: usize, ld: i32): void {
  let i = 0;
  for (; i + 4 <= rows; i += 4) subtractFour(cols, at(x, i), y, at(a, i * ld), (<usize>ld) << 3);
  for (; i < rows; i++) subtractOne(cols, load<f64>(at(x, i)), y, at(a, i * ld));
}

/** r ← r − f y. */
export function subtractOne(cols: i32, f: f64, y: usize, r: usize): void {
  const x0 = f64x2.splat(f);
  const end = at(y, cols & -2);
  while (y < end) {
    v128.store(r, nmadd(x0, v128.load(y), v128.load(r)));
    y += 16;
    r += 16;
  }
  if (cols & 1) v128.store64_lane(r, nmadd(x0, v128.load64_zero(y), v128.load64_zero(r)), 0);
}

function subtractFour(cols: i32, x: usize, y: usize, r0: usize, step: usize): void {
  const x0 = v128.load64_splat(x);
  const x1 = v128.load64_splat(x, 8);
  const x2 = v128.load64_splat(x, 16);
  const x3 = v128.load64_splat(x, 24);
  let r1 = r0 + step;
  let r2 = r1 + step;
  let r3 = r2 + step;
  const end = at(y, cols & -2);
  while (y < end) {
    const v = v128.load(y);
    v128.store(r0, nmadd(x0, v, v128.load(r0)));
    v128.store(r1, nmadd(x1, v, v128.load(r1)));
    v128.store(r2, nmadd(x2, v, v128.load(r2)));
    v128.store(r3, nmadd(x3, v, v128.load(r3)));
    y += 16;
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
  }
  if (cols & 1) {
    const v = v128.load64_zero(y);
    v128.store64_lane(r0, nmadd(x0, v, v128.load64_zero(r0)), 0);
    v128.store64_lane(r1, nmadd(x1, v, v128.load64_zero(r1)), 0);
    v128.store64_lane(r2, nmadd(x2, v, v128.load64_zero(r2)), 0);
    v128.store64_lane(r3, nmadd(x3, v, v128.load64_zero(r3)), 0);
  }
}

/** to(j, i) ← from(i, j) for a block of rows × cols. */
export function transpose(rows: i32, cols: i32, from: usize, ldFrom: i32, to: usize, ldTo: i32): void {
  let i = 0;
  for (; i + 2 <= rows; i += 2) transposeTwo(cols, at(from, i * ldFrom), ldFrom, at(to, i), ldTo);
  if (i < rows) for (let j = 0; j < cols; j++) store<f64>(at(to, j * ldTo + i), load<f64>(at(from, i * ldFrom + j)));
}

function transposeTwo(cols: i32, r0: usize, ldFrom: i32, t: usize, ldTo: i32): void {
  const step = (<usize>ldTo) << 3;
  let r1 = at(r0, ldFrom);
  const end = at(r0, cols & -2);
  while (r0 < end) {
    const a = v128.load(r0);
    const b = v128.load(r1);
    v128.store(t, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(t + step, v128.shuffle<f64>(a, b, 1, 3));
    t += step << 1;
    r0 += 16;
    r1 += 16;
  }
  if (cols & 1) {
    store<f64>(t, load<f64>(r0));
    store<f64>(t, load<f64>(r1), 8);
  }
}
