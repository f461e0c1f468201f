import { EVD, Matrix as MlMatrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  addressOf,
  copy,
  type Eigenvalues,
  eigenvalues,
  frobeniusNorm,
  identity,
  kernels,
  logAbsDet,
  type Matrix,
  matrix,
  release,
  resident,
  residentVector,
  toRows,
  transpose,
  zeros,
} from '../../src/linalg/index.js';
import { francis } from '../../src/linalg/plain/francis.js';
import { random } from '../../src/random.js';
import { diagonal, EPS, gaussian, onEachArithmetic, orthogonal, product, scaled } from './helpers.js';

type Complex = readonly [number, number];

/** The farthest that any expected eigenvalue is from its nearest unused partner. */
function mismatch({ re, im }: Eigenvalues, expected: readonly Complex[]): number {
  const left = Array.from(re, (x, i): Complex => [x, im[i]!]);
  expect(left.length).toBe(expected.length);
  let worst = 0;
  for (const [x, y] of expected) {
    const distance = left.map(([a, b]) => Math.hypot(a - x, b - y));
    const nearest = distance.indexOf(Math.min(...distance));
    worst = Math.max(worst, distance[nearest]!);
    left.splice(nearest, 1);
  }
  return worst;
}

const real = (...values: number[]): Complex[] => values.map((x) => [x, 0]);

const rootsOfUnity = (n: number): Complex[] =>
  Array.from({ length: n }, (_, k) => [Math.cos((2 * Math.PI * k) / n), Math.sin((2 * Math.PI * k) / n)]);

/** First row minus the coefficients of the monic polynomial with these roots, ones below the diagonal. */
function companion(roots: number[]): Matrix {
  let coefficients = [1];
  for (const r of roots)
    coefficients = [...coefficients, 0].map((c, k) => c - r * (k > 0 ? coefficients[k - 1]! : 0));
  const n = roots.length;
  const A = zeros(n, n);
  for (let j = 0; j < n; j++) A.data[j] = -coefficients[j + 1]!;
  for (let i = 1; i < n; i++) A.data[i * n + i - 1] = 1;
  return A;
}

/** Backward stability: the computed values are those of A + E, ‖E‖ ≤ c·n·eps·‖A‖, so traces of A and A² nearly hold. */
function expectTraces(A: Matrix, { re, im, converged }: Eigenvalues): void {
  const n = A.rows;
  expect(converged).toBe(true);
  let trace = 0;
  let square = 0;
  for (let i = 0; i < n; i++) {
    trace += A.data[i * (n + 1)]!;
    for (let j = 0; j < n; j++) square += A.data[i * n + j]! * A.data[j * n + i]!;
  }
  const norm = frobeniusNorm(A);
  const sum = re.reduce((s, x) => s + x, 0);
  const sumSquares = re.reduce((s, x, i) => s + x * x - im[i]! ** 2, 0);
  expect(Math.abs(sum - trace)).toBeLessThanOrEqual(10 * n * EPS * norm);
  expect(Math.abs(sumSquares - square)).toBeLessThanOrEqual(20 * n * EPS * norm * norm);
}

