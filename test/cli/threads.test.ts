import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { rnnscope } from './command.js';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

// Each long enough for the second thread to be called in.
test.each<[string, string[]]>([
  ['lyapunov', [example('lorenz-gru48.pt'), '--closed-loop', '--steps', '1500', '--trajectories', '4']],
  ['lyapunov', [example('lorenz-gru48.pt'), '--closed-loop', '--steps', '8000', '--segments', '4']],
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

test('lyapunov --segments says in its text and its JSON what own alignment may have changed', async () => {
  const args = ['lyapunov', example('lorenz-gru48.pt'), '--closed-loop', '--steps', '3000', '--quiet'];
  const [whole, cut] = [
    await rnnscope([...args, '--json']),
    await rnnscope([...args, '--segments', '3', '--json']),
  ].map(({ stdout }) => JSON.parse(stdout));
  const { segments, exponents, standardErrors, steps, sumRuleResidual } = cut.value;
  expect(whole.value.segments).toBeNull();
  expect(segments).toMatchObject({ count: 3, align: 100, overlap: 100, gap: 0 });
  expect(steps).toBe(3000);
  expect(sumRuleResidual).toBeLessThan(1e-9);
  exponents.forEach((v: number, i: number) => {
    expect(standardErrors[i]).toBeGreaterThanOrEqual(segments.disagreement[i]);
    expect(Math.abs(v - whole.value.exponents[i])).toBeLessThan(3 * standardErrors[i]);
  });
  const { stdout } = await rnnscope([...args.slice(0, -1), '--segments', '3']);
  expect(stdout.replace(/\s+/g, ' ')).toMatch(/Segments 3.*each frame aligned over 100 steps of its own/);
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
