import { sigmoid, tanh } from './activations.js';
import {
  type Algebra,
  type Cell,
  type CellParameter,
  type CellWeights,
  matrixParameter,
  vectorParameter,
} from './cell.js';
import { joint } from './gated-rnn.js';

const gateParameters: CellParameter[] = [
  matrixParameter('W_ff', 'H+I'),
  matrixParameter('W_xf', 'H'),
  matrixParameter('W_xx', 'I'),
  vectorParameter('b_f'),
  matrixParameter('W_zz', 'H+I'),
  matrixParameter('W_zx', 'I'),
  vectorParameter('b_z'),
];

const gateFormula = ['f = σ(W_ff [h; x] + W_xf h + W_xx x + b_f)', 'z = σ(W_zz [h; x] + W_zx x + b_z)'];

/** f and 1 − z are free of each other, so that f h + (1 − z) n is no convex combination and can grow. */
function gates<Q>(op: Algebra<Q>, w: CellWeights, h: Q, x: Q): { f: Q; z: Q } {
  const f = op.add(
    joint(op, w, 'W_ff', 'b_f', h, x),
    op.add(op.affine(w.matrices.W_xf!, h), op.affine(w.matrices.W_xx!, x)),
  );
  const z = op.add(joint(op, w, 'W_zz', 'b_z', h, x), op.affine(w.matrices.W_zx!, x));
  return { f: op.named('f', op.unary(sigmoid, f)), z: op.named('z', op.unary(sigmoid, z)) };
}

/** f ⊙ h + (1 − z) ⊙ tanh(W [h; x] + b). */
const blend = <Q>(op: Algebra<Q>, w: CellWeights, f: Q, z: Q, W: string, b: string, h: Q, x: Q): Q =>
  op.add(
    op.mul(f, h),
    op.mul(op.complement(z), op.named('candidate', op.unary(tanh, joint(op, w, W, b, h, x)))),
  );

export const gruSeparateGates: Cell = {
  name: 'gru-separate-gates',
  family: 'gru',
  summary: 'GRU with separate forget and update gates (its state can grow)',
  formula: [...gateFormula, "h' = f ⊙ h + (1 − z) ⊙ tanh(W_hh [h; x] + b_h)"],
  blocks: ['h'],
  quantities: [
    { name: 'f', role: 'keep', block: 'h' },
    { name: 'z', role: 'withhold', block: 'h' },
    { name: 'candidate', role: 'candidate', block: 'h' },
  ],
  parameters: [...gateParameters, matrixParameter('W_hh', 'H+I'), vectorParameter('b_h')],
  equations(op, w, { h }, x) {
    const { f, z } = gates(op, w, h!, x);
    return { h: blend(op, w, f, z, 'W_hh', 'b_h', h!, x) };
  },
};

export const gruTwoStep: Cell = {
  name: 'gru-two-step',
  family: 'gru',
  summary: 'GRU with separate gates in two steps',
  formula: [
    ...gateFormula,
    'c = f ⊙ h + (1 − z) ⊙ tanh(W_hc [h; x] + b_c)',
    "h' = z ⊙ h + (1 − z) ⊙ tanh(c)",
  ],
  blocks: ['h'],
  // What z keeps stays for good; what f keeps goes into the candidate of the second step.
  quantities: [
    { name: 'f', role: 'reset', block: 'h' },
    { name: 'z', role: 'keep', block: 'h' },
    { name: 'candidate', role: 'candidate', block: 'h' },
  ],
  parameters: [...gateParameters, matrixParameter('W_hc', 'H+I'), vectorParameter('b_c')],
  equations(op, w, { h }, x) {
    const { f, z } = gates(op, w, h!, x);
    const c = blend(op, w, f, z, 'W_hc', 'b_c', h!, x);
    return { h: op.mix(z, op.unary(tanh, c), h!) };
  },
};
