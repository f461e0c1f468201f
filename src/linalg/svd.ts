import { gemv } from './gemv.js';
import { copy, type Matrix, transpose } from './matrix.js';
import { bidiagonalise, bidiagonalSingularValues } from './plain/bidiagonal.js';
import { triangularise } from './plain/qr.js';
import { begin, lines, space } from './staging.js';
import { axpy, binaryExponent, dot, maxAbs, norm2, scaleByPowerOfTwo } from './vector.js';
import { kernels, put, release, resident, take } from './wasm.js';

/**
 * All min(rows, cols) singular values, descending, each within a small multiple of eps·σ_1 (n·eps·σ_1 at worst).
 */
export function singularValues(A: Matrix): Float64Array {
  const largest = maxAbs(A.data);
  if (!Number.isFinite(largest))
    throw new RangeError('singularValues: the matrix has an entry that is not finite');
  if (largest === 0) return new Float64Array(Math.min(A.rows, A.cols));
  const exponent = binaryExponent(largest);
  const tall = A.rows < A.cols ? transpose(A) : A;
  const { d, e } = inKernels(tall, exponent) ?? plainBidiagonal(tall, exponent);
  bidiagonalSingularValues(d, e, d.length);
  for (let i = 0; i < d.length; i++) d[i] = scaleByPowerOfTwo(d[i], exponent);
  return d;
}

/** Reducing to R first is cheaper from about here on (Golub & Van Loan, §5.4.4). */
const TALL = 1.6;

/** The bidiagonal form of 2^−exponent A, A.rows ≥ A.cols. */
function inKernels(A: Matrix, exponent: number): Bidiagonal | undefined {
  const fast = kernels();
  const { rows, cols: n } = A;
  if (!fast) return undefined;
  const first = rows > TALL * n;
  const m = first ? n : rows;
  const work = Math.max(fast.bidiagonalWork(m, n), first ? fast.qrWork(rows, n) : 0);
  const size = lines(rows * n);
  if (!begin(size + (first ? lines(n * n) : 0) + 2 * lines(n) + work)) return undefined;
  const a = space(rows * n);
  put(a, A.data);
  fast.scaleAll(rows * n, a, -exponent);
  const r = first ? space(n * n) : a;
  const d = space(n);
  const e = space(n);
  const rest = space(work);
  if (first) fast.qr(rows, n, a, n, r, d, 0, rest);
  fast.bidiagonal(m, n, r, n, d, e, rest);
  const found = { d: new Float64Array(n), e: new Float64Array(n) };
  take(d, found.d);
  take(e, found.e);
  return found;
}

function plainBidiagonal(A: Matrix, exponent: number): Bidiagonal {
  const { rows: m, cols: n } = A;
  const B = copy(A);
  for (let i = 0; i < B.data.length; i++) B.data[i] = scaleByPowerOfTwo(B.data[i], -exponent);
  const first = m > TALL * n;
  if (first) triangularise(B);
  const [d, e] = [new Float64Array(n), new Float64Array(n)];
  bidiagonalise(B.data, first ? n : m, n, n, d, e);
  return { d, e };
}

interface Bidiagonal {
  readonly d: Float64Array;
  readonly e: Float64Array;
}

/** Up to this size all singular values cost about as much as the largest alone. */
const DIRECT = 128;

/** Lanczos steps before the full decomposition is cheaper. */
const MAX_STEPS = 120;

/** Relative error that a converged run may have. */
const TOLERANCE = 2e-14;

/**
 * ‖A‖₂, the largest singular value, to 1e-13 relative. Two Lanczos runs from unlike fixed starts, since one start
 * may be orthogonal to the top singular vector by an accident of structure; both converge or all singular values
 * are computed.
 */
