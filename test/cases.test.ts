import { beforeAll, describe, expect, test } from 'vitest';
import { fixedPoints } from '../analyses/fixed-points.js';
import { gradients } from '../analyses/gradients.js';
import { jacobian } from '../analyses/jacobian.js';
import { type LyapunovValue, lyapunov } from '../analyses/lyapunov.js';
import { coverage } from '../src/dynamics/coverage.js';
import type { System } from '../src/dynamics/system.js';
import { lu, singularValues } from '../src/linalg/index.js';
import { identity, matrix } from '../src/linalg/matrix.js';
import { type OptionTable, resolve, type Values } from '../src/options.js';
import { unwatched } from '../src/outcome.js';
import { autonomous, type Case, caseNamed, cases, systemFor } from './oracles.js';

const withDefaults = <T extends OptionTable>(table: T, given: Partial<Values<T>>): Values<T> =>
  resolve(table, given);

const having = (field: string): Case[] =>
  cases.filter((c) => c.expected[field] !== undefined && c.system.equations !== 'rotation-family');

/** A tolerance is a number, {abs, rel}, or a list of rules for run lengths; the length that a rule is for, if any. */
function rule(c: Case, field: string): { abs: number; rel: number; steps?: number } {
  const given = c.tolerance[field];
  const one = Array.isArray(given) ? given[0] : given;
  if (typeof one === 'number') return { abs: one, rel: 0 };
  const steps = one.steps ?? (one.time === undefined ? undefined : one.time / c.system.dt);
  return { abs: one.abs ?? 0, rel: one.rel ?? 0, ...(steps !== undefined && { steps }) };
}

function expectNear(
  found: number,
  expected: number | string,
  { abs, rel }: { abs: number; rel: number },
): void {
  if (expected === '-inf') expect(found).toBe(Number.NEGATIVE_INFINITY);
  else
    expect(Math.abs(found - (expected as number))).toBeLessThanOrEqual(
      Math.max(abs, rel * Math.abs(expected as number)),
    );
}

const startOf = (c: Case): number[] => c.initial_state!;

describe.each(having('one_step'))('one step of $name', (c) => {
  test('has the stated next state and Jacobian', async () => {
    const { state, next, jacobian: J } = c.expected.one_step;
    const answer = await jacobian.run(
      autonomous(systemFor(c), state),
      withDefaults(jacobian.options, {}),
      unwatched,
    );
    const tolerance = rule(c, 'one_step');
    answer.value.next.forEach((v, i) => void expectNear(v, next[i], tolerance));
    answer.arrays!.matrix!.data.forEach((v, k) => void expectNear(v, J.flat()[k], tolerance));
  });
});

describe.each(having('orbit'))('the orbit of $name', (c) => {
  test('passes through the stated states', () => {
    const system = systemFor(c);
    for (const [T, expected] of Object.entries(c.expected.orbit.after as Record<string, number[]>)) {
      let s = Float64Array.from(c.expected.orbit.state);
      for (let t = 0; t < Number(T); t++) {
        const next = new Float64Array(s.length);
        system.step(s, new Float64Array(0), next);
        s = next;
      }
      s.forEach((v, i) => void expectNear(v, expected[i]!, rule(c, 'orbit')));
    }
  });
});

describe.each(having('log_norm'))('products of Jacobians of $name', (c) => {
  const spectral = Object.entries(c.expected.log_norm.spectral as Record<string, number>);
  test.each(spectral)('have the stated norm after %s steps, however large', async (T, expected) => {
    const steps = Number(T);
    const given = withDefaults(gradients.options, { end: steps, lags: steps });
    const { value } = await gradients.run(
      autonomous(systemFor(c), c.expected.log_norm.state),
      given,
      unwatched,
    );
    const rules = c.tolerance.log_norm;
    const abs = Array.isArray(rules) ? rules.find((r: { steps: number }) => r.steps >= steps).abs : rules;
    expectNear(value.log10SpectralNorm[steps]! * Math.LN10, expected, { abs, rel: 0 });
  });
});

/** Runs long enough for the tightest rule; the errors of a rotating frame fall as 1/steps. */
const STEPS = 100_000;

