import { describe, expect, test } from 'vitest';
import {
  type CovariantOptions,
  type CovariantVectors,
  covariantVectors,
} from '../../src/dynamics/covariant-vectors.js';
import { spectrum } from '../../src/dynamics/spectrum.js';
import type { System } from '../../src/dynamics/system.js';
import { unwatched, type Watch } from '../../src/outcome.js';
import { autonomous, cases, diagonal, henon, systemFor } from '../oracles.js';

const look = async (
  system: System,
  start: number[],
  given: Partial<CovariantOptions> = {},
  watch: Watch = unwatched,
): Promise<CovariantVectors | null> =>
  covariantVectors(
    autonomous(system, start),
    {
      warmup: 1000,
      align: 200,
      relax: 200,
      steps: 2000,
      count: system.dimension,
      interval: 1,
      unstable: 0,
      leading: 2,
      ...given,
    },
    watch,
  );

const column = ({ first }: CovariantVectors, j: number): number[] =>
  Array.from({ length: first.rows }, (_, i) => first.data[i * first.cols + j]!);

describe.each(cases.filter((c) => c.expected.clv && c.system.equations !== 'rotation-family'))(
  'of $name',
  (c) => {
    test('the covariant vectors are the stated ones, with the stated angle between them', async () => {
      const found = (await look(systemFor(c), c.initial_state!))!;
      const angle = (c.expected.clv.angle_degrees * Math.PI) / 180;
      expect(found.neighbours.mean[0]).toBeCloseTo(angle, 6);
      expect(found.neighbours.least[0]).toBeCloseTo(angle, 6);
      c.expected.clv.vectors.forEach((expected: number[], j: number) => {
        const v = column(found, j);
        const sign = Math.sign(v[0]! * expected[0]! + v[1]! * expected[1]!);
        v.forEach((x, i) => void expect(Math.abs(sign * x - expected[i]!)).toBeLessThan(c.tolerance.clv));
      });
    });
  },
);

describe('of Hénon’s map', () => {
  const system = henon(1.4, 0.3);

  test('growth along vector i is exponent i, to three standard errors', async () => {
    const steps = 20_000;
    const found = (await look(system, [0.1, 0.1], { steps, unstable: 1 }))!;
    const run = await spectrum(
      autonomous(system, [0.1, 0.1]),
      { warmup: 1000, align: 200, steps, count: 2, reorthonormalise: 1 },
      unwatched,
    );
    found.exponents.forEach((v, i) => {
      expect(Math.abs(v - run.means[i]!)).toBeLessThan(3 * run.errors[i]!);
    });
    // Σ ln growth along covariant vectors is no determinant, but their exponents add up to ln b.
    expect(found.exponents[0]! + found.exponents[1]!).toBeCloseTo(Math.log(0.3), 3);
  });

  test('the vectors are carried onto one another by J, whichever interval they are taken at', async () => {
    const found = (await look(system, [0.1, 0.1], { interval: 4 }))!;
    // v(t + 4) ∝ J … J v(t): the same vectors come from a run that begins four steps later.
    const later = (await look(system, [0.1, 0.1], { interval: 4, warmup: 1004 }))!;
    let s = Array.from(found.at);
    const V = [column(found, 0), column(found, 1)];
    for (let t = 0; t < 4; t++) {
      for (const v of V) [v[0], v[1]] = [-2.8 * s[0]! * v[0]! + v[1]!, 0.3 * v[0]!];
      s = [1 - 1.4 * s[0]! ** 2 + s[1]!, 0.3 * s[0]!];
    }
    s.forEach((v, i) => void expect(v).toBeCloseTo(later.at[i]!, 12));
    V.forEach((v, j) => {
      const w = column(later, j);
      const cosine = Math.abs(v[0]! * w[0]! + v[1]! * w[1]!) / Math.hypot(...v);
      expect(cosine).toBeCloseTo(1, 10);
    });
  });

  test('stable and unstable directions come near to touching: it is not hyperbolic', async () => {
    const found = (await look(system, [0.1, 0.1], { steps: 20_000, unstable: 1 }))!;
    expect(found.hyperbolicity!.least).toBeLessThan(0.02);
    expect(found.hyperbolicity!.histogram.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    // With one of each, the principal angle is that between the two vectors.
    expect(found.hyperbolicity!.mean).toBeCloseTo(found.neighbours.mean[0]!, 6);
  });

  test('frames that are taken again are those of the way forward: the stride changes nothing', async () => {
    const [a, b] = await Promise.all(
      [400, 401].map((relax) => look(system, [0.1, 0.1], { steps: 500, relax })),
    );
    expect(a!.exponents[0]).toBeCloseTo(b!.exponents[0]!, 10);
    expect(column(a!, 1)[0]).toBeCloseTo(column(b!, 1)[0]!, 8);
  });
});

test('of a diagonal map the vectors are the axes, and each moves one entry', async () => {
  const found = (await look(diagonal([0.9, 0.5, 0.2]), [1, 1, 1], { leading: 3 }))!;
  for (let j = 0; j < 3; j++) {
    expect(found.participationNumber[j]).toBeCloseTo(1, 8);
    expect(found.participation.data[j * 3 + j]).toBeCloseTo(1, 8);
    expect(found.exponents[j]).toBeCloseTo(Math.log([0.9, 0.5, 0.2][j]!), 10);
  }
});

test('a watch that stops it leaves nothing', async () => {
  expect(await look(henon(1.4, 0.3), [0.1, 0.1], {}, { tick: () => true })).toBeNull();
});