export function spectralNorm(A: Matrix): number {
  const largest = maxAbs(A.data);
  if (!Number.isFinite(largest))
    throw new RangeError('spectralNorm: the matrix has an entry that is not finite');
  if (largest === 0) return 0;
  if (Math.min(A.rows, A.cols) <= DIRECT) return singularValues(A)[0];
  const exponent = binaryExponent(largest);
  const owner = {};
  const B = resident(owner, A.rows, A.cols);
  for (let i = 0; i < B.data.length; i++) B.data[i] = scaleByPowerOfTwo(A.data[i], -exponent);
  const first = lanczosNorm(B, Math.SQRT2);
  const second = first === undefined ? undefined : lanczosNorm(B, Math.E);
  release(owner);
  if (first === undefined || second === undefined) return singularValues(A)[0];
  return scaleByPowerOfTwo(Math.max(first, second), exponent);
}

/**
 * Golub–Kahan–Lanczos bidiagonalisation with full re-orthogonalisation: A V = U B with B upper bidiagonal
 * (Golub & Van Loan, Matrix Computations, 4th ed., §10.4.1), until the largest singular value of B has converged.
 * Undefined when it has not after MAX_STEPS.
 */
function lanczosNorm(A: Matrix, seed: number): number | undefined {
  const { rows: m, cols: n } = A;
  const U: Float64Array[] = [];
  const V: Float64Array[] = [];
  const alpha: number[] = [];
  const beta: number[] = [];
  let v: Float64Array = Float64Array.from({ length: n }, (_, i) => (((i + 1) * (i + 2) * seed) % 1) - 0.5);
  scale(v, 1 / norm2(v));
  for (let j = 0; j < Math.min(m, n, MAX_STEPS); j++) {
    V.push(v);
    const u = new Float64Array(m);
    gemv(u, A, v);
    orthogonalise(u, U);
    alpha.push(norm2(u));
    if (alpha[j] > 0) scale(u, 1 / alpha[j]);
    U.push(u);
    v = new Float64Array(n);
    gemv(v, A, u, { trans: true });
    orthogonalise(v, V);
    beta.push(norm2(v));
    const spent = !(beta[j] > Number.EPSILON * alpha[0]);
    if (spent || j % 4 === 3) {
      const [top, error] = topOfBidiagonal(alpha, beta);
      if (error <= TOLERANCE * top) return top;
      if (spent) return undefined;
    }
    scale(v, 1 / beta[j]);
  }
  return undefined;
}

/**
 * The largest singular value θ of B and a bound on how far it is from one of A. The residual ρ = β_j |p_j|, p the
 * left singular vector, bounds it at once; when the next value is far, ρ²/gap does (Parlett, The Symmetric
 * Eigenvalue Problem, §11.7), with a tenth of the gap seen so far for safety.
 */
function topOfBidiagonal(alpha: readonly number[], beta: readonly number[]): [number, number] {
  const k = alpha.length;
  const d = Float64Array.from(alpha);
  bidiagonalSingularValues(d, Float64Array.from(beta), k);
  const top = d[0];
  if (k === 1) return [top, beta[0]];
  // B Bᵀ p = θ² p is tridiagonal; its pivots from the last row upwards give the ratios p_{i+1} / p_i stably.
  const square = (i: number) => alpha[i] * alpha[i] + (i + 1 < k ? beta[i] * beta[i] : 0);
  const ratios = new Float64Array(k);
  let pivot = top * top - square(k - 1);
  for (let i = k - 2; i >= 0; i--) {
    const off = beta[i] * alpha[i + 1];
    ratios[i] = off / pivot;
    pivot = top * top - square(i) - off * ratios[i];
  }
  let p = 1;
  let sum = 1;
  for (let i = 0; i + 1 < k; i++) {
    p *= ratios[i];
    sum += p * p;
  }
  const residual = (beta[k - 1] * Math.abs(p)) / Math.sqrt(sum);
  const gap = (top - d[1]) / 10;
  return [top, residual * Math.min(1, residual / gap)];
}

/** Twice, because once loses digits when most of x cancels. */
function orthogonalise(x: Float64Array, basis: readonly Float64Array[]): void {
  for (let pass = 0; pass < 2; pass++) for (const q of basis) axpy(x, -dot(q, x), q);
}

function scale(x: Float64Array, factor: number): void {
  for (let i = 0; i < x.length; i++) x[i] *= factor;
}
