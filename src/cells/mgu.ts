import { sigmoid, tanh } from './activations.js';
import { gateParameters, input, preactivation, recurrent } from './cell.js';
import { cellWith } from './functions.js';

/**
 * The minimal gated unit, G.-B. Zhou et al., arXiv 1603.09420, as Flax has it (`MGUCell`): one gate f keeps the old state and
 * resets it after the recurrent product, or leaves it as it is (`reset_gate=False`).
 */
const mgu = (name: string, resets: boolean) =>
  cellWith({
    name,
    family: 'other',
    summary: `minimal gated unit ${resets ? '(Flax)' : 'without a reset (Flax)'}`,
    activations: { gate: sigmoid, candidate: tanh },
    formula: ({ gate, candidate }) => [
      `f = ${gate}(W_f x + bx_f + U_f h + bh_f)`,
      `n = ${candidate}(W_n x + bx_n + ${resets ? 'f ⊙ (U_n h + bh_n)' : 'U_n h + bh_n'})`,
      "h' = (1 − f) ⊙ n + f ⊙ h",
    ],
    blocks: ['h'],
    quantities: [
      { name: 'f', role: 'keep', block: 'h' },
      { name: 'n', role: 'candidate', block: 'h' },
    ],
    parameters: ['f', 'n'].flatMap((g) => gateParameters(g)),
    equations(op, w, { h }, x, apply) {
      const f = op.named('f', apply.gate(preactivation(op, w, 'f', h!, x)));
      const past = recurrent(op, w, 'n', h!);
      const n = apply.candidate(op.add(input(op, w, 'n', x), resets ? op.mul(f, past) : past));
      return { h: op.mix(f, op.named('n', n), h!) };
    },
  });

export const mguReset = mgu('mgu', true);
export const mguNoReset = mgu('mgu-no-reset', false);
