import { describe, expect, test } from 'vitest';
import { lyapunov } from '../../analyses/lyapunov.js';
import { kaplanYorke, summarise } from '../../src/dynamics/from-exponents.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { line } from '../dynamics/helpers.js';
import { autonomous, diagonal, henon } from '../oracles.js';

const inf = Number.NEGATIVE_INFINITY;
const run = async (system: ReturnType<typeof henon>, start: number[], given: Record<string, unknown>) =>
  (await lyapunov.run(autonomous(system, start), resolve(lyapunov.options, given), unwatched)).value;

describe('the Kaplan–Yorke dimension', () => {
  test.each([
    [[-1, -2], true, 0],
    [[0.5, -1], true, 1.5],
    [[0.9, 0, -14.5], true, 2 + 0.9 / 14.5],
    [[1, 0.5], true, 2],
    [[1, inf], true, 1],
    [[0, -1], true, 1],
    [[inf, inf], true, 0],
  ])('of %j is as Kaplan and Yorke define it', (exponents, whole, expected) => {
    expect(kaplanYorke(exponents, whole)).toBeCloseTo(expected, 12);
  });

  test('is not known where the computed exponents still sum to more than 0', () => {
    expect(kaplanYorke([1, 0.5], false)).toBeNull();
    expect(kaplanYorke([1, -3], false)).toBeCloseTo(1 + 1 / 3, 12);
  });
});

describe('what is said of the leading exponent', () => {
  const said = (first: number, error: number | null, steps = 10_000) =>
    summarise([first, -1], [error, 0.001], steps, true);

  test.each([
    [0.1, 0.01, 'chaotic'],
    [-0.1, 0.01, 'stable'],
    [0.001, 0.001, 'marginal'],
    [-0.01, 0.02, 'undetermined'],
    [0.03, 0.02, 'undetermined'],
    [0.1, null, 'undetermined'],
    [inf, null, 'stable'],
  ])('λ₁ = %d with standard error %d is %s', (first, error, verdict) => {
    expect(said(first, error).verdict).toBe(verdict);
  });

  test('an exponent that cannot be told from zero counts as zero in the dimension and the entropy', () => {
    const circle = said(-1e-5, 1e-5);
    expect(circle.kaplanYorkeDimension).toBe(1);
    expect(circle.entropyBound).toBe(0);
  });

  test('memory time is −1/λ₁ and the doubling time ln 2/λ₁', () => {
    expect(said(-0.25, 0.01).memoryTime).toBe(4);
    expect(said(-0.25, 0.01).predictionHorizon).toBe(Number.POSITIVE_INFINITY);
    expect(said(0.5, 0.01).predictionHorizon).toBeCloseTo(2 * Math.LN2, 12);
    expect(said(0.5, 0.01).memoryTime).toBe(Number.POSITIVE_INFINITY);
  });
});

test('exponents come in descending order with their errors and traces, whatever the order of the coordinates', async () => {
  const value = await run(diagonal([0.5, 0.9, 0.7]), [0, 0, 0], { warmup: 0, align: 0, steps: 500 });
  const expected = [0.9, 0.7, 0.5].map(Math.log);
  expected.forEach((v, i) => void expect(value.exponents[i]).toBeCloseTo(v, 12));
  expect(value.standardErrors.every((e) => e !== null && e < 1e-11)).toBe(true);
  value.trace.exponents.at(-1)!.forEach((v, i) => void expect(v).toBeCloseTo(expected[i]!, 12));
});

test('fewer exponents are the leading ones of all', async () => {
  const given = { warmup: 100, align: 100, steps: 3000, reorthonormalise: 1 };
  const whole = await run(henon(1.4, 0.3), [0.1, 0.1], given);
  const first = await run(henon(1.4, 0.3), [0.1, 0.1], { ...given, count: 1 });
  expect(first.exponents).toHaveLength(1);
  expect(first.exponents[0]).toBeCloseTo(whole.exponents[0]!, 12);
  expect(first.meanLogAbsDet).toBeNull();
});

