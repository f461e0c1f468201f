import { beforeAll, describe, expect } from 'vitest';
import {
  type Arithmetic,
  arithmetic,
  frobeniusNorm,
  gemm,
  identity,
  type Matrix,
  qrInPlace,
  useArithmetic,
  zeros,
} from '../../src/linalg/index.js';
import { random } from '../../src/random.js';

/** The same tests on the kernels, with multiply-add and without, and on their plain twins. */
export function onEachArithmetic(tests: (kind: Arithmetic) => void): void {
  for (const kind of ['fused', 'strict', 'plain'] as const)
    describe(`${kind} arithmetic`, () => {
      beforeAll(() => {
        useArithmetic(kind);
        // Every Node that is supported runs the kernels: falling back to the twins would hide that they were lost.
        expect(arithmetic()).toBe(kind);
      });
      tests(kind);
    });
}

export const EPS = Number.EPSILON;

export function gaussian(rows: number, cols: number, seed: number): Matrix {
  const next = random(seed);
  const A = zeros(rows, cols);
  for (let i = 0; i < A.data.length; i++) A.data[i] = next.normal();
  return A;
}

export function orthogonal(n: number, seed: number): Matrix {
  const Q = gaussian(n, n, seed);
  qrInPlace(Q);
  return Q;
}

export function diagonal(entries: ArrayLike<number>): Matrix {
  const n = entries.length;
  const D = zeros(n, n);
  for (let i = 0; i < n; i++) D.data[i * (n + 1)] = entries[i]!;
  return D;
}

export function product(...factors: Matrix[]): Matrix {
  return factors.reduce((A, B) => {
    const C = zeros(A.rows, B.cols);
    gemm(C, A, B);
    return C;
  });
}

export function difference(A: Matrix, B: Matrix): number {
  return frobeniusNorm({ ...A, data: A.data.map((x, i) => x - B.data[i]!) });
}

/** ‖QᵀQ − I‖_F. */
export function orthogonalityError(Q: Matrix): number {
  const G = zeros(Q.cols, Q.cols);
  gemm(G, Q, Q, { transA: true });
  return difference(G, identity(Q.cols));
}

export const scaled = (A: Matrix, factor: number): Matrix => ({ ...A, data: A.data.map((x) => x * factor) });

/** diag(d) A. */
export const scaleRows = (A: Matrix, d: ArrayLike<number>): Matrix => ({
  ...A,
  data: A.data.map((x, p) => x * d[Math.floor(p / A.cols)]!),
});

/** A diag(d). */
export const scaleColumns = (A: Matrix, d: ArrayLike<number>): Matrix => ({
  ...A,
  data: A.data.map((x, p) => x * d[p % A.cols]!),
});

export const hilbert = (n: number): Matrix => ({
  rows: n,
  cols: n,
  data: Float64Array.from({ length: n * n }, (_, p) => 1 / (Math.floor(p / n) + (p % n) + 1)),
});
