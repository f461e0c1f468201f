import { madd, total } from "./simd";

/** 16 · rounds multiplications and additions that touch no memory: what a product could reach at most. */
export function ceiling(rounds: i32, seed: f64): f64 {
  let a = f64x2.splat(seed), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  const x = f64x2.splat(0.999);
  const y = f64x2.splat(seed);
  for (let i = 0; i < rounds; i++) {
    a = madd(a, x, y);
    b = madd(b, x, y);
    c = madd(c, x, y);
    d = madd(d, x, y);
    e = madd(e, x, y);
    f = madd(f, x, y);
    g = madd(g, x, y);
    h = madd(h, x, y);
  }
  return total(f64x2.add(f64x2.add(f64x2.add(a, b), f64x2.add(c, d)), f64x2.add(f64x2.add(e, f), f64x2.add(g, h))));
}
