import { gemm } from "./gemm";
import { addFourRows, axpy } from "./gemv";
import { subtractOuter, transpose } from "./panel";
import { at, stride } from "./simd";

// P A = L U with partial pivoting, by panels of columns; the twin is plain/lu.ts.

const WIDTH: i32 = 32;

export function luWork(n: i32): i32 {
  return min(n, WIDTH) * stride(n) + WIDTH + 8;
}

/** f (n×n, dense) ← L below its unit diagonal, and U; swaps[i] (32 bits each) is the row exchanged with row i at step i. */
export function lu(n: i32, f: usize, swaps: usize, work: usize): void {
  const P = at(work, WIDTH + 8);
  for (let from = 0; from < n; from += WIDTH) {
    const b = min(WIDTH, n - from);
    const m = n - from;
    const pld = stride(m);
    const corner = at(f, from * (n + 1));
    transpose(m, b, corner, n, P, pld);
    factorPanel(m, b, P, pld, swaps + ((<usize>from) << 2), work);
    exchangeRows(from, b, n, f, swaps);
    transpose(b, m, P, pld, corner, n);
    const rest = m - b;
    if (rest == 0) return;
    const right = at(corner, b);
    solveLower(b, rest, corner, n, right, n);
    gemm(rest, rest, b, -1, at(corner, b * n), n, 1, right, n, 1, 1, at(right, b * n), n);
  }
}

/** Columns one behind another; swaps count from the panel's first row until `exchangeRows`. */
function factorPanel(m: i32, b: i32, P: usize, pld: i32, swaps: usize, pivots: usize): void {
  for (let p = 0; p < b; p++) {
    const column = at(P, p * pld);
    const best = largestFrom(p, m, column);
    store<i32>(swaps + ((<usize>p) << 2), best);
    if (best != p) for (let j = 0; j < b; j++) swap(at(P, j * pld + p), at(P, j * pld + best));
    const pivot = load<f64>(at(column, p));
    if (pivot == 0) continue;
    for (let i = p + 1; i < m; i++) store<f64>(at(column, i), load<f64>(at(column, i)) / pivot);
    if (p + 1 == b) break;
    for (let j = p + 1; j < b; j++) store<f64>(at(pivots, j - p - 1), load<f64>(at(P, j * pld + p)));
    const below = at(column, p + 1);
    subtractOuter(b - p - 1, m - p - 1, pivots, below, at(below, pld), pld);
  }
}

function largestFrom(p: i32, m: i32, column: usize): i32 {
  let best = p;
  let largest = abs(load<f64>(at(column, p)));
  for (let i = p + 1; i < m; i++) {
    const size = abs(load<f64>(at(column, i)));
    if (size > largest) {
      largest = size;
      best = i;
    }
  }
  return best;
}

function swap(a: usize, b: usize): void {
  const t = load<f64>(a);
  store<f64>(a, load<f64>(b));
  store<f64>(b, t);
}

/** Takes the panel's exchanges to whole rows, and makes them count from the first row of all. The panel is written over anyway. */
function exchangeRows(from: i32, b: i32, n: i32, f: usize, swaps: usize): void {
  for (let p = from; p < from + b; p++) {
    const slot = swaps + ((<usize>p) << 2);
    const k = load<i32>(slot) + from;
    store<i32>(slot, k);
    if (k != p) swapRows(n, at(f, p * n), at(f, k * n));
  }
}

function swapRows(n: i32, a: usize, b: usize): void {
  const end = at(a, n & -2);
  while (a < end) {
    const t = v128.load(a);
    v128.store(a, v128.load(b));
    v128.store(b, t);
    a += 16;
    b += 16;
  }
  if (n & 1) swap(a, b);
}

/** X ← L⁻¹ X for the unit lower triangle L of order b. */
function solveLower(b: i32, cols: i32, L: usize, ld: i32, X: usize, ldX: i32): void {
  for (let i = 1; i < b; i++) subtractRows(i, cols, at(L, i * ld), X, ldX, at(X, i * ldX));
}

/** y ← y − Σ f_p (row p of X) over the first `count` rows. */
function subtractRows(count: i32, cols: i32, f: usize, X: usize, ldX: i32, y: usize): void {
  let p = 0;
  for (; p + 4 <= count; p += 4) addFourRows(cols, at(X, p * ldX), (<usize>ldX) << 3, at(f, p), -1, y);
  for (; p < count; p++) axpy(cols, -load<f64>(at(f, p)), at(X, p * ldX), y);
}

/** X (n × cols, dense) ← A⁻¹ X from the factors of A. */
export function luSolve(n: i32, f: usize, swaps: usize, cols: i32, X: usize): void {
  for (let i = 0; i < n; i++) {
    const k = load<i32>(swaps + ((<usize>i) << 2));
    if (k != i) swapRows(cols, at(X, i * cols), at(X, k * cols));
  }
  for (let from = 0; from < n; from += WIDTH) {
    const b = min(WIDTH, n - from);
    const corner = at(f, from * (n + 1));
    const rows = at(X, from * cols);
    solveLower(b, cols, corner, n, rows, cols);
    const rest = n - from - b;
    if (rest > 0) gemm(rest, cols, b, -1, at(corner, b * n), n, 1, rows, cols, 1, 1, at(rows, b * cols), cols);
  }
  for (let from = n == 0 ? -1 : (n - 1) / WIDTH * WIDTH; from >= 0; from -= WIDTH) {
    const b = min(WIDTH, n - from);
    const rows = at(X, from * cols);
    solveUpper(b, cols, at(f, from * (n + 1)), n, rows, cols);
    if (from > 0) gemm(from, cols, b, -1, at(f, from), n, 1, rows, cols, 1, 1, X, cols);
  }
}

/** X ← U⁻¹ X for the upper triangle U of order b. */
function solveUpper(b: i32, cols: i32, U: usize, ld: i32, X: usize, ldX: i32): void {
  for (let i = b - 1; i >= 0; i--) {
    const row = at(X, i * ldX);
    subtractRows(b - 1 - i, cols, at(U, i * ld + i + 1), at(row, ldX), ldX, row);
    const pivot = load<f64>(at(U, i * (ld + 1)));
    for (let j = 0; j < cols; j++) store<f64>(at(row, j), load<f64>(at(row, j)) / pivot);
  }
}
