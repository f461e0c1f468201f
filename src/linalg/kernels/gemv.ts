import { at, madd, total } from "./simd";

/** y ← alpha A x + beta y, A with rows `ld` entries apart. With beta = 0 the old y is not read. */
export function gemv(rows: i32, cols: i32, alpha: f64, a: usize, ld: i32, x: usize, beta: f64, y: usize): void {
  const step = (<usize>ld) << 3;
  let row = a;
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    fourDots(cols, row, step, x, alpha, beta, at(y, i));
    row += step << 2;
  }
  for (; i < rows; i++) {
    put(at(y, i), alpha * dot(cols, row, x), beta);
    row += step;
  }
}

// @ts-ignore: decorator
@inline
function put(y: usize, value: f64, beta: f64): void {
  store<f64>(y, beta == 0 ? value : value + beta * load<f64>(y));
}

/** Four rows share each load of x. */
function fourDots(cols: i32, r0: usize, step: usize, x: usize, alpha: f64, beta: f64, y: usize): void {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
  let r1 = r0 + step;
  let r2 = r1 + step;
  let r3 = r2 + step;
  const end = at(x, cols & -4);
  while (x < end) {
    const u = v128.load(x);
    const v = v128.load(x, 16);
    s0 = madd(v128.load(r0), u, s0);
    s1 = madd(v128.load(r1), u, s1);
    s2 = madd(v128.load(r2), u, s2);
    s3 = madd(v128.load(r3), u, s3);
    t0 = madd(v128.load(r0, 16), v, t0);
    t1 = madd(v128.load(r1, 16), v, t1);
    t2 = madd(v128.load(r2, 16), v, t2);
    t3 = madd(v128.load(r3, 16), v, t3);
    x += 32;
    r0 += 32;
    r1 += 32;
    r2 += 32;
    r3 += 32;
  }
  let d0 = total(f64x2.add(s0, t0));
  let d1 = total(f64x2.add(s1, t1));
  let d2 = total(f64x2.add(s2, t2));
  let d3 = total(f64x2.add(s3, t3));
  for (let j = cols & 3; j > 0; j--) {
    const v = load<f64>(x);
    d0 += load<f64>(r0) * v;
    d1 += load<f64>(r1) * v;
    d2 += load<f64>(r2) * v;
    d3 += load<f64>(r3) * v;
    x += 8;
    r0 += 8;
    r1 += 8;
    r2 += 8;
    r3 += 8;
  }
  put(y, alpha * d0, beta);
  put(y + 8, alpha * d1, beta);
  put(y + 16, alpha * d2, beta);
  put(y + 24, alpha * d3, beta);
}

/** xᵀy. */
export function dot(n: i32, x: usize, y: usize): f64 {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const end = at(x, n & -8);
  while (x < end) {
    s0 = madd(v128.load(x), v128.load(y), s0);
    s1 = madd(v128.load(x, 16), v128.load(y, 16), s1);
    s2 = madd(v128.load(x, 32), v128.load(y, 32), s2);
    s3 = madd(v128.load(x, 48), v128.load(y, 48), s3);
    x += 64;
    y += 64;
  }
  let sum = total(f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3)));
  for (let j = n & 7; j > 0; j--) {
    sum += load<f64>(x) * load<f64>(y);
    x += 8;
    y += 8;
  }
  return sum;
}

/** y ← y + alpha x. */
export function axpy(n: i32, alpha: f64, x: usize, y: usize): void {
  const f = f64x2.splat(alpha);
  const end = at(y, n & -4);
  while (y < end) {
    v128.store(y, madd(f, v128.load(x), v128.load(y)));
    v128.store(y, madd(f, v128.load(x, 16), v128.load(y, 16)), 16);
    x += 32;
    y += 32;
  }
  for (let j = n & 3; j > 0; j--) {
    store<f64>(y, load<f64>(y) + alpha * load<f64>(x));
    x += 8;
    y += 8;
  }
}

/** y ← alpha Aᵀ x + beta y as a sum of rows, so that A is read in the order it is stored. */
export function gemvTransposed(
  rows: i32, cols: i32, alpha: f64, a: usize, ld: i32, x: usize, beta: f64, y: usize,
): void {
  if (beta == 0) memory.fill(y, 0, (<usize>cols) << 3);
  else if (beta != 1) for (let j = 0; j < cols; j++) store<f64>(at(y, j), beta * load<f64>(at(y, j)));
  const step = (<usize>ld) << 3;
  let i = 0;
  let row = a;
  for (; i + 4 <= rows; i += 4) {
    addFourRows(cols, row, step, at(x, i), alpha, y);
    row += step << 2;
  }
  for (; i < rows; i++) {
    axpy(cols, alpha * load<f64>(at(x, i)), row, y);
    row += step;
  }
}

/** y ← y + alpha (x_0 r_0 + … + x_3 r_3) for four rows of A. */
export function addFourRows(cols: i32, r0: usize, step: usize, x: usize, alpha: f64, y: usize): void {
  const x0 = f64x2.splat(alpha * load<f64>(x));
  const x1 = f64x2.splat(alpha * load<f64>(x, 8));
  const x2 = f64x2.splat(alpha * load<f64>(x, 16));
  const x3 = f64x2.splat(alpha * load<f64>(x, 24));
  let r1 = r0 + step;
  let r2 = r1 + step;
  let r3 = r2 + step;
  const end = at(y, cols & -2);
  while (y < end) {
    const s = madd(x1, v128.load(r1), madd(x0, v128.load(r0), v128.load(y)));
    const t = madd(x3, v128.load(r3), f64x2.mul(x2, v128.load(r2)));
    v128.store(y, f64x2.add(s, t));
    y += 16;
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
  }
  if (cols & 1) {
    const s = madd(x1, v128.load64_zero(r1), madd(x0, v128.load64_zero(r0), v128.load64_zero(y)));
    const t = madd(x3, v128.load64_zero(r3), f64x2.mul(x2, v128.load64_zero(r2)));
    v128.store64_lane(y, f64x2.add(s, t), 0);
  }
}
