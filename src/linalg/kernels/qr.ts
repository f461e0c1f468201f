import { gemm } from "./gemm";
import { gemv } from "./gemv";
import { reflector, subtractOuter, transpose } from "./panel";
import { at, stride } from "./simd";

// A = Q R by blocks of reflectors, I − V T Vᵀ with V of a panel's width: Schreiber & Van Loan 1989; Golub & Van Loan, §5.2.3. The
// panels are kept, column after column with unit diagonal and the zeros above it, one behind another: Q is made from them.

const WIDTH: i32 = 32;

/** Room for what is kept and what is in between: panels, their T, τ, and two strips. */
export function qrWork(n: i32, k: i32): i32 {
  let panels = 0;
  for (let from = 0; from < k; from += WIDTH) panels += min(WIDTH, k - from) * stride(n - from);
  return panels + (k + WIDTH) * WIDTH + k + 8 + 2 * WIDTH * (k + WIDTH);
}

/**
 * A (n×k, k ≤ n, rows ld apart) ← Q with orthonormal columns, or anything where only R is wanted; diagonal ← diag R ≥ 0; R
 * (k×k, dense), where its address is not 0.
 */
export function qr(n: i32, k: i32, a: usize, ld: i32, r: usize, diagonal: usize, form: bool, work: usize): void {
  const triangles = work;
  const tau = at(triangles, (k + WIDTH) * WIDTH);
  const strip = at(tau, k + 8);
  const strip2 = at(strip, WIDTH * (k + WIDTH));
  const panels = at(strip2, WIDTH * (k + WIDTH));
  let P = panels;
  for (let from = 0; from < k; from += WIDTH) {
    const b = min(WIDTH, k - from);
    const m = n - from;
    const pld = stride(m);
    const T = at(triangles, from * WIDTH);
    transpose(m, b, at(a, from * (ld + 1)), ld, P, pld);
    factorPanel(m, b, P, pld, at(tau, from), strip);
    finishPanel(b, P, pld, k - from, at(diagonal, from), r ? at(r, from * (k + 1)) : 0, k);
    buildTriangle(m, b, P, pld, at(tau, from), T, strip);
    if (from + b < k) {
      const C = at(a, from * (ld + 1) + b);
      applyBlock(m, b, P, pld, T, true, k - from - b, C, ld, strip, strip2);
      if (r) copyRows(b, k - from - b, C, ld, at(r, from * (k + 1) + b), k);
    }
    P = at(P, b * pld);
  }
  if (r) fixSigns(k, r, diagonal);
  for (let from = form && k > 0 ? (k - 1) / WIDTH * WIDTH : -1; from >= 0; from -= WIDTH) {
    const b = min(WIDTH, k - from);
    const m = n - from;
    const pld = stride(m);
    P -= (<usize>(b * pld)) << 3;
    const T = at(triangles, from * WIDTH);
    const at0 = at(a, from * (ld + 1));
    if (from + b < k) {
      // Above the trailing block Q is zero so far.
      for (let i = 0; i < b; i++) memory.fill(at(at0, i * ld + b), 0, (<usize>(k - from - b)) << 3);
      applyBlock(m, b, P, pld, T, false, k - from - b, at(at0, b), ld, strip, strip2);
    }
    formPanel(m, b, P, pld, T, at(diagonal, from), at0, ld, strip);
  }
  for (let j = 0; j < k; j++) store<f64>(at(diagonal, j), abs(load<f64>(at(diagonal, j))));
}

/** Unblocked: reflectors of b columns in turn, each applied to those after it. */
function factorPanel(m: i32, b: i32, P: usize, pld: i32, tau: usize, w: usize): void {
  for (let j = 0; j < b; j++) {
    const v = at(P, j * (pld + 1));
    const t = reflector(m - j, v);
    store<f64>(at(tau, j), t);
    if (t == 0 || j + 1 == b) continue;
    const beta = load<f64>(v);
    store<f64>(v, 1);
    const rest = at(P, (j + 1) * pld + j);
    gemv(b - j - 1, m - j, t, rest, pld, v, 0, w);
    subtractOuter(b - j - 1, m - j, w, v, rest, pld);
    store<f64>(v, beta);
  }
}

