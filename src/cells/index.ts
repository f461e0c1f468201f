import type { Cell } from './cell.js';
import { cfn } from './cfn.js';
import { rnnRelu, rnnResidual, rnnTanh } from './elman.js';
import { parseFunctions } from './functions.js';
import { gatedRnn } from './gated-rnn.js';
import { gruFlipped, gruFlippedResetBefore, gruResetAfter, gruResetBefore } from './gru.js';
import { indRnn } from './indrnn.js';
import { layerNormLstm, lstmLayerNorm } from './layer-norm-lstm.js';
import {
  lstm,
  lstmCoupled,
  lstmPeephole,
  lstmPeepholeCoupled,
  lstmPeepholeProjected,
  lstmProjected,
} from './lstm.js';
import { mguNoReset, mguReset } from './mgu.js';
import { plrnn } from './plrnn.js';
import { gruSeparateGates, gruTwoStep } from './separate-gates.js';

export {
  type Activation,
  type ActivationName,
  activation,
  activationNames,
  activationText,
  parseActivation,
  relu,
  sigmoid,
  tanh,
} from './activations.js';
export type {
  ActivationPlace,
  Algebra,
  Cell,
  CellParameter,
  CellWeights,
  Extent,
  Functions,
  Quantity,
  Role,
  State,
} from './cell.js';
export { parseFunctions } from './functions.js';
export { type Block, extentSize, handedOn, type Sizes, stateLayout, stateSize } from './layout.js';

/** Every recurrence that rnnscope knows. A new one is its equations and one line here. */
export const cells: readonly Cell[] = [
  rnnTanh,
  rnnRelu,
  rnnResidual,
  gruResetAfter,
  gruResetBefore,
  gruFlipped,
  gruFlippedResetBefore,
  mguReset,
  mguNoReset,
  lstm,
  lstmPeephole,
  lstmCoupled,
  lstmPeepholeCoupled,
  lstmProjected,
  lstmPeepholeProjected,
  lstmLayerNorm,
  gatedRnn,
  gruSeparateGates,
  gruTwoStep,
  cfn,
  indRnn,
  plrnn,
];

/** The cell of that name, functions in parentheses included: 'lstm', 'rnn(softsign)', 'gru(hard_sigmoid,tanh)'. */
export function cellNamed(name: string): Cell | undefined {
  const [, base, changes] = /^([\w-]+)(?:\((.*)\))?$/.exec(name) ?? [];
  const cell = cells.find((one) => one.name === base) ?? cells.find((one) => changes && one.base === base);
  if (changes === undefined || !cell) return cell;
  const functions = parseFunctions(changes, cell);
  return functions && cell.withFunctions!(functions);
}

/** The name without functions in parentheses. */
export const baseOf = (cell: Cell): string => cell.base ?? cell.name;

export {
  cfn,
  gatedRnn,
  gruFlipped,
  gruFlippedResetBefore,
  gruResetAfter,
  gruResetBefore,
  gruSeparateGates,
  gruTwoStep,
  indRnn,
  layerNormLstm,
  lstm,
  lstmCoupled,
  lstmLayerNorm,
  lstmPeephole,
  lstmPeepholeCoupled,
  lstmPeepholeProjected,
  lstmProjected,
  mguNoReset,
  mguReset,
  plrnn,
  rnnRelu,
  rnnResidual,
  rnnTanh,
};