test('a direction that the map erases is −∞ also where only leading exponents are asked for', async () => {
  const value = await run(diagonal([0.5, 0, 0]), [0, 0, 0], { warmup: 0, align: 0, steps: 100, count: 2 });
  expect(value.exponents[0]).toBeCloseTo(Math.log(0.5), 12);
  expect(value.exponents[1]).toBe(inf);
});

test('with a handful of steps nothing is claimed', async () => {
  const value = await run(diagonal([0.5, 0.4]), [0, 0], { warmup: 0, align: 0, steps: 5 });
  expect(value.standardErrors).toEqual([null, null]);
  expect(value.verdict).toBe('undetermined');
});

describe('several trajectories', () => {
  const given = { warmup: 100, align: 100, steps: 2000, trajectories: 6, spread: 0.1 };

  test('of the Hénon map have the published exponent, 0.4192, within the error of their mean', async () => {
    const { exponents, standardErrors, ensemble, steps, verdict } = await run(
      henon(1.4, 0.3),
      [0.1, 0.1],
      given,
    );
    expect(steps).toBe(12_000);
    expect(verdict).toBe('chaotic');
    expect(ensemble!.agree).toBe(true);
    expect(Math.abs(exponents[0]! - 0.41922)).toBeLessThan(3.5 * standardErrors[0]!);
    expect(standardErrors[0]).toBe(Math.max(ensemble!.within[0]!, ensemble!.between[0]!));
    // ln|det J| = ln 0.3 at every point.
    for (const own of ensemble!.exponents) expect(own[0]! + own[1]!).toBeCloseTo(Math.log(0.3), 10);
  });

  test('begin with the one that is asked for', async () => {
    const { ensemble } = await run(henon(1.4, 0.3), [0.1, 0.1], given);
    const alone = await run(henon(1.4, 0.3), [0.1, 0.1], { ...given, trajectories: 1 });
    expect(alone.ensemble).toBeNull();
    expect(ensemble!.exponents[0]).toEqual(alone.exponents);
    expect(new Set(ensemble!.exponents.map((own) => own[0])).size).toBe(6);
  });

  test('that end on different attractors are not taken for one', async () => {
    // Two wells of different depth: slope −0.5 at rest on the right, 0.2 on the left.
    const wells = line(
      (x) => (x > 0 ? 1 - 0.5 * (x - 1) : -1 + 0.2 * (x + 1)),
      (x) => (x > 0 ? -0.5 : 0.2),
    );
    const { ensemble, exponents, verdict } = await run(wells, [0.2], {
      ...given,
      trajectories: 8,
      spread: 1,
    });
    const [right, left] = [Math.log(0.5), Math.log(0.2)];
    expect(ensemble!.agree).toBe(false);
    expect(new Set(ensemble!.exponents.map((own) => own[0]!.toFixed(9)))).toEqual(
      new Set([right.toFixed(9), left.toFixed(9)]),
    );
    const share = ensemble!.exponents.filter((own) => own[0]! > -1).length / 8;
    expect(exponents[0]).toBeCloseTo(share * right + (1 - share) * left, 9);
    expect(verdict).toBe('stable');
  });

  test('of which some are stable and some chaotic have no verdict in common', async () => {
    // The doubling of an angle below 0 (ln 2), a contraction to 1 above.
    const mixed = line(
      (x) => (x > 0 ? 1 + 0.5 * (x - 1) : tent(x)),
      (x) => (x > 0 ? 0.5 : x > -0.5 ? -1.99 : 1.99),
    );
    const { ensemble, verdict } = await run(mixed, [-0.3], { ...given, trajectories: 12, spread: 0.3 });
    expect(new Set(ensemble!.verdicts)).toEqual(new Set(['stable', 'chaotic']));
    expect(verdict).toBe('undetermined');
  });
});

/** The tent of slope ±1.99 on [−1, 0]. */
const tent = (x: number): number => (x > -0.5 ? -1.99 * x : 1.99 * (x + 1)) - 1;