/** Exact determinant of a whole-number matrix. Bareiss 1968. */
function wholeDeterminant(A: Matrix): number {
  const rows = toRows(A);
  const n = rows.length;
  let sign = 1;
  let previous = 1;
  for (let k = 0; k + 1 < n; k++) {
    const pivot = rows.findIndex((row, i) => i >= k && row[k] !== 0);
    if (pivot < 0) return 0;
    if (pivot !== k) {
      [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
      sign = -sign;
    }
    for (let i = k + 1; i < n; i++)
      for (let j = k + 1; j < n; j++)
        rows[i]![j] = (rows[i]![j]! * rows[k]![k]! - rows[i]![k]! * rows[k]![j]!) / previous;
    previous = rows[k]![k]!;
  }
  return n === 0 ? 1 : sign * rows[n - 1]![n - 1]!;
}

function expectZeroOne(code: number): void {
  const A = zeros(5, 5);
  for (let i = 0; i < 25; i++) A.data[i] = (code >>> i) & 1;
  const found = eigenvalues(A);
  if (!found.converged) throw new Error(`0/1 matrix ${code} did not converge`);
  let [re, im] = [1, 0];
  let sum = 0;
  found.re.forEach((x, i) => {
    const y = found.im[i]!;
    [re, im] = [re * x - im * y, re * y + im * x];
    sum += x;
  });
  const trace = A.data[0]! + A.data[6]! + A.data[12]! + A.data[18]! + A.data[24]!;
  // ‖A‖_F ≤ 5 and |det| ≤ 5: a backward error of 5·eps·‖A‖ moves the trace by 1e-13 at most, the determinant by 1e-12.
  if (Math.abs(sum - trace) > 1e-13) throw new Error(`trace of 0/1 matrix ${code}: ${sum} for ${trace}`);
  if (Math.abs(re - wholeDeterminant(A)) > 1e-12 || Math.abs(im) > 1e-12)
    throw new Error(`determinant of 0/1 matrix ${code}: ${re} + ${im}i`);
}

onEachArithmetic(() => {
  describe('eigenvalues', () => {
    it('are sorted by modulus, then real part, then imaginary part', () => {
      const A = diagonal([1, -3, 3, 0, 0, 2]);
      // A rotation by a right angle, scaled by 3: eigenvalues ±3i.
      A.data.set([0, -3], 3 * 6 + 3);
      A.data.set([3, 0], 4 * 6 + 3);
      const { re, im } = eigenvalues(A);
      expect(Array.from(re, Math.round)).toEqual([3, 0, 0, -3, 2, 1]);
      expect(Array.from(im, Math.round)).toEqual([0, 3, -3, 0, 0, 0]);
    });

    it('of triangular matrices are exactly the diagonal', () => {
      const n = 30;
      const U = gaussian(n, n, 1);
      for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) U.data[i * n + j] = 0;
      const diagonalEntries = Array.from({ length: n }, (_, i) => U.data[i * (n + 1)]!);
      for (const T of [U, transpose(U)]) expect(mismatch(eigenvalues(T), real(...diagonalEntries))).toBe(0);
    });

    it('of circulant matrices are the Fourier transform of the first row', () => {
      for (const n of [3, 8, 31, 64]) {
        const c = gaussian(n, 1, n).data;
        const A = zeros(n, n);
        for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) A.data[i * n + j] = c[(j - i + n) % n]!;
        const expected = Array.from({ length: n }, (_, k): Complex => {
          let x = 0;
          let y = 0;
          for (let j = 0; j < n; j++) {
            x += c[j]! * Math.cos((2 * Math.PI * j * k) / n);
            y += c[j]! * Math.sin((2 * Math.PI * j * k) / n);
          }
          return [x, y];
        });
        // Normal, so an eigenvalue moves no further than the matrix.
        expect(mismatch(eigenvalues(A), expected)).toBeLessThan(10 * n * EPS * frobeniusNorm(A));
      }
    });

    it('of a cyclic permutation are the roots of unity, on which an unshifted sweep makes no progress', () => {
      for (const n of [2, 3, 4, 5, 8, 16, 50, 100]) {
        const A = zeros(n, n);
        for (let i = 0; i < n; i++) A.data[i * n + ((i + 1) % n)] = 1;
        expect(mismatch(eigenvalues(A), rootsOfUnity(n))).toBeLessThan(10 * n * EPS);
      }
    });

    it('of an orthogonal matrix lie on the unit circle', () => {
      for (const n of [2, 9, 60, 130]) {
        const { re, im, converged } = eigenvalues(orthogonal(n, n));
        expect(converged).toBe(true);
        re.forEach((x, i) => {
          expect(Math.abs(Math.hypot(x, im[i]!) - 1)).toBeLessThan(10 * n * EPS);
        });
      }
    });

    it('of a symmetric matrix are real and come back from Q D Qᵀ, clusters and repetitions included', () => {
      const d = [5, 5, 5, 1, 1 + 1e-12, 0, 0, -2, -2, 1e-8];
      const Q = orthogonal(d.length, 1);
      const A = product(Q, diagonal(d), transpose(Q));
      const S = scaled(A, 1);
      for (let i = 0; i < 10; i++) for (let j = 0; j < i; j++) S.data[i * 10 + j] = S.data[j * 10 + i]!;
      expect(mismatch(eigenvalues(S), real(...d))).toBeLessThan(10 * 10 * EPS * 10);
    });

    it('have the trace, the trace of the square and the determinant of a random matrix', () => {
      for (const n of [1, 2, 3, 5, 10, 50, 63, 65, 127, 257]) {
        const A = gaussian(n, n, n);
        const found = eigenvalues(A);
        expectTraces(A, found);
        const log = found.re.reduce((s, x, i) => s + Math.log(Math.hypot(x, found.im[i]!)), 0);
        expect(Math.abs(log - logAbsDet(A))).toBeLessThan(1e-10);
      }
    });

    it('agree with ml-matrix on random matrices', () => {
      for (const n of [4, 15, 40]) {
        const A = gaussian(n, n, n + 7);
        const twin = new EVD(new MlMatrix(toRows(A)));
        const expected = twin.realEigenvalues.map((x, i): Complex => [x, twin.imaginaryEigenvalues[i]!]);
        expect(mismatch(eigenvalues(A), expected)).toBeLessThan(1e-11);
      }
    });

    it('of companion matrices are the roots, to the condition of the roots', () => {
      expect(mismatch(eigenvalues(companion([1, 2, 3, 4])), real(1, 2, 3, 4))).toBeLessThan(1e-12);
      // Wilkinson's polynomial: the worst root of degree 10 has condition about 1e7 against its coefficients.
      const ten = Array.from({ length: 10 }, (_, i) => i + 1);
      expect(mismatch(eigenvalues(companion(ten)), real(...ten))).toBeLessThan(1e-7);
      const twenty = eigenvalues(companion(Array.from({ length: 20 }, (_, i) => i + 1)));
      expect(twenty.converged).toBe(true);
      expect(Math.abs(twenty.re.reduce((s, x) => s + x, 0) - 210)).toBeLessThan(1e-9);
    });

    it('of a Jordan block are within eps^(1/n) of the one eigenvalue, also after a rotation', () => {
      const n = 4;
      const J = identity(n);
      for (let i = 0; i + 1 < n; i++) J.data[i * n + i + 1] = 1;
      expect(mismatch(eigenvalues(J), real(1, 1, 1, 1))).toBe(0);
      const Q = orthogonal(n, 3);
      const found = eigenvalues(product(Q, J, transpose(Q)));
      expect(found.converged).toBe(true);
      expect(mismatch(found, real(1, 1, 1, 1))).toBeLessThan((50 * EPS) ** (1 / n) * 2);
    });

    it('converge for a defective pair ±1, where two symmetric shifts are only linear', () => {
      const A = matrix(4, 4, [0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0]);
      expect(eigenvalues(A).converged).toBe(true);
      expect(mismatch(eigenvalues(A), real(1, 1, -1, -1))).toBeLessThan(4 * Math.sqrt(10 * EPS));
    });

    it('keep small eigenvalues of a graded matrix accurate relative to themselves', () => {
      const n = 8;
      const B = gaussian(n, n, 2);
      for (let i = 0; i < n; i++) B.data[i * (n + 1)] = 4 + i;
      const A = copy(B);
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) A.data[i * n + j]! *= 10 ** (-3 * Math.max(i, j));
      const { re, im, converged } = eigenvalues(A);
      expect(converged).toBe(true);
      const log = re.reduce((s, x, i) => s + Math.log(Math.hypot(x, im[i]!)), 0);
      expect(Math.abs(log - logAbsDet(A))).toBeLessThan(1e-10);
    });

    it('survive a diagonal similarity over sixty orders of magnitude, thanks to balancing', () => {
      const n = 12;
      const A = gaussian(n, n, 5);
      const D = copy(A);
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) D.data[i * n + j]! *= 2 ** (16 * (i - j));
      const plain = eigenvalues(A);
      const expected = Array.from(plain.re, (x, i): Complex => [x, plain.im[i]!]);
      expect(mismatch(eigenvalues(D), expected)).toBeLessThan(1e-12);
    });

    it('scale exactly with a power of two, near both ends of the range', () => {
      const A = gaussian(7, 7, 1);
      const { re, im } = eigenvalues(A);
      for (const factor of [2 ** 500, 2 ** -500, 2 ** 1000, 2 ** -1000]) {
        const found = eigenvalues(scaled(A, factor));
        expect(Array.from(found.re)).toEqual(Array.from(re, (x) => x * factor));
        expect(Array.from(found.im)).toEqual(Array.from(im, (x) => x * factor));
      }
      const large = gaussian(65, 65, 2);
      const twin = eigenvalues(large);
      for (const power of [498, -498]) {
        const found = eigenvalues(scaled(large, 2 ** power));
        expect(Array.from(found.re, (x) => x * 2 ** -power)).toEqual(Array.from(twin.re));
      }
      const far = eigenvalues(matrix(2, 2, [1e150, 1e-150, 0, 1e-150]));
      expect(Array.from(far.re)).toEqual([1e150, 1e-150]);
    });

    it('are found for 60 000 of the 5×5 matrices of zeros and ones, with their trace and determinant', () => {
      const next = random(3);
      for (let trial = 0; trial < 60_000; trial++) expectZeroOne(next.below(2 ** 25));
    });

    it('are found for 5×5 matrices of zeros and ones that once did not converge', () => {
      for (const code of [8074951, 99716, 24557667, 6381826, 3225880, 31897699, 32026069, 32279717])
        expectZeroOne(code);
    });

    it('are found for every 4×4 matrix of zeros and ones', () => {
      const A = zeros(4, 4);
      for (let code = 0; code < 2 ** 16; code++) {
        for (let i = 0; i < 16; i++) A.data[i] = (code >>> i) & 1;
        if (!eigenvalues(A).converged) throw new Error(`0/1 matrix ${code} did not converge`);
      }
    });

    it('are found for sparse, sign, whole-number and signed permutation matrices up to 24×24', () => {
      const next = random(4);
      const kinds = [
        () => (next.uniform() < 0.15 ? 1 : 0),
        () => (next.uniform() < 0.3 ? next.below(2) * 2 - 1 : 0),
        () => next.below(5) - 2,
        () => next.normal() * 10 ** (40 * (next.uniform() - 0.5)),
      ];
      for (let trial = 0; trial < 4000; trial++) {
        const n = 1 + next.below(24);
        const A = zeros(n, n);
        const kind = kinds[trial % 5];
        if (kind) for (let i = 0; i < n * n; i++) A.data[i] = kind();
        else {
          const places = Array.from({ length: n }, (_, i) => [next.uniform(), i] as const).sort(
            (a, b) => a[0] - b[0],
          );
          places.forEach(([, j], i) => {
            A.data[i * n + j] = next.below(2) * 2 - 1;
          });
        }
        expectTraces(A, eigenvalues(A));
      }
    });

    it('are found for rotated triangles with defective 0, 1, −1 and ½, to the traces', () => {
      const next = random(8);
      for (let trial = 0; trial < 1500; trial++) {
        const n = 2 + next.below(18);
        const T = zeros(n, n);
        let value = 0;
        for (let i = 0; i < n; i++) {
          if (next.below(3) === 0) value = [0, 1, -1, 0.5][next.below(4)]!;
          T.data[i * (n + 1)] = value;
          if (i + 1 < n && next.below(4) > 0) T.data[i * n + i + 1] = 1;
        }
        const Q = orthogonal(n, trial);
        const A = product(Q, T, transpose(Q));
        expectTraces(A, eigenvalues(A));
      }
    });

    it('are reported as not found when the steps run out, the rest standing', () => {
      // Block triangular: a rotation that deflates at once, and a cycle of three that needs sweeps.
      const h = Float64Array.of(0, -1, 5, 5, 5, 1, 0, 5, 5, 5, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0);
      const re = new Float64Array(5);
      const im = new Float64Array(5);
      expect(francis(h, 5, 5, { from: 0, to: 5 }, re, im, 0)).toBe(false);
      expect(Array.from(re)).toEqual([0, 0, Number.NaN, Number.NaN, Number.NaN]);
      expect(Array.from(im.subarray(0, 2))).toEqual([1, -1]);
    });

    it('are bounded in their steps in kernels too', () => {
      const fast = kernels();
      if (!fast) return;
      const owner = {};
      const cycle = resident(owner, 3, 3);
      cycle.data.set([0, 0, 1, 1, 0, 0, 0, 1, 0]);
      const [re, im, work] = [residentVector(owner, 3), residentVector(owner, 3), residentVector(owner, 200)];
      const run = (steps: number) =>
        fast.eigenvalues(3, addressOf(cycle.data), 0, addressOf(re), addressOf(im), steps, addressOf(work));
      expect(fast.eigenvaluesWork(3)).toBeLessThan(200);
      expect(run(0)).toBe(0);
      expect(re.every(Number.isNaN) && im.every(Number.isNaN)).toBe(true);
      expect(run(60)).toBe(1);
      expect(re.every((x, i) => Math.abs(Math.hypot(x, im[i]!) - 1) < 10 * EPS)).toBe(true);
      release(owner);
    });

    it('are none at n = 0, the entry at n = 1, zeros for zero', () => {
      expect(eigenvalues(zeros(0, 0))).toEqual({
        re: new Float64Array(0),
        im: new Float64Array(0),
        converged: true,
      });
      expect(Array.from(eigenvalues(matrix(1, 1, [-7])).re)).toEqual([-7]);
      expect(Array.from(eigenvalues(zeros(3, 3)).re)).toEqual([0, 0, 0]);
    });

    it('are refused for entries that are not finite and matrices that are not square', () => {
      expect(() => eigenvalues(matrix(1, 1, [Number.NaN]))).toThrow(RangeError);
      expect(() => eigenvalues(matrix(2, 2, [1, Number.POSITIVE_INFINITY, 0, 1]))).toThrow(/not finite/);
      expect(() => eigenvalues(zeros(2, 3))).toThrow(/2×3/);
    });
  });
});
