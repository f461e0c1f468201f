import type { Matrix } from '../matrix.js';

/** C ← alpha op(A) op(B) + beta C for shapes that fit, k being what the sums run over. */
export function plainGemm(
  C: Matrix,
  A: Matrix,
  B: Matrix,
  k: number,
  transA: boolean,
  transB: boolean,
  alpha: number,
  beta: number,
): void {
  const { rows: m, cols: n } = C;
  const aRow = transA ? 1 : A.cols;
  const aCol = transA ? A.cols : 1;
  const bRow = transB ? 1 : B.cols;
  const bCol = transB ? B.cols : 1;
  scale(C.data, m * n, beta);
  accumulate(m, n, k, alpha, A.data, 0, aRow, aCol, B.data, 0, bRow, bCol, C.data, 0, n);
}

function scale(c: Float64Array, count: number, beta: number): void {
  if (beta === 0) c.fill(0, 0, count);
  else if (beta !== 1) for (let i = 0; i < count; i++) c[i] *= beta;
}

/** Rows, depth and columns of a block: A's in the first cache, B's in the second. Multiples of TILE. */
const ROWS = 64;
const DEPTH = 256;
const COLS = 512;

/** Sixteen sums live in registers while four entries of A meet four of B. */
const TILE = 4;

/** Up to this many multiplications, walking A and B where they are is cheaper than packing them. */
const UNPACKED = 24 ** 3;

let packedA = new Float64Array(0);
let packedB = new Float64Array(0);
const corner = new Float64Array(TILE * TILE);

/**
 * C ← C + alpha A B on blocks inside larger arrays: A(i, p) is a[aFrom + i·aRow + p·aCol], B likewise, and
 * C(i, j) is c[cFrom + i·cRow + j].
 *
 * Goto & van de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34 (2008): blocks of B, then
 * of A, are copied into the order in which the inner kernel reads them.
 */
export function accumulate(
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: Float64Array,
  aFrom: number,
  aRow: number,
  aCol: number,
  b: Float64Array,
  bFrom: number,
  bRow: number,
  bCol: number,
  c: Float64Array,
  cFrom: number,
  cRow: number,
): void {
  if (m * n * k <= UNPACKED || m < TILE || n < TILE) {
    unpacked(m, n, k, alpha, a, aFrom, aRow, aCol, b, bFrom, bRow, bCol, c, cFrom, cRow);
    return;
  }
  reserve(Math.min(m, ROWS), Math.min(n, COLS), Math.min(k, DEPTH));
  for (let j = 0; j < n; j += COLS) {
    const cols = Math.min(COLS, n - j);
    for (let p = 0; p < k; p += DEPTH) {
      const depth = Math.min(DEPTH, k - p);
      pack(packedB, b, bFrom + p * bRow + j * bCol, bCol, bRow, cols, depth);
      for (let i = 0; i < m; i += ROWS) {
        const rows = Math.min(ROWS, m - i);
        pack(packedA, a, aFrom + i * aRow + p * aCol, aRow, aCol, rows, depth);
        block(rows, cols, depth, alpha, c, cFrom + i * cRow + j, cRow);
      }
    }
  }
}

function reserve(rows: number, cols: number, depth: number): void {
  const a = (rows + TILE) * depth;
  const b = (cols + TILE) * depth;
  if (packedA.length < a) packedA = new Float64Array(a);
  if (packedB.length < b) packedB = new Float64Array(b);
}

/**
 * Lines of a block, four by four, interleaved along the depth and padded with zeros: entry p of line l goes to
 * 4·depth·⌊l/4⌋ + 4p + l mod 4.
 */
function pack(
  target: Float64Array,
  source: Float64Array,
  from: number,
  lineStep: number,
  depthStep: number,
  lines: number,
  depth: number,
): void {
  let t = 0;
  let l = 0;
  for (; l + 3 < lines; l += TILE) {
    let s0 = from + l * lineStep;
    let s1 = s0 + lineStep;
    let s2 = s1 + lineStep;
    let s3 = s2 + lineStep;
    for (let p = 0; p < depth; p++, t += TILE) {
      target[t] = source[s0];
      target[t + 1] = source[s1];
      target[t + 2] = source[s2];
      target[t + 3] = source[s3];
      s0 += depthStep;
      s1 += depthStep;
      s2 += depthStep;
      s3 += depthStep;
    }
  }
  const left = lines - l;
  if (left === 0) return;
  for (let p = 0, s = from + l * lineStep; p < depth; p++, t += TILE, s += depthStep)
    for (let r = 0; r < TILE; r++) target[t + r] = r < left ? source[s + r * lineStep] : 0;
}

/** One packed block of A times one of B; tiles that stick out go by way of `corner`. */
function block(
  rows: number,
  cols: number,
  depth: number,
  alpha: number,
  c: Float64Array,
  cFrom: number,
  cRow: number,
): void {
  for (let j = 0; j < cols; j += TILE)
    for (let i = 0; i < rows; i += TILE) {
      const at = cFrom + i * cRow + j;
      if (i + TILE <= rows && j + TILE <= cols) {
        tile(depth, alpha, packedA, i * depth, packedB, j * depth, c, at, cRow);
        continue;
      }
      corner.fill(0);
      tile(depth, alpha, packedA, i * depth, packedB, j * depth, corner, 0, TILE);
      for (let r = 0; r < Math.min(TILE, rows - i); r++)
        for (let s = 0; s < Math.min(TILE, cols - j); s++) c[at + r * cRow + s] += corner[r * TILE + s];
    }
}

