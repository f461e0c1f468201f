import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { rnnscope } from './command.js';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

// Each long enough for the second thread to be called in.
test.each<[string, string[]]>([
  ['lyapunov', [example('lorenz-gru48.pt'), '--closed-loop', '--steps', '1500', '--trajectories', '4']],
  ['fixed-points', [example('adding-lstm64.pt'), '--starts', '256']],
])('%s --strict writes the same bytes on one thread and on two', async (command, args) => {
  const run = (threads: string) =>
    rnnscope([command, ...args, '--strict', '--threads', threads, '--json', '--quiet']);
  const [one, two] = [await run('1'), await run('2')];
  expect(one).toMatchObject({ status: 0, stderr: '' });
  expect(two).toMatchObject({ status: 0, stderr: '' });
  expect(two.stdout).toBe(one.stdout);
  expect(JSON.parse(one.stdout).options).toMatchObject({ strict: true, threads: null });
});

test('an error that a drive meets in a worker is said in one line, as in one thread', async () => {
  const args = ['--steps', '3000', '--trajectories', '8', '--drive', 'expr:1/(1500-t)'];
  const run = (threads: string) =>
    rnnscope(['lyapunov', example('sine-gru48.pt'), ...args, '--threads', threads]);
  const [one, two] = [await run('1'), await run('2')];
  expect(one.status).toBe(2);
  expect(one.stderr).toMatch(/^rnnscope: expr:1\/\(1500-t\) gives Infinity at t = 1500, i = 0; .*\n$/);
  expect(two).toEqual(one);
});

test('where Node forbids threads, one does it all', async () => {
  const major = Number(process.versions.node.split('.')[0]);
  const permission = major >= 24 ? '--permission' : '--experimental-permission';
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { status, stdout } = await rnnscope(
    [
      'lyapunov',
      example('lorenz-gru48.pt'),
      '--closed-loop',
      '--steps',
      '1500',
      '--trajectories',
      '3',
      '--json',
    ],
    { node: [permission, `--allow-fs-read=${root}*`, '--no-warnings'] },
  );
  expect(status).toBe(0);
  expect(JSON.parse(stdout).value.ensemble.trajectories).toBe(3);
});

test.each(['0', '1.5', 'many'])('--threads %s is refused', async (threads) => {
  const { status, stderr } = await rnnscope(['fixed-points', example('sine-gru48.pt'), '--threads', threads]);
  expect(status).toBe(2);
  expect(stderr).toBe(`rnnscope: --threads takes a whole number of at least 1, not '${threads}'\n`);
});
