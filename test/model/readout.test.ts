import { expect, test } from 'vitest';
import { readModel } from '../../src/model/index.js';
import { filled, fromShapes, together, torchShapes, under, weightFile } from './weight-files.js';

type Shapes = Record<string, readonly number[]>;

/** A GRU of 4 inputs (or I) and 8 units beside other matrices. */
const beside = (shapes: Shapes, I = 4) =>
  together(
    weightFile(Object.entries(shapes).map(([name, shape]) => filled(name, shape))),
    under('rnn.', fromShapes(torchShapes(3, I, 8))),
  );

const ends = (shapes: Shapes, I = 4) => {
  const { readout, embedding } = readModel(beside(shapes, I));
  return [readout?.name, embedding?.name];
};

const remarks = (shapes: Shapes, I = 4) => readModel(beside(shapes, I)).assumptions.slice(1).join('\n');

test('a linear layer that takes the hidden state is the readout, with its bias', () => {
  const { readout } = readModel(beside({ 'fc.weight': [2, 8], 'fc.bias': [2] }));
  expect([readout?.name, readout?.weight.rows, readout?.weight.cols, readout?.bias?.length]).toEqual([
    'fc',
    2,
    8,
    2,
  ]);
});

test('a matrix of rows as wide as the input is the embedding', () => {
  expect(ends({ 'embedding.weight': [30, 4], 'fc.weight': [30, 8] })).toEqual(['fc', 'embedding']);
  expect(ends({ 'tokens.weight': [30, 4] })).toEqual([undefined, 'tokens']);
  expect(remarks({ 'tokens.weight': [30, 4] })).toContain('taken for the embedding of tokens by its shape');
});

test('where inputs and units are as many, names tell readout and embedding apart', () => {
  expect(ends({ 'emb.weight': [30, 8], 'fc.weight': [30, 8], 'fc.bias': [30] }, 8)).toEqual(['fc', 'emb']);
  expect(ends({ 'wte.weight': [8, 8] }, 8)).toEqual([undefined, 'wte']);
  expect(ends({ 'out.weight': [30, 8] }, 8)).toEqual(['out', undefined]);
});

test('a linear layer in front of the network is neither', () => {
  expect(ends({ 'project.weight': [4, 11], 'project.bias': [4] })).toEqual([undefined, undefined]);
  expect(ends({ 'skip.weight': [2, 4], 'skip.bias': [2] })).toEqual([undefined, undefined]);
});

test('what the file says of a matrix goes before its name', () => {
  const file = beside({ 'out.weight': [30, 8], 'words.weight': [30, 8] }, 8);
  const said = { words: { className: 'torch.nn.modules.sparse.Embedding', facts: new Map() } };
  const { readout, embedding } = readModel({ ...file, modules: new Map(Object.entries(said)) });
  expect([readout?.name, embedding?.name]).toEqual(['out', 'words']);
});

test('of several that could be the readout none is taken, aloud', () => {
  const shapes = { 'mean.weight': [2, 8], 'scale.weight': [2, 8] };
  expect(ends(shapes)).toEqual([undefined, undefined]);
  expect(remarks(shapes)).toBe(
    'several matrices could be the readout, none is taken: mean.weight (2×8), scale.weight (2×8); --readout NAME chooses',
  );
});

test('--readout names it, by layer or by tensor', () => {
  const file = beside({ 'mean.weight': [2, 8], 'scale.weight': [2, 8] });
  expect(readModel(file, { readout: 'scale' }).readout?.name).toBe('scale');
  expect(readModel(file, { readout: 'mean.weight' }).readout?.name).toBe('mean');
  expect(() => readModel(file, { readout: 'maen' })).toThrow('has no readout "maen". Did you mean "mean"?');
});

test('--readout has to fit the hidden state', () => {
  expect(() => readModel(beside({ 'fc.weight': [2, 5] }), { readout: 'fc' })).toThrow(
    '--readout fc: fc.weight (2×5) takes 5 numbers, but rnn gives 8.',
  );
});

test('the first layer of a sequence of layers is no readout by itself', () => {
  const shapes = { 'head.0.weight': [16, 8], 'head.2.weight': [2, 16] };
  expect(ends(shapes)).toEqual([undefined, undefined]);
  expect(remarks(shapes)).toBe(
    'head.0.weight (16×8) feeds head.2.weight (2×16) and is no readout by itself; none is taken',
  );
});

test('a layer of a stack that is not the last has no readout, one that is not the first no embedding', () => {
  const file = together(
    under('rnn.', fromShapes(torchShapes(3, 4, 8, { layers: 2 }))),
    weightFile([filled('fc.weight', [2, 8]), filled('emb.weight', [30, 4])]),
  );
  const names = (layer: number) => {
    const { readout, embedding } = readModel(file, { layer });
    return [readout?.name, embedding?.name];
  };
  expect([names(0), names(1)]).toEqual([
    [undefined, 'emb'],
    ['fc', undefined],
  ]);
});

test('matrices of another recurrent module are no readout', () => {
  const other = under('other.', fromShapes({ W_h: [8, 8], U_h: [8, 8] }));
  expect(readModel(together(beside({}), other), { module: 'rnn' }).readout).toBeUndefined();
});
