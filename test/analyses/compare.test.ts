import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { change, stepsInNames } from '../../analyses/compare.js';
import { renderReport, sectionOf } from '../../reports/index.js';
import { compare } from '../../src/ask.js';
import { UserError } from '../../src/errors.js';
import { readWeightFile } from '../../src/formats/index.js';

const folder = mkdtempSync(join(tmpdir(), 'rnnscope-compare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** h' = tanh(a h) rests at 0 for |a| < 1, where its exponent is ln a. */
function scalar(name: string, a: number): string {
  const path = join(folder, name);
  const weights = { weight_ih_l0: [[1]], weight_hh_l0: [[a]], bias_ih_l0: [0], bias_hh_l0: [0] };
  writeFileSync(path, JSON.stringify(weights));
  return path;
}
const options = { activation: 'tanh', steps: 400, starts: 16, lags: 20, length: 10 };

describe('three maps h → tanh(a h)', async () => {
  const paths = [
    scalar('net-step900.json', 0.9),
    scalar('net-step5.json', 0.5),
    scalar('net-step70.json', 0.7),
  ];
  const result = await compare(paths, options);
  const { models, quantities, sortedByStep, results } = result.value;
  const named = (name: string) => quantities.find((q) => q.name === name)!;

  test('stand in the order of the steps in their names, as numbers', () => {
    expect(sortedByStep).toBe(true);
    expect(models.map(({ step }) => step)).toEqual([5, 70, 900]);
    expect(models.map(({ label }) => label)).toEqual([
      'net-step5.json',
      'net-step70.json',
      'net-step900.json',
    ]);
    expect(results).toHaveLength(3);
  });

  test('have the leading exponents ln a, and gradients that fall at that rate', () => {
    for (const name of ['lyapunov.exponents[1]', 'gradients.rate'])
      for (const [k, a] of [0.5, 0.7, 0.9].entries())
        expect(named(name).values[k]).toBeCloseTo(Math.log(a), 9);
    expect(named('gradients.atLength.log10').values[2]).toBeCloseTo(10 * Math.log10(0.9), 9);
    expect(named('lyapunov.memoryTime').values[0]).toBeCloseTo(1 / Math.LN2, 9);
    expect(named('fixedPoints.points: stable').values).toEqual([1, 1, 1]);
  });

  test('differ by what the exponents differ by', () => {
    const { changes, overall } = named('lyapunov.exponents[1]');
    expect(changes.map((c) => c!.difference)).toEqual([
      expect.closeTo(Math.log(0.7 / 0.5), 9),
      expect.closeTo(Math.log(0.9 / 0.7), 9),
    ]);
    expect(overall!.difference).toBeCloseTo(Math.log(0.9 / 0.5), 9);
  });

  test('are drawn over each other, and said in words', () => {
    const section = sectionOf(result);
    const spectra = section.charts.find(({ title }) => title === 'Lyapunov spectra')!;
    expect(spectra.datasets.rows!.map((row) => row.model)).toEqual(models.map(({ label }) => label));
    expect(section.reading).toMatch(
      /^3 models under the same options, in the order of training from step 5 to 900/,
    );
    const page = renderReport(result);
    for (const path of paths) expect(page).toContain(path);
  });
});

test('a model beside itself does not change', async () => {
  const path = scalar('same.json', 0.6);
  const { value } = await compare([path, path], options);
  expect(value.models.map(({ label }) => label)).toEqual(['same.json', 'same.json (2)']);
  expect(value.sortedByStep).toBe(false);
  for (const { overall } of value.quantities) expect(overall?.difference ?? 0).toBe(0);
  for (const { overall } of value.quantities) expect(overall?.beyondError).not.toBe(true);
});

test('models of different cells and sizes are compared in the numbers that all have', async () => {
  const example = (name: string) => new URL(`../../examples/${name}`, import.meta.url).pathname;
  const { value, outcome } = await compare([example('sine-gru48.pt'), scalar('small.json', 0.5)], {
    steps: 200,
    starts: 4,
    lags: 20,
  });
  expect(outcome.kind).toBe('complete');
  expect(value.models.map(({ stateSize }) => stateSize)).toEqual([48, 1]);
  expect(value.quantities.map(({ name }) => name)).toContain('lyapunov.exponents[1]');
});

test('one model alone is refused', async () => {
  await expect(compare([scalar('one.json', 0.5)])).rejects.toThrow(UserError);
  await expect(compare([])).rejects.toThrow(/two models or more, not 0/);
});

describe('a change', () => {
  const at = (value: number, error: number | null) => ({ value, error });

  test('has the root of the summed squares for its error, and counts beyond three of them', () => {
    expect(change(at(1, 0.3), at(2.4, 0.4))).toEqual({ difference: 1.4, error: 0.5, beyondError: false });
    expect(change(at(1, 0.3), at(2.6, 0.4))!.beyondError).toBe(true);
    expect(change(at(2.6, 0.3), at(1, 0.4))!.beyondError).toBe(true);
  });

  test('is not judged where an error is not known', () => {
    expect(change(at(1, null), at(5, 0.1))).toEqual({ difference: 4, error: null, beyondError: null });
    expect(change(undefined, at(5, 0.1))).toBeNull();
  });

  test('between two infinities of one sign is none', () => {
    expect(change(at(-Infinity, null), at(-Infinity, null))!.difference).toBe(0);
    expect(change(at(-1, null), at(-Infinity, null))!.difference).toBe(-Infinity);
  });
});

describe('steps in names', () => {
  test.each([
    [
      ['a/net-10.pt', 'a/net-9.pt'],
      [10, 9],
    ],
    [
      ['run/epoch=3-step=500.ckpt', 'run/epoch=3-step=1000.ckpt'],
      [500, 1000],
    ],
    [
      ['ckpt_0001/model.safetensors', 'ckpt_0200/model.safetensors'],
      [1, 200],
    ],
  ])('of %j are the numbers in which they differ', (names, steps) => {
    expect(stepsInNames(names)).toEqual(steps);
  });

  test.each([
    [['lstm64.pt', 'gru64.pt']],
    [['epoch=3-step=500.ckpt', 'epoch=4-step=1000.ckpt']],
    [['final.pt', 'best.pt']],
  ])('of %j are not guessed', (names) => {
    expect(stepsInNames(names)).toEqual(names.map(() => undefined));
  });
});

test('a checkpoint that states its epoch has that step', async () => {
  const checkpoint = new URL('../fixtures/formats/net_ckpt.pt', import.meta.url).pathname;
  expect((await readWeightFile(checkpoint)).step).toBe(3);
});
