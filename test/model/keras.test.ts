import { expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import type { WeightFile } from '../../src/formats/weight-file.js';
import { inspectFile, listModules, readModel } from '../../src/model/index.js';
import { hiddenStates } from './stepping.js';
import { filled, weightFile } from './weight-files.js';

type Shapes = Readonly<Record<string, readonly number[]>>;

interface Said {
  readonly layers?: readonly unknown[];
  readonly model?: unknown;
  readonly version?: string;
}

const kerasFile = (shapes: Shapes, { layers, model, version }: Said = {}): WeightFile => {
  const file = weightFile(Object.entries(shapes).map(([name, shape], k) => filled(name, shape, k)));
  const config = model ?? (layers && { class_name: 'Sequential', config: { name: 'net', layers } });
  return {
    ...file,
    format: 'hdf5',
    modules: new Map(version ? [['', { facts: new Map([['keras_version', version]]) }]] : []),
    documents: new Map(config ? [['model_config', config]] : []),
  };
};

const cellShapes = (path: string, gates: number, I: number, H: number, bias?: readonly number[]): Shapes => ({
  [`${path}/kernel`]: [I, gates * H],
  [`${path}/recurrent_kernel`]: [H, gates * H],
  ...(bias ? { [`${path}/bias`]: bias } : {}),
});

const layer = (class_name: string, name: string, config: object = {}) => ({
  class_name,
  config: { name, ...config },
});

const gru = (name: string, config: object = {}) =>
  layer('GRU', name, { units: 4, activation: 'tanh', recurrent_activation: 'sigmoid', ...config });

const cellOf = (file: WeightFile, options = {}) => readModel(file, options).layers[0]!.cell.name;

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof UserError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'was not refused';
}

test('the blocks of a GRU are z, r, h, and the rows of its bias those of the input and of the state', () => {
  const file = kerasFile(cellShapes('net/gru/gru_cell', 3, 2, 4, [2, 12]));
  const { matrices, vectors } = readModel(file).layers[0]!.weights;
  const [kernel, recurrent, bias] = [...file.tensors.values()].map((tensor) => tensor.values());
  for (const [g, gate] of ['z', 'r', 'n'].entries()) {
    for (let j = 0; j < 4; j++) {
      for (let i = 0; i < 2; i++)
        expect(matrices[`W_${gate}`]!.data[j * 2 + i]).toBe(kernel![i * 12 + g * 4 + j]);
      for (let i = 0; i < 4; i++)
        expect(matrices[`U_${gate}`]!.data[j * 4 + i]).toBe(recurrent![i * 12 + g * 4 + j]);
      expect(vectors[`bx_${gate}`]![j]).toBe(bias![g * 4 + j]);
      expect(vectors[`bh_${gate}`]![j]).toBe(bias![12 + g * 4 + j]);
    }
  }
});

test('without a configuration the bias tells where the reset acts, and the rest is said to be supposed', () => {
  const after = readModel(kerasFile(cellShapes('gru', 3, 2, 4, [2, 12])));
  const before = readModel(kerasFile(cellShapes('gru', 3, 2, 4, [12])));
  const none = readModel(kerasFile(cellShapes('gru', 3, 2, 4)));
  expect([after, before, none].map(({ layers }) => layers[0]!.cell.name)).toEqual([
    'gru',
    'gru-reset-before',
    'gru',
  ]);
  expect(after.assumptions).toEqual([
    "gru: the file holds no configuration; sigmoid gates and tanh (Keras' defaults) are assumed, --activation overrides",
  ]);
  expect(none.assumptions.at(-1)).toContain('--reset before overrides');
  expect(readModel(kerasFile(cellShapes('gru', 3, 2, 4)), { reset: 'before' }).layers[0]!.cell.name).toBe(
    'gru-reset-before',
  );
});

test.each([
  ['3.15.1', 'gru(hard_sigmoid(1/6),tanh)'],
  ['2.15.0', 'gru(hard_sigmoid,tanh)'],
  ['tfjs-layers 4.22.0', 'gru(hard_sigmoid,tanh)'],
])('hard_sigmoid of Keras %s is %s', (version, cell) => {
  const layers = [gru('gru', { recurrent_activation: 'hard_sigmoid', reset_after: true })];
  expect(cellOf(kerasFile(cellShapes('gru/gru_cell', 3, 2, 4, [2, 12]), { layers, version }))).toBe(cell);
});

test('where the version is not told, hard_sigmoid is an assumption', () => {
  const layers = [gru('gru', { recurrent_activation: 'hard_sigmoid' })];
  const model = readModel(kerasFile(cellShapes('gru/gru_cell', 3, 2, 4, [12]), { layers }));
  expect(model.assumptions).toEqual([
    'gru: the file does not say which Keras wrote it; hard_sigmoid is taken as 0.2 a + 0.5 (before Keras 3)',
  ]);
});

