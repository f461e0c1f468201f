import type { Cell, CellWeights, Extent } from './index.js';

/** H, I and P: P is the size of a projection, H where a cell has none. */
export type Sizes = Pick<CellWeights, 'hiddenSize' | 'inputSize' | 'projectionSize'>;

/** How many entries an extent stands for. */
export function extentSize(extent: Extent, { hiddenSize, inputSize, projectionSize }: Sizes): number {
  const P = projectionSize ?? hiddenSize;
  return { H: hiddenSize, I: inputSize, P, 'H+I': hiddenSize + inputSize, 'P+I': P + inputSize }[extent];
}

/** A state block: entries [from, to) of the layer's state. */
export interface Block {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** The state blocks of a layer, one after another. */
export function stateLayout(cell: Cell, sizes: Sizes): Block[] {
  let from = 0;
  return cell.blocks.map((name) => {
    const to = from + extentSize(cell.projected?.includes(name) ? 'P' : 'H', sizes);
    const block = { name, from, to };
    from = to;
    return block;
  });
}

/** Where in a layer's state `h` lies, which is what the layer hands on. */
export const handedOn = (cell: Cell, sizes: Sizes): Block =>
  stateLayout(cell, sizes).find(({ name }) => name === 'h')!;

/** Entries of a layer's state. */
export const stateSize = (cell: Cell, sizes: Sizes): number => stateLayout(cell, sizes).at(-1)!.to;
