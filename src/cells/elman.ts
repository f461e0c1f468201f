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

export const rnnTanh = cellWith(elman);
export const rnnRelu = cellWith(elman, { activations: { candidate: relu } });
