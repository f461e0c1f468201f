import { describe, expect, test } from 'vitest';
import type { WeightFile } from '../../src/formats/weight-file.js';
import { inspectFile, type ModelOptions, readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from './stepping.js';
import {
  filled,
  fromNested,
  fromShapes,
  tensor,
  together,
  torchShapes,
  under,
  weightFile,
} from './weight-files.js';

const rnn = (options = {}) => under('rnn.', fromShapes(torchShapes(1, 2, 3, options)));
const gru = (options = {}) => under('rnn.', fromShapes(torchShapes(3, 2, 3, options)));
const lstm = (options = {}) => under('rnn.', fromShapes(torchShapes(4, 2, 3, options)));

const layer0 = (file: WeightFile, options: ModelOptions = {}) => readModel(file, options).layers[0]!;

const without = (file: WeightFile, ...names: string[]): WeightFile => ({
  ...file,
  tensors: new Map([...file.tensors].filter(([name]) => !names.includes(name))),
});

const replaced = (file: WeightFile, name: string, shape: number[]): WeightFile => ({
  ...file,
  tensors: new Map([...file.tensors].map(([n, one]) => [n, n === name ? filled(name, shape) : one])),
});

test('blocks of rows become the matrices of the gates', () => {
  const file = fromNested({
    weight_ih_l0: [[1], [2], [3]],
    weight_hh_l0: [[4], [5], [6]],
    bias_ih_l0: [7, 8, 9],
    bias_hh_l0: [10, 11, 12],
  });
  const { cell, weights } = layer0(file);
  expect(cell.name).toBe('gru');
  expect(weights.matrices).toEqual({
    W_r: { rows: 1, cols: 1, data: Float64Array.of(1) },
    W_z: { rows: 1, cols: 1, data: Float64Array.of(2) },
    W_n: { rows: 1, cols: 1, data: Float64Array.of(3) },
    U_r: { rows: 1, cols: 1, data: Float64Array.of(4) },
    U_z: { rows: 1, cols: 1, data: Float64Array.of(5) },
    U_n: { rows: 1, cols: 1, data: Float64Array.of(6) },
  });
  expect(weights.vectors.bx_z).toEqual(Float64Array.of(8));
  expect(weights.vectors.bh_n).toEqual(Float64Array.of(12));
});

test('the family is read from the rows of the recurrent matrix', () => {
  expect([rnn(), gru(), lstm()].map((file) => layer0(file).cell.name)).toEqual(['rnn-tanh', 'gru', 'lstm']);
});

test('cells without a layer number are one layer', () => {
  const file = fromShapes({ weight_ih: [4, 2], weight_hh: [4, 1], bias_ih: [4], bias_hh: [4] });
  const model = readModel(file);
  expect([model.module, model.layers.length, model.layers[0]!.cell.name]).toEqual(['', 1, 'lstm']);
});

test('weights are fresh: changing a model does not change its file', () => {
  const shared = Float64Array.of(1);
  const one = (name: string) => ({ ...filled(name, [1, 1]), values: () => shared });
  const { weights } = layer0(weightFile([one('weight_ih_l0'), one('weight_hh_l0')]));
  weights.matrices.U_h!.data[0] = 5;
  expect(shared[0]).toBe(1);
});

test.each([
  'module.',
  '_orig_mod.',
  'model.',
  'state_dict.',
  'ema_model.',
  'ema.',
  'state_dict.model.module.',
])('the wrapper %s is dropped, and still names the module for --module', (wrapper) => {
  const file = under(wrapper, gru());
  expect(readModel(file).module).toBe('rnn');
  expect(readModel(file, { module: `${wrapper}rnn` }).module).toBe('rnn');
});

test('a wrapper is dropped though counters and class weights stand outside of it', () => {
  const file = together(
    under('model.', gru()),
    weightFile([filled('criterion.weight', [4]), filled('step', [])]),
  );
  expect(readModel(file).module).toBe('rnn');
});

test('what wraps only a part of the network is a part of its path', () => {
  const file = together(under('model.', gru()), weightFile([filled('fc.weight', [2, 3])]));
  expect(readModel(file).module).toBe('model.rnn');
});

test('torch.compile of the recurrent part alone leaves no trace in the path', () => {
  const file = together(
    under('net.', under('_orig_mod.', gru())),
    weightFile([filled('net.fc.weight', [2, 3])]),
  );
  expect(readModel(file).module).toBe('net.rnn');
});

test('weight norm, old and new, gives rows of direction v and length g', () => {
  const g = [[10], [2]];
  const v = [
    [3, 4],
    [0, 1],
  ];
  const rest = { weight_ih_l0: [[1], [1]] };
  const expected = Float64Array.of(6, 8, 0, 2);
  for (const [length, direction] of [
    ['weight_hh_l0_g', 'weight_hh_l0_v'],
    ['parametrizations.weight_hh_l0.original0', 'parametrizations.weight_hh_l0.original1'],
  ]) {
    const file = fromNested({ ...rest, [length!]: g, [direction!]: v });
    expect(layer0(file).weights.matrices.U_h!.data).toEqual(expected);
    expect(readModel(under('a.rnn.', file)).module).toBe('a.rnn');
  }
});

test('weight norm with one length for the whole matrix divides by the norm of all entries', () => {
  const file = fromNested({
    weight_ih_l0: [[1], [1]],
    weight_hh_l0_g: 10,
    weight_hh_l0_v: [
      [3, 0],
      [0, 4],
    ],
  });
  expect(layer0(file).weights.matrices.U_h!.data).toEqual(Float64Array.of(6, 0, 0, 8));
});

test('any other reparametrisation is refused with what to do', () => {
  const file = fromShapes({ weight_ih_l0: [3, 1], weight_hh_l0_orig: [3, 3], weight_hh_l0_u: [3] });
  expect(() => readModel(file)).toThrow(
    /net\.pt: weight_hh_l0_orig is reparametrised.*remove_parametrizations/,
  );
});

test('bias=False leaves the biases out', () => {
  const { weights } = layer0(fromShapes({ weight_ih_l0: [9, 2], weight_hh_l0: [9, 3] }));
  expect(weights.vectors).toEqual({});
});

test('a lonely bias is used, and its missing twin is said to be zero', () => {
  const model = readModel(without(gru(), 'rnn.bias_hh_l0'));
  expect(Object.keys(model.layers[0]!.weights.vectors)).toEqual(['bx_r', 'bx_z', 'bx_n']);
  expect(model.assumptions).toContain(
    'rnn: rnn.bias_ih_l0 stands without its bias_hh, which is taken as zero',
  );
});

test('parameters counts every stored number of the module', () => {
  expect(readModel(gru({ layers: 2 })).parameters).toBe(9 * (2 + 3 + 2) + 9 * (3 + 3 + 2));
});

test('a stack is a model of several layers, each reading the one below', () => {
  const { layers, inputSize, hiddenSize } = readModel(lstm({ layers: 3 }));
  expect(layers.map(({ name, weights }) => [name, weights.inputSize])).toEqual([
    ['layer0', 2],
    ['layer1', 3],
    ['layer2', 3],
  ]);
  expect([inputSize, hiddenSize]).toEqual([2, 3]);
});

test('one layer of a stack can be taken alone', () => {
  const { layers, inputSize } = readModel(lstm({ layers: 3 }), { layer: 1 });
  expect([layers.map(({ name }) => name), inputSize]).toEqual([['layer1'], 3]);
  expect(() => readModel(lstm({ layers: 3 }), { layer: 3 })).toThrow('--layer 3: rnn has layers 0 to 2.');
});

test('--gates says in which order the blocks stand, in the letters of several frameworks', () => {
  const own = layer0(gru()).weights.matrices;
  const zrn = layer0(gru(), { gates: 'zrn' }).weights.matrices;
  expect([zrn.U_z, zrn.U_r, zrn.U_n]).toEqual([own.U_r, own.U_z, own.U_n]);
  expect(layer0(gru(), { gates: 'z, r, h' }).weights.matrices).toEqual(zrn);
  expect(layer0(gru(), { gates: 'URC' }).weights.matrices).toEqual(zrn);
  const ijfo = layer0(lstm(), { gates: 'ijfo' }).weights.matrices;
  expect(ijfo.W_g).toEqual(layer0(lstm()).weights.matrices.W_f);
});

test('--gates has to name every gate once', () => {
  for (const gates of ['rz', 'rzz', 'rznn', 'ifgo', 'xyz'])
    expect(() => readModel(gru(), { gates })).toThrow(`--gates ${gates}: expected each of r z n once`);
  expect(() => readModel(rnn(), { gates: 'h' })).toThrow('an RNN has no gates');
});

test('--reset and --cell name the same GRUs', () => {
  expect(layer0(gru(), { reset: 'before' }).cell.name).toBe('gru-reset-before');
  expect(layer0(gru(), { cell: 'gru-reset-before' }).cell.name).toBe('gru-reset-before');
  expect(layer0(gru(), { reset: 'after' }).cell.name).toBe('gru');
  expect(() => readModel(gru(), { cell: 'gru', reset: 'before' })).toThrow('contradict');
});

test('an option that does not fit the cell is refused, not ignored', () => {
  expect(() => readModel(lstm(), { reset: 'before' })).toThrow(
    'net.pt: --reset before does not fit rnn, whose tensors are those of lstm.',
  );
  expect(() => readModel(gru(), { activation: 'relu' })).toThrow('--activation relu does not fit rnn');
  expect(() => readModel(gru(), { cell: 'cfn' })).toThrow('--cell cfn does not fit rnn');
  expect(() => readModel(gru(), { cell: 'ltsm' })).toThrow('no cell "ltsm". Did you mean "lstm"?');
});

test('functions of the cell are exchanged by name, all of them or one place', () => {
  expect(layer0(rnn(), { activation: 'softsign' }).cell.name).toBe('rnn(softsign)');
  expect(layer0(gru(), { activation: 'hard_sigmoid(1/6),tanh' }).cell.name).toBe(
    'gru(hard_sigmoid(1/6),tanh)',
  );
  expect(layer0(lstm(), { activation: 'gate=hard_sigmoid' }).cell.name).toBe('lstm(hard_sigmoid,tanh,tanh)');
  expect(layer0(lstm(), { cell: 'lstm(sigmoid,relu,tanh)' }).cell.name).toBe('lstm(sigmoid,relu,tanh)');
  expect(() => readModel(gru(), { activation: 'relu' })).toThrow(
    '--activation relu does not fit rnn: gru takes gate,candidate, such as sigmoid,tanh or gate=hard_sigmoid. Functions: sigmoid, tanh,',
  );
});

test('a clipped GRU with other blocks is named by three options, and nothing is left to assume', () => {
  const model = readModel(gru(), { gates: 'zrn', reset: 'before', clip: 5 });
  expect(model.layers[0]!.cell.name).toBe('gru-reset-before(clip_state=5)');
  expect(model.assumptions).toEqual([]);
});

test('what the file does not say is assumed aloud, with the option that overrides it', () => {
  expect(readModel(rnn()).assumptions).toEqual([
    "rnn: the file does not say tanh or relu; tanh (PyTorch's default) is assumed, --activation relu overrides",
  ]);
  expect(readModel(gru()).assumptions).toEqual([
    'rnn: gate rows in the order r z n and reset after the product, as in torch.nn.GRU; --gates and --reset override',
  ]);
  expect(readModel(lstm()).assumptions).toEqual([
    'rnn: gate rows in the order i f g o, as in torch.nn.LSTM; --gates overrides',
  ]);
});

test('what an option settles is no assumption', () => {
  expect(readModel(rnn(), { activation: 'tanh' }).assumptions).toEqual([]);
  expect(readModel(gru(), { gates: 'rzn' }).assumptions).toEqual([
    'rnn: reset after the product, as in torch.nn.GRU; --reset overrides',
  ]);
  expect(readModel(gru(), { gates: 'zrn', reset: 'before' }).assumptions).toEqual([]);
});

test('a file that keeps the module itself leaves nothing to assume', () => {
  const says = (className: string, mode: string) => ({
    rnn: { className, facts: new Map([['mode', mode]]) },
  });
  const read = (file: WeightFile, className: string, mode: string) =>
    readModel({ ...file, modules: new Map(Object.entries(says(className, mode))) });
  const relu = read(rnn(), 'torch.nn.modules.rnn.RNN', 'RNN_RELU');
  expect([relu.layers[0]!.cell.name, relu.assumptions]).toEqual(['rnn-relu', []]);
  expect(read(rnn(), 'torch.nn.modules.rnn.RNN', 'RNN_TANH').assumptions).toEqual([]);
  expect(read(gru(), 'torch.nn.modules.rnn.GRU', 'GRU').assumptions).toEqual([]);
  expect(read(gru(), '__torch__.torch.nn.modules.rnn.___torch_mangle_3.GRU', 'GRU').assumptions).toEqual([]);
});

test('a class derived from a GRU may have changed its equations, so they are assumed', () => {
  const said = { rnn: { className: 'lfads.ClippedGRUCell', facts: new Map() } };
  expect(readModel({ ...gru(), modules: new Map(Object.entries(said)) }).assumptions).toHaveLength(1);
});

test('facts are found behind a wrapper', () => {
  const said = { 'module.rnn': { facts: new Map([['nonlinearity', 'relu']]) } };
  const file = { ...under('module.', rnn()), modules: new Map(Object.entries(said)) };
  expect(layer0(file).cell.name).toBe('rnn-relu');
});

test('weights that are not finite are counted, tensor by tensor', () => {
  const file = fromNested({
    weight_ih_l0: [[1]],
    weight_hh_l0: [[Number.NaN]],
    bias_ih_l0: [Infinity],
    bias_hh_l0: [0],
  });
  expect(readModel(file).assumptions.slice(1)).toEqual([
    '1 weight of weight_hh_l0 is not finite',
    '1 weight of bias_ih_l0 is not finite',
  ]);
});

describe('a projected LSTM', () => {
  const [H, I, P] = [8, 3, 5];
  const shapes = {
    weight_ih_l0: [4 * H, I],
    weight_hh_l0: [4 * H, P],
    bias_ih_l0: [4 * H],
    bias_hh_l0: [4 * H],
    weight_hr_l0: [P, H],
    weight_ih_l1: [4 * H, P],
    weight_hh_l1: [4 * H, P],
    bias_ih_l1: [4 * H],
    bias_hh_l1: [4 * H],
    weight_hr_l1: [P, H],
  };
  const inputs = Array.from({ length: 7 }, (_, t) => [Math.sin(t), Math.cos(t), 0.1 * t]);

  /** torch.nn.LSTM's documentation, with rows i f g o: h_t = W_hr (o ⊙ tanh(c_t)), gates of x_t and h_{t−1}. */
  function layer(file: WeightFile, k: number, rows: readonly (readonly number[])[]): number[][] {
    const data = (name: string) => file.tensors.get(`${name}_l${k}`)!.values();
    const dot = (m: Float64Array, i: number, v: readonly number[]) =>
      v.reduce((sum, value, j) => sum + m[i * v.length + j]! * value, 0);
    const sigmoid = (a: number) => 1 / (1 + Math.exp(-a));
    let h = new Array<number>(P).fill(0);
    let c = new Array<number>(H).fill(0);
    return rows.map((x) => {
      const a = (gate: number, i: number) => {
        const row = gate * H + i;
        const biases = data('bias_ih')[row]! + data('bias_hh')[row]!;
        return dot(data('weight_ih'), row, x) + dot(data('weight_hh'), row, h) + biases;
      };
      c = c.map((old, i) => sigmoid(a(1, i)) * old + sigmoid(a(0, i)) * Math.tanh(a(2, i)));
      const shown = c.map((value, i) => sigmoid(a(3, i)) * Math.tanh(value));
      h = Array.from({ length: P }, (_, p) => dot(data('weight_hr'), p, shown));
      return h;
    });
  }

  test('hands on W_hr h, of P entries, and keeps H in its cell', () => {
    const file = fromShapes({ ...shapes, 'head.weight': [2, P] });
    const model = readModel(file);
    expect(model.layers.map(({ cell }) => cell.name)).toEqual(['lstm-projected', 'lstm-projected']);
    expect([model.hiddenSize, model.layers[0]!.weights.projectionSize, model.readout?.name]).toEqual([
      H,
      P,
      'head',
    ]);
    const expected = layer(file, 1, layer(file, 0, inputs));
    expect(largestDifference(hiddenStates(model, inputs), expected)).toBeLessThan(1e-14);
    expect(inspectFile(file).modules[0]!.stateSize).toBe(2 * (H + P));
  });

  test('is the plain one where W_hr is the identity', () => {
    const plain = fromShapes(torchShapes(4, 3, 4, { layers: 1 }));
    const eye = tensor('weight_hr_l0', [4, 4], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    const both = [plain, together(plain, weightFile([eye]))].map((file) =>
      hiddenStates(readModel(file), inputs),
    );
    expect(largestDifference(both[0]!, both[1]!)).toBe(0);
  });

  test('of two directions reads both projections in its second layer', () => {
    const way = (suffix: string, k: number, inputSize: number) => ({
      [`weight_ih_l${k}${suffix}`]: [4 * H, inputSize],
      [`weight_hh_l${k}${suffix}`]: [4 * H, P],
      [`weight_hr_l${k}${suffix}`]: [P, H],
    });
    const both = {
      ...way('', 0, I),
      ...way('_reverse', 0, I),
      ...way('', 1, 2 * P),
      ...way('_reverse', 1, 2 * P),
    };
    const model = readModel(fromShapes(both), { layer: 1, direction: 'backward' });
    expect([model.inputSize, model.layers[0]!.weights.matrices.U_i!.cols]).toEqual([2 * P, P]);
  });

  test.each([
    [{ weight_hr_l0: [P, H + 1] }, /weight_hr_l0 is 5×9 and weight_hh_l0 32×5: a projected LSTM has/],
    [{ weight_hr_l1: [P + 1, H] }, /weight_hr_l1 is 6×8, expected 5×8/],
    [{ weight_hh_l1: [4 * H, H] }, /weight_hh_l1 is 32×8, expected 32×5/],
  ])('with %j does not fit together', (change, text) => {
    expect(() => readModel(fromShapes({ ...shapes, ...change }))).toThrow(text);
  });

  test('in one layer only is no module of PyTorch', () => {
    const { weight_hr_l1: _, ...first } = shapes;
    expect(() => readModel(fromShapes(first))).toThrow(/no weight_hr_l1/);
    const last = { ...torchShapes(4, 3, 8, { layers: 2 }), weight_hr_l1: [8, 8] };
    expect(() => readModel(fromShapes(last))).toThrow(/weight_hr_l1 projects this layer/);
  });
});

test('a missing layer is missed by number', () => {
  const names = ['weight_ih_l1', 'weight_hh_l1', 'bias_ih_l1', 'bias_hh_l1'].map((name) => `rnn.${name}`);
  expect(() => readModel(without(gru({ layers: 3 }), ...names))).toThrow(
    'net.pt: rnn has layers 0, 2 but no weight_hh_l1: tensors are missing.',
  );
});

test('a backward direction without its forward one is refused', () => {
  const file = fromShapes({ weight_ih_l0_reverse: [9, 2], weight_hh_l0_reverse: [9, 3] });
  expect(() => readModel(file)).toThrow('no weight_hh_l0, only weight_hh_l0_reverse');
});

test('a missing matrix is missed by name', () => {
  expect(() => readModel(without(gru(), 'rnn.weight_hh_l0'))).toThrow('rnn has no weight_hh_l0');
  expect(() => readModel(fromShapes({ 'cell.weight_hh': [9, 3] }))).toThrow('cell has no weight_ih:');
  expect(() => readModel(fromShapes({ weight_hh_l0_v: [3, 3], weight_ih_l0: [3, 1] }))).toThrow(
    'weight_hh_l0_v is the direction of a weight-normed matrix without its length',
  );
});

test('shapes that disagree are refused with both shapes', () => {
  expect(() => readModel(replaced(gru(), 'rnn.bias_hh_l0', [7]))).toThrow(
    'rnn.bias_hh_l0 is [7], expected [9], one number for each row of rnn.weight_hh_l0.',
  );
  expect(() => readModel(replaced(gru(), 'rnn.weight_ih_l0', [12, 2]))).toThrow(
    'rnn.weight_ih_l0 is 12×2, expected 9×2 to fit rnn.weight_hh_l0.',
  );
  expect(() => readModel(replaced(gru({ layers: 2 }), 'rnn.weight_ih_l1', [9, 4]))).toThrow(
    'rnn.weight_ih_l1 is 9×4, expected 9×3',
  );
});

test('a stack of a GRU and an LSTM under one name is refused', () => {
  expect(() => readModel(replaced(gru({ layers: 2 }), 'rnn.weight_hh_l1', [12, 3]))).toThrow(
    'rnn.weight_hh_l1 is 12×3, expected 9×3 to fit rnn.weight_hh_l0.',
  );
});

test('a recurrent matrix of no family is refused, and a transposed one recognised', () => {
  const hh = (shape: number[]) => () => readModel(fromShapes({ weight_ih_l0: [6, 2], weight_hh_l0: shape }));
  expect(hh([6, 3])).toThrow('weight_hh_l0 is 6×3: an RNN has as many rows as columns');
  expect(hh([3, 9])).toThrow('It looks transposed.');
  expect(hh([6])).toThrow('weight_hh_l0 is [6], expected a matrix.');
});

test('codes of quantised weights are refused', () => {
  const file = fromShapes({ weight_ih_l0: [3, 2], weight_hh_l0: [3, 3] });
  const codes = new Map([...file.tensors].map(([name, one]) => [name, { ...one, dtype: 'i8' }]));
  expect(() => readModel({ ...file, tensors: codes })).toThrow(/weight_hh_l0 holds i8 values/);
});
