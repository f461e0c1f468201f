// What the two builds differ in, and the few words that all kernels use. Addresses are bytes; strides are in entries unless
// a name says bytes.

/** a b + c: rounded once in the relaxed build where the processor can, twice in the strict one everywhere. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, c);
  return f64x2.add(c, f64x2.mul(a, b));
}

/** c − a b. */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_nmadd(a, b, c);
  return f64x2.sub(c, f64x2.mul(a, b));
}

/** The sum of both lanes. */
// @ts-ignore: decorator
@inline
export function total(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

// @ts-ignore: decorator
@inline
export function at(base: usize, index: i32): usize {
  return base + ((<usize>index) << 3);
}

/** A distance of rows, or columns, of n entries that is an odd multiple of a cache line: a walk across them meets other lines each time. */
// @ts-ignore: decorator
@inline
export function stride(n: i32): i32 {
  return (((n + 7) >> 3) | 1) << 3;
}
