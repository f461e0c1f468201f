import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArray } from '../../src/formats/index.js';
import { bin, folder, rnnscope, writeModels } from './command.js';

const here = folder();
const run = (...args: string[]) => rnnscope(args, { cwd: here.path });
beforeAll(() => {
  writeModels(here);
  mkdirSync(here.file('folder'));
  mkdirSync(here.file('closed'));
  chmodSync(here.file('closed'), 0o555);
  writeFileSync(here.file('plain'), '');
});
afterAll(here.remove);

describe('an output that cannot be written', () => {
  const targets: [string, string][] = [
    ['in a folder that is not there', 'nowhere/out'],
    ['in a file taken for a folder', 'plain/out'],
    ['with the name of a folder', 'folder'],
    ['in the place of the network itself', 'gru.json'],
    ['in the place of the network by another name', './folder/../gru.json'],
  ];
  const options = [['--json'], ['--report'], ['--matrix'], ['--input-matrix']];

  test.each(targets.flatMap(([where, path]) => options.map(([option]) => [option!, where, path] as const)))(
    '%s %s is refused, and nothing is left over',
    async (option, _where, path) => {
      const before = readFileSync(here.file('gru.json'));
      const names = readdirSync(here.path, { recursive: true }).sort();
      const { status, stdout, stderr } = await run('jacobian', 'gru.json', option, path);
      expect(stderr).toMatch(/^rnnscope: [^\n]+\n$/);
      expect(stdout).toBe('');
      expect(status).toBe(2);
      expect(readdirSync(here.path, { recursive: true }).sort()).toEqual(names);
      expect(readFileSync(here.file('gru.json'))).toEqual(before);
    },
  );

  // Root may write anywhere.
  test.skipIf(process.getuid?.() === 0)('in a closed folder is refused before the run begins', async () => {
    const long = ['lyapunov', 'gru.json', '--steps', '100000000'];
    const { status, stderr } = await run(...long, '--json', 'closed/out.json');
    expect(stderr).toMatch(/^rnnscope: closed\/out\.json cannot be written/);
    expect(status).toBe(2);
  });

  test('is refused before a run that would be long', async () => {
    const long = ['lyapunov', 'gru.json', '--steps', '100000000'];
    const { status, stderr } = await run(...long, '--report', 'nowhere/r.html');
    expect(stderr).toMatch(/^rnnscope: nowhere\/r\.html cannot be written/);
    expect(status).toBe(2);
  });
});

test('two outputs are not written over each other', async () => {
  const { status, stderr } = await run('jacobian', 'gru.json', '--json', 'same', '--report', 'same');
  expect(stderr).toMatch(/same is asked for twice/);
  expect(status).toBe(2);
});

test('a file is replaced whole, and no part is left beside it', async () => {
  writeFileSync(here.file('old.json'), 'x'.repeat(1_000_000));
  expect((await run('jacobian', 'gru.json', '--json', 'old.json', '--quiet')).status).toBe(0);
  expect(JSON.parse(readFileSync(here.file('old.json'), 'utf8')).analysis).toBe('jacobian');
  expect(readdirSync(here.path).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('a device is written to as it is', async () => {
  const { status, stderr } = await run('jacobian', 'gru.json', '--json', '/dev/null', '--quiet');
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

test('a reader that has had enough, such as head, is no error, and the files are written first', () => {
  const shell = `"${process.execPath}" "${bin}" lyapunov gru.json --steps 3000 --json --report piped.html | head -1; echo "status \${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', shell], { cwd: here.path, encoding: 'utf8' });
  expect(stdout).toBe('{\nstatus 0\n');
  expect(stderr).not.toContain('EPIPE');
  expect(readFileSync(here.file('piped.html'), 'utf8')).toContain('</html>');
});

test('the Jacobians in .npy files read back to the stated spectrum and slopes', async () => {
  const { status, stdout } = await run(
    ...['jacobian', 'gru.json', '--state', 'random:0.5', '--drive', 'constant:0.3,-0.2'],
    ...['--matrix', 'J.npy', '--input-matrix', 'Jx.npy', '--json'],
  );
  expect(status).toBe(0);
  const { value } = JSON.parse(stdout);
  const J = await readArray(here.file('J.npy'));
  const Jx = await readArray(here.file('Jx.npy'));
  expect(J.shape).toEqual([4, 4]);
  expect(Jx.shape).toEqual([4, 2]);
  // tr J = Σ λ and ‖J‖_F² = Σ J_ij², whoever computed the eigenvalues.
  const trace = [0, 5, 10, 15].reduce((sum, p) => sum + J.values[p]!, 0);
  expect(trace).toBeCloseTo(
    value.eigenvalues.reduce((sum: number, [re]: number[]) => sum + re!, 0),
    12,
  );
  expect(Math.hypot(...J.values)).toBeCloseTo(value.frobeniusNorm, 12);
  // Central differences of the stated next state, entry by entry.
  const at = async (state: readonly number[], input: readonly number[]): Promise<number[]> => {
    const { npyBytes } = await import('../../src/formats/index.js');
    writeFileSync(here.file('s.npy'), npyBytes([4], Float64Array.from(state)));
    const ran = await run(
      'jacobian',
      'gru.json',
      '--state',
      's.npy',
      '--drive',
      `constant:${input}`,
      '--json',
    );
    return JSON.parse(ran.stdout).value.next;
  };
  const h = 1e-5;
  const moved = (v: readonly number[], k: number, by: number) => v.map((x, i) => (i === k ? x + by : x));
  for (const [array, k] of [
    [J, 2],
    [Jx, 1],
  ] as const) {
    const [s, x] = [value.state, value.input];
    const [up, down] = [
      array === J ? await at(moved(s, k, h), x) : await at(s, moved(x, k, h)),
      array === J ? await at(moved(s, k, -h), x) : await at(s, moved(x, k, -h)),
    ];
    up.forEach((v, i) => {
      expect(array.values[i * array.shape[1]! + k]).toBeCloseTo((v - down[i]!) / (2 * h), 8);
    });
  }
});
