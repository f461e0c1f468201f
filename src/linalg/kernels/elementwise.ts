import { at, madd, nmadd } from "./simd";

// e^y by y = k ln 2 + r, |r| ≤ ½ ln 2, and the series of e^r − 1 to r¹³/13!, whose remainder is below 4e-18 relative to e^r.
// Cody & Waite, Software Manual for the Elementary Functions (1980): ln 2 in two parts, the first with 21 zeros at its end.
const LOG2E: f64 = 1.4426950408889634;
const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;

/** 1.5·2⁵²: added to a whole number, it leaves that number in the low bits. */
const WHOLE: f64 = 6755399441055744;

// @ts-ignore: decorator
@inline
function octave(y: v128): v128 {
  return f64x2.nearest(f64x2.mul(y, f64x2.splat(LOG2E)));
}

/** e^r − 1 for y = k ln 2 + r. */
// @ts-ignore: decorator
@inline
function fraction(y: v128, k: v128): v128 {
  const r = nmadd(k, f64x2.splat(LN2_LOW), nmadd(k, f64x2.splat(LN2_HIGH), y));
  const s = f64x2.mul(r, r);
  // Odd and even powers apart: half the latency.
  let even = f64x2.splat(1.0 / 479001600);
  let odd = f64x2.splat(1.0 / 6227020800);
  even = madd(even, s, f64x2.splat(1.0 / 3628800));
  odd = madd(odd, s, f64x2.splat(1.0 / 39916800));
  even = madd(even, s, f64x2.splat(1.0 / 40320));
  odd = madd(odd, s, f64x2.splat(1.0 / 362880));
  even = madd(even, s, f64x2.splat(1.0 / 720));
  odd = madd(odd, s, f64x2.splat(1.0 / 5040));
  even = madd(even, s, f64x2.splat(1.0 / 24));
  odd = madd(odd, s, f64x2.splat(1.0 / 120));
  even = madd(even, s, f64x2.splat(0.5));
  odd = madd(odd, s, f64x2.splat(1.0 / 6));
  return madd(s, madd(r, odd, even), r);
}

/** 2^k for a whole k from −1022 to 1023. */
// @ts-ignore: decorator
@inline
function power(k: v128): v128 {
  return i64x2.shl(f64x2.add(k, f64x2.splat(WHOLE + 1023)), 52);
}

/** (1 + p) 2^k in two factors, since 2^k alone may overflow or vanish. */
// @ts-ignore: decorator
@inline
function scaleUp(p: v128, k: v128): v128 {
  const half = f64x2.floor(f64x2.mul(k, f64x2.splat(0.5)));
  return f64x2.mul(f64x2.mul(f64x2.add(p, f64x2.splat(1)), power(half)), power(f64x2.sub(k, half)));
}

// @ts-ignore: decorator
@inline
function expOf(x: v128): v128 {
  const y = f64x2.max(f64x2.splat(-746), f64x2.min(f64x2.splat(710), x));
  const k = octave(y);
  return scaleUp(fraction(y, k), k);
}

// @ts-ignore: decorator
@inline
function get(from: usize, pair: bool): v128 {
  return pair ? v128.load(from) : v128.load64_zero(from);
}

// @ts-ignore: decorator
@inline
function put(to: usize, v: v128, pair: bool): void {
  if (pair) v128.store(to, v);
  else v128.store64_lane(to, v, 0);
}

/** out ← e^x. */
export function exp(n: i32, x: usize, out: usize): void {
  let i = 0;
  for (; i + 2 <= n; i += 2) v128.store(at(out, i), expOf(v128.load(at(x, i))));
  if (i < n) v128.store64_lane(at(out, i), expOf(v128.load64_zero(at(x, i))), 0);
}

/**
 * value ← σ(x) and, where the addresses are not 0, complement ← 1 − σ(x) = σ(−x) with all its digits and
 * slope ← σ(x) σ(−x). With e = e^−|x| both are 1/(1 + e) or e/(1 + e). `value` may be x.
 */
export function sigmoid(n: i32, x: usize, value: usize, complement: usize, slope: usize): void {
  let i = 0;
  for (; i + 2 <= n; i += 2) sigmoidAt(at(x, i), at(value, i), complement, slope, i, true);
  if (i < n) sigmoidAt(at(x, i), at(value, i), complement, slope, i, false);
}

// @ts-ignore: decorator
@inline
function sigmoidAt(x: usize, value: usize, complement: usize, slope: usize, i: i32, pair: bool): void {
  const a = get(x, pair);
  const e = expOf(f64x2.neg(f64x2.abs(a)));
  const one = f64x2.splat(1);
  const sum = f64x2.add(one, e);
  const small = f64x2.div(e, sum);
  const large = f64x2.div(one, sum);
  const negative = f64x2.lt(a, f64x2.splat(0));
  put(value, v128.bitselect(small, large, negative), pair);
  if (complement) put(at(complement, i), v128.bitselect(large, small, negative), pair);
  if (slope) put(at(slope, i), f64x2.mul(small, large), pair);
}

/**
 * value ← tanh x and, where its address is not 0, slope ← 1 − tanh² x = 4e/(1 + e)², e = e^(−2|x|), with all its digits.
 * tanh |x| = −m/(2 + m), m = e^(−2|x|) − 1, which keeps the digits of a small x. `value` may be x.
 */
export function tanh(n: i32, x: usize, value: usize, slope: usize): void {
  let i = 0;
  for (; i + 2 <= n; i += 2) tanhAt(at(x, i), at(value, i), slope, i, true);
  if (i < n) tanhAt(at(x, i), at(value, i), slope, i, false);
}

// @ts-ignore: decorator
@inline
function tanhAt(x: usize, value: usize, slope: usize, i: i32, pair: bool): void {
  const a = get(x, pair);
  const sign = f64x2.splat(-0.0);
  const y = f64x2.max(f64x2.splat(-746), f64x2.mul(f64x2.splat(-2), f64x2.abs(a)));
  const k = octave(y);
  const p = fraction(y, k);
  // Beyond 2^−60 the octave adds nothing to m.
  const o = power(f64x2.max(f64x2.splat(-60), k));
  const one = f64x2.splat(1);
  const m = madd(o, p, f64x2.sub(o, one));
  const t = f64x2.div(f64x2.neg(m), f64x2.add(f64x2.splat(2), m));
  put(value, v128.or(v128.and(a, sign), f64x2.abs(t)), pair);
  if (slope) {
    const e = scaleUp(p, k);
    const sum = f64x2.add(one, e);
    put(at(slope, i), f64x2.div(f64x2.mul(f64x2.splat(4), f64x2.div(e, sum)), sum), pair);
  }
}

/** out ← x y, entry by entry. */
export function multiply(n: i32, x: usize, y: usize, out: usize): void {
  let i = 0;
  for (; i + 2 <= n; i += 2) v128.store(at(out, i), f64x2.mul(v128.load(at(x, i)), v128.load(at(y, i))));
  if (i < n) store<f64>(at(out, i), load<f64>(at(x, i)) * load<f64>(at(y, i)));
}
