import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folder, rnnscope, writeModels } from './command.js';

const flipflop = fileURLToPath(new URL('../../examples/flipflop3-gru32.pt', import.meta.url));
const here = folder();
beforeAll(() => writeModels(here));
afterAll(here.remove);

/** Long after modules are loaded, on a machine that is busy with other tests too. */
const BEGUN = 2500;

const stop = (args: readonly string[], ...names: NodeJS.Signals[]) =>
  rnnscope(args, {
    cwd: here.path,
    signals: names.map((name, k) => ({ after: k === 0 ? BEGUN : 1000, name })),
  });

// biome-ignore lint/suspicious/noExplicitAny: JSON as another program would read it
const seen: [string, string[], (value: any) => void][] = [
  [
    'lyapunov',
    ['--steps', '100000000'],
    ({ exponents, steps }) => {
      expect(exponents).toHaveLength(32);
      expect(exponents.every((v: unknown) => typeof v === 'number')).toBe(true);
      expect(steps).toBeGreaterThan(0);
    },
  ],
  [
    'lyapunov',
    ['--steps', '100000000', '--trajectories', '6', '--threads', '2'],
    ({ exponents, steps, ensemble }) => {
      expect(exponents.every((v: unknown) => typeof v === 'number')).toBe(true);
      expect(steps).toBeGreaterThan(0);
      // Those that two threads have begun.
      expect(ensemble.trajectories).toBeGreaterThan(0);
      expect(ensemble.trajectories).toBeLessThan(6);
    },
  ],
  [
    'gradients',
    ['--lags', '1000000'],
    ({ lags, log10SpectralNorm }) => expect(log10SpectralNorm).toHaveLength(lags.length),
  ],
  [
    'fixed-points',
    ['--starts', '1000000'],
    ({ starts, points }) => {
      expect(starts).toBeGreaterThan(0);
      expect(starts).toBeLessThan(1_000_000);
      expect(points.length).toBeGreaterThan(0);
    },
  ],
  ['jacobian', ['--warmup', '100000000'], ({ next }) => expect(next).toHaveLength(32)],
  [
    'diagnose',
    ['--steps', '100000000'],
    ({ verdicts, results }) => {
      expect(verdicts.length).toBeGreaterThan(0);
      expect(results.lyapunov.outcome.kind).toBe('partial');
    },
  ],
];

describe('Ctrl-C', () => {
  test.each(seen)(
    'on a long %s writes what there is, partial, with status 130',
    async (command, long, check) => {
      const { status, stdout, stderr } = await stop(
        [command, flipflop, ...long, '--json', '--quiet', '--report', 'partial.html'],
        'SIGINT',
      );
      expect(status).toBe(130);
      expect(stderr).toBe('');
      const { outcome, value } = JSON.parse(stdout);
      expect(outcome).toEqual({
        kind: 'partial',
        what: expect.stringMatching(/^interrupted after \d+ of \d+/),
        remedy: expect.any(String),
      });
      check(value);
      expect(readdirSync(here.path).filter((name) => name.endsWith('.part'))).toEqual([]);
    },
  );

  test('in the warm-up leaves exponents that are not numbers, and text that says so', async () => {
    const args = ['lyapunov', flipflop, '--warmup', '1000000000'];
    const { status, stdout } = await stop(args, 'SIGINT');
    expect(status).toBe(130);
    expect(stdout.replace(/\s+/g, ' ')).toContain('partial: interrupted after 0 of 2000 steps');
  });

  test('that a wrapper sends twice at once counts as one', async () => {
    const { status, stdout } = await rnnscope(['lyapunov', flipflop, '--steps', '100000000', '--json'], {
      cwd: here.path,
      signals: [
        { after: BEGUN, name: 'SIGINT' },
        { after: 1, name: 'SIGINT' },
      ],
    });
    expect(status).toBe(130);
    expect(JSON.parse(stdout).outcome.kind).toBe('partial');
  });

  test('before the run has begun ends the process', async () => {
    const ran = await rnnscope(['lyapunov', flipflop, '--steps', '100000000'], {
      signals: [{ after: 20, name: 'SIGINT' }],
    });
    expect(ran.signal ?? ran.status).toBe('SIGINT');
  });
});

test('a request to terminate is heard in the same way', async () => {
  const { status, stdout } = await stop(['lyapunov', flipflop, '--steps', '100000000', '--json'], 'SIGTERM');
  expect(status).toBe(130);
  expect(JSON.parse(stdout).outcome.kind).toBe('partial');
});
