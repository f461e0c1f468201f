import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnalysisName, analyses } from '../../analyses/index.js';
import { optionsOf } from '../../src/ask.js';
import { wrap } from '../../src/cli/print.js';
import { npyBytes } from '../../src/formats/index.js';
import { flagName } from '../../src/options.js';
import { bin, folder, rnnscope, writeModels } from './command.js';

const example = fileURLToPath(new URL('../../examples/flipflop3-gru32.pt', import.meta.url));
const here = folder();
beforeAll(() => {
  writeModels(here);
  writeFileSync(here.file('flipflop.pt'), readFileSync(example));
  writeFileSync(here.file('flipflop.drive.npy'), npyBytes([2, 3], new Float64Array(6)));
});
afterAll(here.remove);

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  rnnscope(args, { cwd: here.path, env });

const questions: string[][] = [
  ['inspect', 'flipflop.pt'],
  ['jacobian', 'flipflop.pt'],
  ['fixed-points', 'flipflop.pt', '--starts', '64'],
  ['lyapunov', 'flipflop.pt', '--steps', '300'],
  ['gradients', 'flipflop.pt', '--lags', '60'],
  ['diagnose', 'flipflop.pt', '--steps', '300', '--starts', '64'],
  ['lyapunov', 'growing.json', '--activation', 'relu', '--steps', '4000'],
  ['inspect', 'two.json'],
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
const escapeCode = /\u001b/;

describe.each(questions)('the text of %s %s', (...args) => {
  test.each(['60', '40'])('fits a terminal of %s columns, piped or not', async (columns) => {
    const { stdout } = await run(args, { COLUMNS: columns });
    const lines = stdout.split('\n');
    expect(lines.filter((line) => line.length > Number(columns))).toEqual([]);
    expect(lines.length).toBeGreaterThan(4);
  });

  test('has no escape codes in a pipe, no line that ends in spaces and no two empty lines', async () => {
    const { stdout } = await run(args, { CI: 'true', COLUMNS: '80' });
    expect(stdout).not.toMatch(escapeCode);
    expect(stdout).not.toMatch(/ \n/);
    expect(stdout).not.toMatch(/\n\n\n|^\n/);
    expect(stdout).toMatch(/[^\n]\n$/);
  });
});

test('a drive that lies beside the model is pointed out where the input was zero', async () => {
  const hint = '--drive flipflop.drive.npy';
  const { stdout } = await run(['jacobian', 'flipflop.pt']);
  expect(stdout.replace(/\s+/g, ' ')).toContain(hint);
  for (const more of [['--drive', 'constant:1'], ['--json']])
    expect((await run(['jacobian', 'flipflop.pt', ...more])).stdout.replace(/\s+/g, ' ')).not.toContain(hint);
});

describe('colours', () => {
  const lyapunov = ['lyapunov', 'gru.json', '--steps', '20'];

  test('come when asked for', async () => {
    expect((await run(lyapunov, { FORCE_COLOR: '1' })).stdout).toMatch(escapeCode);
  });

  test('are kept out by NO_COLOR and by --no-color', async () => {
    expect((await run(lyapunov, { FORCE_COLOR: '1', NO_COLOR: '1' })).stdout).not.toMatch(escapeCode);
    expect((await run([...lyapunov, '--no-color'], { FORCE_COLOR: '1' })).stdout).not.toMatch(escapeCode);
  });
});

test('--quiet says nothing and still writes what was asked for', async () => {
  const { stdout, stderr, status } = await run([...questions[1]!, '--quiet', '--report', 'quiet.html']);
  expect([stdout, stderr, status]).toEqual(['', '', 0]);
  expect(readFileSync(here.file('quiet.html'), 'utf8')).toContain('</html>');
});

describe('the help', () => {
  const names = Object.keys(analyses) as AnalysisName[];

  test('of the program names every command', async () => {
    const { stdout, status } = await run(['--help']);
    for (const name of [...names, 'inspect', 'report'])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(status).toBe(0);
    expect((await run(['help'])).stdout).toBe(stdout);
  });

  test.each(names)('of %s lists each option with its default', async (name) => {
    const { stdout, status } = await run([name, '--help'], { COLUMNS: '100' });
    expect(status).toBe(0);
    const entries = stdout.split(/\n {2}(?=-)/).map((entry) => entry.replace(/\s+/g, ' '));
    for (const row of Object.values(optionsOf(name))) {
      const entry = entries.find((text) => text.startsWith(`${row.flags} `));
      const fallback = row.fallbackText ?? row.fallback;
      const stated = fallback === undefined || fallback === false ? '' : `(default: ${fallback})`;
      expect(entry, flagName(row)).toContain(stated);
    }
    for (const flag of ['--json', '--report', '--quiet', '--debug', '--no-color'])
      expect(entries.filter((entry) => entry.startsWith(`${flag} `))).toHaveLength(1);
  });

  test('of a command fits the terminal, and comes by either way where there is no mathematics to explain', async () => {
    const { stdout } = await run(['lyapunov', '--help'], { COLUMNS: '60' });
    const report = await run(['report', '--help'], { COLUMNS: '60' });
    expect((await run(['help', 'report'], { COLUMNS: '60' })).stdout).toBe(report.stdout);
    expect(stdout.split('\n').filter((line) => line.length > 60)).toEqual([]);
  });

  test('of report offers no JSON, of which it makes none', async () => {
    expect((await run(['report', '--help'])).stdout).not.toMatch(/^ +--json/m);
  });
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect((await run(['--version'])).stdout).toBe(`${version}\n`);
});

/** Writes the name of every module that is resolved to the file RESOLVED. */
const hooks = `
import { appendFileSync } from 'node:fs';
export const resolve = (specifier, context, next) => {
  appendFileSync(process.env.RESOLVED, specifier + '\\n');
  return next(specifier, context);
};`;

async function resolved(args: readonly string[]): Promise<string[]> {
  writeFileSync(here.file('hooks.mjs'), hooks);
  writeFileSync(here.file('resolved'), '');
  const register = `import { register } from 'node:module'; register(${JSON.stringify(`file://${here.file('hooks.mjs')}`)});`;
  const node = ['--import', `data:text/javascript,${encodeURIComponent(register)}`];
  await rnnscope(args, { cwd: here.path, node, env: { RESOLVED: here.file('resolved') } });
  return readFileSync(here.file('resolved'), 'utf8').split('\n');
}

describe('modules that take long to load', () => {
  const heavy = (names: readonly string[]): string[] =>
    names.filter((n) => /^(mathjs|vega|cli-progress)/.test(n));

  test.each([
    ['the help', ['--help']],
    ['an error', ['lyapunov', 'missing.pt']],
    ['a plain run', ['lyapunov', 'gru.json', '--steps', '20']],
    ['a plain run as JSON', ['lyapunov', 'gru.json', '--steps', '20', '--json']],
  ])('are not loaded by %s', async (_what, args) => {
    const names = await resolved(args);
    expect(names).toContain('commander');
    expect(heavy(names)).toEqual([]);
  });

  test('are loaded by a formula, which shows that the trace sees them', async () => {
    const names = await resolved(['lyapunov', 'gru.json', '--steps', '20', '--drive', 'expr:t']);
    expect(heavy(names)).toContain('mathjs');
  });

  test('that draw tables are not loaded by the help', async () => {
    expect((await resolved(['--help'])).filter((name) => name === 'cli-table3')).toEqual([]);
  });
});

const hasScript = spawnSync('script', ['--version']).status === 0;

describe.skipIf(!hasScript)('on a terminal', () => {
  const onTerminal = (args: string, shell = ''): string =>
    spawnSync('script', ['-qec', `${shell}"${process.execPath}" "${bin}" ${args}`, '/dev/null'], {
      cwd: here.path,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, TERM: 'xterm' },
    }).stdout;

  test('progress appears after a second, is erased at the end, and gives the cursor back', () => {
    const shown = onTerminal('lyapunov flipflop.pt --steps 100000');
    const bar = shown.lastIndexOf('averaging');
    expect(bar).toBeGreaterThan(0);
    // Erase the line; show the cursor.
    expect(shown.indexOf('\u001b[2K', bar)).toBeGreaterThan(bar);
    expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'));
    expect(shown.indexOf('Leading exponent')).toBeGreaterThan(bar);
  });

  test('a short run and a quiet one show none', () => {
    expect(onTerminal('lyapunov gru.json --steps 50')).not.toContain('░');
    expect(onTerminal('lyapunov flipflop.pt --steps 12000 --quiet')).toBe('');
  });

  test('text is coloured and as wide as the terminal', () => {
    const shown = onTerminal('gradients gru.json', 'stty cols 52; ');
    expect(shown).toMatch(escapeCode);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes take no room
    const lines = shown.replace(/\u001b\[\d*m/g, '').split('\r\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(52);
    expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(42);
  });
});

describe('breaking a text into lines', () => {
  test('keeps every word in its order and fills no line beyond the width', () => {
    const text = 'the quick brown fox jumps over the lazy dog';
    const lines = wrap(text, 12, '  ', '> ');
    expect(lines).toEqual(['> the quick', '  brown fox', '  jumps over', '  the lazy', '  dog']);
  });

  test('leaves a word that is too long, such as a path, in one piece', () => {
    expect(wrap('in /a/very/long/path here', 10)).toEqual(['in', '/a/very/long/path', 'here']);
  });
});
