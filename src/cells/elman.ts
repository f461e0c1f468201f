import { relu, tanh } from './activations.js';
import { gateParameters, preactivation } from './cell.js';
import { cellWith, type OpenCell } from './functions.js';

/** h' = φ(W x + U h + b). J. Elman, Finding structure in time, Cognitive Science 14 (1990). */
const elman: OpenCell = {
  name: 'rnn',
  names: { tanh: 'rnn-tanh', relu: 'rnn-relu' },
  family: 'rnn',
  summary: 'Elman network',
  activations: { candidate: tanh },
  formula: ({ candidate }) => [`h' = ${candidate}(W x + bx + U h + bh)`],
  blocks: ['h'],
  parameters: gateParameters('h'),
  equations: (op, w, { h }, x, f) => ({ h: f.candidate(preactivation(op, w, 'h', h!, x)) }),
};

/** With the old state beside the product, as Flax has it (`SimpleCell(residual=True)`). */
const residual: OpenCell = {
  ...elman,
  name: 'rnn-residual',
  names: {},
  summary: 'Elman network that adds its state',
  formula: ({ candidate }) => [`h' = ${candidate}(W x + bx + U h + bh + h)`],
  equations: (op, w, { h }, x, f) => ({
    h: f.candidate(op.add(preactivation(op, w, 'h', h!, x), h!)),
  }),
};

export const rnnTanh = cellWith(elman);
export const rnnRelu = cellWith(elman, { activations: { candidate: relu } });
export const rnnResidual = cellWith(residual);
