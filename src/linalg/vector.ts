/** xᵀy. Four partial sums keep the adders busy and round no worse than one. */
export function dot(x: Float64Array, y: Float64Array): number {
  const n = x.length;
  if (y.length !== n) throw new RangeError(`dot: lengths ${n} and ${y.length}`);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < n; i += 4) {
    s0 += x[i] * y[i];
    s1 += x[i + 1] * y[i + 1];
    s2 += x[i + 2] * y[i + 2];
    s3 += x[i + 3] * y[i + 3];
  }
  for (; i < n; i++) s0 += x[i] * y[i];
  return s0 + s1 + (s2 + s3);
}

/** y ← y + alpha x. */
export function axpy(y: Float64Array, alpha: number, x: Float64Array): void {
  if (x.length !== y.length) throw new RangeError(`axpy: lengths ${y.length} and ${x.length}`);
  for (let i = 0; i < y.length; i++) y[i] += alpha * x[i];
}

/** Euclidean length, right whenever the result itself can be represented. */
export const norm2 = (x: Float64Array): number => stridedNorm(x, 0, x.length, 1);

// Between these a sum of squares neither overflows nor loses digits to subnormal terms.
const SAFE_LOW = 2 ** -960;
const SAFE_HIGH = 2 ** 1000;

/** Euclidean length of x[from], x[from + stride], … (count entries). */
export function stridedNorm(x: Float64Array, from: number, count: number, stride: number): number {
  const end = from + count * stride;
  let sum = 0;
  for (let i = from; i < end; i += stride) sum += x[i] * x[i];
  if (sum > SAFE_LOW && sum < SAFE_HIGH) return Math.sqrt(sum);
  let largest = 0;
  for (let i = from; i < end; i += stride) {
    const size = Math.abs(x[i]);
    if (!(size <= largest)) largest = size;
  }
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  const e = binaryExponent(largest);
  sum = 0;
  for (let i = from; i < end; i += stride) {
    const t = scaleByPowerOfTwo(x[i], -e);
    sum += t * t;
  }
  return scaleByPowerOfTwo(Math.sqrt(sum), e);
}

/** An e with 2^e within a factor two of |x|, for finite x ≠ 0. */
export const binaryExponent = (x: number): number => Math.floor(Math.log2(Math.abs(x)));

/** x·2^e in two factors, since 2^e alone may overflow or vanish when the product does not. */
export function scaleByPowerOfTwo(x: number, e: number): number {
  const half = e >> 1;
  return x * 2 ** half * 2 ** (e - half);
}

/** The largest |x_i|; NaN if any entry is NaN. */
export function maxAbs(x: Float64Array, count = x.length): number {
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const size = Math.abs(x[i]);
    if (size > largest) largest = size;
    else if (Number.isNaN(size)) return Number.NaN;
  }
  return largest;
}
