import { type Algebra, type Cell, gateParameters, preactivation } from './cell.js';

/** h' = φ(W x + U h + b). J. Elman, Finding structure in time, Cognitive Science 14 (1990). */
const elman = (activation: 'tanh' | 'relu'): Cell => ({
  name: `rnn-${activation}`,
  family: 'rnn',
  summary: `Elman network with ${activation}`,
  formula: [`h' = ${activation}(W x + bx + U h + bh)`],
  blocks: ['h'],
  parameters: gateParameters('h'),
  equations: (op, w, { h }, x) => ({ h: apply(op, activation, preactivation(op, w, 'h', h!, x)) }),
});

const apply = <Q>(op: Algebra<Q>, activation: 'tanh' | 'relu', q: Q): Q =>
  activation === 'tanh' ? op.tanh(q) : op.relu(q);

export const rnnTanh = elman('tanh');
export const rnnRelu = elman('relu');
