import {
  type Cell,
  gruFlipped,
  gruFlippedResetBefore,
  gruResetAfter,
  gruResetBefore,
  lstm,
  lstmProjected,
  rnnRelu,
  rnnTanh,
} from '../../cells/index.js';

/** Cells whose gates are blocks of rows, [G·H, I] and [G·H, H]. The first is PyTorch's own. */
export interface Family {
  readonly cells: readonly [Cell, ...Cell[]];
  /** Blocks in PyTorch's order. */
  readonly gates: readonly string[];
  /** Whether what the layer hands on is projected by weight_hr [P, H], so that weight_hh is [G·H, P]. */
  readonly projected?: true;
}

export const FAMILIES: readonly Family[] = [
  { cells: [rnnTanh, rnnRelu], gates: ['h'] },
  { cells: [gruResetAfter, gruResetBefore, gruFlipped, gruFlippedResetBefore], gates: ['r', 'z', 'n'] },
  { cells: [lstm], gates: ['i', 'f', 'g', 'o'] },
  { cells: [lstmProjected], gates: ['i', 'f', 'g', 'o'], projected: true },
];
