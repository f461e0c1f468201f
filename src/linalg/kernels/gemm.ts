import { TILE, pack } from "./pack";
import { at, madd } from "./simd";

// Rows, depth and columns of a block. A strip of B, 4·DEPTH, stays in the first cache while a block of A, ROWS·DEPTH, streams
// past it from the second.
const ROWS: i32 = 96;
const DEPTH: i32 = 256;
const COLS: i32 = 512;

/** Up to so many columns A is read where it lies: it is used too seldom to be worth a copy. */
const SKINNY: i32 = 32;
/** Depth of a block then: rows of A are read in long runs. */
const SKINNY_DEPTH: i32 = 1024;

/** Bytes that `workspace` must have: one packed block of each factor, and one tile. */
export const WORKSPACE: i32 = (ROWS * DEPTH + COLS * DEPTH + TILE * TILE) * 8;

let packedA: usize = 0;
let packedB: usize = 0;
let corner: usize = 0;

/** Tells this instance, that is this thread, where its own packed blocks lie. */
export function workspace(from: usize): void {
  packedA = from;
  packedB = packedA + ROWS * DEPTH * 8;
  corner = packedB + COLS * DEPTH * 8;
}

/**
 * C ← alpha A B + beta C, with A(i, p) at a[i·aRow + p·aCol], B likewise, C(i, j) at c[i·cRow + j]. With beta = 0 the old C is
 * not read.
 *
 * Goto & van de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34 (2008).
 */
export function gemm(
  m: i32, n: i32, k: i32,
  alpha: f64, a: usize, aRow: i32, aCol: i32,
  b: usize, bRow: i32, bCol: i32,
  beta: f64, c: usize, cRow: i32,
): void {
  const skinny = aCol == 1 && n <= SKINNY;
  const most = skinny ? SKINNY_DEPTH : DEPTH;
  if (k == 0 || (beta != 0 && beta != 1)) {
    scale(m, n, beta, c, cRow);
    if (k == 0) return;
  }
  for (let j = 0; j < n; j += COLS) {
    const cols = min(COLS, n - j);
    for (let p = 0; p < k; p += most) {
      const depth = min(most, k - p);
      const add = p > 0 || beta != 0;
      pack(packedB, at(b, p * bRow + j * bCol), bCol, bRow, cols, depth);
      if (skinny) {
        strips(m, cols, depth, alpha, at(a, p), aRow, at(c, j), cRow, add);
        continue;
      }
      for (let i = 0; i < m; i += ROWS) {
        const rows = min(ROWS, m - i);
        pack(packedA, at(a, i * aRow + p * aCol), aRow, aCol, rows, depth);
        block(rows, cols, depth, alpha, at(c, i * cRow + j), cRow, add);
      }
    }
  }
}

function scale(m: i32, n: i32, beta: f64, c: usize, cRow: i32): void {
  for (let i = 0; i < m; i++) {
    const row = at(c, i * cRow);
    if (beta == 0) memory.fill(row, 0, (<usize>n) << 3);
    else for (let j = 0; j < n; j++) store<f64>(at(row, j), beta * load<f64>(at(row, j)));
  }
}

/** One packed block of A times one of B; tiles that stick out go by way of `corner`. */
function block(rows: i32, cols: i32, depth: i32, alpha: f64, c: usize, cRow: i32, add: bool): void {
  for (let j = 0; j < cols; j += TILE)
    for (let i = 0; i < rows; i += TILE) {
      const into = at(c, i * cRow + j);
      const pa = at(packedA, i * depth);
      const pb = at(packedB, j * depth);
      if (i + TILE <= rows && j + TILE <= cols) {
        tile(depth, alpha, pa, pb, into, cRow, add);
        continue;
      }
      tile(depth, alpha, pa, pb, corner, TILE, false);
      cut(min(TILE, rows - i), min(TILE, cols - j), into, cRow, add);
    }
}

