import { describe, expect, test } from 'vitest';
import { identity, matrix, Resolvent, singularValues, zeros } from '../../src/linalg/index.js';
import { transpose } from '../../src/linalg/matrix.js';
import { diagonal, gaussian, orthogonal, product } from './helpers.js';

/** σ_min of a complex matrix X + iY is the least singular value of [X −Y; Y X]. */
function smallest(A: ReturnType<typeof gaussian>, zRe: number, zIm: number): number {
  const n = A.rows;
  const whole = zeros(2 * n, 2 * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const x = (i === j ? zRe : 0) - A.data[i * n + j]!;
      const y = i === j ? zIm : 0;
      whole.data[i * 2 * n + j] = x;
      whole.data[(n + i) * 2 * n + n + j] = x;
      whole.data[i * 2 * n + n + j] = -y;
      whole.data[(n + i) * 2 * n + j] = y;
    }
  return singularValues(whole).at(-1)!;
}

describe('σ_min(zI − A)', () => {
  test('of a normal matrix is the distance to its spectrum', () => {
    const d = [0.9, 0.5, -0.3, 0.1, -0.8];
    const Q = orthogonal(5, 2);
    const resolvent = new Resolvent(product(Q, diagonal(d), transpose(Q)));
    for (const [re, im] of [
      [1, 0],
      [0, 1],
      [-0.7, 0.2],
      [0.6, -0.4],
    ] as const) {
      const nearest = Math.min(...d.map((v) => Math.hypot(v - re, im)));
      expect(Math.abs(resolvent.smallestSingularValue(re, im) / nearest - 1)).toBeLessThan(1e-3);
    }
  });

  test.each([1, 2, 3, 8, 40])(
    'of a random %i×%i matrix is that of the real matrix of twice the size',
    (n) => {
      const A = gaussian(n, n, 5);
      const resolvent = new Resolvent(A);
      for (const [re, im] of [
        [0.3, 0.4],
        [1.5, 0],
        [-3, 2],
        [0, 9],
      ] as const) {
        const found = resolvent.smallestSingularValue(re, im);
        const exact = smallest(A, re, im);
        expect(found / exact).toBeGreaterThan(1 - 1e-10);
        expect(found / exact).toBeLessThan(1.01);
      }
    },
  );

  test('is 0 at an eigenvalue, and 1 off a nilpotent shift only far from it', () => {
    expect(new Resolvent(identity(3)).smallestSingularValue(1, 0)).toBe(0);
    // [z, −1; 0, z]: σ_min² = z² + ½ − sqrt(z² + ¼) for real z
    const shift = new Resolvent(matrix(2, 2, [0, 1, 0, 0]));
    const z = 0.7;
    expect(shift.smallestSingularValue(z, 0)).toBeCloseTo(
      Math.sqrt(z * z + 0.5 - Math.sqrt(z * z + 0.25)),
      5,
    );
  });
});
