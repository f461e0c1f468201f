import { describe, expect, test } from 'vitest';
import { agree, pooled } from '../../src/dynamics/ensemble.js';
import type { SpectrumRun } from '../../src/dynamics/spectrum.js';
import { complete, interrupted } from '../../src/outcome.js';

const one = (means: number[], errors: (number | null)[], more: Partial<SpectrumRun> = {}): SpectrumRun => ({
  outcome: complete,
  steps: 100,
  intervals: 50,
  means: Float64Array.from(means),
  errors,
  unresolved: [],
  sumRule: null,
  finalState: Float64Array.of(0),
  trace: [],
  batches: [],
  reached: null,
  ...more,
});
const planned = (trajectories: number) => ({ trajectories, steps: 100 });
const inf = Number.NEGATIVE_INFINITY;

describe('trajectories taken together', () => {
  test('have the mean of their exponents, an error from theirs, and one from their spread', () => {
    const { means, within, between, errors, steps } = pooled(
      [one([1, 0], [0.3, 0.1]), one([3, 0], [0.4, 0.1])],
      planned(2),
    );
    expect(Array.from(means)).toEqual([2, 0]);
    // sqrt(0.3² + 0.4²)/2, and the standard error of {1, 3}: √2/√2.
    expect(within[0]).toBeCloseTo(0.25, 14);
    expect(between[0]).toBeCloseTo(1, 14);
    expect(errors[0]).toBeCloseTo(1, 14);
    expect(errors[1]).toBeCloseTo(Math.SQRT2 * 0.05, 14);
    expect(steps).toBe(200);
  });

  test('weigh as much as they are long', () => {
    const { means, outcome } = pooled(
      [one([1], [0.1]), one([4], [0.1], { steps: 50, outcome: interrupted(50, 100, 'steps') })],
      planned(2),
    );
    expect(means[0]).toBeCloseTo(2, 14);
    expect(outcome).toEqual(interrupted(150, 200, 'steps'));
  });

  test('have a trace that ends at their mean, after all their steps', () => {
    const at = (...means: number[]) =>
      means.map((m, k) => ({ steps: 40 * (k + 1), means: Float64Array.of(m) }));
    const { trace } = pooled(
      [one([1], [0.1], { trace: at(0, 2) }), one([3], [0.1], { trace: at(4) })],
      planned(2),
    );
    expect(trace).toEqual([
      { steps: 80, means: Float64Array.of(2) },
      { steps: 200, means: Float64Array.of(2) },
    ]);
  });

  test('that were not begun do not count', () => {
    const never = one([Number.NaN], [null], { steps: 0, outcome: interrupted(0, 100, 'steps') });
    expect(pooled([one([1], [0.1]), never], planned(2)).means[0]).toBe(1);
    expect(pooled([never], planned(2)).means[0]).toBeNaN();
  });

  test('match directions that were erased, whichever columns held them', () => {
    const { means, each } = pooled(
      [one([-1, inf, -3], [0.1, null, 0.1]), one([-1, -3, inf], [0.1, 0.1, null])],
      planned(2),
    );
    expect(Array.from(means)).toEqual([-1, -3, inf]);
    expect(each.map((own) => own[1])).toEqual([-3, -3]);
  });

  test('have no error from a few where one of them has none', () => {
    const short = one([1], [null]);
    expect(pooled([short, one([3], [0.4])], planned(2)).errors[0]).toBeNull();
    // 20 of them say as much as 20 batches do: the standard error of the mean of 0, 1, 0, 1, …
    const many = Array.from({ length: 20 }, (_, k) => one([k % 2], [null]));
    expect(pooled(many, planned(20)).errors[0]).toBeCloseTo(0.5 / Math.sqrt(19), 14);
  });

  test('fail if one of them does, and say which', () => {
    const outcome = { kind: 'failed', what: 'the state overflowed', remedy: '' } as const;
    const all = pooled([one([1], [0.1]), one([Number.NaN], [null], { steps: 7, outcome })], planned(2));
    expect(all.outcome).toMatchObject({ kind: 'failed', what: expect.stringMatching(/number 2: the state/) });
    expect(all.means[0]).toBeNaN();
  });
});

describe('trajectories agree', () => {
  // Two at ±d/2 with error 1: χ² = d²/2 on one degree of freedom, whose 99.9 % quantile is 10.83 (tables).
  const apart = (d: number, error: number) =>
    agree(pooled([one([d / 2], [error]), one([-d / 2], [error])], planned(2)), 0);

  test('as far as their errors allow', () => {
    expect(apart(4.5, 1)).toBe(true);
    expect(apart(4.8, 1)).toBe(false);
  });

  test('also where errors are tiny, up to what a finite run is off by, 1/steps', () => {
    expect(apart(0.04, 1e-9)).toBe(true);
    expect(apart(0.06, 1e-9)).toBe(false);
  });

  test('in a way that is not known without errors', () => {
    expect(agree(pooled([one([1], [null]), one([2], [0.1])], planned(2)), 0)).toBeNull();
    expect(agree(pooled([one([1], [0.1])], planned(1)), 0)).toBeNull();
  });
});
