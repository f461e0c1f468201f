import { describe, expect, test } from 'vitest';
import { type FixedPointsValue, fixedPoints } from '../../analyses/fixed-points.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { autonomous, caseNamed, type henon, systemFor } from '../oracles.js';

const run = async (
  system: ReturnType<typeof henon>,
  start: number[],
  given: Record<string, unknown> = {},
): Promise<FixedPointsValue> =>
  (await fixedPoints.run(autonomous(system, start), resolve(fixedPoints.options, given), unwatched)).value;

const line = (f: (x: number) => number, df: (x: number) => number) =>
  functionSystem({ dimension: 1, step: ([x]) => [f(x!)], jacobian: ([x]) => [[df(x!)]] });

test('the ghost of a fold is a slow point, not a fixed point', async () => {
  // x' = x + x² + 0.01 has no fixed point; q is least at 0, where it is 0.01²/2.
  const value = await run(
    line(
      (x) => x + x * x + 0.01,
      (x) => 1 + 2 * x,
    ),
    [0.1],
    { starts: 64 },
  );
  expect(value.points.filter((p) => p.kind === 'fixed')).toHaveLength(0);
  const [ghost] = value.points;
  expect(ghost!.kind).toBe('slow');
  expect(ghost!.state[0]).toBeCloseTo(0, 4);
  expect(ghost!.q).toBeCloseTo(5e-5, 8);
});

test('a fixed point whose eigenvalue is exactly 1 is marginal', async () => {
  const value = await run(
    line(
      (x) => x - x ** 3,
      (x) => 1 - 3 * x * x,
    ),
    [0.1],
    { starts: 64, tolerance: 1e-20 },
  );
  const fixed = value.points.filter((p) => p.kind === 'fixed');
  expect(fixed.length).toBeGreaterThan(0);
  expect(fixed.every((p) => p.stability === 'marginal')).toBe(true);
});

test.each([
  [0.999999, 'stable'],
  [1.000001, 'unstable'],
])('an eigenvalue of %d is decided', async (a, stability) => {
  const value = await run(
    line(
      (x) => a * x,
      () => a,
    ),
    [0.1],
    { starts: 32 },
  );
  expect(value.points.map((p) => p.stability)).toEqual([stability]);
});

describe('two-cycles of fixed-point-finder-n3', () => {
  test('are not fixed points, and −1.0064 is not called stable', async () => {
    const c = caseNamed('fixed-point-finder-n3');
    const value = await run(systemFor(c), c.initial_state!);
    const fixed = value.points.filter((p) => p.kind === 'fixed');
    expect(fixed).toHaveLength(3);
    expect(fixed.some((p) => p.stability === 'stable')).toBe(false);
  });
});

test('the same seed finds the same, another seed the same points from other starts', async () => {
  const c = caseNamed('gru-three-bit-27-fixed-points');
  const search = (seed: number) =>
    fixedPoints.run(
      autonomous(systemFor(c), c.initial_state!, seed),
      resolve(fixedPoints.options, {}),
      unwatched,
    );
  const [a, b, other] = await Promise.all([search(0), search(0), search(1)]);
  expect(a).toEqual(b);
  expect(other.value.points).toHaveLength(27);
  expect(other.value.points.map((p) => p.hits)).not.toEqual(a.value.points.map((p) => p.hits));
});

test.each([0, 1, 2, 3])('all 27 are found with seed %i, and nothing is estimated unseen', async (seed) => {
  const c = caseNamed('gru-three-bit-27-fixed-points');
  const { value } = await fixedPoints.run(
    autonomous(systemFor(c), c.initial_state!, seed),
    resolve(fixedPoints.options, {}),
    unwatched,
  );
  expect(value.byUnstableDimension).toEqual([8, 12, 6, 1]);
  expect(value.coverage.unseen).toBeLessThan(1);
});

test('an interrupted search reports what it has', async () => {
  const c = caseNamed('rotation-gru-0');
  const watch = { tick: (done: number) => done >= 10 };
  const { value, outcome } = await fixedPoints.run(
    autonomous(systemFor(c), c.initial_state!),
    resolve(fixedPoints.options, {}),
    watch,
  );
  // The watch is asked every 20 ms.
  expect(value.starts).toBeGreaterThanOrEqual(10);
  expect(value.starts).toBeLessThan(1024);
  expect(outcome).toMatchObject({
    kind: 'partial',
    what: `interrupted after ${value.starts} of 1024 starts`,
  });
});

test('a perfect integrator has a continuum of rest states, which is not counted as so many fixed points', async () => {
  const integrator = functionSystem({
    dimension: 2,
    step: ([x, y]) => [x!, 0.5 * y!],
    jacobian: () => [
      [1, 0],
      [0, 0.5],
    ],
  });
  const value = await run(integrator, [0.3, 0.1], { starts: 64 });
  expect(value.points).toHaveLength(0);
  expect(value.degenerate).toBe(64);
  const listed = await run(integrator, [0.3, 0.1], { starts: 64, all: true });
  expect(listed.points.every((p) => p.stability === 'marginal' && Math.abs(p.state[1]!) < 1e-11)).toBe(true);
});