describe.each(having('spectrum'))('the spectrum of $name', (c) => {
  let value: LyapunovValue;
  const scale = c.system.dt ?? 1;
  const steps = rule(c, 'spectrum').steps ?? STEPS;

  beforeAll(async () => {
    const given = withDefaults(lyapunov.options, { warmup: 2000, align: 200, steps });
    ({ value } = await lyapunov.run(autonomous(systemFor(c), startOf(c)), given, unwatched));
  });

  test('has the stated exponents', () => {
    expect(value.exponents).toHaveLength(c.expected.spectrum.exponents.length);
    value.exponents.forEach(
      (v, i) => void expectNear(v / scale, c.expected.spectrum.exponents[i], rule(c, 'spectrum')),
    );
  });

  const derived: [string, (v: LyapunovValue) => number | null][] = [
    ['kaplan_yorke', (v) => v.kaplanYorkeDimension],
    ['entropy_bound', (v) => v.entropyBound / scale],
    ['tau_pred', (v) => v.predictionHorizon],
    ['sum_of_exponents', (v) => v.sum / scale],
    ['sum_rule_residual', (v) => v.sumRuleResidual],
  ];
  test.each(derived.filter(([field]) => c.expected[field] !== undefined))(
    'has the stated %s',
    (field, read) => {
      expectNear(read(value)!, c.expected[field], rule(c, field));
    },
  );

  if (c.expected.divergence_horizon)
    test('tells how long two orbits stay together', () => {
      const { initial_distance, final_distance, steps: expected } = c.expected.divergence_horizon;
      const found = Math.log(final_distance / initial_distance) / value.exponents[0]!;
      expectNear(found, expected, rule(c, 'divergence_horizon'));
    });

  if (c.expected.wrong_answers)
    test('is none of the answers that known mistakes give', () => {
      for (const wrong of c.expected.wrong_answers as { mutation: string; exponents: number[] }[]) {
        const off = value.exponents
          .slice(0, wrong.exponents.length)
          .map((v, i) => Math.abs(v - wrong.exponents[i]!));
        expect(Math.max(...off), wrong.mutation).toBeGreaterThan(c.tolerance.wrong_answers);
      }
    });

  if (c.expected.attractor)
    test('belongs to the stated kind of attractor', () => {
      const { type, state, period } = c.expected.attractor;
      if (type === 'chaotic') expect(value.verdict).toBe('chaotic');
      else if (type === 'invariant circle') expect(value.verdict).toBe('marginal');
      else expect(value.verdict).toBe('stable');
      if (state)
        value.finalState.forEach((v, i) => void expect(Math.abs(v)).toBeCloseTo(Math.abs(state[i]), 7));
      if (period) expect(returnTime(c, value.finalState)).toBe(period);
    });
});

function returnTime(c: Case, from: readonly number[]): number {
  const system = systemFor(c);
  let s = Float64Array.from(from);
  for (let t = 1; t < 100; t++) {
    const next = new Float64Array(s.length);
    system.step(s, new Float64Array(0), next);
    s = next;
    if (s.every((v, i) => Math.abs(v - from[i]!) < 1e-9)) return t;
  }
  return Number.POSITIVE_INFINITY;
}

describe.each(having('fixed_points'))('the fixed points of $name', (c) => {
  test('are all found, and nothing else', async () => {
    const given = withDefaults(fixedPoints.options, {});
    const { value } = await fixedPoints.run(autonomous(systemFor(c), startOf(c)), given, unwatched);
    const expected = c.expected.fixed_points;
    const { box } = expected;
    const inBox = (s: readonly number[]) => !box || s.every((v, i) => v >= box[0][i] && v <= box[1][i]);
    const found = value.points.filter((p) => p.kind === 'fixed' && inBox(p.state));
    expect(found).toHaveLength(expected.count);
    expected.count_by_unstable_dimension.forEach((n: number, d: number) => {
      expect(found.filter((p) => p.unstableDimensions === d)).toHaveLength(n);
    });
    const tolerance = rule(c, 'fixed_points');
    for (const point of expected.points) {
      const twin = found.find((p) =>
        p.state.every((v, i) => Math.abs(v - point.state[i]) <= 10 * tolerance.abs),
      );
      expect(twin, `a fixed point at ${point.state}`).toBeDefined();
      point.state.forEach((v: number, i: number) => void expectNear(twin!.state[i]!, v, tolerance));
      const moduli = (list: readonly (readonly [number, number])[]) =>
        list.map(([re, im]) => Math.hypot(re, im));
      // Eigenvalues of a defective matrix move by the square root of rounding.
      moduli(point.eigenvalues).forEach(
        (v, i) =>
          void expectNear(moduli(twin!.eigenvalues)[i]!, v, { abs: Math.max(tolerance.abs, 1e-8), rel: 0 }),
      );
    }
  });
});

