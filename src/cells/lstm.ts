import { type Cell, gateParameters, preactivation } from './cell.js';

/** Long short-term memory with a forget gate, F. Gers, J. Schmidhuber, F. Cummins, Neural Computation 12 (2000). */
export const lstm: Cell = {
  name: 'lstm',
  family: 'lstm',
  summary: 'long short-term memory',
  formula: [
    'i, f, o = σ(W_g x + bx_g + U_g h + bh_g), g = i, f, o',
    'g = tanh(W_g x + bx_g + U_g h + bh_g)',
    "c' = f ⊙ c + i ⊙ g",
    "h' = o ⊙ tanh(c')",
  ],
  blocks: ['h', 'c'],
  leaky: ['c'],
  quantities: [
    { name: 'i', role: 'write', block: 'c' },
    { name: 'f', role: 'keep', block: 'c' },
    { name: 'g', role: 'candidate', block: 'c' },
    { name: 'o', role: 'show', block: 'h' },
  ],
  parameters: ['i', 'f', 'g', 'o'].flatMap(gateParameters),
  equations(op, w, { h, c }, x) {
    const i = op.named('i', op.sigmoid(preactivation(op, w, 'i', h!, x)));
    const f = op.named('f', op.sigmoid(preactivation(op, w, 'f', h!, x)));
    const g = op.named('g', op.tanh(preactivation(op, w, 'g', h!, x)));
    const o = op.named('o', op.sigmoid(preactivation(op, w, 'o', h!, x)));
    const next = op.add(op.mul(f, c!), op.mul(i, g));
    return { h: op.mul(o, op.tanh(next)), c: next };
  },
};
