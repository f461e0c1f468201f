import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { inspectFile, listModules, type ModelOptions, readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from './stepping.js';
import { fromNested, fromShapes, type Nested } from './weight-files.js';

// The networks of the references under names that nobody knows, held to what PyTorch and Keras computed.

const reference = (name: string) =>
  JSON.parse(
    readFileSync(fileURLToPath(new URL(`../fixtures/formats/${name}_ref.json`, import.meta.url)), 'utf8'),
  );
const torch = reference('torch');
const keras = reference('keras');

type Named = Record<string, Nested>;

const missTorch = (net: string, weights: Named, options: ModelOptions = {}) =>
  largestDifference(hiddenStates(readModel(fromNested(weights), options), torch.x), torch[net].y);

/** Two layers under names of their own. */
const layers = (net: string, name: (role: string, layer: number) => string): Named =>
  Object.fromEntries(
    [0, 1].flatMap((layer) =>
      ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((role) => [
        name(role, layer),
        torch[net][`${role}_l${layer}`],
      ]),
    ),
  );

const SHORT: Readonly<Record<string, string>> = {
  weight_ih: 'Wx',
  weight_hh: 'Wh',
  bias_ih: 'bx',
  bias_hh: 'bh',
};

describe('of unknown names, blocks of rows are read as in PyTorch:', () => {
  test.each(['gru2', 'lstm2'])('%s', (net) => {
    expect(
      missTorch(
        net,
        layers(net, (role, layer) => `cell${layer}/${SHORT[role]}`),
      ),
    ).toBeLessThan(1e-6);
    expect(
      missTorch(
        net,
        layers(net, (role, layer) => `${SHORT[role]}${layer}`),
      ),
    ).toBeLessThan(1e-6);
    const first = { 'x/A': torch[net].weight_ih_l0, 'x/B': torch[net].weight_hh_l0 };
    const [module, ...others] = listModules(fromNested(first));
    expect([module!.inputSize, module!.hiddenSize, others]).toEqual([3, 8, []]);
  });

  it('a square matrix is an RNN whose name says that it is recurrent', () => {
    const weights = layers('rnn2', (role, layer) => `${SHORT[role]}${layer}`);
    const [below] = listModules(fromNested(weights));
    expect([below!.cell, below!.inputSize, below!.hiddenSize]).toEqual(['rnn-tanh', 3, 8]);
    const renamed = { Wx: torch.rnn2.weight_ih_l0, Wh: torch.rnn2.weight_hh_l0 };
    const known = { weight_ih_l0: torch.rnn2.weight_ih_l0, weight_hh_l0: torch.rnn2.weight_hh_l0 };
    const both = [renamed, known].map((one) =>
      hiddenStates(readModel(fromNested(one), { activation: 'relu' }), torch.x),
    );
    expect(largestDifference(both[0]!, both[1]!)).toBe(0);
  });
});

describe('of unknown names, blocks of columns are read as in Keras:', () => {
  const file = (net: string) => {
    const arrays = Object.values(keras[net].w) as Nested[];
    const names = ['in0', 'rec0', 'b0', 'in1', 'rec1', 'b1', 'Wy', 'by'];
    return fromNested(Object.fromEntries(arrays.map((array, k) => [names[k]!, array])));
  };

  test.each([
    ['kgru2', 'gru'],
    ['kgru2_ra0', 'gru-reset-before'],
    ['klstm2', 'lstm'],
  ])('%s', (net, cell) => {
    const model = readModel(file(net));
    expect(model.layers.map((layer) => layer.cell.name)).toEqual([cell, cell]);
    const { weight, bias } = model.readout!;
    const outputs = hiddenStates(model, keras.x).map((h) =>
      [0, 1].map((i) => h.reduce((sum, value, j) => sum + weight.data[i * 8 + j]! * value, bias![i]!)),
    );
    expect(largestDifference(outputs, keras[net].y)).toBeLessThan(1e-6);
  });
});

describe('of unknown names, what the shapes do not tell', () => {
  it('is said, and can be overridden', () => {
    const file = fromShapes({ Wx: [24, 3], Wh: [24, 8], b: [24] });
    expect(readModel(file).assumptions).toEqual([
      "the network: by their shapes alone, Wh (24×8) is taken for the recurrent matrix and Wx (24×3) for the input's, in blocks of rows, as in PyTorch; gates in the order r z n (--gates overrides); the cell gru (--cell overrides)",
    ]);
    const { matrices } = readModel(file, { gates: 'zrn', reset: 'before' }).layers[0]!.weights;
    expect(matrices.U_z).toEqual(readModel(file).layers[0]!.weights.matrices.U_r);
  });

  test.each<[string, Record<string, readonly number[]>]>([
    ['two layers of a perceptron', { w1: [24, 8], w2: [8, 24] }],
    ['a square matrix without a name that tells', { a: [8, 8], b: [8, 3] }],
    ['two square matrices', { Wx: [8, 8], Wh: [8, 8] }],
    ['two readings', { p: [24, 8], q: [24, 8] }],
    [
      'the matrices of an attention',
      { 'attn.c_attn': [8, 24], 'attn.c_proj': [8, 8], 'mlp.c_fc': [8, 32], 'mlp.c_proj': [32, 8] },
    ],
    ['two recurrent ones of a kind', { Wx_a: [24, 3], Wh_a: [24, 8], Wx_b: [24, 4], Wh_b: [24, 8] }],
    ['an empty matrix', { Wx: [0, 3], Wh: [0, 0] }],
  ])('is not guessed: %s', (_, shapes) => {
    expect(inspectFile(fromShapes(shapes)).modules).toEqual([]);
  });

  it('is told by the names where I = H', () => {
    const file = fromShapes({ W_in: [24, 8], W_rec: [24, 8], b: [24] });
    const { matrices } = readModel(file).layers[0]!.weights;
    expect([...matrices.U_r!.data]).toEqual([...file.tensors.get('W_rec')!.values().slice(0, 64)]);
  });
});

test('names that are known are not guessed at', () => {
  const file = fromShapes({
    'rnn.weight_ih_l0': [24, 3],
    'rnn.weight_hh_l0': [24, 8],
    'x.Wx': [24, 3],
    'x.Wh': [24, 8],
  });
  expect(listModules(file).map(({ name }) => name)).toEqual(['rnn']);
});
