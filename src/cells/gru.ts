import {
  type Algebra,
  type Cell,
  type CellWeights,
  gateParameters,
  input,
  preactivation,
  recurrent,
} from './cell.js';

/**
 * The gated recurrent unit, K. Cho et al., arXiv 1406.1078. z keeps the old state. The reset gate acts after the
 * recurrent product (PyTorch, Keras `reset_after=True`) or before it (the paper, Keras `reset_after=False`).
 */
const gru = (name: string, summary: string, candidateFormula: string, candidate: Candidate): Cell => ({
  name,
  family: 'gru',
  summary,
  formula: [
    'r = σ(W_r x + bx_r + U_r h + bh_r)',
    'z = σ(W_z x + bx_z + U_z h + bh_z)',
    candidateFormula,
    "h' = (1 − z) ⊙ n + z ⊙ h",
  ],
  blocks: ['h'],
  quantities: [
    { name: 'r', role: 'reset', block: 'h' },
    { name: 'z', role: 'keep', block: 'h' },
    { name: 'n', role: 'candidate', block: 'h' },
  ],
  parameters: ['r', 'z', 'n'].flatMap(gateParameters),
  equations(op, w, { h }, x) {
    const r = op.named('r', op.sigmoid(preactivation(op, w, 'r', h!, x)));
    const z = op.named('z', op.sigmoid(preactivation(op, w, 'z', h!, x)));
    const n = op.named('n', op.tanh(op.add(input(op, w, 'n', x), candidate(op, w, r, h!))));
    return { h: op.mix(z, n, h!) };
  },
});

type Candidate = <Q>(op: Algebra<Q>, w: CellWeights, r: Q, h: Q) => Q;

export const gruResetAfter = gru(
  'gru',
  'gated recurrent unit, reset after the product (PyTorch)',
  'n = tanh(W_n x + bx_n + r ⊙ (U_n h + bh_n))',
  (op, w, r, h) => op.mul(r, recurrent(op, w, 'n', h)),
);

export const gruResetBefore = gru(
  'gru-reset-before',
  'gated recurrent unit, reset before the product',
  'n = tanh(W_n x + bx_n + U_n (r ⊙ h) + bh_n)',
  (op, w, r, h) => recurrent(op, w, 'n', op.mul(r, h)),
);
