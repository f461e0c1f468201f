import type { Cell } from './cell.js';
import { cfn } from './cfn.js';
import { rnnRelu, rnnTanh } from './elman.js';
import { gatedRnn } from './gated-rnn.js';
import { gruResetAfter, gruResetBefore } from './gru.js';
import { lstm } from './lstm.js';
import { plrnn } from './plrnn.js';
import { gruSeparateGates, gruTwoStep } from './separate-gates.js';

export type { Algebra, Cell, CellParameter, CellWeights, Extent, Quantity, Role, State } from './cell.js';
export { type Block, extentSize, handedOn, type Sizes, stateLayout, stateSize } from './layout.js';

/** Every recurrence that rnnscope knows. A new one is its equations and one line here. */
export const cells: readonly Cell[] = [
  rnnTanh,
  rnnRelu,
  gruResetAfter,
  gruResetBefore,
  lstm,
  gatedRnn,
  gruSeparateGates,
  gruTwoStep,
  cfn,
  plrnn,
];

export const cellNamed = (name: string): Cell | undefined => cells.find((cell) => cell.name === name);

export {
  cfn,
  gatedRnn,
  gruResetAfter,
  gruResetBefore,
  gruSeparateGates,
  gruTwoStep,
  lstm,
  plrnn,
  rnnRelu,
  rnnTanh,
};
