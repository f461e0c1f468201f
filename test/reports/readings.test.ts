import { expect, test } from 'vitest';
import type { FixedPointsValue } from '../../analyses/fixed-points.js';
import { sectionOf } from '../../reports/index.js';
import * as sample from './samples.js';

const reading = (analysis: string, value: unknown): string =>
  sectionOf(sample.envelope(analysis, value)).reading.replaceAll('\u00a0', ' ');

test('a stable spectrum says how fast perturbations halve, and how sure that is', () => {
  const text = reading('lyapunov', sample.lyapunovValue);
  expect(text).toContain('merge under the same input');
  expect(text).toContain('−0.5310 ± 0.0072 nats per step');
  expect(text).toContain('halves every 1.31 steps');
});

test('a chaotic spectrum says how fast perturbations double', () => {
  const text = reading('lyapunov', sample.chaoticValue);
  expect(text).toContain('separate with the output fed back');
  expect(text).toContain('doubles every 15.5 steps');
});

test('a run that is too short says so rather than guess', () => {
  const text = reading('lyapunov', sample.singleExponent);
  expect(text).toContain('does not settle');
  expect(text).toContain('no error estimate');
});

test('a marginal spectrum names its resolution', () => {
  const text = reading('lyapunov', { ...sample.lyapunovValue, verdict: 'marginal' });
  expect(text).toContain('anything smaller than 0.022 in size cannot be told from zero');
});

test('exponents of −∞ and exponents below the floor are told apart', () => {
  const { caveats, tables } = sectionOf(sample.envelope('lyapunov', sample.flooredValue));
  expect(caveats.join(' ')).toContain('3 exponents of 26 are −∞');
  expect(caveats.join(' ')).toContain('3 exponents (from number 21) fell below the numerical floor');
  expect(tables[0]!.rows[20]!.at(-1)).toContain('not resolved');
  expect(tables[0]!.rows[25]![1]).toBe('−∞');
});

test('trajectories that do not agree are listed, and nothing is said of their mean that is true of none', () => {
  const { reading, caveats, facts, tables } = sectionOf(sample.envelope('lyapunov', sample.mixedValue));
  expect(reading).toContain('Where it starts decides: of 3 trajectories, 2 are stable and 1 chaotic');
  expect(reading).not.toContain('More steps would narrow it');
  expect(caveats.join(' ')).toContain('λ₁ goes from −0.31 to 0.045');
  expect(facts.find(({ label }) => label === 'Trajectories')).toMatchObject({ value: '3' });
  expect(tables[1]!.rows.map((row) => row.at(-1))).toEqual(['stable', 'stable', 'chaotic']);
});

test('vanishing gradients say what is left', () => {
  const text = reading('gradients', sample.gradientsValue);
  expect(text).toMatch(/^Gradients vanish: they reach \d+ steps back with a norm above 0\.001\. After/);
  expect(text).toContain('After 100 steps back, at most 1.1·10⁻²⁴ of the gradient is left: vanishing');
  expect(text).toContain('−0.554 ± 0.012 nats per step');
});

test('a horizon beyond the longest lag is a lower bound', () => {
  expect(reading('gradients', sample.preservedGradients)).toMatch(
    /^Gradients survive: they reach at least 300 steps back with/,
  );
});

test('gates say how long units hold on, layer by layer, and what is stuck', () => {
  const text = reading('gates', sample.gatesValue);
  expect(text).toContain('gate z of layer0 lets a unit hold on for 2.2 steps at the median');
  expect(text).toContain('2 of 32 units for 100 or more');
  expect(text).toContain('13 % are saturated');
  expect(text).toContain('3 units of gate z in layer1');
  expect(reading('gates', sample.gateless)).toContain('has no gates');
});

test('fixed points are counted by kind, with what the search can miss', () => {
  const text = reading('fixed-points', sample.fixedPointsValue);
  expect(text).toContain('27 fixed points at input zero: 8 stable, 18 saddles and 1 unstable');
  expect(text).toContain('0.29 % of its starts would have been found with 95 % confidence');
});

test('finding nothing is not a proof that nothing is there', () => {
  expect(reading('fixed-points', sample.noPoints)).toContain('does not prove');
});

test('many lost starts are a caveat', () => {
  const value: FixedPointsValue = { ...sample.fixedPointsValue, unconverged: 900 };
  const { caveats } = sectionOf(sample.envelope('fixed-points', value));
  expect(caveats.join(' ')).toContain('the counts above may be too low');
});

test('eigenvalues away from a fixed point do not pass for stability', () => {
  const { caveats } = sectionOf(sample.envelope('jacobian', sample.jacobianValue));
  expect(caveats.join(' ')).toContain('not a fixed point');
  expect(sectionOf(sample.envelope('jacobian', sample.oneDimension)).caveats).toEqual([]);
});

test('a weight that is not finite is the first thing said', () => {
  const [module] = sample.inspectValue.modules;
  const weights = [{ ...module!.weights[0]!, nonFinite: 2, min: NaN, max: NaN }];
  const value = { ...sample.inspectValue, modules: [{ ...module!, weights }] };
  expect(sectionOf(sample.envelope('inspect', value)).caveats[0]).toContain('2 values that are not finite');
});

test.each(Object.entries(sample.everyResult))('%s reads without a hole', (_name, result) => {
  const { reading, caveats, facts, title } = sectionOf(result);
  const words = [title, reading, ...caveats, ...facts.flatMap((f) => [f.label, f.value, f.note ?? ''])];
  expect(words.join('\n')).not.toMatch(/undefined|NaN|null|\[object/);
});

test('a run that overflowed claims nothing', () => {
  const exponents = [NaN, NaN];
  const value = { ...sample.lyapunovValue, exponents, standardErrors: [null, null], verdict: 'undetermined' };
  expect(reading('lyapunov', value)).toContain('No exponent could be measured');
  const lost = { ...sample.gradientsValue, atLength: { lag: 100, log10: NaN }, verdict: 'undetermined' };
  expect(reading('gradients', lost)).toContain('the factor is not a number');
});

test('a modulus close to the unit circle is told to more digits', () => {
  const value = { ...sample.jacobianValue, spectralRadius: 1.00043125 };
  expect(reading('jacobian', value)).toContain(
    '|λ| = 1.000431: repeated, the step would grow that mode by 0.043 %',
  );
});
