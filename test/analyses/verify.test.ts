import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { verify as analysis, type Trial, type VerifyValue } from '../../analyses/verify.js';
import { type Given, verify } from '../../src/ask.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import type { System } from '../../src/dynamics/system.js';
import { npyBytes, readWeightFile } from '../../src/formats/index.js';
import { readModel } from '../../src/model/index.js';
import { resolve } from '../../src/options.js';
import { makeFeeds } from '../../src/oracle/feeds.js';
import { Runtime } from '../../src/oracle/onnxruntime.js';
import { unwatched } from '../../src/outcome.js';
import { fixture } from '../formats/build.js';
import { hiddenStates } from '../model/stepping.js';

const scratch = mkdtempSync(join(tmpdir(), 'rnnscope-verify-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Rows = readonly (readonly number[])[];

/** [steps, numbers] or, of several sequences, [sequences, steps, numbers]. */
function array(name: string, ...sequences: Rows[]): string {
  const path = join(scratch, name);
  const shape = [sequences[0]!.length, sequences[0]![0]!.length];
  writeFileSync(
    path,
    npyBytes(
      sequences.length > 1 ? [sequences.length, ...shape] : shape,
      Float64Array.from(sequences.flat(2)),
    ),
  );
  return path;
}

/** s' = s/2 + x, known on paper: 1, 1.5, 1.75 under x = 1. */
const halving: System = {
  ...functionSystem({ dimension: 1, step: ([s]) => [s! / 2], jacobian: () => [[0.5]] }),
  inputSize: 1,
  step: (s, x, next) => void next.set([s[0]! / 2 + x[0]!]),
};
const trial = (expected: readonly number[], name = 'halving'): Trial => ({
  name,
  system: halving,
  initialState: new Float64Array(1),
  inputs: expected.map(() => Float64Array.of(1)),
  expected: expected.map((v) => Float64Array.of(v)),
  output: (state) => state,
});
const compare = (trials: Trial[], options = {}) =>
  analysis.run(
    { against: 'paper', trials, fed: [], notes: [] },
    resolve(analysis.options, options),
    unwatched,
  );

describe('a comparison', () => {
  test('of a map with its values on paper finds no difference', async () => {
    const { value, outcome } = await compare([trial([1, 1.5, 1.75])]);
    expect(value).toMatchObject({
      agrees: true,
      largestDifference: 0,
      rootMeanSquare: 0,
      largestValue: 1.75,
      compared: 3,
    });
    expect(outcome).toEqual({ kind: 'complete' });
  });

  test('says how far off the values are, where, and at each step', async () => {
    const { value, outcome } = await compare([trial([1, 1.5, 1.75]), trial([1, 1.25, 1.75], 'second')]);
    expect(value).toMatchObject({
      agrees: false,
      largestDifference: 0.25,
      at: { trial: 'second', step: 1, entry: 0 },
      rootMeanSquare: Math.sqrt(0.0625 / 6),
      byStep: [0, 0.25, 0],
    });
    expect(value.trials.map(({ largestDifference }) => largestDifference)).toEqual([0, 0.25]);
    expect(outcome).toMatchObject({
      kind: 'failed',
      what: expect.stringContaining('differ by 0.250 (second, step 1, entry 0)'),
    });
  });

  test('allows for the given share of the largest value, and of 1 where values are small', async () => {
    expect((await compare([trial([1, 1.5, 1.7501])], { tolerance: 6e-5 })).value.agrees).toBe(true);
    expect((await compare([trial([1, 1.5, 1.7501])], { tolerance: 5e-5 })).value.agrees).toBe(false);
  });

  test('does not take a number for one that is none', async () => {
    const { value } = await compare([trial([1, Number.NaN])]);
    expect([value.agrees, value.largestDifference]).toEqual([false, Number.POSITIVE_INFINITY]);
  });
});

const torch = JSON.parse(readFileSync(fixture('torch_ref.json'), 'utf8')) as Record<string, { y: Rows }> & {
  x: Rows;
};
const run = async (name: string, given: Given) => {
  const result = await verify(fixture(name), given);
  return { ...result, value: result.value as VerifyValue };
};

describe('stored arrays', () => {
  test('of PyTorch agree with the file that it wrote', async () => {
    const { value } = await run('gru2.pt', {
      expect: [array('x.npy', torch.x), array('y.npy', torch.gru2!.y)],
    });
    expect(value).toMatchObject({
      agrees: true,
      compared: 48,
      trials: [{ name: 'states of the network, sequence 0', steps: 6, width: 8 }],
    });
    expect(value.largestDifference).toBeLessThan(1e-6);
  });

  test('uncover that a ReLU network was taken for one of tanh, which its file does not say', async () => {
    const files = [array('x.npy', torch.x), array('relu.npy', torch.rnn2!.y)];
    const assumed = await run('rnn2.pt', { expect: files });
    expect([assumed.value.agrees, assumed.outcome.kind]).toEqual([false, 'failed']);
    // formats.md: tanh misses the reference by 0.75.
    expect(assumed.value.largestDifference).toBeCloseTo(0.747, 2);
    expect((await run('rnn2.pt', { expect: files, activation: 'relu' })).value.agrees).toBe(true);
  });

  test('may hold several sequences', async () => {
    const twice = [array('x2.npy', torch.x, torch.x), array('y2.npy', torch.gru2!.y, torch.gru2!.y)];
    expect((await run('gru2.pt', { expect: twice })).value).toMatchObject({ agrees: true, compared: 96 });
  });

  test('are the readout where they have its width', async () => {
    const model = readModel(await readWeightFile(fixture('net_sd.pt')));
    const { weight, bias } = model.readout!;
    const y = hiddenStates(model, torch.x).map((h) =>
      Array.from({ length: weight.rows }, (_, i) =>
        h.reduce((sum, v, j) => sum + weight.data[i * weight.cols + j]! * v, bias![i]!),
      ),
    );
    const { value } = await run('net_sd.pt', { expect: [array('x.npy', torch.x), array('read.npy', y)] });
    expect(value.trials[0]!.name).toMatch(/^readout /);
    expect(value.largestDifference).toBeLessThan(1e-14);
  });

  test('are both directions where they have twice the width', async () => {
    const file = await readWeightFile(fixture('gru2_bi_dynamo.onnx'));
    const way = (direction: 'forward' | 'backward') => readModel(file, { direction, layer: 0 });
    const forward = hiddenStates(way('forward'), torch.x);
    const backward = hiddenStates(way('backward'), torch.x.toReversed()).reverse();
    const files = [
      array('x.npy', torch.x),
      array(
        'both.npy',
        forward.map((h, t) => [...h, ...backward[t]!]),
      ),
    ];
    const { value } = await run('gru2_bi_dynamo.onnx', { expect: files, layer: 0 });
    expect(value.trials.map(({ width }) => width)).toEqual([8, 8]);
    expect(value.largestDifference).toBeLessThan(1e-14);
  });

  test('that do not fit are refused with the sizes', async () => {
    const [x, y] = [array('x.npy', torch.x), array('y.npy', torch.gru2!.y)];
    const refused = (files: string[]) => run('gru2.pt', { expect: files });
    await expect(refused([y, y])).rejects.toThrow(
      /y\.npy has rows of 8 numbers, but the network has 3 inputs/,
    );
    await expect(refused([x, x])).rejects.toThrow(
      /x\.npy has rows of 3 numbers, expected the 8 states of the network/,
    );
    await expect(refused([x, array('short.npy', torch.gru2!.y.slice(1))])).rejects.toThrow(
      /holds 1 × 5 rows, but .* 1 × 6/,
    );
    await expect(run('gru2.pt', { expect: [x] })).rejects.toThrow('--expect takes two files');
  });
});

test('a file that no program here can run is asked for what its own program computed', async () => {
  await expect(verify(fixture('gru2.pt'))).rejects.toThrow(
    'verify runs ONNX files in onnxruntime; for one of pytorch-zip give what its own program computed: --expect X.npy Y.npy',
  );
});

describe('what a graph is fed', () => {
  const runtime = {
    tensor: (type: string, data: ArrayLike<number | bigint>, dims: number[]) => ({ type, data, dims }),
  } as unknown as Runtime;
  const feeds = (shape: (number | string)[], more: object = {}, size?: string) =>
    makeFeeds([{ name: 'x', dtype: 'f32', shape, role: 'other', ...more }], runtime, {
      length: 5,
      size,
      seed: 0,
    });

  test('has the sizes of the file, and a few where it leaves them open', () => {
    expect(feeds([2, 3]).fed[0]!.shape).toEqual([2, 3]);
    expect(feeds(['batch', 'time', 3]).fed[0]!.shape).toEqual([2, 5, 3]);
    expect(feeds(['batch', 'time', 3], {}, 'time=7,batch=1').fed[0]!.shape).toEqual([1, 7, 3]);
    expect(() => feeds([1], {}, 'time')).toThrow("--size takes NAME=N[,NAME=N], such as batch=1, not 'time'");
  });

  test('is random for sequences, 0 for first states, below the size of the table for tokens', () => {
    const { tensors, fed } = feeds([2, 3], { role: 'state' });
    expect([[...(tensors.x!.data as Float32Array)], fed[0]!.with]).toEqual([
      [0, 0, 0, 0, 0, 0],
      'zeros, as a first state',
    ]);
    const tokens = feeds([100], { role: 'tokens', rows: 7, dtype: 'i64' });
    const ids = Array.from(tokens.tensors.x!.data as BigInt64Array, Number);
    expect([Math.min(...ids), Math.max(...ids)]).toEqual([0, 6]);
    expect(new Set(Array.from(feeds([50]).tensors.x!.data)).size).toBe(50);
    expect(feeds([], { name: 'sr', dtype: 'i64' }).fed[0]!.with).toBe('16000, as a sampling rate');
  });
});

const runtime = await Runtime.load().catch(() => undefined);

describe.runIf(runtime)('onnxruntime', () => {
  test.each([
    ['gru2_legacy.onnx', 2],
    ['gru2_dynamo.onnx', 2],
    ['gruh_dynamo.onnx', 2],
    ['lstm2_legacy.onnx', 2],
    ['rnn2_legacy.onnx', 2],
    ['tf2onnx_gru2.onnx', 4],
    ['tf2onnx_gru_hs.onnx', 4],
    ['tf2onnx_rnn2.onnx', 4],
    // Two layers, both ways, two sequences each.
    ['lstm2_bi_legacy.onnx', 8],
    ['gru2_bi_dynamo.onnx', 8],
    ['flipflop3-lstm32.dynamo.onnx', 1],
  ])('runs %s and gives the same', async (name, trials) => {
    const { value } = await run(name, {});
    expect(value.agrees).toBe(true);
    expect(value.largestDifference).toBeLessThan(1e-6);
    expect(value.trials).toHaveLength(trials);
  });

  test('does not give the same for other functions than the file has', async () => {
    const { value } = await run('gru2_legacy.onnx', { activation: 'gate=hard_sigmoid' });
    expect([value.agrees, value.largestDifference > 1e-3]).toEqual([false, true]);
  });
});

test.skipIf(runtime)('without onnxruntime the command says how to install it', async () => {
  await expect(verify(fixture('gru2_legacy.onnx'))).rejects.toThrow(
    'which is not installed (about 300 MB, and no part of rnnscope): npm install onnxruntime-node',
  );
});