test('a GRU whose configuration does not know reset_after is older than the choice', () => {
  const file = (config: object) =>
    kerasFile(cellShapes('gru/gru_cell', 3, 2, 4), { layers: [gru('gru', config)] });
  expect(cellOf(file({}))).toBe('gru-reset-before');
  expect(cellOf(file({ reset_after: true }))).toBe('gru');
});

test.each<[string, unknown, string]>([
  ['a name', 'relu', 'rnn-relu'],
  ['null', null, 'rnn(linear)'],
  ['a function that was serialised', { class_name: 'function', config: 'softsign' }, 'rnn(softsign)'],
  ["Keras' own slope", 'leaky_relu', 'rnn(leaky_relu(0.2))'],
])('an activation may be %s', (_, activation, cell) => {
  const layers = [layer('SimpleRNN', 'rnn', { activation })];
  expect(cellOf(kerasFile(cellShapes('rnn/simple_rnn_cell', 1, 2, 4, [4]), { layers }))).toBe(cell);
});

test('a function that is not known is refused by name', () => {
  const layers = [layer('LSTM', 'lstm', { activation: 'gelu', recurrent_activation: 'sigmoid' })];
  const file = kerasFile(cellShapes('lstm/lstm_cell', 4, 2, 4, [16]), { layers });
  expect(refusalOf(() => readModel(file))).toBe(
    "UNSUPPORTED net.pt: lstm: its activation is 'gelu', a function that rnnscope does not have.",
  );
});

/** numpy's k.T.reshape(k.shape, order='F'), as Keras turns CuDNN's input kernels into its own. */
function fromCudnn(kernel: readonly (readonly number[])[]): number[][] {
  const [I, H] = [kernel.length, kernel[0]!.length];
  const read = kernel.flat();
  return Array.from({ length: I }, (_, i) => Array.from({ length: H }, (_, j) => read[j * I + i]!));
}

test("CuDNN's layers hold refilled input blocks, transposed recurrent blocks and both biases", () => {
  const [I, H] = [3, 2];
  const layers = [layer('CuDNNGRU', 'gru')];
  const file = kerasFile(cellShapes('gru', 3, I, H, [6 * H]), { layers, version: '2.2.4' });
  const model = readModel(file);
  const [kernel, recurrent, bias] = [...file.tensors.values()].map((tensor) => tensor.values());
  expect(model.layers[0]!.cell.name).toBe('gru');
  for (const [g, gate] of ['z', 'r', 'n'].entries()) {
    const cut = (data: Float64Array, rows: number) =>
      Array.from({ length: rows }, (_, i) => [...data.subarray(i * 3 * H + g * H, i * 3 * H + (g + 1) * H)]);
    const K = fromCudnn(cut(kernel!, I));
    const R = cut(recurrent!, H);
    const { matrices, vectors } = model.layers[0]!.weights;
    for (let j = 0; j < H; j++) {
      for (let i = 0; i < I; i++) expect(matrices[`W_${gate}`]!.data[j * I + i]).toBe(K[i]![j]);
      // Keras transposes the block, and U h wants its transpose: it is as it was.
      for (let i = 0; i < H; i++) expect(matrices[`U_${gate}`]!.data[j * H + i]).toBe(R[j]![i]);
    }
    expect([...vectors[`bh_${gate}`]!]).toEqual([...bias!.subarray(3 * H + g * H, 3 * H + (g + 1) * H)]);
  }
});

test("the halves of a CuDNN LSTM's bias are added by the cell", () => {
  const file = kerasFile(cellShapes('lstm', 4, 3, 2, [16]), { layers: [layer('CuDNNLSTM', 'lstm')] });
  const { vectors } = readModel(file).layers[0]!.weights;
  expect(Object.keys(vectors).sort()).toEqual(
    ['bh_f', 'bh_g', 'bh_i', 'bh_o', 'bx_f', 'bx_g', 'bx_i', 'bx_o'].sort(),
  );
});

const stackOfTwo: Shapes = {
  'emb/embeddings': [9, 3],
  ...cellShapes('one/gru_cell', 3, 3, 4, [2, 12]),
  ...cellShapes('two/lstm_cell', 4, 4, 5, [20]),
  'head/kernel': [5, 2],
  'head/bias': [2],
};

