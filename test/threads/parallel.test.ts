import { describe, expect, test } from 'vitest';
import type { LyapunovValue } from '../../analyses/lyapunov.js';
import { ask } from '../../src/ask.js';
import { cells } from '../../src/cells/index.js';
import { constantDrive, type Drive, dataDrive, noiseDrive, reversed } from '../../src/dynamics/drive.js';
import { expressionDrive } from '../../src/dynamics/expression.js';
import { network } from '../../src/dynamics/network.js';
import type { Subject } from '../../src/dynamics/subject.js';
import { arithmetic, useArithmetic } from '../../src/linalg/index.js';
import { zeros } from '../../src/linalg/matrix.js';
import type { Model } from '../../src/model/model.js';
import type { Watch } from '../../src/outcome.js';
import { random } from '../../src/random.js';
import { parallel, type TrajectoryTask } from '../../src/threads/index.js';
import { started } from '../../src/threads/pool.js';
import { orbitFrom, recipeOf } from '../../src/threads/portable.js';
import { normals, randomLayer, step } from '../dynamics/helpers.js';

const lorenz = new URL('../../examples/lorenz-gru48.pt', import.meta.url).pathname;

/** A network of random weights with a readout, as a file would give it. */
function subjectOf(drive: Drive, mode: Subject['mode'] = 'driven', cell = cells[2]!): Subject {
  const layers = [
    randomLayer(cell, { hidden: 24, inputs: 2 }, 1, { gain: 2 }),
    { ...randomLayer(cell, { hidden: 16, inputs: 24 }, 2, { gain: 2 }), name: 'layer1' },
  ];
  const readout = { name: 'out', weight: { ...zeros(2, 16), data: normals(32, random(5)) } };
  const model = { layers, readout, source: { path: '', sha256: '', format: '' } } as unknown as Model;
  const system = network(layers);
  const initialState = normals(system.dimension, random(3), 0.5);
  return { system, drive, initialState, mode, seed: 0, model };
}

const options = { warmup: 10, align: 50, steps: 1500, count: 8, reorthonormalise: 'auto' } as const;
const trajectories = (subject: Subject, count: number, steps: number = options.steps): TrajectoryTask[] =>
  Array.from({ length: count }, (_, k) => ({
    initialState: subject.initialState.map((v) => v / (k + 1)),
    seed: k,
    options: { ...options, steps },
  }));
const job = (tasks: TrajectoryTask[], threads: number) =>
  ({ kind: 'spectrum', tasks, threads, unitsPerTask: tasks[0]!.options.steps, label: 'testing' }) as const;
const never: Watch = { tick: () => false };

describe('tasks that several threads share', () => {
  test('give the same bytes as in one, and in the same order', async () => {
    const subject = subjectOf(noiseDrive(1, 2, 0, 'noise:1'));
    // Long enough that a second thread is worth its start.
    const tasks = trajectories(subject, 8, 20_000);
    const alone = await parallel(subject, job(tasks, 1), never);
    expect(started()).toBe(0);
    const shared = await parallel(subject, job(tasks, 2), never);
    expect(started()).toBe(1);
    expect(shared).toEqual(alone);
    expect(new Set(alone.map((run) => run!.means[0])).size).toBe(8);
  });

  test('start no thread for what is done in no time', async () => {
    // Workers of the test before may be there; that none is told of this job shows in that all is done at once.
    const subject = subjectOf(constantDrive([0.1, 0.2], 2, 'constant'));
    const runs = await parallel(subject, job(trajectories(subject, 4, 1), 2), never);
    expect(runs.every((run) => run!.steps === 1)).toBe(true);
  });

  test('stop when the watch says so, and answer with what they have', async () => {
    const subject = subjectOf(noiseDrive(1, 2, 0, 'noise:1'));
    const until = performance.now() + 600;
    let most = 0;
    const watch: Watch = {
      tick: (done, total, label) => {
        expect(label).toBe('testing');
        expect(done).toBeLessThanOrEqual(total);
        expect(done).toBeGreaterThanOrEqual(most);
        most = done;
        return performance.now() > until;
      },
    };
    const began = performance.now();
    const runs = await parallel(subject, job(trajectories(subject, 6, 100_000_000), 2), watch);
    expect(performance.now() - began).toBeLessThan(5000);
    const begun = runs.filter((run) => run !== undefined);
    expect(begun.length).toBeGreaterThan(0);
    expect(begun.length).toBeLessThan(6);
    for (const run of begun) expect(run.outcome.kind).toBe('partial');
    expect(runs.at(-1)).toBeUndefined();
  });

  test('end with the error of the one that fails, in whichever thread', async () => {
    // Row 900 is 1/0; each trajectory meets it.
    const subject = subjectOf(await expressionDrive('1 / (900 - t)', 2, 0));
    await expect(parallel(subject, job(trajectories(subject, 8), 2), never)).rejects.toMatchObject({
      name: 'UserError',
      code: 'USAGE',
      message: expect.stringContaining('gives Infinity at t = 900, i = 0'),
    });
  });

  test('are done here where the map is code that no other thread knows', async () => {
    const { model: _model, ...subject } = subjectOf(noiseDrive(1, 2, 0, 'noise:1'));
    expect(recipeOf(subject)).toBeNull();
    const runs = await parallel(subject, job(trajectories(subject, 2), 2), never);
    expect(runs.every((run) => run!.outcome.kind === 'complete')).toBe(true);
  });
});

