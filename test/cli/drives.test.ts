import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npyBytes } from '../../src/formats/index.js';
import { zip } from '../formats/build.js';
import { embedding, folder, models, rnnscope, writeModels } from './command.js';

const here = folder();
const rows = [
  [0.5, -1],
  [0.25, 2],
  [-0.75, 0.125],
];
const npy = npyBytes([3, 2], Float64Array.from(rows.flat()));

beforeAll(() => {
  writeModels(here);
  writeFileSync(here.file('rows.npy'), npy);
  writeFileSync(here.file('rows.csv'), `a,b\n${rows.map((row) => row.join(',')).join('\n')}\n`);
  writeFileSync(
    here.file('rows.npz'),
    zip({ name: 'other.npy', data: npyBytes([1], Float64Array.of(0)) }, { name: 'x.npy', data: npy }),
  );
  writeFileSync(here.file('ids.npy'), npyBytes([3], Float64Array.of(4, 0, 2)));
  writeFileSync(here.file('state.npy'), npyBytes([4], Float64Array.of(0.1, 0.2, -0.3, 0.4)));
});
afterAll(here.remove);

/** The input of step t and the state before it. */
async function at(
  t: number,
  args: readonly string[],
  model = 'gru.json',
): Promise<{ state: number[]; input: number[] }> {
  const { stdout, stderr } = await rnnscope(['jacobian', model, '--warmup', String(t), ...args, '--json'], {
    cwd: here.path,
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout).value;
}

describe('the input of a step', () => {
  const sine = (t: number) => Math.sin((2 * Math.PI * t) / 25);
  const kinds: [string, number, readonly number[]][] = [
    ['zero', 3, [0, 0]],
    ['constant:0.5', 3, [0.5, 0.5]],
    ['constant:0.5,-2e-1', 3, [0.5, -0.2]],
    ['expr:sin(2 pi t/25)', 7, [sine(7), sine(7)]],
    ['expr:t + i/10', 7, [7, 7.1]],
    ['expr:t == 2', 2, [1, 1]],
    ['rows.npy', 1, rows[1]!],
    ['rows.csv', 2, rows[2]!],
    ['rows.npz:x', 0, rows[0]!],
    ['tokens:ids.npy', 0, embedding[4]!],
    ['tokens:ids.npy', 2, embedding[2]!],
    ['noise:0', 5, [0, 0]],
  ];
  test.each(kinds)('under --drive %s at t = %i is %j', async (drive, t, expected) => {
    const { input } = await at(t, ['--drive', drive]);
    expected.forEach((v, i) => void expect(input[i]).toBeCloseTo(v, 14));
  });

  test('of noise grows in proportion to its size', async () => {
    const small = await at(3, ['--drive', 'noise:0.1']);
    const large = await at(3, ['--drive', 'noise:10']);
    large.input.forEach((v, i) => void expect(v / small.input[i]!).toBeCloseTo(100, 10));
  });
});

test('the first state is zero, a file, or random in proportion to its scale', async () => {
  expect((await at(0, [])).state).toEqual([0, 0, 0, 0]);
  expect((await at(0, ['--state', 'state.npy'])).state).toEqual([0.1, 0.2, -0.3, 0.4]);
  const half = (await at(0, ['--state', 'random:0.5'])).state;
  const whole = (await at(0, ['--state', 'random:1'])).state;
  expect(whole).toEqual(half.map((v) => 2 * v));
  expect(new Set(half).size).toBe(4);
});

type Weights = Record<string, readonly number[] | readonly (readonly number[])[]>;

/** torch.nn.GRU as its documentation states it, gate rows r z n. */
function gruStep(weights: Weights, suffix: string, h: readonly number[], x: readonly number[]): number[] {
  const affine = (role: string, v: readonly number[]): number[] =>
    (weights[`rnn.weight_${role}_l0${suffix}`] as number[][]).map(
      (row, k) =>
        row.reduce((sum, w, j) => sum + w * v[j]!, 0) +
        (weights[`rnn.bias_${role}_l0${suffix}`] as number[])[k]!,
    );
  const [a, b] = [affine('ih', x), affine('hh', h)];
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  return h.map((v, i) => {
    const r = sigmoid(a[i]! + b[i]!);
    const z = sigmoid(a[4 + i]! + b[4 + i]!);
    const n = Math.tanh(a[8 + i]! + r * b[8 + i]!);
    return (1 - z) * n + z * v;
  });
}

describe('a bidirectional module', () => {
  const weights = models['both-ways.json'] as unknown as Weights;

  test.each([
    ['forward', '', rows],
    ['backward', '_reverse', rows.toReversed()],
  ])('read %s sees the rows of the drive in that order', async (direction, suffix, order) => {
    const { state, input } = await at(2, ['--direction', direction, '--drive', 'rows.npy'], 'both-ways.json');
    let h = [0, 0, 0, 0];
    for (const x of order.slice(0, 2)) h = gruStep(weights, suffix, h, x);
    expect(input).toEqual(order[2]);
    state.forEach((v, i) => void expect(v).toBeCloseTo(h[i]!, 14));
  });
});

test('a closed loop is fed what its readout said of the step before', async () => {
  const weights = models['gru.json'] as unknown as Weights;
  const [W, b] = [weights['out.weight'] as number[][], weights['out.bias'] as number[]];
  const { state } = await at(4, ['--closed-loop', '--state', 'state.npy']);
  let h = [0.1, 0.2, -0.3, 0.4];
  for (let t = 0; t < 4; t++)
    h = gruStep(
      weights,
      '',
      h,
      W.map((row, k) => row.reduce((sum, w, j) => sum + w * h[j]!, b[k]!)),
    );
  state.forEach((v, i) => void expect(v).toBeCloseTo(h[i]!, 14));
});
