import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readWeightFile } from '../../src/formats/index.js';
import { listModules, type ModelOptions, readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from './stepping.js';

const path = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const read = async (name: string, options: ModelOptions = {}) =>
  readModel(await readWeightFile(path(name)), options);

const reference = JSON.parse(readFileSync(path('torch_ref.json'), 'utf8'));

/** How far the hidden states of the network in a file are from PyTorch's, at most. */
async function miss(file: string, net: string, options: ModelOptions = {}): Promise<number> {
  const model = await read(file, options);
  return largestDifference(hiddenStates(model, reference.x), reference[net].y);
}

test.each(['gru2.pt', 'gru2.npz', 'gru2.json', 'gru2.safetensors', 'gru2_module.pt', 'gru2_named_params.pt'])(
  '%s holds the GRU that PyTorch ran',
  async (file) => {
    expect(await miss(file, 'gru2')).toBeLessThan(1e-6);
  },
);

test('lstm2.pt holds the LSTM that PyTorch ran', async () => {
  expect(await miss('lstm2.pt', 'lstm2')).toBeLessThan(1e-6);
});

test('rnn2.pt is a ReLU network, which its file does not say', async () => {
  expect(await miss('rnn2.pt', 'rnn2', { activation: 'relu' })).toBeLessThan(1e-6);
  expect(await miss('rnn2.pt', 'rnn2')).toBeCloseTo(0.75, 2);
});

test.each([
  ['grucell.pt', 'gru', 1],
  ['lstmcell.pt', 'lstm', 1],
  ['gru_wn.pt', 'gru', 1],
  ['gru2_nobias.pt', 'gru', 2],
])('%s is a bare %s', async (file, cell, layers) => {
  const model = await read(file);
  expect([model.module, model.layers[0]!.cell.name, model.layers.length]).toEqual(['', cell, layers]);
  expect([model.inputSize, model.hiddenSize]).toEqual([3, 8]);
});

test('without biases there are no vectors', async () => {
  expect((await read('gru2_nobias.pt')).layers[1]!.weights.vectors).toEqual({});
});

test('the rows of a weight-normed matrix are as long as the file says', async () => {
  const file = await readWeightFile(path('gru_wn.pt'));
  const g = file.tensors.get('parametrizations.weight_hh_l0.original0')!.values();
  const { U_r } = readModel(file).layers[0]!.weights.matrices;
  for (let i = 0; i < 8; i++)
    expect(Math.hypot(...U_r!.data.subarray(i * 8, (i + 1) * 8))).toBeCloseTo(g[i]!, 12);
});

test.each(['net_sd.pt', 'net_dp.pt', 'net_ckpt.pt', 'net_module.pt'])(
  '%s is one LSTM with its readout, however it was wrapped',
  async (file) => {
    const model = await read(file);
    const bare = await read('net_sd.pt');
    expect([model.module, model.readout?.name]).toEqual(['rnn', 'readout']);
    expect(model.layers).toEqual(bare.layers);
    expect(model.readout).toEqual(bare.readout);
  },
);

test('a pickled module says what a state dict leaves to be assumed', async () => {
  expect((await read('net_module.pt')).assumptions).toEqual([]);
  expect((await read('gru2_module.pt')).assumptions).toEqual([]);
  expect((await read('net_sd.pt')).assumptions).toHaveLength(1);
});

test('a dynamically quantised network is refused as such', async () => {
  await expect(read('net_qdyn.pt')).rejects.toThrow(/quantis/i);
});

const SHARED = process.env.RNNSCOPE_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const shared = (name: string) => `${SHARED}/${name}`;

const MODELS = [
  'adding-lstm64',
  'adding-rnn64',
  'charlm-gru2x96',
  'charlm-lstm2x96',
  'flipflop3-gru32',
  'flipflop3-lstm32',
  'flipflop3-rnn64',
  'lorenz-gru48',
  'sine-gru48',
];

test.runIf(existsSync(shared('models'))).each(MODELS)(
  'the trained network %s has its sizes',
  async (name) => {
    const meta = JSON.parse(readFileSync(shared(`models/${name}.meta.json`), 'utf8'));
    const model = readModel(await readWeightFile(shared(`models/${name}.pt`)));
    expect(model).toMatchObject({ module: 'rnn', inputSize: meta.input_size, hiddenSize: meta.hidden_size });
    expect(model.layers).toHaveLength(meta.layers);
    expect(model.layers[0]!.cell.family).toBe(meta.cell);
    expect(model.readout?.weight.rows).toBe(meta.output_size);
    expect(model.embedding?.weight.rows).toBe(meta.vocab ?? undefined);
  },
);

const COPIES = ['flipflop3-gru32', 'flipflop3-lstm32', 'flipflop3-rnn64'].flatMap((net) =>
  [
    'ckpt',
    'dataparallel-f16.pt',
    'legacy.pt',
    'npz',
    'safetensors',
    'bf16.safetensors',
    'torchscript.pt',
    'whole-module.pt',
  ].map((ending) => [net, ending] as const),
);

test.runIf(existsSync(shared('models/formats'))).each(COPIES)('%s is the same in %s', async (net, ending) => {
  const original = readModel(await readWeightFile(shared(`models/${net}.pt`)));
  const copy = readModel(await readWeightFile(shared(`models/formats/${net}.${ending}`)));
  expect(copy.readout?.weight.rows).toBe(3);
  const rounded = ending.includes('f16');
  for (const [name, matrix] of Object.entries(original.layers[0]!.weights.matrices)) {
    const other = copy.layers[0]!.weights.matrices[name]!.data;
    const worst = Math.max(...matrix.data.map((value, i) => Math.abs(value - other[i]!)));
    expect(worst).toBeLessThanOrEqual(rounded ? 0.02 : 0);
  }
});

const silero = shared('wild/silero_vad_16k.safetensors');
test.runIf(existsSync(silero))('Silero VAD holds one LSTM cell and no linear readout', async () => {
  const file = await readWeightFile(silero);
  expect(listModules(file)).toMatchObject([
    { name: 'lstm_cell', cell: 'lstm', inputSize: 128, hiddenSize: 128 },
  ]);
  expect(readModel(file).readout).toBeUndefined();
});