describe.each(having('spurious_roots'))('far from the box of $name', (c) => {
  test('points that only rounding makes roots are not listed', async () => {
    const system = systemFor(c);
    for (const root of c.expected.spurious_roots) {
      const s = Float64Array.from(root.state as number[]);
      const next = new Float64Array(s.length);
      system.step(s, new Float64Array(0), next);
      expect(Math.max(...next.map((v, i) => Math.abs(v - s[i]!)))).toBeLessThanOrEqual(
        c.tolerance.spurious_roots,
      );
      const J = system.linearise(s, new Float64Array(0)).jacobian();
      const I = identity(s.length).data;
      expect(Math.max(...J.data.map((v, k) => Math.abs(v - I[k]!)))).toBeLessThanOrEqual(
        c.tolerance.spurious_roots,
      );
      // Searched from there without the gate that holds it, it is not found; with it, it is, and counted as outside.
      const given = withDefaults(fixedPoints.options, { starts: 64 });
      const { value } = await fixedPoints.run(autonomous(system, s), given, unwatched);
      expect(value.outside).toBe(0);
      expect(value.converged).toBeGreaterThan(0);
      expect(value.points.every((p) => p.reachable !== false)).toBe(true);
      const whole = Object.create(system, { atRest: { value: undefined } }) as System;
      const found = await fixedPoints.run(autonomous(whole, s), given, unwatched);
      expect(found.value.outside).toBeGreaterThan(0);
    }
  });
});

test('the output gate of chaotic-lstm-code has determinant −19, so that no exponent is −∞', () => {
  const c = caseNamed('chaotic-lstm-code');
  const W = (c.system.state_dict.weight_hh_l0 as number[][]).slice(6);
  const { logAbsDet, sign } = lu(matrix(2, 2, W.flat()));
  expect(sign * Math.exp(logAbsDet)).toBeCloseTo(c.expected.output_gate_determinant, 10);
});

test('a state that overflows gives no exponents but a failure that says so', async () => {
  const c = caseNamed('diagonal-map');
  const given = withDefaults(lyapunov.options, { warmup: 0, align: 0, steps: 10_000 });
  const { value, outcome } = await lyapunov.run(autonomous(systemFor(c), [1, 1]), given, unwatched);
  expect(outcome.kind).toBe('failed');
  expect(value.exponents.every(Number.isNaN)).toBe(true);
});

describe.each(having('estimates'))('$name', (c) => {
  test('gives the estimates of coverage', () => {
    const found = coverage(c.system.hits, c.system.starts);
    const e = c.expected.estimates;
    const pairs: [number, number][] = [
      [found.seen, e.roots_seen],
      [found.seenOnce, e.singletons],
      [found.seenTwice, e.doubletons],
      [found.unseenMass, e.unseen_mass],
      [1 - found.unseenMass, e.coverage],
      [found.unseenMassError, e.standard_error],
      [found.chao1, e.chao1],
      [found.chao1BiasCorrected, e.chao1_bias_corrected],
      [found.detectableShare, e.detectable_share_95],
    ];
    for (const [a, b] of pairs) expectNear(a, b, rule(c, 'estimates'));
  });
});

describe.each(having('predictability'))('Newton on all steps of $name at once', (c) => {
  const { state, sigma_min } = c.expected.predictability as {
    state: number[];
    sigma_min: Record<string, number>;
  };

  test.each(Object.entries(sigma_min))('has the stated least singular value over %s steps', (T, least) => {
    const M = residualJacobian(systemFor(c), Float64Array.from(state), Number(T));
    expectNear(singularValues(M).at(-1)!, least, rule(c, 'predictability'));
  });
});

/** Of s_t − F(s_{t−1}), t = 1 … T, in s_1 … s_T: I on the diagonal, −J at s_1 … s_{T−1} below it. */
function residualJacobian(system: System, first: Float64Array, T: number) {
  const n = system.dimension;
  const M = identity(n * T);
  const none = new Float64Array(0);
  let s = system.linearise(first, none).next.slice();
  for (let t = 1; t < T; t++) {
    const here = system.linearise(s, none);
    const J = here.jacobian();
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) M.data[(t * n + i) * n * T + (t - 1) * n + j] = -J.data[i * n + j]!;
    s = here.next.slice();
  }
  return M;
}
