import { describe, expect, test } from 'vitest';
import { gemv, gmres, KrylovSpace, lu, type Matrix, norm2, type Operator } from '../../src/linalg/index.js';
import { gaussian, orthogonal } from './helpers.js';

const times =
  (A: Matrix): Operator =>
  (v, out) =>
    gemv(out, A, v);

/** Q diag(d) Qᵀ. */
function symmetric(d: Float64Array, seed: number): Matrix {
  const n = d.length;
  const Q = orthogonal(n, seed);
  const A = { rows: n, cols: n, data: new Float64Array(n * n) };
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      for (let k = 0; k < n; k++) A.data[i * n + j]! += Q.data[i * n + k]! * d[k]! * Q.data[j * n + k]!;
  return A;
}

const distance = (a: Float64Array, b: Float64Array) => norm2(a.map((v, i) => v - b[i]!)) / norm2(b);

describe('GMRES', () => {
  test.each([1, 2, 5, 63, 127])('solves a random system of %i as the factorisation does', (n) => {
    const A = gaussian(n, n, n);
    for (let i = 0; i < n; i++) A.data[i * (n + 1)]! += 2 * Math.sqrt(n);
    const b = gaussian(n, 1, 3).data;
    const found = gmres(times(A), b, { tolerance: 1e-12, products: 400, restart: 40 });
    expect(found.solved).toBe(true);
    expect(distance(found.x, lu(A).solve(b))).toBeLessThan(1e-10);
  });

  test('solves a graded system once the preconditioner takes the grading away', () => {
    const n = 60;
    const scale = Float64Array.from({ length: n }, (_, i) => 10 ** (i / 6));
    const A = gaussian(n, n, 4);
    for (let i = 0; i < n; i++) A.data[i * (n + 1)]! += 20;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) A.data[i * n + j]! *= scale[j]!;
    const b = gaussian(n, 1, 5).data;
    const options = { tolerance: 1e-12, products: 300, restart: 30 };
    const precondition: Operator = (v, out) => out.set(v.map((w, i) => w / scale[i]!));
    expect(gmres(times(A), b, options).solved).toBe(false);
    const found = gmres(times(A), b, { ...options, precondition });
    expect(found.solved).toBe(true);
    expect(
      distance(
        found.x.map((v, i) => v * scale[i]!),
        lu(A)
          .solve(b)
          .map((v, i) => v * scale[i]!),
      ),
    ).toBeLessThan(1e-10);
  });

  test('finds the part along a nearly singular direction', () => {
    const d = Float64Array.from({ length: 40 }, (_, i) => (i === 0 ? 1e-9 : -1 + i / 80));
    const A = symmetric(d, 6);
    const b = gaussian(40, 1, 7).data;
    // ‖x‖ is 1e9 ‖b‖: A x itself rounds at ε ‖x‖, some 1e-7 ‖b‖.
    const found = gmres(times(A), b, { tolerance: 1e-5, products: 200, restart: 40 });
    expect(found.solved).toBe(true);
    expect(distance(found.x, lu(A).solve(b))).toBeLessThan(1e-5);
  });

  test('of a singular system without solution ends, with the least residual there is', () => {
    const A = symmetric(
      Float64Array.from({ length: 30 }, (_, i) => (i === 0 ? 0 : 1 + i / 30)),
      8,
    );
    const b = gaussian(30, 1, 9).data;
    const Q = orthogonal(30, 8);
    let along = 0;
    for (let i = 0; i < 30; i++) along += Q.data[i * 30]! * b[i]!;
    const found = gmres(times(A), b, { tolerance: 1e-12, products: 500, restart: 30 });
    expect(found.solved).toBe(false);
    expect(norm2(found.left) / Math.abs(along)).toBeCloseTo(1, 5);
    expect(norm2(found.x)).toBeLessThan(1e3 * norm2(b));
  });

  test('keeps to its products', () => {
    const A = gaussian(200, 200, 1);
    let made = 0;
    const counted: Operator = (v, out) => {
      made++;
      gemv(out, A, v);
    };
    const b = gaussian(200, 1, 2).data;
    const found = gmres(counted, b, { tolerance: 1e-12, products: 50, restart: 20 });
    expect(found.solved).toBe(false);
    expect(made).toBeLessThanOrEqual(51);
    expect(found.products).toBe(made);
    expect(norm2(found.left)).toBeLessThanOrEqual(norm2(b));
  });
});

test('the values of a Krylov space are within their errors of eigenvalues', () => {
  const d = Float64Array.from({ length: 90 }, (_, i) => 1.5 * 0.93 ** i);
  const A = symmetric(d, 3);
  const space = new KrylovSpace(times(A), gaussian(90, 1, 11).data);
  space.widen(40);
  let i = 0;
  for (const value of space.values()) {
    if (i === 8) break;
    expect(Math.abs(value.re - d[i]!)).toBeLessThanOrEqual(value.error + 1e-13);
    expect(value.error).toBeLessThan(0.1);
    i++;
  }
});
