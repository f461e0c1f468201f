import { expect, test } from 'vitest';
import { listModules, readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from './stepping.js';
import { fromShapes } from './weight-files.js';

// Haiku and Equinox save no files of their own: their arrays come as an .npz, under the paths of their parameters.

const X = [
  [1, -0.5, 0.3],
  [-0.2, 0.8, 0.1],
  [0.4, 0.4, -0.9],
];
const H = 4;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

type Vector = readonly number[];
const add = (...vectors: Vector[]): number[] =>
  vectors[0]!.map((_, i) => vectors.reduce((sum, v) => sum + v[i]!, 0));
const cut = (v: Vector, k: number): Vector => v.slice(k * H, (k + 1) * H);

const file = (shapes: Record<string, readonly number[]>) => {
  const read = fromShapes(shapes);
  const values = (name: string) => read.tensors.get(name)!.values();
  return {
    read,
    vector: (name: string): Vector => [...values(name)],
    /** x W. */
    left: (x: Vector, name: string): Vector => {
      const [, columns] = shapes[name]! as [number, number];
      return Array.from({ length: columns }, (_, j) =>
        x.reduce((s, v, i) => s + v * values(name)[i * columns + j]!, 0),
      );
    },
    /** W x. */
    right: (name: string, x: Vector): Vector => {
      const [rows, columns] = shapes[name]! as [number, number];
      return Array.from({ length: rows }, (_, i) =>
        x.reduce((s, v, j) => s + v * values(name)[i * columns + j]!, 0),
      );
    },
  };
};

const zeros = (): Vector => new Array<number>(H).fill(0);

test('hk.GRU keeps the old state with 1 − z, and resets before the product', () => {
  const { read, vector, left } = file({
    'net/~/gru/w_i': [3, 12],
    'net/~/gru/w_h': [H, 12],
    'net/~/gru/b': [12],
  });
  const [b, w_i, w_h] = [vector('net/~/gru/b'), 'net/~/gru/w_i', 'net/~/gru/w_h'];
  let h = zeros();
  const expected = X.map((x) => {
    const [gx, gh] = [left(x, w_i), left(h, w_h)];
    const [z, r] = [0, 1].map((k) => add(cut(gx, k), cut(gh, k), cut(b, k)).map(sigmoid));
    const reset = h.map((v, i) => v * r![i]!);
    const a = add(cut(gx, 2), cut(left(reset, w_h), 2), cut(b, 2)).map(Math.tanh);
    h = h.map((v, i) => (1 - z![i]!) * v + z![i]! * a[i]!);
    return [...h];
  });
  const model = readModel(read);
  expect([model.module, model.layers[0]!.cell.name]).toEqual(['net/~/gru', 'gru-flipped-reset-before']);
  expect(largestDifference(hiddenStates(model, X), expected)).toBeLessThan(1e-14);
});

test('hk.LSTM is one linear layer of input and state, i g f o, with 1 added to f', () => {
  const { read, vector, left } = file({
    'lstm/linear.w': [3 + H, 4 * H],
    'lstm/linear.b': [4 * H],
    'linear.w': [H, 2],
    'linear.b': [2],
  });
  let [h, c] = [zeros(), zeros()];
  const expected = X.map((x) => {
    const gated = add(left([...x, ...h], 'lstm/linear.w'), vector('lstm/linear.b'));
    const [i, g, f, o] = [0, 1, 2, 3].map((k) => cut(gated, k));
    c = c.map((v, k) => sigmoid(f![k]! + 1) * v + sigmoid(i![k]!) * Math.tanh(g![k]!));
    h = c.map((v, k) => sigmoid(o![k]!) * Math.tanh(v));
    return [...h];
  });
  const model = readModel(read);
  expect(model.readout?.name).toBe('linear');
  expect(model.assumptions.join()).toContain("1 is added to the forget gate's bias");
  expect(largestDifference(hiddenStates(model, X), expected)).toBeLessThan(1e-14);
});

test('hk.VanillaRNN applies relu', () => {
  const { read, vector, left } = file({
    'vanilla_rnn/input_to_hidden/w': [3, H],
    'vanilla_rnn/input_to_hidden/b': [H],
    'vanilla_rnn/hidden_to_hidden/w': [H, H],
    'vanilla_rnn/hidden_to_hidden/b': [H],
  });
  const path = 'vanilla_rnn';
  let h = zeros();
  const expected = X.map((x) => {
    const b = add(vector(`${path}/input_to_hidden/b`), vector(`${path}/hidden_to_hidden/b`));
    h = add(left(x, `${path}/input_to_hidden/w`), left(h, `${path}/hidden_to_hidden/w`), b).map((v) =>
      Math.max(0, v),
    );
    return [...h];
  });
  expect(largestDifference(hiddenStates(readModel(read), X), expected)).toBeLessThan(1e-14);
});

test("eqx.nn.GRUCell has one bias, and one of the candidate's that is reset", () => {
  const { read, vector, right } = file({
    'cell.weight_ih': [12, 3],
    'cell.weight_hh': [12, H],
    'cell.bias': [12],
    'cell.bias_n': [H],
  });
  let h = zeros();
  const expected = X.map((x) => {
    const igates = add(right('cell.weight_ih', x), vector('cell.bias'));
    const hgates = right('cell.weight_hh', h);
    const [reset, inp] = [0, 1].map((k) => add(cut(igates, k), cut(hgates, k)).map(sigmoid));
    const past = add(cut(hgates, 2), vector('cell.bias_n'));
    const fresh = cut(igates, 2).map((v, k) => Math.tanh(v + reset![k]! * past[k]!));
    h = fresh.map((v, k) => v + inp![k]! * (h[k]! - v));
    return [...h];
  });
  const model = readModel(read);
  expect([model.module, model.layers[0]!.cell.name]).toEqual(['cell', 'gru']);
  expect(largestDifference(hiddenStates(model, X), expected)).toBeLessThan(1e-14);
});

test('eqx.nn.LSTMCell has the gates of PyTorch, and its one bias', () => {
  const { read, vector, right } = file({
    'lstm/weight_ih': [16, 3],
    'lstm/weight_hh': [16, H],
    'lstm/bias': [16],
  });
  let [h, c] = [zeros(), zeros()];
  const expected = X.map((x) => {
    const all = add(right('lstm/weight_ih', x), right('lstm/weight_hh', h), vector('lstm/bias'));
    const [i, f, g, o] = [0, 1, 2, 3].map((k) => cut(all, k));
    c = c.map((v, k) => sigmoid(f![k]!) * v + sigmoid(i![k]!) * Math.tanh(g![k]!));
    h = c.map((v, k) => sigmoid(o![k]!) * Math.tanh(v));
    return [...h];
  });
  expect(largestDifference(hiddenStates(readModel(read), X), expected)).toBeLessThan(1e-14);
});

test('without that bias, the names are those of PyTorch, and so is the module', () => {
  const { read } = file({ weight_ih: [12, 3], weight_hh: [12, H] });
  expect(readModel(read).assumptions.join()).toContain('torch.nn.GRU');
});

test("matrices called w_i and w_h that are no GRU's are not Haiku's", () => {
  const { read } = file({ w_i: [3, H], w_h: [H, H] });
  expect(listModules(read).filter(({ convention }) => convention === 'haiku')).toEqual([]);
});
