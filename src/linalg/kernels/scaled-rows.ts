import { at, madd } from "./simd";

// Sums of matrices whose rows are scaled, in one pass: out ← Σ diag(d_g) W_g, or added to what is there. All matrices are
// dense, rows × cols, `ld` of out apart.

export function scaledRows1(rows: i32, cols: i32, out: usize, ld: i32, add: bool, d0: usize, w0: usize): void {
  for (let i = 0; i < rows; i++) {
    const f0 = v128.load64_splat(at(d0, i));
    let o = at(out, i * ld);
    const end = at(o, cols & -2);
    while (o < end) {
      const s = f64x2.mul(f0, v128.load(w0));
      v128.store(o, add ? f64x2.add(v128.load(o), s) : s);
      o += 16;
      w0 += 16;
    }
    if (cols & 1) {
      const s = f64x2.mul(f0, v128.load64_zero(w0));
      v128.store64_lane(o, add ? f64x2.add(v128.load64_zero(o), s) : s, 0);
      w0 += 8;
    }
  }
}

export function scaledRows2(
  rows: i32, cols: i32, out: usize, ld: i32, add: bool, d0: usize, w0: usize, d1: usize, w1: usize,
): void {
  for (let i = 0; i < rows; i++) {
    const f0 = v128.load64_splat(at(d0, i));
    const f1 = v128.load64_splat(at(d1, i));
    let o = at(out, i * ld);
    const end = at(o, cols & -2);
    while (o < end) {
      const s = madd(f1, v128.load(w1), f64x2.mul(f0, v128.load(w0)));
      v128.store(o, add ? f64x2.add(v128.load(o), s) : s);
      o += 16;
      w0 += 16;
      w1 += 16;
    }
    if (cols & 1) {
      const s = madd(f1, v128.load64_zero(w1), f64x2.mul(f0, v128.load64_zero(w0)));
      v128.store64_lane(o, add ? f64x2.add(v128.load64_zero(o), s) : s, 0);
      w0 += 8;
      w1 += 8;
    }
  }
}

export function scaledRows3(
  rows: i32, cols: i32, out: usize, ld: i32, add: bool,
  d0: usize, w0: usize, d1: usize, w1: usize, d2: usize, w2: usize,
): void {
  for (let i = 0; i < rows; i++) {
    const f0 = v128.load64_splat(at(d0, i));
    const f1 = v128.load64_splat(at(d1, i));
    const f2 = v128.load64_splat(at(d2, i));
    let o = at(out, i * ld);
    const end = at(o, cols & -2);
    while (o < end) {
      const s = madd(f2, v128.load(w2), madd(f1, v128.load(w1), f64x2.mul(f0, v128.load(w0))));
      v128.store(o, add ? f64x2.add(v128.load(o), s) : s);
      o += 16;
      w0 += 16;
      w1 += 16;
      w2 += 16;
    }
    if (cols & 1) {
      const s = madd(f2, v128.load64_zero(w2), madd(f1, v128.load64_zero(w1), f64x2.mul(f0, v128.load64_zero(w0))));
      v128.store64_lane(o, add ? f64x2.add(v128.load64_zero(o), s) : s, 0);
      w0 += 8;
      w1 += 8;
      w2 += 8;
    }
  }
}

export function scaledRows4(
  rows: i32, cols: i32, out: usize, ld: i32, add: bool,
  d0: usize, w0: usize, d1: usize, w1: usize, d2: usize, w2: usize, d3: usize, w3: usize,
): void {
  for (let i = 0; i < rows; i++) {
    const f0 = v128.load64_splat(at(d0, i));
    const f1 = v128.load64_splat(at(d1, i));
    const f2 = v128.load64_splat(at(d2, i));
    const f3 = v128.load64_splat(at(d3, i));
    let o = at(out, i * ld);
    const end = at(o, cols & -2);
    while (o < end) {
      const s = madd(f1, v128.load(w1), f64x2.mul(f0, v128.load(w0)));
      const t = madd(f3, v128.load(w3), madd(f2, v128.load(w2), s));
      v128.store(o, add ? f64x2.add(v128.load(o), t) : t);
      o += 16;
      w0 += 16;
      w1 += 16;
      w2 += 16;
      w3 += 16;
    }
    if (cols & 1) {
      const s = madd(f1, v128.load64_zero(w1), f64x2.mul(f0, v128.load64_zero(w0)));
      const t = madd(f3, v128.load64_zero(w3), madd(f2, v128.load64_zero(w2), s));
      v128.store64_lane(o, add ? f64x2.add(v128.load64_zero(o), t) : t, 0);
      w0 += 8;
      w1 += 8;
      w2 += 8;
      w3 += 8;
    }
  }
}
