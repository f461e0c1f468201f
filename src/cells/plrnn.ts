import { relu } from './activations.js';
import { type Cell, matrixParameter, vectorParameter } from './cell.js';

/** The piecewise linear RNN, D. Durstewitz, PLoS Computational Biology 13 (2017) e1005542. */
export const plrnn: Cell = {
  name: 'plrnn',
  family: 'other',
  summary: 'piecewise linear RNN',
  formula: ["h' = A ⊙ h + W max(h, 0) + C x + b"],
  blocks: ['h'],
  parameters: [
    vectorParameter('A', false),
    matrixParameter('W', 'H'),
    matrixParameter('C', 'I', true),
    vectorParameter('b'),
  ],
  equations(op, w, { h }, x) {
    const own = op.add(op.scale(w.vectors.A!, h!), op.affine(w.matrices.W!, op.unary(relu, h!), w.vectors.b));
    return { h: w.matrices.C ? op.add(own, op.affine(w.matrices.C, x)) : own };
  },
};