describe('a subject as plain data', () => {
  const rows = { shape: [40, 2], values: normals(80, random(4)) };
  const sent = async (subject: Subject) => orbitFrom(structuredClone(recipeOf(subject)!));

  test.each<[string, () => Drive | Promise<Drive>]>([
    ['constant', () => constantDrive([0.5, -1], 2, 'constant:0.5,-1')],
    ['noise', () => noiseDrive(0.7, 2, 9, 'noise:0.7')],
    ['rows', () => dataDrive(rows, 2, 'rows.npy')],
    ['rows read backward', () => reversed(dataDrive(rows, 2, 'rows.npy'))],
    ['a formula', () => expressionDrive('random() + sin(t) * i', 2, 3)],
  ])('has the same inputs where it is made again: %s', async (_name, make) => {
    const drive = await make();
    const again = (await sent(subjectOf(drive))).drive;
    expect(again).toMatchObject({ kind: drive.kind, spec: drive.spec, length: drive.length });
    for (const t of [0, 7, 39]) {
      const [a, b] = [new Float64Array(2), new Float64Array(2)];
      drive.at(t, a);
      again.at(t, b);
      expect(b).toEqual(a);
    }
  });

  test.each(cells.filter((cell) => !cell.projected))(
    'has the same steps where it is made again: $name',
    async (cell) => {
      const subject = subjectOf(constantDrive([0.5, -1], 2, ''), 'driven', cell);
      const { system } = await sent(subject);
      const x = Float64Array.of(0.3, -0.2);
      expect(step(system, subject.initialState, x)).toEqual(step(subject.system, subject.initialState, x));
    },
  );

  test('keeps its loop closed', async () => {
    const { system } = await sent(subjectOf(constantDrive([0, 0], 2, ''), 'closed loop'));
    expect(system.inputSize).toBe(0);
  });
});

test('--strict gives the same bytes on one thread and on two, and says nothing of how many there were', async () => {
  const before = arithmetic();
  const given = { closedLoop: true, steps: 800, trajectories: 4, count: 12, strict: true };
  const asked = async (threads: number) =>
    JSON.stringify((await ask('lyapunov', lorenz, { ...given, threads })).result);
  const one = await asked(1);
  expect(await asked(2)).toBe(one);
  expect(arithmetic()).toBe(before);
  // Without it, the numbers are the same to rounding that chaos has made larger: the leading exponent within its error.
  const loose = (await ask('lyapunov', lorenz, { ...given, strict: false })).result.value as LyapunovValue;
  const strict = JSON.parse(one).value as LyapunovValue;
  const error = Math.hypot(loose.standardErrors[0]!, strict.standardErrors[0]!);
  expect(Math.abs(loose.exponents[0]! - strict.exponents[0]!)).toBeLessThan(5 * error);
  useArithmetic(before);
});
