import { describe, expect, test } from 'vitest';
import { type AnalysisName, analyses } from '../analyses/index.js';
import { optionsOf } from '../src/ask.js';
import { UserError } from '../src/errors.js';
import { choice, flag, flagName, integer, number, resolve, text } from '../src/options.js';

const table = {
  steps: integer({ flags: '--steps <n>', help: '', fallback: 10, min: 1 }),
  warmup: integer({ flags: '--warmup <n>', help: '', fallback: undefined }),
  tolerance: number({ flags: '--tolerance <q>', help: '', fallback: 1e-3, above: 0 }),
  shift: number({ flags: '--shift <v>', help: '', fallback: 0 }),
  name: text({ flags: '--name <text>', help: '', fallback: undefined }),
  loop: flag({ flags: '--loop', help: '' }),
  way: choice({ flags: '--way <way>', help: '', fallback: 'there', choices: ['there', 'back'] }),
};

describe('options that were given', () => {
  test('replace the fallbacks, and only those', () => {
    expect(resolve(table, { steps: 3, way: 'back' })).toEqual({
      steps: 3,
      warmup: undefined,
      tolerance: 1e-3,
      shift: 0,
      name: undefined,
      loop: false,
      way: 'back',
    });
  });

  test.each([
    ['steps', '12', 12],
    ['steps', '1e3', 1000],
    ['warmup', 0, 0],
    ['tolerance', '1e-9', 1e-9],
    ['shift', '-2.5', -2.5],
    ['name', 'rnn', 'rnn'],
    ['loop', true, true],
  ])('%s as %j is %j', (key, given, value) => {
    expect(resolve(table, { [key]: given })).toMatchObject({ [key]: value });
  });

  test.each([
    ['steps', '0', /--steps takes a whole number of at least 1, not '0'/],
    ['steps', '2.5', /--steps takes a whole number/],
    ['steps', '', /not ''/],
    ['steps', ' ', /not ' '/],
    ['steps', 'Infinity', /not 'Infinity'/],
    ['steps', '1e300', /--steps takes a whole number/],
    ['warmup', -1, /at least 0/],
    ['tolerance', 0, /a number above 0/],
    ['tolerance', 'NaN', /a number above 0/],
    ['shift', 'Infinity', /--shift takes a number, not 'Infinity'/],
    ['name', '', /--name takes a text/],
    ['name', 3, /--name takes a text/],
    ['loop', 'yes', /--loop takes no value/],
    ['way', 'up', /--way takes one of there, back, not 'up'/],
  ])('%s as %j are refused', (key, given, message) => {
    expect(() => resolve(table, { [key]: given })).toThrow(message);
    expect(() => resolve(table, { [key]: given })).toThrow(UserError);
  });

  test('of an unknown name are refused, also those that every object has', () => {
    expect(() => resolve(table, { stepz: 1 })).toThrow(/unknown option 'stepz'; there are steps, warmup/);
    expect(() => resolve(table, { toString: 1 })).toThrow(/unknown option 'toString'/);
  });
});

describe.each(Object.keys(analyses) as AnalysisName[])('the options of %s', (name) => {
  const rows = Object.entries(optionsOf(name));

  test('have flags that read as their names, no two alike, and words of help', () => {
    for (const [key, row] of rows) {
      const camel = flagName(row)
        .slice(2)
        .replace(/-(\w)/g, (_, c: string) => c.toUpperCase());
      expect(camel).toBe(key);
      expect(row.help.length).toBeGreaterThan(10);
    }
    expect(new Set(rows.map(([, row]) => flagName(row))).size).toBe(rows.length);
  });

  test('have fallbacks that they would take themselves', () => {
    for (const [, row] of rows)
      if (row.fallback !== undefined) expect(row.parse(row.fallback, flagName(row))).toBe(row.fallback);
  });
});
