import { sigmoid, tanh } from './activations.js';
import { type Cell, gateParameters, matrixParameter, preactivation } from './cell.js';

/** The chaos-free network, T. Laurent and J. von Brecht, ICLR 2017, arXiv 1612.06212, eqs. 1–2. */
export const cfn: Cell = {
  name: 'cfn',
  family: 'other',
  summary: 'chaos-free network',
  formula: [
    'θ = σ(W_t x + bx_t + U_t h + bh_t)',
    'η = σ(W_e x + bx_e + U_e h + bh_e)',
    "h' = θ ⊙ tanh(h) + η ⊙ tanh(W x)",
  ],
  blocks: ['h'],
  quantities: [
    { name: 'θ', role: 'keep', block: 'h' },
    { name: 'η', role: 'write', block: 'h' },
  ],
  parameters: [...['t', 'e'].flatMap((g) => gateParameters(g)), matrixParameter('W', 'I')],
  equations(op, w, { h }, x) {
    const theta = op.named('θ', op.unary(sigmoid, preactivation(op, w, 't', h!, x)));
    const eta = op.named('η', op.unary(sigmoid, preactivation(op, w, 'e', h!, x)));
    return {
      h: op.add(op.mul(theta, op.unary(tanh, h!)), op.mul(eta, op.unary(tanh, op.affine(w.matrices.W!, x)))),
    };
  },
};
