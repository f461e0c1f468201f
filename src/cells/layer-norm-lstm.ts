import type { Matrix } from '../linalg/matrix.js';
import { rsqrt, sigmoid, square, tanh } from './activations.js';
import {
  type Algebra,
  type Cell,
  type CellParameter,
  type CellWeights,
  matrixParameter,
  vectorParameter,
} from './cell.js';
import { cellWith } from './functions.js';

const GATES = ['i', 'f', 'g', 'o'] as const;

/** Of a normalisation: what its result is multiplied by, and what is added. */
const normParameters = (name: string): CellParameter[] => [
  vectorParameter(`gain_${name}`),
  vectorParameter(`shift_${name}`),
];

const parameters: readonly CellParameter[] = [
  ...GATES.flatMap((g) => [
    matrixParameter(`W_${g}`, 'I'),
    matrixParameter(`U_${g}`, 'H'),
    vectorParameter(`b_${g}`),
    ...normParameters(`x_${g}`),
    ...normParameters(`h_${g}`),
  ]),
  ...normParameters('c'),
];

/** What tensorflow_addons and Keras add to the variance. */
const USUAL_EPSILON = 1e-3;

/**
 * The LSTM with layer normalisation as `tensorflow_addons.rnn.LayerNormLSTMCell` has it: the four products with the input are
 * normalised together, those with the state likewise, and the state that is carried on is the normalised one. J. Ba, J. Kiros,
 * G. Hinton, arXiv 1607.06450, differ in the last (their eqs. 20–22).
 */
export const layerNormLstm = (epsilon = USUAL_EPSILON): Cell =>
  cellWith({
    name: epsilon === USUAL_EPSILON ? 'lstm-layer-norm' : `lstm-layer-norm-${epsilon}`,
    family: 'other',
    summary: 'LSTM with layer normalisation (tensorflow_addons)',
    activations: { gate: sigmoid, candidate: tanh, output: tanh },
    formula: ({ gate, candidate, output }) => [
      `N(a) = gain ⊙ (a − ⟨a⟩)/√(⟨(a − ⟨a⟩)²⟩ + ${epsilon}) + shift, over all gates at once`,
      `i, f, o = ${gate}(N_x(W x)_g + N_h(U h)_g + b_g), g = i, f, o`,
      `g = ${candidate}(N_x(W x)_g + N_h(U h)_g + b_g)`,
      "c' = N_c(f ⊙ c + i ⊙ g)",
      `h' = o ⊙ ${output}(c')`,
    ],
    blocks: ['h', 'c'],
    quantities: [
      { name: 'i', role: 'write', block: 'c' },
      { name: 'f', role: 'keep', block: 'c' },
      { name: 'g', role: 'candidate', block: 'c' },
      { name: 'o', role: 'show', block: 'h' },
    ],
    parameters,
    equations(op, w, { h, c }, x, apply) {
      const fromX = normalised(
        op,
        w,
        GATES.map((g) => op.affine(w.matrices[`W_${g}`]!, x)),
        names('x'),
        epsilon,
      );
      const fromH = normalised(
        op,
        w,
        GATES.map((g) => op.affine(w.matrices[`U_${g}`]!, h!)),
        names('h'),
        epsilon,
      );
      const [i, f, g, o] = GATES.map((gate, k) => {
        const bias = w.vectors[`b_${gate}`];
        const sum = op.add(fromX[k]!, fromH[k]!);
        const argument = bias ? op.shift(bias, sum) : sum;
        return op.named(gate, gate === 'g' ? apply.candidate(argument) : apply.gate(argument));
      });
      const [next] = normalised(op, w, [op.add(op.mul(f!, c!), op.mul(i!, g!))], ['c'], epsilon);
      return { h: op.mul(o!, apply.output(next!)), c: next! };
    },
  });

const names = (of: 'x' | 'h'): string[] => GATES.map((g) => `${of}_${g}`);

/** Parts of H entries each, normalised as one vector. Means and the way back are products with matrices of equal entries. */
function normalised<Q>(
  op: Algebra<Q>,
  w: CellWeights,
  parts: readonly Q[],
  name: readonly string[],
  epsilon: number,
): Q[] {
  const H = w.hiddenSize;
  const average = filled(1, H, 1 / (parts.length * H));
  const spread = (factor: number): Matrix => filled(H, 1, factor);
  const mean = (of: readonly Q[]): Q =>
    of.map((q) => op.affine(average, q)).reduce((sum, q) => op.add(sum, q));
  const minusMean = op.affine(spread(-1), mean(parts));
  const centred = parts.map((part) => op.add(part, minusMean));
  const scale = op.affine(spread(1), op.unary(rsqrt(epsilon), mean(centred.map((d) => op.unary(square, d)))));
  return centred.map((d, k) => {
    const [gain, shift] = [w.vectors[`gain_${name[k]}`], w.vectors[`shift_${name[k]}`]];
    const unit = op.mul(d, scale);
    const scaled = gain ? op.scale(gain, unit) : unit;
    return shift ? op.shift(shift, scaled) : scaled;
  });
}

const filled = (rows: number, cols: number, value: number): Matrix => ({
  rows,
  cols,
  data: new Float64Array(rows * cols).fill(value),
});

export const lstmLayerNorm = layerNormLstm();
