import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ModelOptions, readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from './stepping.js';
import { fromNested, type Nested } from './weight-files.js';

type Reference = { x: number[][] } & Record<
  'gru2' | 'lstm2' | 'rnn2',
  { y: number[][] } & Record<string, Nested>
>;

const reference: Reference = JSON.parse(
  readFileSync(new URL('../fixtures/formats/torch_ref.json', import.meta.url), 'utf8'),
);

/** How far our hidden states are from PyTorch's, at most. */
function miss(net: 'gru2' | 'lstm2' | 'rnn2', options: ModelOptions = {}): number {
  const { y, ...weights } = reference[net];
  const model = readModel(fromNested(weights as Record<string, Nested>), options);
  return largestDifference(hiddenStates(model, reference.x), y);
}

test('two layers of GRU step as in PyTorch', () => {
  expect(miss('gru2')).toBeLessThan(1e-6);
});

test('two layers of LSTM step as in PyTorch', () => {
  expect(miss('lstm2')).toBeLessThan(1e-6);
});

test('a ReLU network steps as in PyTorch only when it is told to', () => {
  expect(miss('rnn2', { activation: 'relu' })).toBeLessThan(1e-6);
  expect(miss('rnn2', { cell: 'rnn-relu' })).toBeLessThan(1e-6);
  expect(miss('rnn2')).toBeCloseTo(0.75, 2);
});

test('gates in another order, or a reset at another place, make another network', () => {
  expect(miss('gru2', { gates: 'zrn' })).toBeGreaterThan(0.01);
  expect(miss('gru2', { reset: 'before' })).toBeGreaterThan(0.01);
  expect(miss('lstm2', { gates: 'iofg' })).toBeGreaterThan(0.01);
});
