import { expect, test } from 'vitest';
import { type Cell, cells, extentSize } from '../../src/cells/index.js';
import { readModel } from '../../src/model/index.js';
import { filled, fromNested, fromShapes, together, under, weightFile } from './weight-files.js';

/** The shapes that a cell's parameters have for H hidden units and I inputs; a projected state has 2 entries. */
const shapesOf = (cell: Cell, hiddenSize: number, inputSize: number) => {
  const sizes = { hiddenSize, inputSize, ...(cell.projected && { projectionSize: 2 }) };
  return Object.fromEntries(
    cell.parameters.map(({ name, rows, cols }) => [
      name,
      cols === undefined ? [extentSize(rows, sizes)] : [extentSize(rows, sizes), extentSize(cols, sizes)],
    ]),
  );
};

test.each(cells.map((cell) => [cell.name, cell] as const))(
  'a file of the parameters of %s is read by their names, with and without an input',
  (name, cell) => {
    for (const inputSize of [2, 0]) {
      const { layers, ...model } = readModel(fromShapes(shapesOf(cell, 3, inputSize)), { cell: name });
      expect([layers[0]!.cell.name, model.hiddenSize, model.inputSize]).toEqual([name, 3, inputSize]);
      expect(model.assumptions).toEqual([]);
      const { matrices, vectors } = layers[0]!.weights;
      expect(Object.keys({ ...matrices, ...vectors }).sort()).toEqual(
        cell.parameters.map((parameter) => parameter.name).sort(),
      );
    }
  },
);

test.each(cells.map((cell) => [cell.name, cell] as const))(
  'a file for %s without biases and without matrices of the input is one without input',
  (name, cell) => {
    const needed = cell.parameters.filter(({ cols, optional }) => !optional && cols !== 'I');
    const all = shapesOf(cell, 3, 0);
    const file = fromShapes(
      Object.fromEntries(needed.map((parameter) => [parameter.name, all[parameter.name]!])),
    );
    const { layers, inputSize } = readModel(file, { cell: name });
    expect(inputSize).toBe(0);
    for (const { name: W } of cell.parameters.filter(({ cols, optional }) => cols === 'I' && !optional))
      expect(layers[0]!.weights.matrices[W]).toEqual({ rows: 3, cols: 0, data: new Float64Array(0) });
  },
);

test('names that belong to one cell only are recognised, those of two are settled aloud', () => {
  const cfn = cells.find(({ name }) => name === 'cfn')!;
  expect(readModel(fromShapes(shapesOf(cfn, 3, 2))).assumptions).toEqual([
    'the network: the tensors are named as those of cfn; cfn is assumed, --cell overrides',
  ]);
  const gru = cells.find(({ name }) => name === 'gru')!;
  const model = readModel(under('net.', fromShapes(shapesOf(gru, 3, 2))));
  expect([model.module, model.layers[0]!.cell.name]).toEqual(['net', 'gru']);
  expect(model.assumptions).toEqual([
    'net: the tensors are named as those of gru, gru-reset-before, gru-flipped or gru-flipped-reset-before; gru is assumed, --cell overrides',
  ]);
  expect(readModel(fromShapes(shapesOf(gru, 3, 2)), { reset: 'before' }).layers[0]!.cell.name).toBe(
    'gru-reset-before',
  );
});

test('one hidden unit: vectors may be numbers', () => {
  const file = fromNested({ A: 0.5, W: [[2]], b: [1] });
  const { layers } = readModel(file, { cell: 'plrnn' });
  expect(layers[0]!.weights.vectors.A).toEqual(Float64Array.of(0.5));
});

test('missing parameters are listed with all that the cell has', () => {
  expect(() => readModel(fromShapes({ W: [3, 3], b: [3] }), { cell: 'plrnn' })).toThrow(
    'net.pt: the network lacks A: the parameters of plrnn are A [H], W [H, H], C [H, I]?, b [H]?.',
  );
  expect(() => readModel(fromShapes({ 'conv.weight': [3, 3, 3] }), { cell: 'plrnn' })).toThrow(
    'Expected the parameters of plrnn: A [H], W [H, H]',
  );
});

test('a matrix of the input that is missing beside others is an error', () => {
  const file = fromShapes({ W_r: [3, 2], U_r: [3, 3], U_z: [3, 3], U_n: [3, 3] });
  expect(() => readModel(file, { cell: 'gru' })).toThrow('W_z of gru is missing');
});

test('shapes that disagree are refused with the sizes that the others imply', () => {
  const file = fromShapes({ A: [3], W: [3, 3], C: [2, 2] });
  expect(() => readModel(file, { cell: 'plrnn' })).toThrow('C is 2×2, expected 3×2 (H = 3, I = 2).');
  expect(() => readModel(fromShapes({ A: [4], W: [3, 3] }), { cell: 'plrnn' })).toThrow(
    'A is [4], expected [3] (H = 3, I = 0).',
  );
});

test('a matrix of state and input that is too narrow is refused', () => {
  const cell = cells.find(({ name }) => name === 'gru-two-step')!;
  const file = fromShapes({ ...shapesOf(cell, 3, 2), W_ff: [3, 2] });
  expect(() => readModel(file, { cell: cell.name })).toThrow('W_ff is 3×2, expected 3×3');
});

test('gates that have names need no order', () => {
  const gru = cells.find(({ name }) => name === 'gru')!;
  expect(() => readModel(fromShapes(shapesOf(gru, 3, 2)), { gates: 'zrn' })).toThrow('told apart by name');
});

test('W_y and b_y are the readout', () => {
  const file = together(
    fromShapes({ W_h: [3, 2], U_h: [3, 3] }),
    weightFile([filled('W_y', [2, 3]), filled('b_y', [2])]),
  );
  const { readout } = readModel(file, { cell: 'rnn-relu' });
  expect([readout?.name, readout?.weight.rows, readout?.bias?.length]).toEqual(['W_y', 2, 2]);
});