test('layers that feed one another are one module, whatever their cells and widths, with readout and embedding', () => {
  const layers = [
    layer('Embedding', 'emb'),
    gru('one', { reset_after: true }),
    layer('Dropout', 'drop'),
    layer('LSTM', 'two'),
    layer('Dense', 'head', { activation: 'softmax' }),
  ];
  const model = readModel(kerasFile(stackOfTwo, { layers }));
  expect(model.module).toBe('one+two');
  expect(model.layers.map(({ cell, weights }) => [cell.name, weights.hiddenSize])).toEqual([
    ['gru', 4],
    ['lstm', 5],
  ]);
  expect([model.readout?.name, model.readout?.weight.rows, model.embedding?.name]).toEqual([
    'head',
    2,
    'emb',
  ]);
  expect(model.assumptions).toEqual(['head/kernel (2×5) is the readout without the softmax behind it']);
  expect(inspectFile(kerasFile(stackOfTwo, { layers })).modules[0]).toMatchObject({
    cell: 'gru+lstm',
    hiddenSizes: [4, 5],
    stateSize: 4 + 10,
    parametersIf: { rnn: 4 * (3 + 4 + 2) + 5 * (4 + 5 + 2) },
  });
});

test('a layer between two recurrent ones keeps them apart', () => {
  const layers = [
    gru('one', { reset_after: true }),
    layer('LayerNormalization', 'norm'),
    layer('LSTM', 'two'),
  ];
  const file = kerasFile(stackOfTwo, { layers });
  expect(listModules(file).map(({ name }) => name)).toEqual(['one', 'two']);
});

test('of several dense layers, none is a readout by itself', () => {
  const layers = [layer('LSTM', 'lstm'), layer('Dense', 'hidden'), layer('Dense', 'out')];
  const shapes = {
    ...cellShapes('lstm/lstm_cell', 4, 2, 4, [16]),
    'hidden/kernel': [4, 4],
    'out/kernel': [4, 2],
  };
  const model = readModel(kerasFile(shapes, { layers }));
  expect(model.readout).toBeUndefined();
  expect(model.assumptions).toEqual([
    'hidden/kernel (4×4) feeds out/kernel (2×4) and is no readout by itself; none is taken',
  ]);
});

test('in a functional model of Keras 2 the inbound nodes tell what feeds what, beside first states', () => {
  const node = (...names: string[]) => [names.map((name) => [name, 0, 0, {}])];
  const model = {
    class_name: 'Functional',
    config: {
      layers: [
        { class_name: 'InputLayer', name: 'x', config: { name: 'x' }, inbound_nodes: [] },
        { class_name: 'InputLayer', name: 'y', config: { name: 'y' }, inbound_nodes: [] },
        { ...gru('enc', { reset_after: true }), name: 'enc', inbound_nodes: node('x') },
        { ...gru('dec', { reset_after: true }), name: 'dec', inbound_nodes: node('y', 'enc') },
        { ...gru('top', { reset_after: true }), name: 'top', inbound_nodes: node('dec') },
      ],
      output_layers: [['top', 0, 0]],
    },
  };
  const shapes = {
    ...cellShapes('enc/gru_cell', 3, 4, 4, [2, 12]),
    ...cellShapes('dec/gru_cell', 3, 4, 4, [2, 12]),
    ...cellShapes('top/gru_cell', 3, 4, 4, [2, 12]),
  };
  expect(listModules(kerasFile(shapes, { model })).map(({ name }) => name)).toEqual(['enc', 'dec+top']);
});

test('without a configuration, widths tell what stands on what, and an order that is not the only one is not taken', () => {
  const one = {
    ...cellShapes('layers/lstm/cell', 4, 5, 6, [24]),
    ...cellShapes('layers/gru/cell', 3, 3, 5, [2, 15]),
  };
  const model = readModel(kerasFile(one));
  expect([model.module, model.layers.map(({ cell }) => cell.name)]).toEqual(['gru+lstm', ['gru', 'lstm']]);
  expect(model.assumptions[0]).toBe(
    'gru, lstm are taken as a stack in this order, as their widths fit: the file does not say what feeds what (--layer N takes one alone)',
  );
  const open = {
    ...cellShapes('layers/lstm/cell', 4, 5, 5, [20]),
    ...cellShapes('layers/gru/cell', 3, 5, 5, [2, 15]),
  };
  expect(listModules(kerasFile(open)).map(({ name }) => name)).toEqual(['lstm', 'gru']);
});

test('a dense layer behind two directions that are added is no readout of one of them', () => {
  const layers = [
    layer('Bidirectional', 'both', { merge_mode: 'sum', layer: layer('LSTM', 'lstm') }),
    layer('Dense', 'head'),
  ];
  const shapes = {
    ...cellShapes('both/forward_lstm/lstm_cell', 4, 2, 4, [16]),
    ...cellShapes('both/backward_lstm/lstm_cell', 4, 2, 4, [16]),
    'head/kernel': [4, 2],
  };
  const model = readModel(kerasFile(shapes, { layers }));
  expect([model.module, model.readout]).toEqual(['both', undefined]);
  expect(model.assumptions.at(-1)).toBe(
    'head/kernel (2×4) reads both directions and is left out, as one direction alone is taken',
  );
});

