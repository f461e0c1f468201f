import { expect, test } from 'vitest';
import { listModules, readModel } from '../../src/model/index.js';
import { fromShapes } from './weight-files.js';

type Shapes = Record<string, readonly number[]>;

const linen = (path: string, gates: readonly string[], I: number, H: number): Shapes =>
  Object.fromEntries(
    gates.flatMap((g) => [
      [`${path}/i${g}/kernel`, [I, H]],
      [`${path}/h${g}/kernel`, [H, H]],
    ]),
  );

const GRU = ['r', 'z', 'n'];
const LSTM = ['i', 'f', 'g', 'o'];

test.each([
  [3, 'gru', ['r', 'z', 'n']],
  [4, 'lstm', ['i', 'f', 'g', 'o']],
  [1, 'rnn-tanh', ['h']],
])('a cell of nnx with %d blocks is a %s', (blocks, cell, gates) => {
  const H = 2;
  const file = fromShapes({
    'cell.dense_i.kernel': [3, blocks * H],
    'cell.dense_h.kernel': [H, blocks * H],
    'cell.dense_h.bias': [blocks * H],
  });
  const model = readModel(file);
  const { matrices, vectors } = model.layers[0]!.weights;
  expect([model.module, model.layers[0]!.cell.name]).toEqual(['cell', cell]);
  const [input, recurrent, bias] = [...file.tensors.values()].map((tensor) => tensor.values());
  for (const [g, gate] of gates.entries())
    for (let j = 0; j < H; j++) {
      for (let i = 0; i < 3; i++)
        expect(matrices[`W_${gate}`]!.data[j * 3 + i]).toBe(input![i * blocks * H + g * H + j]);
      for (let i = 0; i < H; i++)
        expect(matrices[`U_${gate}`]!.data[j * H + i]).toBe(recurrent![i * blocks * H + g * H + j]);
      expect(vectors[`bh_${gate}`]![j]).toBe(bias![g * H + j]);
    }
});

test("nnx's LSTMCell writes if_ for a word of Python, and may append /value", () => {
  const shapes = linen('cell', LSTM, 3, 2);
  const renamed = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [`${name.replace('/if/', '/if_/')}/value`, shape]),
  );
  expect(readModel(fromShapes(renamed)).layers[0]!.cell.name).toBe('lstm');
});

test('without a bias of its own, the product of an MGU is not reset', () => {
  const shapes = linen('MGUCell_0', ['f', 'n'], 3, 2);
  expect(readModel(fromShapes(shapes)).layers[0]!.cell.name).toBe('mgu-no-reset');
  expect(readModel(fromShapes({ ...shapes, 'MGUCell_0/hn/bias': [2] })).layers[0]!.cell.name).toBe('mgu');
});

test('cells of one class are a stack in the order of their numbers', () => {
  const shapes = {
    ...linen('GRUCell_0', GRU, 3, 4),
    ...linen('GRUCell_1', GRU, 4, 5),
    'Dense_0/kernel': [5, 2],
  };
  const model = readModel(fromShapes(shapes));
  expect([model.module, model.layers.length, model.readout?.name]).toEqual([
    'GRUCell_0+GRUCell_1',
    2,
    'Dense_0',
  ]);
  expect(model.assumptions.join()).toContain('taken as a stack in this order, as their widths fit');
});

test('two cells of one shape that cannot read each other are two directions, and the rest stays a stack', () => {
  const shapes = {
    ...linen('GRUCell_0', GRU, 3, 8),
    ...linen('OptimizedLSTMCell_0', LSTM, 8, 8),
    ...linen('GRUCell_1', GRU, 8, 4),
    ...linen('GRUCell_2', GRU, 8, 4),
  };
  const modules = listModules(fromShapes(shapes));
  expect(modules.map(({ name, layers, bidirectional }) => [name, layers, bidirectional])).toEqual([
    ['GRUCell_0+OptimizedLSTMCell_0', 2, false],
    ['GRUCell_1+GRUCell_2', 1, true],
  ]);
});

test('names joined by dots mean the same, with readout and embedding', () => {
  const shapes: Shapes = {
    'Embed_0.embedding': [9, 3],
    ...linen('GRUCell_0', GRU, 3, 4),
    'Dense_0.kernel': [4, 2],
  };
  const dotted = Object.fromEntries(
    Object.entries(shapes).map(([name, s]) => [name.replaceAll('/', '.'), s]),
  );
  const model = readModel(fromShapes(dotted));
  expect([model.module, model.readout?.name, model.embedding?.name]).toEqual([
    'GRUCell_0',
    'Dense_0',
    'Embed_0',
  ]);
});

test('a SimpleCell may add its state, which the file does not say', () => {
  const file = fromShapes(linen('cell', [''], 3, 2));
  expect(readModel(file).assumptions.at(-1)).toContain('--cell rnn-residual overrides');
  const model = readModel(file, { cell: 'rnn-residual' });
  expect([model.layers[0]!.cell.name, model.assumptions.length]).toEqual(['rnn-residual', 0]);
});

test('a convolutional cell is refused by name', () => {
  const file = fromShapes({
    'ConvLSTMCell_0/ih/kernel': [3, 3, 1, 8],
    'ConvLSTMCell_0/hh/kernel': [3, 3, 2, 8],
  });
  expect(() => readModel(file)).toThrow('ConvLSTMCell_0 is a ConvLSTMCell, whose kernels are convolutions');
});

test('shapes that disagree are told with what they should fit', () => {
  const file = fromShapes({ ...linen('cell', GRU, 3, 2), 'cell/hz/kernel': [2, 3] });
  expect(() => readModel(file)).toThrow('cell/hz/kernel is 2×3, expected 2×2 to fit cell/hr/kernel.');
});