/** The same with A where it lies, row after row. */
function strips(m: i32, cols: i32, depth: i32, alpha: f64, a: usize, aRow: i32, c: usize, cRow: i32, add: bool): void {
  const whole = m & -TILE;
  for (let i = 0; i < whole; i += TILE)
    for (let j = 0; j < cols; j += TILE) {
      const into = at(c, i * cRow + j);
      const pb = at(packedB, j * depth);
      if (j + TILE <= cols) {
        tileInPlace(depth, alpha, at(a, i * aRow), aRow, pb, into, cRow, add);
        continue;
      }
      tileInPlace(depth, alpha, at(a, i * aRow), aRow, pb, corner, TILE, false);
      cut(TILE, cols - j, into, cRow, add);
    }
  if (whole == m) return;
  pack(packedA, at(a, whole * aRow), aRow, 1, m - whole, depth);
  block(m - whole, cols, depth, alpha, at(c, whole * cRow), cRow, add);
}

function cut(rows: i32, cols: i32, c: usize, cRow: i32, add: bool): void {
  for (let r = 0; r < rows; r++)
    for (let s = 0; s < cols; s++) {
      const into = at(c, r * cRow + s);
      const value = load<f64>(at(corner, r * TILE + s));
      store<f64>(into, add ? load<f64>(into) + value : value);
    }
}

/** C(4×4) ← alpha · packed A · packed B, added to what is there or not: eight sums of two lanes stay in registers. */
function tile(depth: i32, alpha: f64, a: usize, b: usize, c: usize, cRow: i32, add: bool): void {
  let s00 = f64x2.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  const end = a + ((<usize>depth) << 5);
  while (a < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load64_splat(a);
    s00 = madd(a0, b0, s00);
    s01 = madd(a0, b1, s01);
    const a1 = v128.load64_splat(a, 8);
    s10 = madd(a1, b0, s10);
    s11 = madd(a1, b1, s11);
    const a2 = v128.load64_splat(a, 16);
    s20 = madd(a2, b0, s20);
    s21 = madd(a2, b1, s21);
    const a3 = v128.load64_splat(a, 24);
    s30 = madd(a3, b0, s30);
    s31 = madd(a3, b1, s31);
    a += 32;
    b += 32;
  }
  const row = (<usize>cRow) << 3;
  const f = f64x2.splat(alpha);
  if (add) {
    addRow(c, f, s00, s01);
    addRow(c += row, f, s10, s11);
    addRow(c += row, f, s20, s21);
    addRow(c += row, f, s30, s31);
  } else {
    putRow(c, f, s00, s01);
    putRow(c += row, f, s10, s11);
    putRow(c += row, f, s20, s21);
    putRow(c += row, f, s30, s31);
  }
}

function tileInPlace(
  depth: i32, alpha: f64, a: usize, aRow: i32, b: usize, c: usize, cRow: i32, add: bool,
): void {
  let s00 = f64x2.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  const end = a + ((<usize>depth) << 3);
  let p1 = at(a, aRow);
  let p2 = at(p1, aRow);
  let p3 = at(p2, aRow);
  while (a < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load64_splat(a);
    s00 = madd(a0, b0, s00);
    s01 = madd(a0, b1, s01);
    const a1 = v128.load64_splat(p1);
    s10 = madd(a1, b0, s10);
    s11 = madd(a1, b1, s11);
    const a2 = v128.load64_splat(p2);
    s20 = madd(a2, b0, s20);
    s21 = madd(a2, b1, s21);
    const a3 = v128.load64_splat(p3);
    s30 = madd(a3, b0, s30);
    s31 = madd(a3, b1, s31);
    a += 8;
    p1 += 8;
    p2 += 8;
    p3 += 8;
    b += 32;
  }
  const row = (<usize>cRow) << 3;
  const f = f64x2.splat(alpha);
  if (add) {
    addRow(c, f, s00, s01);
    addRow(c += row, f, s10, s11);
    addRow(c += row, f, s20, s21);
    addRow(c += row, f, s30, s31);
  } else {
    putRow(c, f, s00, s01);
    putRow(c += row, f, s10, s11);
    putRow(c += row, f, s20, s21);
    putRow(c += row, f, s30, s31);
  }
}

// @ts-ignore: decorator
@inline
function addRow(c: usize, alpha: v128, s0: v128, s1: v128): void {
  v128.store(c, madd(alpha, s0, v128.load(c)));
  v128.store(c, madd(alpha, s1, v128.load(c, 16)), 16);
}

// @ts-ignore: decorator
@inline
function putRow(c: usize, alpha: v128, s0: v128, s1: v128): void {
  v128.store(c, f64x2.mul(alpha, s0));
  v128.store(c, f64x2.mul(alpha, s1), 16);
}
