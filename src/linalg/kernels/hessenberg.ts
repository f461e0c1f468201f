import { gemvTransposed } from "./gemv";
import { reflector, subtractOne } from "./panel";
import { at, madd, nmadd, total } from "./simd";

/**
 * Rows of C, one after another: c ← c − x_i w, then c ← c − tau (c·v) v. The first half is a reflection from the left whose
 * wᵀ = τ vᵀC is known, the second one from the right: together they read and write C once.
 */
export function reflectRows(rows: i32, cols: i32, c: usize, ld: i32, x: usize, w: usize, tau: f64, v: usize): void {
  const step = (<usize>ld) << 3;
  let i = 0;
  for (; i + 2 <= rows; i += 2) {
    twoRows(cols, c, c + step, load<f64>(at(x, i)), load<f64>(at(x, i + 1)), w, tau, v);
    c += step << 1;
  }
  if (i < rows) {
    subtractOne(cols, load<f64>(at(x, i)), w, c);
    reflectRow(cols, c, tau, v);
  }
}

function twoRows(cols: i32, r0: usize, r1: usize, x0: f64, x1: f64, w: usize, tau: f64, v: usize): void {
  const f0 = f64x2.splat(x0);
  const f1 = f64x2.splat(x1);
  let s0 = f64x2.splat(0), s1 = s0;
  let p = r0;
  let q = r1;
  let u = v;
  const end = at(r0, cols & -2);
  while (p < end) {
    const y = v128.load(w);
    const z = v128.load(u);
    const a = nmadd(f0, y, v128.load(p));
    const b = nmadd(f1, y, v128.load(q));
    v128.store(p, a);
    v128.store(q, b);
    s0 = madd(a, z, s0);
    s1 = madd(b, z, s1);
    p += 16;
    q += 16;
    u += 16;
    w += 16;
  }
  let d0 = total(s0);
  let d1 = total(s1);
  if (cols & 1) {
    const a = load<f64>(p) - x0 * load<f64>(w);
    const b = load<f64>(q) - x1 * load<f64>(w);
    store<f64>(p, a);
    store<f64>(q, b);
    d0 += a * load<f64>(u);
    d1 += b * load<f64>(u);
  }
  subtractOne(cols, tau * d0, v, r0);
  subtractOne(cols, tau * d1, v, r1);
}

/** Rows of C: c ← c − tau (c·v) v. */
export function reflectRowsFromRight(rows: i32, cols: i32, c: usize, ld: i32, tau: f64, v: usize): void {
  for (let i = 0; i < rows; i++) reflectRow(cols, at(c, i * ld), tau, v);
}

function reflectRow(cols: i32, c: usize, tau: f64, v: usize): void {
  let s = f64x2.splat(0), t = s;
  let p = c;
  let u = v;
  const end = at(c, cols & -4);
  while (p < end) {
    s = madd(v128.load(p), v128.load(u), s);
    t = madd(v128.load(p, 16), v128.load(u, 16), t);
    p += 32;
    u += 32;
  }
  let d = total(f64x2.add(s, t));
  for (let j = cols & 3; j > 0; j--) {
    d += load<f64>(p) * load<f64>(u);
    p += 8;
    u += 8;
  }
  subtractOne(cols, tau * d, v, c);
}

/**
 * Reduces rows and columns [from, to) of h to upper Hessenberg form by Householder similarities, zeros below the subdiagonal
 * included (Golub & Van Loan, Alg. 7.4.2). Entries outside do not influence eigenvalues and are left alone. `work`: 2n + 16.
 */
export function hessenberg(from: i32, to: i32, h: usize, ld: i32, work: usize): void {
  const v = work;
  const w = at(v, (to - from + 8) & -8);
  for (let k = from; k + 2 < to; k++) {
    const m = to - k - 1;
    const column = at(h, (k + 1) * ld + k);
    for (let i = 0; i < m; i++) store<f64>(at(v, i), load<f64>(at(column, i * ld)));
    const tau = reflector(m, v);
    if (tau == 0) continue;
    store<f64>(column, load<f64>(v));
    for (let i = 1; i < m; i++) store<f64>(at(column, i * ld), 0);
    store<f64>(v, 1);
    const C = column + 8;
    gemvTransposed(m, m, tau, C, ld, v, 0, w);
    reflectRows(m, m, C, ld, v, w, tau, v);
    reflectRowsFromRight(k + 1 - from, m, at(h, from * ld + k + 1), ld, tau, v);
  }
}
