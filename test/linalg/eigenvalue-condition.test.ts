import { describe, expect, it } from 'vitest';
import {
  eigenvalueCondition,
  eigenvalues,
  identity,
  type Matrix,
  matrix,
  transpose,
  zeros,
} from '../../src/linalg/index.js';
import { diagonal, EPS, gaussian, orthogonal, product, scaled } from './helpers.js';

const condition = (A: Matrix, re: number, im = 0): number => eigenvalueCondition(A, re, im).condition;

/** ‖A x − λ x‖ for complex x and λ. */
function residual(A: Matrix, re: number, im: number, x: { re: Float64Array; im: Float64Array }): number {
  const n = A.rows;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    let r = im * x.im[i]! - re * x.re[i]!;
    let s = -re * x.im[i]! - im * x.re[i]!;
    for (let j = 0; j < n; j++) {
      r += A.data[i * n + j]! * x.re[j]!;
      s += A.data[i * n + j]! * x.im[j]!;
    }
    sum += r * r + s * s;
  }
  return Math.sqrt(sum);
}

describe('eigenvalueCondition', () => {
  it('is 1 for normal matrices: symmetric, orthogonal, circulant', () => {
    const Q = orthogonal(8, 1);
    const S = product(Q, diagonal([3, 2, 1, 0, -1, 5, 6, 7]), transpose(Q));
    expect(condition(S, 5)).toBeCloseTo(1, 12);
    const { re, im } = eigenvalues(Q);
    for (let i = 0; i < 8; i++) expect(condition(Q, re[i]!, im[i]!)).toBeCloseTo(1, 12);
    const third = matrix(3, 3, [0, 1, 0, 0, 0, 1, 1, 0, 0]);
    expect(condition(third, -0.5, Math.sqrt(3) / 2)).toBeCloseTo(1, 12);
  });

  it('is √(1 + (c/(a − b))²) for both eigenvalues of [a c; 0 b]', () => {
    for (const [a, b, c] of [
      [1, 2, 3],
      [1, 2, 1e6],
      [0.5, -0.5, 1e-3],
      [1, 1.001, 1],
    ] as const) {
      const exact = Math.sqrt(1 + (c / (a - b)) ** 2);
      const A = matrix(2, 2, [a, c, 0, b]);
      // The shift is off by eps‖A‖ and the gap is known to that: the error relative to the condition grows with it.
      for (const lambda of [a, b])
        expect(Math.abs(condition(A, lambda) / exact - 1)).toBeLessThan(100 * EPS * exact);
    }
  });

  it('comes with unit right and left eigenvectors', () => {
    for (const n of [2, 5, 30]) {
      const A = gaussian(n, n, n);
      const { re, im } = eigenvalues(A);
      for (let i = 0; i < n; i++) {
        const { right, left } = eigenvalueCondition(A, re[i]!, im[i]!);
        expect(residual(A, re[i]!, im[i]!, right)).toBeLessThan(20 * n * EPS * n);
        // yᴴA = λyᴴ says Aᵀy = λ̄y.
        expect(residual(transpose(A), re[i]!, -im[i]!, left)).toBeLessThan(20 * n * EPS * n);
      }
    }
  });

  it('predicts how far an eigenvalue moves', () => {
    const n = 6;
    // Positive entries, so that the first eigenvalue is real and simple (Perron).
    const A = gaussian(n, n, 3);
    A.data.forEach((x, i) => {
      A.data[i] = Math.abs(x) + 0.01;
    });
    const { re, im } = eigenvalues(A);
    const { condition: kappa, right, left } = eigenvalueCondition(A, re[0]!, im[0]!);
    // E = t y xᴴ moves λ by t·yᴴEx / yᴴx = t·κ to first order, and nothing of size t moves it further.
    const t = 1e-7;
    const B = zeros(n, n);
    const align = left.re.reduce((s, y, i) => s + y * right.re[i]! + left.im[i]! * right.im[i]!, 0);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        B.data[i * n + j] =
          A.data[i * n + j]! + t * (left.re[i]! * right.re[j]! + left.im[i]! * right.im[j]!);
    const moved = eigenvalues(B);
    expect(Math.abs(align)).toBeCloseTo(1 / kappa, 6);
    expect(Math.abs(moved.re[0]! - re[0]!) / t).toBeCloseTo(kappa, 4);
  });

  it('is infinite for defective eigenvalues, exact or to rounding', () => {
    expect(condition(matrix(2, 2, [1, 1, 0, 1]), 1)).toBe(Number.POSITIVE_INFINITY);
    expect(condition(matrix(2, 2, [0, 1, 1e-16, 0]), 1e-8)).toBe(Number.POSITIVE_INFINITY);
    const J = matrix(3, 3, [2, 1, 0, 0, 2, 1, 0, 0, 2]);
    expect(condition(J, 2)).toBe(Number.POSITIVE_INFINITY);
    const Q = orthogonal(3, 2);
    const turned = product(Q, J, transpose(Q));
    const { re, im } = eigenvalues(turned);
    for (let i = 0; i < 3; i++) expect(condition(turned, re[i]!, im[i]!)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is finite for multiple eigenvalues with all their eigenvectors', () => {
    expect(condition(identity(5), 1)).toBe(1);
    expect(condition(zeros(3, 3), 0)).toBe(1);
    // diag(1, 1, 2) seen in a skew basis: the projector on the first two has norm √(1 + 9).
    const A = matrix(3, 3, [1, 0, 3, 0, 1, 0, 0, 0, 2]);
    const kappa = condition(A, 1);
    expect(kappa).toBeGreaterThanOrEqual(1);
    expect(kappa).toBeLessThanOrEqual(Math.sqrt(10) * (1 + 1e-12));
    expect(condition(A, 2)).toBeCloseTo(Math.sqrt(10), 10);
  });

  it('tells a large condition from a defect', () => {
    // The gap is 1 and rounding moves the eigenvalue by 1e-10.
    expect(condition(matrix(2, 2, [1, 1e6, 0, 2]), 1) / 1e6).toBeCloseTo(1, 6);
  });

  it('does not depend on the scale of the matrix', () => {
    const A = matrix(2, 2, [1, 5, 0, 3]);
    for (const factor of [2 ** 400, 2 ** -400])
      expect(condition(scaled(A, factor), factor)).toBeCloseTo(condition(A, 1), 12);
  });

  it('refuses a matrix that is not square', () => {
    expect(() => eigenvalueCondition(zeros(2, 3), 0, 0)).toThrow(RangeError);
  });
});
