import { stridedNorm } from '../vector.js';

let scratch = new Float64Array(64);

function reserve(n: number): Float64Array {
  if (scratch.length < n) scratch = new Float64Array(2 * n);
  return scratch;
}

/**
 * Golub & Van Loan, Matrix Computations, 4th ed., Alg. 5.1.1: H = I − τ v vᵀ with v_0 = 1 takes the column
 * x = (a[at], a[at + ld], …) to (β, 0, …). Leaves β and v_1… in the column; returns τ.
 */
export function reflector(a: Float64Array, at: number, ld: number, m: number): number {
  const x0 = a[at];
  const below = stridedNorm(a, at + ld, m - 1, ld);
  if (below === 0) return 0;
  const length = Math.hypot(x0, below);
  // The sign that adds in x0 − β, so nothing cancels and every |v_i| ≤ 1.
  const beta = x0 < 0 ? length : -length;
  const head = x0 - beta;
  const end = at + m * ld;
  for (let i = at + ld; i < end; i += ld) a[i] /= head;
  a[at] = beta;
  return -head / beta;
}

/** C ← (I − τ v vᵀ) C for the m×n block at `at`; v_1… stand in the column at `vAt`. Rows are read in order. */
export function reflectFromLeft(
  a: Float64Array,
  vAt: number,
  at: number,
  ld: number,
  m: number,
  n: number,
  t: number,
): void {
  const w = reserve(n);
  const last = at + m * ld;
  const skew = vAt - at;
  for (let j = 0; j < n; j++) w[j] = a[at + j];
  let row = at + ld;
  for (; row + 3 * ld < last; row += 4 * ld) {
    const r1 = row + ld;
    const r2 = r1 + ld;
    const r3 = r2 + ld;
    const v0 = a[row + skew];
    const v1 = a[r1 + skew];
    const v2 = a[r2 + skew];
    const v3 = a[r3 + skew];
    for (let j = 0; j < n; j++) w[j] += v0 * a[row + j] + v1 * a[r1 + j] + (v2 * a[r2 + j] + v3 * a[r3 + j]);
  }
  for (; row < last; row += ld) {
    const v = a[row + skew];
    for (let j = 0; j < n; j++) w[j] += v * a[row + j];
  }
  for (let j = 0; j < n; j++) {
    w[j] *= t;
    a[at + j] -= w[j];
  }
  row = at + ld;
  for (; row + 3 * ld < last; row += 4 * ld) {
    const r1 = row + ld;
    const r2 = r1 + ld;
    const r3 = r2 + ld;
    const v0 = a[row + skew];
    const v1 = a[r1 + skew];
    const v2 = a[r2 + skew];
    const v3 = a[r3 + skew];
    for (let j = 0; j < n; j++) {
      const wj = w[j];
      a[row + j] -= v0 * wj;
      a[r1 + j] -= v1 * wj;
      a[r2 + j] -= v2 * wj;
      a[r3 + j] -= v3 * wj;
    }
  }
  for (; row < last; row += ld) {
    const v = a[row + skew];
    for (let j = 0; j < n; j++) a[row + j] -= v * w[j];
  }
}

/**
 * C ← C (I − τ v vᵀ) for the m×n block at `at`; v_1… stand at vAt + vStep, vAt + 2·vStep, …. Four rows share each
 * load of v.
 */
export function reflectFromRight(
  a: Float64Array,
  vAt: number,
  vStep: number,
  at: number,
  ld: number,
  m: number,
  n: number,
  t: number,
): void {
  const v = reserve(n);
  v[0] = 1;
  for (let j = 1; j < n; j++) v[j] = a[vAt + j * vStep];
  const last = at + m * ld;
  let row = at;
  for (; row + 3 * ld < last; row += 4 * ld) {
    const r1 = row + ld;
    const r2 = r1 + ld;
    const r3 = r2 + ld;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0; j < n; j++) {
      const vj = v[j];
      s0 += a[row + j] * vj;
      s1 += a[r1 + j] * vj;
      s2 += a[r2 + j] * vj;
      s3 += a[r3 + j] * vj;
    }
    s0 *= t;
    s1 *= t;
    s2 *= t;
    s3 *= t;
    for (let j = 0; j < n; j++) {
      const vj = v[j];
      a[row + j] -= s0 * vj;
      a[r1 + j] -= s1 * vj;
      a[r2 + j] -= s2 * vj;
      a[r3 + j] -= s3 * vj;
    }
  }
  for (; row < last; row += ld) {
    let s = 0;
    for (let j = 0; j < n; j++) s += a[row + j] * v[j];
    s *= t;
    for (let j = 0; j < n; j++) a[row + j] -= s * v[j];
  }
}
