import { expect, test } from 'vitest';
import { readModel } from '../../src/model/index.js';
import { filled, fromShapes, together, torchShapes, under, weightFile } from './weight-files.js';

const both = (layers: number) =>
  under('rnn.', fromShapes(torchShapes(3, 2, 3, { layers, bidirectional: true })));

const taken =
  'rnn is bidirectional: only the forward direction is taken (--direction backward for the other)';

test('one direction of a bidirectional layer is taken, the forward one unless told otherwise', () => {
  const forward = readModel(both(1));
  expect([forward.direction, forward.layers.length]).toEqual(['forward', 1]);
  expect(forward.assumptions).toContain(taken);
  const backward = readModel(both(1), { direction: 'backward' });
  expect(backward.direction).toBe('backward');
  expect(backward.assumptions).not.toContain(taken);
});

test('the backward direction has the weights of _reverse', () => {
  const file = both(1);
  const stored = filled('rnn.weight_hh_l0_reverse', [9, 3], 5);
  const other = together(file, weightFile([stored]));
  const U_r = readModel(other, { direction: 'backward' }).layers[0]!.weights.matrices.U_r!;
  expect(U_r.data).toEqual(stored.values().slice(0, 9));
});

test('of a bidirectional stack only the first layer is a map by itself', () => {
  const model = readModel(both(2));
  expect(model.layers.map(({ name }) => name)).toEqual(['layer0']);
  expect(model.assumptions.join('\n')).toContain('only layer 0 is taken (--layer N for another)');
});

test('an upper bidirectional layer reads both directions of the one below', () => {
  expect(readModel(both(2), { layer: 1 }).inputSize).toBe(6);
});

test('--direction backward does not fit a module with one direction', () => {
  const file = fromShapes(torchShapes(3, 2, 3));
  expect(() => readModel(file, { direction: 'backward' })).toThrow('the network, which is not bidirectional');
});

test('a readout of both directions is left out, aloud', () => {
  const file = together(both(1), weightFile([filled('fc.weight', [2, 6])]));
  const model = readModel(file);
  expect(model.readout).toBeUndefined();
  expect(model.assumptions.join('\n')).toContain('fc.weight (2×6) reads both directions and is left out');
});

test('a backward direction that lacks a layer is refused', () => {
  const file = both(2);
  const tensors = new Map([...file.tensors].filter(([name]) => !name.endsWith('l1_reverse')));
  expect(() => readModel({ ...file, tensors })).toThrow('no weight_hh_l1_reverse');
});
