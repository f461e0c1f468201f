import { expect, test } from 'vitest';
import { readWeightFile } from '../../src/formats/index.js';
import type { WeightFile } from '../../src/formats/weight-file.js';
import { listModules, readModel } from '../../src/model/index.js';
import { fixture } from '../formats/build.js';
import { hiddenStates, largestDifference } from './stepping.js';
import { fromShapes } from './weight-files.js';

const X = [
  [1, -0.5, 0.3],
  [-0.2, 0.8, 0.1],
  [0.4, 0.4, -0.9],
];

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** [x; h] W + b, as the cells of TensorFlow 1 compute it. */
function affine(file: WeightFile, name: string, row: readonly number[]): number[] {
  const kernel = file.tensors.get(`${name}/kernel`)!;
  const [, columns] = kernel.shape as [number, number];
  const [W, b] = [kernel.values(), file.tensors.get(`${name}/bias`)?.values()];
  return Array.from({ length: columns }, (_, j) =>
    row.reduce((sum, v, i) => sum + v * W[i * columns + j]!, b?.[j] ?? 0),
  );
}

/** tf.nn.rnn_cell.GRUCell. */
function gru(file: WeightFile, path: string, H: number): number[][] {
  let h = new Array<number>(H).fill(0);
  return X.map((x) => {
    const gates = affine(file, `${path}/gates`, [...x, ...h]).map(sigmoid);
    const [r, u] = [gates.slice(0, H), gates.slice(H)];
    const c = affine(file, `${path}/candidate`, [...x, ...h.map((v, i) => v * r[i]!)]).map(Math.tanh);
    h = h.map((v, i) => u[i]! * v + (1 - u[i]!) * c[i]!);
    return h;
  });
}

/** tf.nn.rnn_cell.LSTMCell: i j f o, 1 added to f, peepholes, projection. */
function lstm(file: WeightFile, path: string, H: number, P = H): number[][] {
  const diagonal = (g: string) => file.tensors.get(`${path}/w_${g}_diag`)?.values();
  const projection = file.tensors.get(`${path}/projection/kernel`)?.values();
  let [h, c] = [new Array<number>(P).fill(0), new Array<number>(H).fill(0)];
  return X.map((x) => {
    const z = affine(file, path, [...x, ...h]);
    const gate = (k: number, g: string, state: readonly number[], extra = 0) =>
      state.map((v, i) => sigmoid(z[k * H + i]! + extra + (diagonal(g)?.[i] ?? 0) * v));
    const [i, f] = [gate(0, 'i', c), gate(2, 'f', c, 1)];
    c = c.map((v, k) => f[k]! * v + i[k]! * Math.tanh(z[H + k]!));
    const m = gate(3, 'o', c).map((o, k) => o * Math.tanh(c[k]!));
    h = projection
      ? Array.from({ length: P }, (_, p) => m.reduce((sum, v, k) => sum + v * projection[k * P + p]!, 0))
      : m;
    return h;
  });
}

const miss = (file: WeightFile, module: string, expected: number[][]) =>
  largestDifference(hiddenStates(readModel(file, { module }), X), expected);

test('the cells of a checkpoint of TensorFlow 1 step as its documentation says', async () => {
  const file = await readWeightFile(fixture('tf1ckpt/model.ckpt'));
  expect(listModules(file).map(({ name, cell }) => [name, cell])).toEqual([
    ['rnn/basic_lstm_cell', 'lstm'],
    ['rnn/gru_cell', 'gru-reset-before'],
  ]);
  expect(miss(file, 'rnn/gru_cell', gru(file, 'rnn/gru_cell', 8))).toBeLessThan(1e-14);
  expect(miss(file, 'rnn/basic_lstm_cell', lstm(file, 'rnn/basic_lstm_cell', 8))).toBeLessThan(1e-14);
});

