import { plainExp, plainMultiply, plainSigmoid, plainTanh } from './plain/elementwise.js';
import { begin, given, room, taken, toStage } from './staging.js';
import { addressOf, kernels } from './wasm.js';

/** From this length on it is faster to copy an ordinary vector to the kernels than to go entry by entry. */
const WORTH_COPYING = 32;

/** value ← e^x, within 1 ulp. `value` may be x. */
export function vectorExp(value: Float64Array, x: Float64Array): void {
  const fast = prepare(x, value, null, null);
  if (!fast) {
    plainExp(value, x);
    return;
  }
  const from = given(x);
  const v = value === x ? from : room(value);
  fast.exp(x.length, from, v);
  taken(value, v);
}

/**
 * value ← σ(x), complement ← 1 − σ(x) = σ(−x), slope ← σ(x) σ(−x): within 2.6 ulp, the slope
 * within 4.5, however far the gate is saturated. `value` may be x; the others may be null.
 */
export function vectorSigmoid(
  value: Float64Array,
  x: Float64Array,
  complement: Float64Array | null = null,
  slope: Float64Array | null = null,
): void {
  const fast = prepare(x, value, complement, slope);
  if (!fast) {
    plainSigmoid(value, x, complement, slope);
    return;
  }
  const from = given(x);
  const v = value === x ? from : room(value);
  const c = complement ? room(complement) : 0;
  const s = slope ? room(slope) : 0;
  fast.sigmoid(x.length, from, v, c, s);
  taken(value, v);
  if (complement) taken(complement, c);
  if (slope) taken(slope, s);
}

/**
 * value ← tanh x, slope ← 1 − tanh² x, within 2.6 and 4.5 ulp: the slope keeps its digits where tanh is next to ±1. `value` may be x;
 * `slope` may be null.
 */
export function vectorTanh(value: Float64Array, x: Float64Array, slope: Float64Array | null = null): void {
  const fast = prepare(x, value, slope, null);
  if (!fast) {
    plainTanh(value, x, slope);
    return;
  }
  const from = given(x);
  const v = value === x ? from : room(value);
  const s = slope ? room(slope) : 0;
  fast.tanh(x.length, from, v, s);
  taken(value, v);
  if (slope) taken(slope, s);
}

/** out ← x y, entry by entry. `out` may be either. */
export function vectorMultiply(out: Float64Array, x: Float64Array, y: Float64Array): void {
  expectLength(x, out);
  expectLength(x, y);
  const fast = kernels();
  const [to, a, b] = [addressOf(out), addressOf(x), addressOf(y)];
  if (fast && to && a && b) fast.multiply(x.length, a, b, to);
  else plainMultiply(out, x, y);
}

/** The kernels, with room for what has to be copied; null where the twin is to be used. */
function prepare(
  x: Float64Array,
  value: Float64Array,
  second: Float64Array | null,
  third: Float64Array | null,
): ReturnType<typeof kernels> {
  expectLength(x, value);
  if (second) expectLength(x, second);
  if (third) expectLength(x, third);
  const fast = kernels();
  if (!fast || x.length === 0) return null;
  const count = toStage(x) + toStage(value) + (second ? toStage(second) : 0) + (third ? toStage(third) : 0);
  return count > 0 && (x.length < WORTH_COPYING || !begin(count)) ? null : fast;
}

function expectLength(x: Float64Array, other: Float64Array): void {
  if (other.length !== x.length) throw new RangeError(`lengths ${x.length} and ${other.length} differ`);
}
