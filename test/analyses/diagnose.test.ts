import { expect, test } from 'vitest';
import { type DiagnoseValue, diagnose } from '../../analyses/diagnose.js';
import type { FixedPointsValue } from '../../analyses/fixed-points.js';
import type { LyapunovValue } from '../../analyses/lyapunov.js';
import { resolve } from '../../src/options.js';
import { unwatched, type Watch } from '../../src/outcome.js';
import { autonomous, diagonal } from '../oracles.js';

const run = (entries: number[], start: number[], watch: Watch = unwatched) =>
  diagnose.run(autonomous(diagonal(entries), start), resolve(diagnose.options, { starts: 16 }), watch);

const levels = ({ verdicts }: DiagnoseValue) => verdicts.map(({ level }) => level);

test('a contraction is stable, forgets its gradients and has one rest point; no bound is claimed without intervals', async () => {
  const { value, outcome } = await run([0.5, -0.25], [1, 1]);
  expect(outcome.kind).toBe('complete');
  expect(levels(value)).toEqual(['unknown', 'good', 'bad', 'good']);
  expect(Object.keys(value.results)).toEqual(['jacobian', 'lyapunov', 'gradients', 'fixed-points']);
  const spectrum = value.results.lyapunov!.value as LyapunovValue;
  expect(spectrum.exponents[0]).toBeCloseTo(Math.log(0.5), 12);
  expect(spectrum.exponents[1]).toBeCloseTo(Math.log(0.25), 12);
  const rest = value.results['fixed-points']!.value as FixedPointsValue;
  expect(rest.points.map(({ kind, stability }) => [kind, stability])).toEqual([['fixed', 'stable']]);
});

test('an expansion at rest separates what lies beside it, and its gradients explode', async () => {
  const { value } = await run([1.5], [0]);
  expect(levels(value).slice(1, 3)).toEqual(['warn', 'bad']);
  // 1.5^100 = 4·10¹⁷
  expect(value.verdicts[2]!.answer).toMatch(/explode.*4·10¹⁷/);
});

test('an expansion that overflows is said to have failed, and the rest is still answered', async () => {
  const { value, outcome } = await run([1.5], [1]);
  expect(outcome).toMatchObject({ kind: 'failed', what: expect.stringMatching(/overflowed at step 17\d\d/) });
  expect(value.verdicts).toHaveLength(4);
  expect(value.results['fixed-points']!.outcome.kind).toBe('complete');
});

test('a run that is stopped keeps what it has and asks nothing more', async () => {
  const { value, outcome } = await run([0.5], [1], {
    tick: (_done, _total, label) => /^lyapunov/.test(label!),
  });
  expect(outcome.kind).toBe('partial');
  expect(Object.keys(value.results)).toEqual(['jacobian', 'lyapunov']);
});
