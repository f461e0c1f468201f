import { relu } from './activations.js';
import { matrixParameter, vectorParameter } from './cell.js';
import { cellWith } from './functions.js';

/** Each unit sees its own past alone. S. Li et al., Independently recurrent neural network, arXiv 1803.04831, eq. 2. */
export const indRnn = cellWith({
  name: 'indrnn',
  family: 'other',
  summary: 'independently recurrent network (a diagonal recurrence)',
  activations: { candidate: relu },
  formula: ({ candidate }) => [`h' = ${candidate}(W x + u ⊙ h + b)`],
  blocks: ['h'],
  parameters: [matrixParameter('W', 'I'), vectorParameter('u', false), vectorParameter('b')],
  equations: (op, w, { h }, x, f) => ({
    h: f.candidate(op.add(op.affine(w.matrices.W!, x, w.vectors.b), op.scale(w.vectors.u!, h!))),
  }),
});
