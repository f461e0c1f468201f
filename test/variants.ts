import {
  type Activation,
  activation,
  activationNames,
  type Cell,
  gruFlipped,
  gruResetAfter,
  gruResetBefore,
  indRnn,
  lstm,
  lstmPeephole,
  mguReset,
  rnnTanh,
  sigmoid,
} from '../src/cells/index.js';

/** Every function with its usual parameters, and with others where it takes any. */
export const activations: readonly Activation[] = [
  ...activationNames.map((name) => activation(name)),
  activation('hard_sigmoid', 1 / 6),
  activation('affine', -0.5, 0.2),
  activation('clip', 0.3),
  activation('elu', 0.4),
  activation('elu', -0.4),
  activation('leaky_relu', -0.2),
  activation('thresholded_relu', -0.3),
  activation('scaled_tanh', 1.7159, 2 / 3),
];

const hard = activation('hard_sigmoid', 1 / 6);
const soft = activation('softsign');

/** Cells with functions other than their own: each function once, and the ways in which they are put together. */
export const variants: readonly Cell[] = [
  ...activations.map((candidate) => rnnTanh.withFunctions!({ activations: { candidate } })),
  gruResetAfter.withFunctions!({ activations: { gate: hard, candidate: soft } }),
  gruResetBefore.withFunctions!({ activations: { gate: activation('hard_sigmoid') }, clipState: 0.4 }),
  gruFlipped.withFunctions!({ activations: { candidate: activation('leaky_relu') }, clipGates: 0.5 }),
  lstm.withFunctions!({
    activations: { gate: hard, candidate: soft, output: activation('scaled_tanh', 1.7159, 2 / 3) },
  }),
  lstm.withFunctions!({ activations: { gate: activation('softplus'), candidate: sigmoid }, clipState: 0.3 }),
  lstmPeephole.withFunctions!({ activations: { output: activation('linear') }, clipGates: 0.7 }),
  mguReset.withFunctions!({ activations: { gate: hard } }),
  indRnn.withFunctions!({ activations: { candidate: soft } }),
];
