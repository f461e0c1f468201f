import { describe, expect, test } from 'vitest';
import { CoMoments } from '../../src/dynamics/co-moments.js';
import { random } from '../../src/random.js';

/** Two series of 1000 rows on top of a large offset, where sums of squares would cancel all digits. */
const draw = random(1);
const rows = Array.from({ length: 1000 }, () => {
  const [a, b, c] = [draw.normal(), draw.normal(), draw.normal()];
  return { x: Float64Array.of(1e8 + a, 5, b), y: Float64Array.of(a + c, -b) };
});
const moments = new CoMoments(3, 2);
for (const { x, y } of rows) moments.add(x, y);

/** In two passes, from the definition. */
function plain(read: (row: (typeof rows)[number]) => number): number[] {
  const mean = rows.reduce((sum, row) => sum + read(row) / rows.length, 0);
  return rows.map((row) => read(row) - mean);
}
const sum = (a: number[], b: number[]): number => a.reduce((total, v, i) => total + v * b[i]!, 0);

describe('moments in one pass', () => {
  test('are those of the definition, also far from zero', () => {
    for (const i of [0, 2]) {
      const x = plain((row) => row.x[i]!);
      expect(moments.deviations()[i]).toBeCloseTo(Math.sqrt(sum(x, x) / 1000), 8);
      for (const j of [0, 1]) {
        const y = plain((row) => row.y[j]!);
        expect(moments.covariance().data[i * 2 + j]).toBeCloseTo(sum(x, y) / 1000, 7);
        expect(moments.correlation(i, j)).toBeCloseTo(sum(x, y) / Math.sqrt(sum(x, x) * sum(y, y)), 7);
      }
    }
  });

  test('correlate a series with its negative to −1, and with one that stands still not at all', () => {
    expect(moments.correlation(2, 1)).toBe(-1);
    expect(moments.correlation(1, 0)).toBeNaN();
    expect(moments.deviations()[1]).toBe(0);
  });
});
