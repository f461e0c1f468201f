import { sigmoid, tanh } from './activations.js';
import {
  type Algebra,
  type Cell,
  type CellParameter,
  type CellWeights,
  matrixParameter,
  vectorParameter,
} from './cell.js';

/** W [h; x] + b, the product with the state and the input stacked. */
export const joint = <Q>(op: Algebra<Q>, w: CellWeights, W: string, b: string, h: Q, x: Q): Q =>
  op.affine(w.matrices[W]!, op.concat(h, x), w.vectors[b]);

const gate = (g: string): CellParameter[] => [
  matrixParameter(`W_${g}i`, 'H+I'),
  matrixParameter(`W_${g}f`, 'H'),
  matrixParameter(`W_${g}x`, 'I'),
  vectorParameter(`b_${g}`),
];

/** σ(W_gi [h; x] + W_gf h + W_gx x + b_g): three terms, two of which see the same h and two the same x. */
const threeTerms = <Q>(op: Algebra<Q>, w: CellWeights, g: string, h: Q, x: Q): Q =>
  op.unary(
    sigmoid,
    op.add(
      joint(op, w, `W_${g}i`, `b_${g}`, h, x),
      op.add(op.affine(w.matrices[`W_${g}f`]!, h), op.affine(w.matrices[`W_${g}x`]!, x)),
    ),
  );

/** A gated RNN whose gates have three terms: an LSTM whose matrices are written as sums. */
export const gatedRnn: Cell = {
  name: 'gated-rnn',
  family: 'lstm',
  summary: 'gated RNN with three-term gates (an LSTM with summed matrices)',
  formula: [
    'g = σ(W_gi [h; x] + W_gf h + W_gx x + b_g), g = i, f, o',
    "c' = f ⊙ c + i ⊙ tanh(W_hc [h; x] + b_c)",
    "h' = o ⊙ tanh(c')",
  ],
  blocks: ['h', 'c'],
  leaky: ['c'],
  quantities: [
    { name: 'i', role: 'write', block: 'c' },
    { name: 'f', role: 'keep', block: 'c' },
    { name: 'o', role: 'show', block: 'h' },
    { name: 'candidate', role: 'candidate', block: 'c' },
  ],
  parameters: [...['i', 'f', 'o'].flatMap(gate), matrixParameter('W_hc', 'H+I'), vectorParameter('b_c')],
  equations(op, w, { h, c }, x) {
    const i = op.named('i', threeTerms(op, w, 'i', h!, x));
    const f = op.named('f', threeTerms(op, w, 'f', h!, x));
    const o = op.named('o', threeTerms(op, w, 'o', h!, x));
    const candidate = op.named('candidate', op.unary(tanh, joint(op, w, 'W_hc', 'b_c', h!, x)));
    const next = op.add(op.mul(f, c!), op.mul(i, candidate));
    return { h: op.mul(o, op.unary(tanh, next)), c: next };
  },
};
