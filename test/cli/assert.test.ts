import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Judge, judgeOf, readAssertion } from '../../src/cli/assertions.js';
import { envelope, lyapunovValue } from '../reports/samples.js';
import { folder, rnnscope, writeModels } from './command.js';

const here = folder();
beforeAll(() => writeModels(here));
afterAll(here.remove);

const run = (...args: string[]) => rnnscope(args, { cwd: here.path });
const lyapunov = ['lyapunov', 'gru.json', '--steps', '200', '--quiet'];

const result = envelope('lyapunov', {
  ...lyapunovValue,
  exponents: [-0.25, -1, -Infinity],
  verdict: 'stable' as const,
  zeroBelow: null,
});
const judge = async (...texts: string[]): Promise<ReturnType<Judge>> =>
  (await judgeOf(texts.map(readAssertion)))(result);

describe('an assertion', () => {
  test.each([
    'lyapunov.exponents[1] < 0',
    'lyapunov.exponents[3] == -Infinity',
    'lyapunov.verdict == "stable" and lyapunov.verdict != "chaotic"',
    '-0.5 < lyapunov.exponents[1] < 0',
    'sum(lyapunov.exponents[1:2]) == -1.25',
    'max(lyapunov.exponents) <= -0.25',
    'count(lyapunov.exponents) == 3',
    'outcome.kind == "complete"',
    'model.hiddenSize == 32 and options.steps >= 1000 and seed == 0',
  ])('%s holds', async (text) => {
    expect(await judge(text)).toEqual([expect.objectContaining({ holds: true, why: '' })]);
  });

  test.each([
    ['lyapunov.exponents[1] < -1', 'found lyapunov.exponents[1] = −0.25, off by 0.75'],
    [
      'lyapunov.exponents[1] < lyapunov.exponents[2]',
      /= −0\.25 and lyapunov\.exponents\[2\] = −1, off by 0\.75/,
    ],
    ['lyapunov.exponents[3] >= -5', 'found lyapunov.exponents[3] = −∞'],
    ['lyapunov.verdict == "chaotic"', "found lyapunov.verdict = 'stable'"],
    ['lyapunov.exponents[1] < 0 and (seed > 2)', 'found seed = 0, off by 2'],
    ['-0.1 < lyapunov.exponents[1] < 0', /lyapunov\.exponents\[1\] = −0\.25/],
    ['lyapunov.zeroBelow < 1', /could not be evaluated/],
    ['lyapunov.exponents[4] < 0', /could not be evaluated: Index out of range/],
    ['not (lyapunov.exponents[1] < 0)', 'it is false'],
  ])('%s fails and says why', async (text, why) => {
    const [verdict] = await judge(text);
    expect(verdict!.holds).toBe(false);
    if (typeof why === 'string') expect(verdict!.why).toBe(why);
    else expect(verdict!.why).toMatch(why);
  });

  test.each([
    ['lyapunov.exponent[1] < 0', /no 'exponent' in lyapunov\. Did you mean "exponents"/],
    ['lyapunof.exponents[1] < 0', /no 'lyapunof'\. Did you mean "lyapunov"/],
    ['lyapunov.sum', /neither true nor false/],
    ['1 <', /cannot be read/],
    ['evaluate("1 < 2")', /'evaluate' may not be used in an assertion/],
    ['import({}, {})', /'import' may not be used/],
    ['createUnit("x") == 1', /'createUnit' may not be used/],
    ['f(x) = parse(x); f("1")', /'parse' may not be used/],
  ])('%s is refused', async (text, said) => {
    await expect(judge(text)).rejects.toThrow(said);
  });

  test.each([
    'lyapunov.exponents.constructor("return 1")() == 1',
    'lyapunov.__proto__ == 1',
    'cos.constructor("return process")() == 1',
    'lyapunov.toString() == "a"',
  ])('%s does not get out', async (text) => {
    const outcome = await judge(text).then(
      ([verdict]) => verdict!.holds,
      () => false,
    );
    expect(outcome).toBe(false);
  });

  test('has the name that stands before it, and a range is none', () => {
    expect(readAssertion('no chaos: lyapunov.exponents[1] < 0')).toEqual({
      name: 'no chaos',
      expression: 'lyapunov.exponents[1] < 0',
    });
    const ranged = 'max(lyapunov.exponents[1:2]) < 0';
    expect(readAssertion(ranged)).toEqual({ name: ranged, expression: ranged });
  });
});