/** Moves R's diagonal block out of the panel: signed diagonal, rows of R; leaves V with ones and zeros. */
function finishPanel(b: i32, P: usize, pld: i32, rest: i32, diagonal: usize, r: usize, k: i32): void {
  for (let j = 0; j < b; j++) {
    const column = at(P, j * pld);
    store<f64>(at(diagonal, j), load<f64>(at(column, j)));
    if (r) for (let i = 0; i <= j; i++) store<f64>(at(r, i * k + j), load<f64>(at(column, i)));
    memory.fill(column, 0, (<usize>j) << 3);
    store<f64>(at(column, j), 1);
  }
}

function copyRows(rows: i32, cols: i32, from: usize, ldFrom: i32, to: usize, ldTo: i32): void {
  for (let i = 0; i < rows; i++) memory.copy(at(to, i * ldTo), at(from, i * ldFrom), (<usize>cols) << 3);
}

/** Rows of R with a negative diagonal change sign; below the diagonal stand zeros. */
function fixSigns(k: i32, r: usize, diagonal: usize): void {
  for (let i = 0; i < k; i++) {
    const row = at(r, i * k);
    memory.fill(row, 0, (<usize>i) << 3);
    if (load<f64>(at(diagonal, i)) < 0)
      for (let j = i; j < k; j++) store<f64>(at(row, j), -load<f64>(at(row, j)));
  }
}

/** T, column by column: T_jj = τ_j and T_{0:j, j} = −τ_j T_{0:j, 0:j} (V_{0:j}ᵀ v_j). */
function buildTriangle(m: i32, b: i32, P: usize, pld: i32, tau: usize, T: usize, products: usize): void {
  gemm(b, b, m, 1, P, pld, 1, P, 1, pld, 0, products, b);
  memory.fill(T, 0, (<usize>(b * b)) << 3);
  for (let j = 0; j < b; j++) {
    const t = load<f64>(at(tau, j));
    for (let i = 0; i < j; i++) {
      let s: f64 = 0;
      for (let p = i; p < j; p++) s += load<f64>(at(T, i * b + p)) * load<f64>(at(products, p * b + j));
      store<f64>(at(T, i * b + j), -t * s);
    }
    store<f64>(at(T, j * (b + 1)), t);
  }
}

/** C ← (I − V T Vᵀ) C, or with Tᵀ when factoring. */
function applyBlock(
  m: i32, b: i32, P: usize, pld: i32, T: usize, transposed: bool, cols: i32, C: usize, ld: i32, w: usize, w2: usize,
): void {
  gemm(b, cols, m, 1, P, pld, 1, C, ld, 1, 0, w, cols);
  gemm(b, cols, b, 1, T, transposed ? 1 : b, transposed ? b : 1, w, cols, 1, 0, w2, cols);
  gemm(m, cols, b, -1, P, 1, pld, w2, cols, 1, 1, C, ld);
}

/** The panel's own columns of Q, (I − V T Vᵀ) E with E the first b columns of the identity, signed as R's diagonal was. */
function formPanel(m: i32, b: i32, P: usize, pld: i32, T: usize, diagonal: usize, a: usize, ld: i32, w: usize): void {
  gemm(b, b, b, 1, T, b, 1, P, pld, 1, 0, w, b);
  for (let j = 0; j < b; j++)
    if (!(load<f64>(at(diagonal, j)) < 0))
      for (let i = 0; i < b; i++) store<f64>(at(w, i * b + j), -load<f64>(at(w, i * b + j)));
  gemm(m, b, b, 1, P, 1, pld, w, b, 1, 0, a, ld);
  for (let j = 0; j < b; j++) {
    const here = at(a, j * (ld + 1));
    store<f64>(here, load<f64>(here) + (load<f64>(at(diagonal, j)) < 0 ? -1 : 1));
  }
}
