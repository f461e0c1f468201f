import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GradientsValue, gradients } from '../../analyses/gradients.js';
import { gruResetAfter, lstm } from '../../src/cells/index.js';
import { type Drive, zeroDrive } from '../../src/dynamics/drive.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { network, outputRows } from '../../src/dynamics/network.js';
import type { Subject } from '../../src/dynamics/subject.js';
import { gemm, spectralNorm } from '../../src/linalg/index.js';
import { identity, type Matrix, matrix, zeros } from '../../src/linalg/matrix.js';
import type { Layer, Model } from '../../src/model/model.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { random } from '../../src/random.js';
import { normals, randomLayer, step } from '../dynamics/helpers.js';
import { autonomous, diagonal } from '../oracles.js';

const run = async (subject: Subject, given: Record<string, unknown>): Promise<GradientsValue> =>
  (await gradients.run(subject, resolve(gradients.options, given), unwatched)).value;

const noise: Drive = {
  kind: 'noise',
  spec: 'noise:1',
  inputSize: 2,
  length: Number.POSITIVE_INFINITY,
  at: (t, out) => out.set(normals(2, random(11, t))),
};

function stack(layers: Layer[], outputs = 3): Subject {
  const system = network(layers);
  const H = layers.at(-1)!.weights.hiddenSize;
  const readout = {
    name: 'readout',
    weight: matrix(outputs, H, normals(outputs * H, random(5))),
    bias: normals(outputs, random(6)),
  };
  return {
    system,
    drive: noise,
    initialState: new Float64Array(system.dimension),
    mode: 'driven',
    seed: 0,
    model: { layers, readout } as unknown as Model,
  };
}

const one = stack([randomLayer(lstm, { hidden: 4, inputs: 2 }, 3, { gain: 1.5 })]);
const two = stack([
  randomLayer(lstm, { hidden: 4, inputs: 2 }, 3, { gain: 1.5 }),
  { ...randomLayer(gruResetAfter, { hidden: 3, inputs: 4 }, 4, { gain: 1.5 }), name: 'layer1' },
]);

/** States after 0 … count rows. */
function orbit({ system, drive, initialState }: Subject, count: number): Float64Array[] {
  const states = [initialState];
  const x = new Float64Array(system.inputSize);
  for (let t = 0; t < count; t++) {
    drive.at(t, x);
    states.push(step(system, states.at(-1)!, x));
  }
  return states;
}

/** The loss at row `end` of a trajectory that is started at `from` after `begin` rows. */
function lossFrom(
  subject: Subject,
  from: Float64Array,
  begin: number,
  end: number,
  loss: (y: number[]) => number,
) {
  const { system, drive, model } = subject;
  const x = new Float64Array(system.inputSize);
  let s = from;
  for (let t = begin; t < end; t++) {
    drive.at(t, x);
    s = step(system, s, x);
  }
  const rows = outputRows(model!.layers);
  const { weight, bias } = model!.readout!;
  const y = Array.from({ length: weight.rows }, (_, i) => {
    let sum = bias![i]!;
    for (let j = 0; j < weight.cols; j++) sum += weight.data[i * weight.cols + j]! * s[rows.from + j]!;
    return sum;
  });
  return loss(y);
}

const folder = mkdtempSync(join(tmpdir(), 'rnnscope-targets-'));
const written = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const losses: [string, string, (y: number[]) => number][] = [
  [
    'mse',
    written('mse.csv', '0.5,-1,2\n'),
    (y) => ((y[0]! - 0.5) ** 2 + (y[1]! + 1) ** 2 + (y[2]! - 2) ** 2) / 3,
  ],
  [
    'cross-entropy',
    written('class.csv', '1\n'),
    (y) => Math.log(y.reduce((sum, v) => sum + Math.exp(v), 0)) - y[1]!,
  ],
];

describe.each(losses)('the gradient of the %s loss of --targets', (loss, targets, plain) => {
  test('is that of finite differences, at every lag, through a stack', async () => {
    const end = 30;
    const { path } = await run(two, { end, lags: 12, targets, loss });
    const states = orbit(two, end);
    for (const lag of [0, 1, 5, 12]) {
      const gradient = Array.from(states[end - lag]!, (_, i) => {
        const moved = (by: number) => {
          const s = Float64Array.from(states[end - lag]!);
          s[i] = s[i]! + by;
          return lossFrom(two, s, end - lag, end, plain);
        };
        return (moved(1e-5) - moved(-1e-5)) / 2e-5;
      });
      expect(path!.log10Norm[lag]).toBeCloseTo(Math.log10(Math.hypot(...gradient)), 6);
    }
    expect(path!.of).toContain(loss);
  });
});