/** The inner kernel: C(4×4) ← C + alpha · packed A · packed B. */
function tile(
  depth: number,
  alpha: number,
  a: Float64Array,
  aFrom: number,
  b: Float64Array,
  bFrom: number,
  c: Float64Array,
  cFrom: number,
  cRow: number,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  let p = aFrom;
  let q = bFrom;
  for (let step = 0; step < depth; step++) {
    const b0 = b[q];
    const b1 = b[q + 1];
    const b2 = b[q + 2];
    const b3 = b[q + 3];
    const a0 = a[p];
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    const a1 = a[p + 1];
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    const a2 = a[p + 2];
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    const a3 = a[p + 3];
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
    p += TILE;
    q += TILE;
  }
  let t = cFrom;
  c[t] += alpha * s00;
  c[t + 1] += alpha * s01;
  c[t + 2] += alpha * s02;
  c[t + 3] += alpha * s03;
  t += cRow;
  c[t] += alpha * s10;
  c[t + 1] += alpha * s11;
  c[t + 2] += alpha * s12;
  c[t + 3] += alpha * s13;
  t += cRow;
  c[t] += alpha * s20;
  c[t + 1] += alpha * s21;
  c[t + 2] += alpha * s22;
  c[t + 3] += alpha * s23;
  t += cRow;
  c[t] += alpha * s30;
  c[t + 1] += alpha * s31;
  c[t + 2] += alpha * s32;
  c[t + 3] += alpha * s33;
}

/** The same tiles with A and B read in place; strips four long, then single sums, over what is left at the edges. */
function unpacked(
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: Float64Array,
  aFrom: number,
  aRow: number,
  aCol: number,
  b: Float64Array,
  bFrom: number,
  bRow: number,
  bCol: number,
  c: Float64Array,
  cFrom: number,
  cRow: number,
): void {
  const mTiled = m & -TILE;
  const nTiled = n & -TILE;
  for (let i = 0; i < mTiled; i += TILE) {
    const ai = aFrom + i * aRow;
    const ci = cFrom + i * cRow;
    for (let j = 0; j < nTiled; j += TILE)
      tileInPlace(k, alpha, a, ai, aRow, aCol, b, bFrom + j * bCol, bRow, bCol, c, ci + j, cRow);
    for (let j = nTiled; j < n; j++)
      strip(k, alpha, a, ai, aRow, aCol, b, bFrom + j * bCol, bRow, c, ci + j, cRow);
  }
  for (let i = mTiled; i < m; i++) {
    const ai = aFrom + i * aRow;
    const ci = cFrom + i * cRow;
    for (let j = 0; j < nTiled; j += TILE)
      strip(k, alpha, b, bFrom + j * bCol, bCol, bRow, a, ai, aCol, c, ci + j, 1);
    for (let j = nTiled; j < n; j++) {
      let p = ai;
      let q = bFrom + j * bCol;
      let sum = 0;
      for (let step = 0; step < k; step++) {
        sum += a[p] * b[q];
        p += aCol;
        q += bRow;
      }
      c[ci + j] += alpha * sum;
    }
  }
}

/** Four neighbouring entries of C: four lines of x, each against the one line y. */
function strip(
  depth: number,
  alpha: number,
  x: Float64Array,
  xFrom: number,
  xLine: number,
  xStep: number,
  y: Float64Array,
  yFrom: number,
  yStep: number,
  c: Float64Array,
  cFrom: number,
  cStep: number,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let p = xFrom;
  let q = yFrom;
  for (let step = 0; step < depth; step++) {
    const t = y[q];
    s0 += x[p] * t;
    s1 += x[p + xLine] * t;
    s2 += x[p + 2 * xLine] * t;
    s3 += x[p + 3 * xLine] * t;
    p += xStep;
    q += yStep;
  }
  c[cFrom] += alpha * s0;
  c[cFrom + cStep] += alpha * s1;
  c[cFrom + 2 * cStep] += alpha * s2;
  c[cFrom + 3 * cStep] += alpha * s3;
}

function tileInPlace(
  depth: number,
  alpha: number,
  a: Float64Array,
  aFrom: number,
  aRow: number,
  aCol: number,
  b: Float64Array,
  bFrom: number,
  bRow: number,
  bCol: number,
  c: Float64Array,
  cFrom: number,
  cRow: number,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  let p = aFrom;
  let q = bFrom;
  for (let step = 0; step < depth; step++) {
    const b0 = b[q];
    const b1 = b[q + bCol];
    const b2 = b[q + 2 * bCol];
    const b3 = b[q + 3 * bCol];
    const a0 = a[p];
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    const a1 = a[p + aRow];
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    const a2 = a[p + 2 * aRow];
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    const a3 = a[p + 3 * aRow];
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
    p += aCol;
    q += bRow;
  }
  let t = cFrom;
  c[t] += alpha * s00;
  c[t + 1] += alpha * s01;
  c[t + 2] += alpha * s02;
  c[t + 3] += alpha * s03;
  t += cRow;
  c[t] += alpha * s10;
  c[t + 1] += alpha * s11;
  c[t + 2] += alpha * s12;
  c[t + 3] += alpha * s13;
  t += cRow;
  c[t] += alpha * s20;
  c[t + 1] += alpha * s21;
  c[t + 2] += alpha * s22;
  c[t + 3] += alpha * s23;
  t += cRow;
  c[t] += alpha * s30;
  c[t + 1] += alpha * s31;
  c[t + 2] += alpha * s32;
  c[t + 3] += alpha * s33;
}
