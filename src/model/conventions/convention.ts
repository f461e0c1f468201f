import type { Cell } from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Linear } from '../linear.js';
import type { Layer, ModelOptions } from '../model.js';
import type { Source } from '../source.js';

export type Direction = 'forward' | 'backward';

/** A recurrent module that a file seems to hold. */
export interface ModuleCandidate {
  /** Path in the file without wrappers, such as 'encoder.rnn'; '' for a file that holds one bare module. */
  readonly name: string;
  /** Other names that mean this module: the path as stored, copies with the same weights. */
  readonly aliases: readonly string[];
  /** Which convention of names it follows. */
  readonly convention: string;
  readonly family: Cell['family'];
  /** Registry name of the cell that is taken when no option says otherwise. */
  readonly cell: string;
  readonly layers: number;
  readonly bidirectional: boolean;
  /** It runs from the last input to the first, and in no other direction. */
  readonly reversed?: true;
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** Entries that a layer hands on, where it projects its state. */
  readonly projectionSize?: number;
  readonly hasBiases: boolean;
  /** Numbers stored for it: all layers, both directions. */
  readonly parameters: number;
  readonly notes: readonly string[];
  /** Why it cannot be read, when it cannot; its sizes are then 0. */
  readonly problem?: string;
}

/** A candidate and how to read it. */
export interface Found extends ModuleCandidate {
  /** Name within the module → tensor: what the module consists of. */
  readonly parts: ReadonlyMap<string, Tensor>;
  /** Settles the cell by the file and the options. Throws a UserError when they do not fit. */
  open(options: ModelOptions): OpenModule;
}

export interface OpenModule {
  readonly cell: Cell;
  readonly assumptions: readonly string[];
  layer(index: number, direction: Direction): Layer;
}

/** What only a sound module has. */
type Sound = Pick<
  Found,
  'family' | 'cell' | 'inputSize' | 'hiddenSize' | 'projectionSize' | 'hasBiases' | 'open'
>;

/** A module as `examine` finds it, or as one that says what is wrong when it is opened. */
export function examined(common: Omit<Found, keyof Sound>, examine: () => Sound): Found {
  try {
    return { ...common, ...examine() };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...common, ...unreadable(error) };
  }
}

const unreadable = (error: UserError): Sound & { problem: string } => ({
  family: 'other',
  cell: 'unknown',
  inputSize: 0,
  hiddenSize: 0,
  hasBiases: false,
  problem: error.message,
  open: () => {
    throw error;
  },
});

/** One way of naming the tensors of recurrent modules. */
export interface Convention {
  readonly name: string;
  /** The modules named in this way. Finds broken ones as well, whose `open` says what is wrong. */
  match(source: Source, options: ModelOptions): Found[];
  /**
   * Matrices that no recurrent module owns, [outputs, inputs] whatever the file's layout: what may be a readout or an
   * embedding ([tokens, inputs]).
   */
  linears?(source: Source, owned: ReadonlySet<Tensor>): Linear[];
  /** Why a file of this convention's kind may hold no module, and what to do, in sentences. */
  absence?(source: Source): string | undefined;
}

export const storedNumbers = (parts: ReadonlyMap<string, Tensor>): number =>
  [...parts.values()].reduce((sum, tensor) => sum + elements(tensor.shape), 0);

export const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
