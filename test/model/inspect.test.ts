import { expect, test } from 'vitest';
import type { InspectValue } from '../../analyses/inspect.js';
import { inspectFile, modelSummary, readModel } from '../../src/model/index.js';
import { filled, fromNested, fromShapes, together, torchShapes, under, weightFile } from './weight-files.js';

const stack = under('rnn.', fromShapes(torchShapes(4, 3, 8, { layers: 2 })));

test('a module is told with sizes, equations and what else it could have been', () => {
  const file = together(stack, weightFile([filled('fc.weight', [2, 8]), filled('emb.weight', [9, 3])]));
  const value: InspectValue = inspectFile(file);
  expect(value.modules).toMatchObject([
    {
      name: 'rnn',
      cell: 'lstm',
      layers: 2,
      bidirectional: false,
      inputSize: 3,
      hiddenSize: 8,
      stateSize: 32,
      parameters: 32 * (3 + 8 + 2) + 32 * (8 + 8 + 2),
      readout: 'fc',
      embedding: 'emb',
    },
  ]);
  expect(value.modules[0]!.formula[0]).toContain('σ');
  expect(value.tensors[0]).toEqual({ name: 'rnn.weight_ih_l0', shape: [32, 3], dtype: 'f32' });
});

test('parametersIf of the cell that it is equals its parameters', () => {
  for (const [blocks, key] of [
    [1, 'rnn'],
    [3, 'gru'],
    [4, 'lstm'],
  ] as const)
    for (const bidirectional of [false, true]) {
      const shapes = torchShapes(blocks, 3, 8, { layers: 3, bidirectional });
      const withBiases = inspectFile(fromShapes(shapes)).modules[0]!;
      expect(withBiases.parametersIf[key]).toBe(withBiases.parameters);
      const matrices = Object.entries(shapes).filter(([name]) => name.startsWith('weight'));
      const without = inspectFile(fromShapes(Object.fromEntries(matrices))).modules[0]!;
      expect(without.parametersIf[key]).toBe(without.parameters);
    }
});

test('every gate has its statistics, recurrent ones their spectrum', () => {
  const file = fromNested({
    weight_ih_l0: [[1], [3]],
    weight_hh_l0: [
      [0, 2],
      [-2, 0],
    ],
    bias_ih_l0: [0, Number.NaN],
    bias_hh_l0: [1, 1],
  });
  const rows = Object.fromEntries(inspectFile(file).modules[0]!.weights.map((row) => [row.name, row]));
  expect(rows['layer0.W_h']).toEqual({
    name: 'layer0.W_h',
    shape: [2, 1],
    mean: 2,
    standardDeviation: 1,
    min: 1,
    max: 3,
    nonFinite: 0,
  });
  expect(rows['layer0.U_h']!.spectralRadius).toBeCloseTo(2, 12);
  expect(rows['layer0.U_h']!.spectralNorm).toBeCloseTo(2, 12);
  expect(rows['layer0.bx_h']).toMatchObject({ mean: 0, nonFinite: 1 });
});

test('a recurrent matrix that is not finite has no spectrum', () => {
  const file = fromNested({ weight_ih_l0: [[1]], weight_hh_l0: [[Number.NaN]] });
  const row = inspectFile(file).modules[0]!.weights.find(({ name }) => name === 'layer0.U_h')!;
  expect(row).toMatchObject({ nonFinite: 1, mean: Number.NaN, min: Number.NaN });
  expect(row.spectralRadius).toBeUndefined();
});

test('both directions are told of', () => {
  const file = fromShapes(torchShapes(1, 3, 4, { bidirectional: true }));
  const [module] = inspectFile(file).modules;
  expect([module!.stateSize, module!.weights.map(({ name }) => name).includes('layer0_reverse.U_h')]).toEqual(
    [8, true],
  );
});

test('all modules are told of, or the one that is named; a broken one says why', () => {
  const broken = under('broken.', fromShapes({ weight_ih_l0: [6, 2], weight_hh_l0: [6, 5] }));
  const file = together(stack, broken);
  const { modules } = inspectFile(file);
  expect(modules.map(({ name, cell }) => [name, cell])).toEqual([
    ['rnn', 'lstm'],
    ['broken', 'unknown'],
  ]);
  expect(modules[1]!.assumptions[0]).toContain('6×5');
  expect(inspectFile(file, { module: 'rnn' }).modules).toHaveLength(1);
});

test('a file without recurrent modules is told by its tensors', () => {
  const value = inspectFile(fromShapes({ 'conv.weight': [4, 3, 3] }));
  expect([value.modules, value.tensors.length, value.notes]).toEqual([
    [],
    1,
    ['no recurrent module was recognised'],
  ]);
});

test('a summary says which network a result is about', () => {
  expect(modelSummary(readModel(stack), 32)).toMatchObject({
    path: 'net.pt',
    sha256: '00',
    module: 'rnn',
    cell: 'lstm',
    layers: 2,
    hiddenSize: 8,
    inputSize: 3,
    stateSize: 32,
  });
});