describe('a gradient followed step by step', () => {
  test('goes ways whose parts add up to 1 in every step', async () => {
    for (const subject of [one, two]) {
      const { path } = await run(subject, { end: 60, lags: 40, cotangent: 'readout:1' });
      expect(path!.paths.at(-1)!.name).toBe('directly');
      for (let k = 0; k < 40; k++)
        expect(path!.paths.reduce((sum, { share }) => sum + share[k]!, 0)).toBeCloseTo(1, 12);
    }
  });

  test('through an LSTM without weights goes directly, by σ(b_f) a step, and a bias works on it as 1 − σ(b_f)', async () => {
    const matrices = Object.fromEntries(
      lstm.parameters.flatMap((p): [string, Matrix][] =>
        p.kind === 'matrix' && !p.optional ? [[p.name, zeros(2, p.cols === 'I' ? 1 : 2)]] : [],
      ),
    );
    const vectors = { bx_f: Float64Array.of(2, 2) };
    const layers = [
      { name: 'layer0', cell: lstm, weights: { hiddenSize: 2, inputSize: 1, matrices, vectors } },
    ];
    const subject = { ...stack(layers), drive: zeroDrive(1) };
    const { path } = await run(subject, { end: 50, lags: 40, length: 40 });
    const f = 1 / (1 + Math.exp(-2));
    expect(path!.log10Factor[5]).toBeCloseTo(Math.log10(f), 10);
    expect(path!.paths.at(-1)!.mean).toBeCloseTo(1, 10);
    const [forget] = path!.bias;
    // At lag 0 the gradient may meet h, which nothing carries on: the first step is none of the cell state.
    expect(forget!.slope).toBeCloseTo(1 - f, 1);
    expect(forget!.toHold!).toBeCloseTo(-Math.log(f) / (1 - f), 1);
    expect(path!.gates.find(({ name }) => name === 'f')!.weighted[5]).toBeCloseTo(f, 12);
  });

  test('chooses the direction that survives best: its norm is nearly the spectral one', async () => {
    const { path, log10SpectralNorm } = await run(two, { end: 80, lags: 60, length: 30 });
    expect(path!.log10Norm[30]! - path!.log10Norm[0]!).toBeCloseTo(log10SpectralNorm[30]!, 3);
  });

  test('tells the step at which it dies, by its row of the drive', async () => {
    // Along a cycle of 7 states one step shrinks by 1000, the others leave all as it is.
    const cycle = functionSystem({
      dimension: 1,
      step: ([s]) => [(s! + 1) % 7],
      jacobian: ([s]) => [[s === 3 ? 1e-3 : 1]],
    });
    const { path } = await run(autonomous(cycle, [0]), { end: 30, lags: 20 });
    expect(path!.deaths).toHaveLength(3);
    for (const { row, log10Factor, lag } of path!.deaths) {
      expect(row % 7).toBe(3);
      expect(log10Factor).toBeCloseTo(-3, 12);
      expect(lag).toBe(29 - row);
    }
  });

  test('names the gate that was shut', async () => {
    // The first input shuts the update gate of a GRU that otherwise keeps all.
    const matrices = Object.fromEntries(
      gruResetAfter.parameters.flatMap((p): [string, Matrix][] =>
        p.kind === 'matrix' && !p.optional ? [[p.name, zeros(2, p.cols === 'I' ? 1 : 2)]] : [],
      ),
    );
    matrices.W_z = matrix(2, 1, [-9, -9]);
    const vectors = { bx_z: Float64Array.of(5, 5) };
    const layers = [
      { name: 'layer0', cell: gruResetAfter, weights: { hiddenSize: 2, inputSize: 1, matrices, vectors } },
    ];
    const drive = {
      ...zeroDrive(1),
      kind: 'data' as const,
      at: (t: number, out: Float64Array) => void out.fill(t === 31 ? 1 : 0),
    };
    const { path } = await run({ ...stack(layers), drive }, { end: 40, lags: 30 });
    const [worst] = path!.deaths;
    expect(worst!.row).toBe(31);
    expect(worst!.gate!.name).toBe('z');
    expect(worst!.gate!.here).toBeCloseTo(1 / (1 + Math.exp(4)), 10);
    expect(worst!.path).toBe('directly');
  });
});