test('that 1 is added to the forget gate is said, and that functions are supposed', async () => {
  const model = readModel(await readWeightFile(fixture('tf1ckpt/model.ckpt')), {
    module: 'rnn/basic_lstm_cell',
  });
  expect(model.assumptions).toEqual([
    "rnn/basic_lstm_cell: the file does not name its functions; sigmoid gates and tanh (TensorFlow's defaults) are assumed, --activation overrides",
    "rnn/basic_lstm_cell: 1 is added to the forget gate's bias, as the framework does when it runs (its default; the file does not hold it)",
  ]);
});

const peepholes = {
  'rnn/lstm_cell/w_i_diag': [4],
  'rnn/lstm_cell/w_f_diag': [4],
  'rnn/lstm_cell/w_o_diag': [4],
};

test.each<[string, Record<string, readonly number[]>, number]>([
  ['lstm', { 'rnn/lstm_cell/kernel': [7, 16] }, 4],
  ['lstm-peephole', { 'rnn/lstm_cell/kernel': [7, 16], 'rnn/lstm_cell/bias': [16], ...peepholes }, 4],
  ['lstm-projected', { 'rnn/lstm_cell/kernel': [5, 16], 'rnn/lstm_cell/projection/kernel': [4, 2] }, 2],
  [
    'lstm-peephole-projected',
    { 'rnn/lstm_cell/kernel': [5, 16], 'rnn/lstm_cell/projection/kernel': [4, 2], ...peepholes },
    2,
  ],
])('LSTMCell as a %s', (cell, shapes, P) => {
  const file = fromShapes(shapes);
  expect(readModel(file).layers[0]!.cell.name).toBe(cell);
  expect(miss(file, 'rnn/lstm_cell', lstm(file, 'rnn/lstm_cell', 4, P))).toBeLessThan(1e-14);
});

test('the cells of a MultiRNNCell are a stack by their numbers', () => {
  const path = (k: number) => `rnn/multi_rnn_cell/cell_${k}/basic_rnn_cell/kernel`;
  const shapes = Object.fromEntries(
    [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9].map((k) => [path(k), k === 0 ? [5, 2] : [4, 2]]),
  );
  const file = fromShapes(shapes);
  const model = readModel(file);
  expect(model.layers).toHaveLength(12);
  const W = file.tensors.get(path(10))!.values();
  expect([...model.layers[10]!.weights.matrices.W_h!.data]).toEqual([W[0], W[2], W[1], W[3]]);
});

test('fw and bw are the directions of one module', () => {
  const file = fromShapes({
    'bidirectional_rnn/bw/gru_cell/gates/kernel': [5, 4],
    'bidirectional_rnn/bw/gru_cell/candidate/kernel': [5, 2],
    'bidirectional_rnn/fw/gru_cell/gates/kernel': [5, 4],
    'bidirectional_rnn/fw/gru_cell/candidate/kernel': [5, 2],
  });
  expect(listModules(file)).toMatchObject([
    { name: 'bidirectional_rnn/fw/gru_cell', bidirectional: true, layers: 1 },
  ]);
});

test('layer normalisation is refused, as its kinds differ', () => {
  const file = fromShapes({
    'rnn/layer_norm_basic_lstm_cell/kernel': [7, 16],
    'rnn/layer_norm_basic_lstm_cell/input/gamma': [4],
  });
  expect(() => readModel(file)).toThrow('an LSTM with layer normalisation, of which there are two kinds');
});

test('kernels that are called weights, as before TensorFlow 1.2, are the same', () => {
  const file = fromShapes({ 'rnn/basic_lstm_cell/weights': [7, 16], 'rnn/basic_lstm_cell/biases': [16] });
  expect(listModules(file)).toMatchObject([{ cell: 'lstm', inputSize: 3, hiddenSize: 4, hasBiases: true }]);
});

test('a dense layer that is called after the cell in front of it is no cell', () => {
  const shapes = { 'rnn/lstm_cell/kernel': [7, 16], 'lstm_output/kernel': [4, 8], 'lstm_output/bias': [8] };
  const model = readModel(fromShapes(shapes));
  expect([model.module, model.readout?.name]).toEqual(['rnn/lstm_cell', 'lstm_output']);
});
