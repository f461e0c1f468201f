import { sigmoid, tanh } from './activations.js';
import {
  type Algebra,
  type Cell,
  type CellWeights,
  gateParameters,
  input,
  preactivation,
  recurrent,
} from './cell.js';
import { cellWith } from './functions.js';

interface Kind {
  readonly reset: 'after' | 'before';
  /** z lets the candidate in, where it otherwise keeps the old state. */
  readonly flipped?: true;
}

/**
 * The gated recurrent unit, K. Cho et al., arXiv 1406.1078. z keeps the old state, but in Haiku and in J. Chung et al.,
 * arXiv 1412.3555, eq. 5. The reset gate acts after the recurrent product (PyTorch, Keras `reset_after=True`) or before it
 * (the paper, Keras `reset_after=False`).
 */
const gru = (name: string, summary: string, { reset, flipped }: Kind): Cell =>
  cellWith({
    name,
    family: 'gru',
    summary,
    activations: { gate: sigmoid, candidate: tanh },
    formula: ({ gate, candidate }) => [
      `r = ${gate}(W_r x + bx_r + U_r h + bh_r)`,
      `z = ${gate}(W_z x + bx_z + U_z h + bh_z)`,
      `n = ${candidate}(W_n x + bx_n + ${reset === 'after' ? 'r ⊙ (U_n h + bh_n)' : 'U_n (r ⊙ h) + bh_n'})`,
      flipped ? "h' = z ⊙ n + (1 − z) ⊙ h" : "h' = (1 − z) ⊙ n + z ⊙ h",
    ],
    blocks: ['h'],
    quantities: [
      { name: 'r', role: 'reset', block: 'h' },
      flipped
        ? { name: 'z', role: 'write', block: 'h', keepsRest: true }
        : { name: 'z', role: 'keep', block: 'h' },
      { name: 'n', role: 'candidate', block: 'h' },
    ],
    parameters: ['r', 'z', 'n'].flatMap((g) => gateParameters(g)),
    equations(op, w, { h }, x, f) {
      const r = op.named('r', f.gate(preactivation(op, w, 'r', h!, x)));
      const z = op.named('z', f.gate(preactivation(op, w, 'z', h!, x)));
      const n = op.named('n', f.candidate(op.add(input(op, w, 'n', x), past(op, w, reset, r, h!))));
      return { h: flipped ? op.mix(z, h!, n) : op.mix(z, n, h!) };
    },
  });

/** What the candidate sees of the old state. */
const past = <Q>(op: Algebra<Q>, w: CellWeights, reset: Kind['reset'], r: Q, h: Q): Q =>
  reset === 'after' ? op.mul(r, recurrent(op, w, 'n', h)) : recurrent(op, w, 'n', op.mul(r, h));

export const gruResetAfter = gru('gru', 'gated recurrent unit, reset after the product (PyTorch)', {
  reset: 'after',
});
export const gruResetBefore = gru('gru-reset-before', 'gated recurrent unit, reset before the product', {
  reset: 'before',
});
export const gruFlipped = gru(
  'gru-flipped',
  'gated recurrent unit whose z lets the candidate in, reset after the product',
  {
    reset: 'after',
    flipped: true,
  },
);
export const gruFlippedResetBefore = gru(
  'gru-flipped-reset-before',
  'gated recurrent unit whose z lets the candidate in, reset before the product (Haiku)',
  { reset: 'before', flipped: true },
);
