import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { configSchema, readConfig } from '../src/config.js';
import { UserError } from '../src/errors.js';

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(configSchema());

const good = [
  {},
  { $schema: './rnnscope.config.schema.json', options: { seed: 3, drive: 'inputs.npy', closedLoop: false } },
  { lyapunov: { options: { reorthonormalise: 'auto', count: 4 }, assert: ['lyapunov.exponents[1] < 0'] } },
  { diagnose: { assert: [{ name: 'stable', that: 'lyapunov.verdict == "stable"' }, { that: 'seed == 0' }] } },
  { inspect: { options: { module: 'rnn' } } },
];

const bad: [string, unknown][] = [
  ['an unknown command', { lyapunof: {} }],
  ['an unknown option', { options: { stepz: 3 } }],
  ['an option of another command', { lyapunov: { options: { starts: 3 } } }],
  ['a fraction for a whole number', { lyapunov: { options: { steps: 1.5 } } }],
  ['a number below its least', { lyapunov: { options: { count: 0 } } }],
  ['a text that is no choice', { options: { reset: 'sometimes' } }],
  ['a text for a flag', { options: { closedLoop: 'yes' } }],
  ['an empty text', { options: { drive: '' } }],
  ['a list for an object', { options: [] }],
  ['an assertion that is a number', { lyapunov: { assert: [1] } }],
  ['an assertion without an expression', { lyapunov: { assert: [{ name: 'a' }] } }],
  ['an assertion with more than a name', { lyapunov: { assert: [{ that: 'a', why: 'b' }] } }],
  ['no object at all', 3],
];

describe('the schema that is shipped and the check that is made agree', () => {
  test.each(good.map((config) => [config]))('to take %j', (config) => {
    expect(validate(config), JSON.stringify(validate.errors)).toBe(true);
    expect(() => readConfig(JSON.stringify(config), 'c.json')).not.toThrow();
  });

  test.each(bad)('to refuse %s', (_what, config) => {
    expect(validate(config)).toBe(false);
    expect(() => readConfig(JSON.stringify(config), 'c.json')).toThrow(UserError);
    expect(() => readConfig(JSON.stringify(config), 'c.json')).toThrow(/^c\.json: /);
  });
});

test('what is no JSON is refused with the way round it', () => {
  expect(() => readConfig('{', 'c.json')).toThrow(/c\.json is not JSON.*--no-config/);
});

test('options for all reach the commands that have them, and those of one overrule them', () => {
  const config = readConfig(
    JSON.stringify({ options: { seed: 1, starts: 9 }, 'fixed-points': { options: { seed: 2 } } }),
    'c.json',
  );
  expect(config.of('fixed-points').options).toEqual({ seed: 2, starts: 9 });
  expect(config.of('lyapunov').options).toEqual({ seed: 1 });
  expect(config.of('report')).toEqual({ options: {}, assert: [] });
});