test('without a configuration too, forward_layer and backward_layer are the directions of one module', () => {
  const tree = (way: string) => `layers/bidirectional_1/${way}_layer/cell/vars`;
  const shapes = Object.fromEntries(
    ['backward', 'forward'].flatMap((way) =>
      [[2, 16], [4, 16], [16]].map((shape, k): [string, readonly number[]] => [`${tree(way)}/${k}`, shape]),
    ),
  );
  const file = kerasFile({ ...shapes, 'layers/dense/vars/0': [8, 1], 'layers/dense/vars/1': [1] });
  expect(listModules(file)).toMatchObject([
    { name: 'bidirectional_1', cell: 'lstm', bidirectional: true, layers: 1, inputSize: 2, hiddenSize: 4 },
  ]);
  const forward = readModel(file).layers[0]!.weights.vectors.bx_i!;
  expect([...forward]).toEqual([
    ...file.tensors
      .get(`${tree('forward')}/2`)!
      .values()
      .subarray(0, 4),
  ]);
});

test('a layer that runs backwards says so', () => {
  const layers = [gru('gru', { go_backwards: true, reset_after: true })];
  const model = readModel(kerasFile(cellShapes('gru/gru_cell', 3, 2, 4, [2, 12]), { layers }));
  expect(model.assumptions).toEqual([
    'gru reads its input from the end (go_backwards): give the drive in that order',
  ]);
});

test('cells of StackedRNNCells are told apart by class and rank, beyond nine too', () => {
  const cells = Array.from({ length: 12 }, () => layer('LSTMCell', 'lstm_cell'));
  const layers = [layer('RNN', 'rnn', { cell: { class_name: 'StackedRNNCells', config: { cells } } })];
  const shapes = Object.assign(
    {},
    ...cells.map((_, k) => cellShapes(`rnn/cells/lstm_cell${k === 0 ? '' : `_${k}`}`, 4, 2, 2, [8])),
  );
  const model = readModel(kerasFile(shapes, { layers }));
  expect(model.layers).toHaveLength(12);
  const file = kerasFile(shapes, { layers });
  expect([...model.layers[10]!.weights.vectors.bx_i!]).toEqual([
    ...file.tensors.get('rnn/cells/lstm_cell_10/bias')!.values().subarray(0, 2),
  ]);
});

test.each<[string, Shapes, readonly unknown[], RegExp]>([
  [
    'a convolution',
    { 'c/kernel': [3, 3, 1, 8], 'c/recurrent_kernel': [3, 3, 2, 8] },
    [layer('ConvLSTM2D', 'c')],
    /UNSUPPORTED .*c is a ConvLSTM2D: its kernel \(3×3×1×8\) is a convolution/,
  ],
  [
    'a cell of an unknown class',
    cellShapes('rnn/my_cell', 3, 2, 4, [12]),
    [layer('RNN', 'rnn', { cell: layer('Lab>MyCell', 'my_cell') })],
    /UNSUPPORTED .*the class MyCell, whose equations rnnscope does not know/,
  ],
  [
    'a class that its weights contradict',
    cellShapes('lstm/x', 3, 2, 4),
    [layer('LSTM', 'lstm')],
    /SHAPE .*lstm is LSTM by the configuration, but its weights have the shapes of GRU/,
  ],
  [
    'a bias of another length',
    cellShapes('gru/x', 3, 2, 4, [7]),
    [gru('gru')],
    /SHAPE .*gru\/x\/bias is \[7\], expected \[12\] or \[2, 12\] or \[24\] to fit gru\/x\/kernel \(2×12\) and gru\/x\/recurrent_kernel \(4×12\)/,
  ],
  [
    'weights that are missing',
    cellShapes('gru/x', 3, 2, 4),
    [gru('gru'), layer('LSTM', 'lstm')],
    /lstm.*missing/,
  ],
])('%s is refused by name', (_, shapes, layers, text) => {
  const file = kerasFile(shapes, { layers });
  const [first] = listModules(file);
  expect(refusalOf(() => readModel(file, { module: first!.name }))).toMatch(text);
});

test("gates in another order than Keras' can be asked for", () => {
  const file = kerasFile(cellShapes('gru', 3, 2, 4, [2, 12]));
  const usual = readModel(file).layers[0]!.weights.matrices;
  const other = readModel(file, { gates: 'rzh' }).layers[0]!.weights.matrices;
  expect([other.W_r, other.W_z]).toEqual([usual.W_z, usual.W_r]);
  expect(hiddenStates(readModel(file), [[1, -1]])).not.toEqual(
    hiddenStates(readModel(file, { gates: 'rzh' }), [[1, -1]]),
  );
});