describe('parts of the product', () => {
  test('are blocks of ∂s_T/∂s_{T−lag}: h by h, a layer by itself, the top’s output by a layer below', async () => {
    const end = 20;
    const value = await run(two, { end, lags: 6 });
    const states = orbit(two, end);
    let product = identity(two.system.dimension);
    const x = new Float64Array(2);
    for (let t = end - 6; t < end; t++) {
      two.drive.at(t, x);
      const next = zeros(product.rows, product.cols);
      gemm(next, two.system.linearise(states[t]!, x).jacobian(), product);
      product = next;
    }
    // The state is h0 c0 (4 each), then h1 (3).
    const sub = (rows: number[], cols: number[]): number =>
      Math.log10(
        spectralNorm(
          matrix(
            rows.length,
            cols.length,
            rows.flatMap((i) => cols.map((j) => product.data[i * 11 + j]!)),
          ),
        ),
      );
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
    const h = [...range(0, 4), ...range(8, 11)];
    const expected: Record<string, number> = {
      'h by h': sub(h, h),
      'layer0 by itself': sub(range(0, 8), range(0, 8)),
      'output of layer1 by layer0': sub(range(8, 11), range(0, 8)),
      'layer1 by itself': sub(range(8, 11), range(8, 11)),
    };
    expect(value.blocks.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
    for (const { name, log10Norm } of value.blocks) expect(log10Norm[6]).toBeCloseTo(expected[name]!, 10);
  });
});

describe('what follows for training', () => {
  test('the effective rank of equal directions is their number, and falls to 1 as one takes over', async () => {
    expect(
      (await run(autonomous(diagonal([0.5, 0.5, 0.5]), [0, 0, 0]), { lags: 10 })).effectiveRank.values[0],
    ).toBeCloseTo(3, 10);
    const value = await run(autonomous(diagonal([0.9, 0.3]), [0, 0]), { lags: 100 });
    expect(value.effectiveRank.values.at(-1)).toBeCloseTo(1, 10);
  });

  test.each([
    [0.5, 50],
    [0.99, 1000],
    [0.999, 50],
  ])('norms %d^k are cut off where a^(K + 1) ≤ 0.01, also beyond the longest lag', async (a, lags) => {
    const { truncation } = await run(autonomous(diagonal([a]), [0]), { lags });
    expect(truncation.steps).toBe(Math.ceil(Math.log(0.01) / Math.log(a) - 1));
  });

  test('no window is long enough where norms do not fall, and exploding ones are counted and clipped', async () => {
    const value = await run(autonomous(diagonal([1.2]), [0]), { lags: 120, length: 100 });
    expect(value.truncation.steps).toBeNull();
    expect(value.growth.share).toBe(1);
    expect(value.growth.largestFactor).toBeCloseTo(1.2, 10);
    expect(value.growth.log10Clip).toBeCloseTo(100 * Math.log10(1.2), 8);
    expect((await run(autonomous(diagonal([0.5]), [0]), {})).growth.log10Clip).toBeNull();
  });
});

describe('what does not fit is refused in one line', () => {
  test.each([
    [{ cotangent: 'readout:3' }, /has 3 rows, counted from 0/],
    [{ cotangent: 'top' }, /best or readout:ROW/],
    [{ targets: losses[1]![1] }, /1 columns, but this loss takes 3/],
    [{ targets: written('two.csv', '1,2,3\n4,5,6\n') }, /2 rows, but the gradient is taken after row 30/],
    [{ targets: written('bad.csv', '7\n'), loss: 'cross-entropy' }, /7 is no class/],
  ])('%j', async (given, message) => {
    await expect(async () => run(one, { end: 30, lags: 5, ...given })).rejects.toThrow(message);
  });

  test('a readout that is not there', async () => {
    await expect(run(autonomous(diagonal([0.5]), [0]), { cotangent: 'readout:0' })).rejects.toThrow(
      /--readout/,
    );
  });
});

test('a chosen gradient is followed as far as --lags goes, its size kept as a logarithm', async () => {
  const matrices = Object.fromEntries(
    gruResetAfter.parameters.flatMap((p): [string, Matrix][] =>
      p.kind === 'matrix' && !p.optional ? [[p.name, zeros(2, p.cols === 'I' ? 1 : 2)]] : [],
    ),
  );
  // Without weights h' = z h + (1 − z) n with n = 0: every step is a factor σ(0) = 1/2.
  const layers = [
    { name: 'layer0', cell: gruResetAfter, weights: { hiddenSize: 2, inputSize: 1, matrices, vectors: {} } },
  ];
  const subject = { ...stack(layers), drive: zeroDrive(1) };
  const { path } = await run(subject, { lags: 20_000, end: 20_000, cotangent: 'readout:0' });
  const [from, to] = [path!.far!.log10Norm[0]!, path!.far!.log10Norm.at(-1)!];
  expect(path!.far!.lags.at(-1)).toBe(20_000);
  expect(to - from).toBeCloseTo(20_000 * Math.log10(0.5), 6);
  expect(path!.far!.log10Norm[2000]).toBeCloseTo(path!.log10Norm[2000]!, 8);
});