test('assertions that hold say nothing and leave status 0', async () => {
  const { status, stdout, stderr } = await run(...lyapunov, '--assert', 'lyapunov.exponents[1] < 100');
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('one that fails is said in one line, with status 1, after the result is written', async () => {
  const { status, stdout, stderr } = await run(
    ...[...lyapunov, '--json', 'r.json', '--junit', 'j.xml', '--github'],
    ...['--assert', 'long enough: lyapunov.steps >= 500', '--assert', 'lyapunov.steps == 200'],
  );
  expect(status).toBe(1);
  expect(stdout).toBe('');
  const line = 'assertion failed: long enough: lyapunov.steps >= 500: found lyapunov.steps = 200, off by 300';
  expect(stderr).toBe(`rnnscope: ${line}\n::error title=rnnscope%3A long enough::${line}\n`);
  expect(JSON.parse(readFileSync(here.file('r.json'), 'utf8')).value.steps).toBe(200);
  const xml = readFileSync(here.file('j.xml'), 'utf8');
  expect(xml).toContain('tests="2" failures="1" errors="0"');
  expect(xml).toContain(
    'name="long enough"><failure message="assertion failed: long enough: lyapunov.steps &#62;= 500',
  );
  expect(xml).toContain('name="lyapunov.steps == 200"/>');
});

test('of a diagnosis every result can be asked, by its name', async () => {
  const { status, stderr } = await run(
    ...['diagnose', 'gru.json', '--steps', '200', '--starts', '8', '--quiet', '--report', 'd.html'],
    ...['--assert', 'fixedPoints.starts == 8 and lyapunov.steps == 200 and gradients.lags[1] == 0'],
    ...['--assert', 'count(diagnose.verdicts) > 0'],
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('a saved result can be asked too', async () => {
  await run(...lyapunov, '--json', 's.json');
  const { status, stderr } = await run('report', 's.json', '--quiet', '--assert', 'lyapunov.steps > 200');
  expect(stderr).toMatch(/found lyapunov\.steps = 200$/m);
  expect(status).toBe(1);
});

test('a mistake in an expression costs no run', async () => {
  const { status, stderr } = await run(
    'lyapunov',
    'gru.json',
    '--steps',
    '100000000',
    '--assert',
    'lyapunov <',
  );
  expect(stderr).toMatch(/^rnnscope: --assert 'lyapunov <' cannot be read [^\n]+\n$/);
  expect(status).toBe(2);
});

describe('rnnscope.config.json', () => {
  const steps = (stdout: string): unknown => JSON.parse(stdout).options.steps;
  const bare = ['lyapunov', 'gru.json', '--json', '-'];

  test('gives defaults that flags overrule, and assertions beside those on the command line', async () => {
    const at = folder();
    writeModels(at);
    const config = {
      options: { seed: 7, starts: 4 },
      lyapunov: { options: { steps: 150 }, assert: [{ name: 'short', that: 'lyapunov.steps == 150' }] },
    };
    writeFileSync(at.file('rnnscope.config.json'), JSON.stringify(config));
    const inside = (...args: string[]) => rnnscope([...bare, ...args], { cwd: at.path });
    const plain = await inside();
    expect([steps(plain.stdout), JSON.parse(plain.stdout).seed, plain.status]).toEqual([150, 7, 0]);
    const longer = await inside('--steps', '160', '--assert', 'seed == 7');
    expect(longer.stderr).toBe(
      'rnnscope: assertion failed: short: lyapunov.steps == 150: found lyapunov.steps = 160, off by 10\n',
    );
    expect([steps(longer.stdout), longer.status]).toEqual([160, 1]);
    const without = await inside('--no-config', '--steps', '170');
    expect([JSON.parse(without.stdout).seed, without.status]).toEqual([0, 0]);
    at.remove();
  });

  test('may lie elsewhere, and a mistake in it is named with its place', async () => {
    writeFileSync(here.file('c.json'), JSON.stringify({ lyapunov: { options: { stepz: 3 } } }));
    const { status, stderr } = await run(...bare, '--config', 'c.json');
    expect(stderr).toMatch(
      /^rnnscope: c\.json: lyapunov\.options: unknown field 'stepz'\. Did you mean "steps"/,
    );
    expect(status).toBe(2);
    expect((await run(...bare, '--config', 'none.json')).stderr).toMatch(
      /--config none\.json cannot be read/,
    );
  });
});
