import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folder, rnnscope, writeModels } from './command.js';

const here = folder();
beforeAll(() => writeModels(here));
afterAll(here.remove);

const run = (...args: string[]) => rnnscope(args, { cwd: here.path });
const gradients = ['gradients', 'gru.json', '--lags', '20', '--quiet'];

test('--output writes charts, tables and the result to a new folder, and nothing half', async () => {
  const { status, stderr } = await run(
    ...gradients,
    '--output',
    'a/b',
    '--figure-width',
    '85mm',
    '--json',
    'j',
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const names = readdirSync(here.file('a/b'));
  const stem = 'gradients-1-norm-of-s-t-s-t-lag';
  for (const kind of ['svg', 'png', 'vl.json', 'csv']) expect(names).toContain(`${stem}.${kind}`);
  expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
  expect(readFileSync(here.file('a/b/gradients.json'))).toEqual(readFileSync(here.file('j')));
  const { value } = JSON.parse(readFileSync(here.file('j'), 'utf8'));
  const rows = readFileSync(here.file(`a/b/${stem}.csv`), 'utf8').split('\r\n');
  const [head] = rows;
  const spectral = rows.filter((row) => row.includes('spectral')).map((row) => row.split(','));
  const log10 = spectral.map((row) => Number(row[head!.split(',').indexOf('log10')]));
  expect(log10).toEqual(value.log10SpectralNorm);
});

test('a saved result is written to a folder as the run itself would have', async () => {
  await run(...gradients, '--json', 'saved.json', '--output', 'first');
  await run('report', 'saved.json', '--report', 'again.html', '--output', 'second', '--quiet');
  expect(readdirSync(here.file('second'))).toEqual(readdirSync(here.file('first')));
  for (const name of readdirSync(here.file('first')))
    expect(
      readFileSync(here.file(`second/${name}`)).equals(readFileSync(here.file(`first/${name}`))),
      name,
    ).toBe(true);
});

const refusals: [string, string[], RegExp][] = [
  ['a file for a folder', ['--output', 'gru.json'], /--output gru\.json is a file/],
  [
    'a width without a unit',
    ['--output', 'x', '--figure-width', '85'],
    /--figure-width takes a length such as 85mm/,
  ],
  ['a width beyond reason', ['--output', 'x', '--figure-width', '9in99'], /not '9in99'/],
  [
    'a font that is not there',
    ['--output', 'x', '--font', 'Comic'],
    /--font Comic is neither sans, serif, mono/,
  ],
  ['a font that is none', ['--output', 'x', '--font', 'gru.json'], /gru\.json: expected a TrueType/],
];

test.each(refusals)('%s is refused before the run, in one line', async (_what, args, said) => {
  const { status, stdout, stderr } = await run('lyapunov', 'gru.json', '--steps', '100000000', ...args);
  expect(stderr).toMatch(said);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stdout).toBe('');
  expect(status).toBe(2);
});

test.skipIf(process.getuid?.() === 0)('a folder that is closed is refused before the run', async () => {
  await run(...gradients, '--output', 'closed');
  chmodSync(here.file('closed'), 0o555);
  const { status, stderr } = await run('lyapunov', 'gru.json', '--steps', '100000000', '--output', 'closed');
  expect(stderr).toMatch(/--output closed cannot be written/);
  expect(status).toBe(2);
});

test('a font from a file is drawn and named', async () => {
  const dejavu = new URL('../../node_modules/dejavu-fonts-ttf/ttf/DejaVuSerif.ttf', import.meta.url);
  writeFileSync(here.file('own.ttf'), readFileSync(dejavu));
  await run(...gradients, '--output', 'own', '--font', 'own.ttf');
  expect(existsSync(here.file('own'))).toBe(true);
  expect(readFileSync(here.file('own/gradients-1-norm-of-s-t-s-t-lag.svg'), 'utf8')).toContain(
    'DejaVu Serif',
  );
});
