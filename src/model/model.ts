import type { Cell, CellWeights } from '../cells/index.js';
import type { Matrix } from '../linalg/matrix.js';

/** One recurrent layer in one direction: its equations and their weights, gate by gate. */
export interface Layer {
  /** 'layer0', 'layer1' … */
  readonly name: string;
  readonly cell: Cell;
  readonly weights: CellWeights;
}

/** y = weight · h + bias, from the last layer's h. */
export interface Readout {
  readonly name: string;
  readonly weight: Matrix;
  readonly bias?: Float64Array;
}

/** Row i is the input that token i stands for. */
export interface Embedding {
  readonly name: string;
  readonly weight: Matrix;
}

/** A recurrent module, ready to be made a map: stacked layers, each feeding the next one's input. */
export interface Model {
  /** Path of the module in the file, such as 'encoder.rnn'; '' when the file names none. */
  readonly module: string;
  readonly direction: 'forward' | 'backward';
  readonly layers: readonly Layer[];
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** Numbers of the module as the file stores them (both directions, all layers). */
  readonly parameters: number;
  readonly readout?: Readout;
  readonly embedding?: Embedding;
  /** Everything that the file did not say and had to be supposed, as sentences. */
  readonly assumptions: readonly string[];
  readonly source: { readonly path: string; readonly sha256: string; readonly format: string };
}

/** Overrides of what would be inferred: the command line's --module, --direction, … */
export interface ModelOptions {
  readonly module?: string | undefined;
  readonly direction?: 'forward' | 'backward' | undefined;
  /** Which layer of a stack to take alone, from 0. */
  readonly layer?: number | undefined;
  /** Order of the gate blocks, such as 'rzn', 'zrn' or 'ifgo'. */
  readonly gates?: string | undefined;
  readonly reset?: 'before' | 'after' | undefined;
  /** Functions of the cell: 'relu', 'hard_sigmoid,tanh', 'gate=hard_sigmoid'. */
  readonly activation?: string | undefined;
  /** The new h is held between −clip and clip. */
  readonly clip?: number | undefined;
  /** A registry name of `src/cells`. */
  readonly cell?: string | undefined;
  readonly readout?: string | undefined;
}
