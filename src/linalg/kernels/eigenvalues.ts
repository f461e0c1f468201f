import { balance, from, to } from "./balance";
import { francis } from "./francis";
import { hessenberg } from "./hessenberg";
import { scaleByPowerOfTwo } from "./panel";
import { at, stride } from "./simd";

export function eigenvaluesWork(n: i32): i32 {
  return n * stride(n) + 2 * n + 32;
}

/**
 * Eigenvalues of A (n×n, dense, left as it is), in no order, those not found NaN. `exponent` is that of A's largest entry: products of
 * entries must neither overflow nor vanish.
 */
export function eigenvalues(n: i32, a: usize, exponent: i32, re: usize, im: usize, maxSteps: i32, work: usize): bool {
  const ld = stride(n);
  const h = work;
  const rest = at(h, n * ld);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) store<f64>(at(h, i * ld + j), scaleByPowerOfTwo(load<f64>(at(a, i * n + j)), -exponent));
  balance(n, h, ld);
  hessenberg(from, to, h, ld, rest);
  const converged = francis(n, from, to, h, ld, re, im, maxSteps);
  for (let i = 0; i < n; i++) {
    store<f64>(at(re, i), scaleByPowerOfTwo(load<f64>(at(re, i)), exponent));
    store<f64>(at(im, i), scaleByPowerOfTwo(load<f64>(at(im, i)), exponent));
  }
  return converged;
}
