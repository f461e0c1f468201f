import type { Matrix } from '../linalg/matrix.js';
import type { Activation } from './activations.js';

/**
 * What a cell may do with its quantities. Whoever supplies the operations decides what a quantity `Q` is: a vector
 * (value), an interval, a node of a graph (trace). Every operation but `affine` and `concat` acts elementwise.
 */
export interface Algebra<Q> {
  /** W q + b, with W of shape rows × length(q); no b means 0. */
  affine(W: Matrix, q: Q, b?: Float64Array): Q;
  /** The entries of a, then those of b. Only ever the argument of an `affine`. */
  concat(a: Q, b: Q): Q;
  add(a: Q, b: Q): Q;
  mul(a: Q, b: Q): Q;
  /** A fixed vector, times q. */
  scale(d: Float64Array, q: Q): Q;
  /** A fixed vector, plus q. */
  shift(d: Float64Array, q: Q): Q;
  /** 1 − q. */
  complement(q: Q): Q;
  /** (1 − z) a + z b: for z in [0, 1] it never leaves the interval between a and b. */
  mix(z: Q, a: Q, b: Q): Q;
  /** f(q), entry by entry. */
  unary(f: Activation, q: Q): Q;
  /** q itself, which readers then know by the name of one of the cell's `quantities`. */
  named(name: string, q: Q): Q;
}

/**
 * What a quantity inside a cell does. A gate lies in [0, 1]: `keep` is the share of the old state that stays, `write` the share of
 * the candidate that enters, `withhold` the share that does not, `show` the share of the state that is handed on, `reset` the
 * share that the candidate sees. The `candidate` is what is offered.
 */
export type Role = 'keep' | 'write' | 'withhold' | 'show' | 'reset' | 'candidate';

/** A quantity that `equations` names, in the order of evaluation. */
export interface Quantity {
  /** As the formula has it. */
  readonly name: string;
  readonly role: Role;
  /** The state block that it acts on. */
  readonly block: string;
  /** The share of the old state that stays is what the gate leaves, 1 − it. */
  readonly keepsRest?: true;
}

/** The sizes that a parameter's shape is made of: H hidden units, I inputs, P entries of a projected state. */
export type Extent = 'H' | 'I' | 'P' | 'H+I' | 'P+I';

export interface CellParameter {
  readonly name: string;
  readonly kind: 'matrix' | 'vector';
  readonly rows: Extent;
  /** Absent for a vector. */
  readonly cols?: Extent;
  /** A parameter that may be missing and then is zero (biases, input matrices of autonomous systems). */
  readonly optional?: true;
}

/** Values for a cell's parameters. A missing optional one is absent. */
export interface CellWeights {
  readonly hiddenSize: number;
  readonly inputSize: number;
  /** Entries of the `projected` blocks; H where absent. */
  readonly projectionSize?: number;
  readonly matrices: Readonly<Record<string, Matrix>>;
  readonly vectors: Readonly<Record<string, Float64Array>>;
}

/** A state block has H entries, or P if it is projected. The block named `h` is what the layer hands on. */
export type State<Q> = Readonly<Record<string, Q>>;

/** Where a cell applies a function that may be exchanged: to its gates, its candidate, and the state that it shows. */
export type ActivationPlace = 'gate' | 'candidate' | 'output';

/** What may be exchanged in a cell without changing its equations otherwise. */
export interface Functions {
  readonly activations: Readonly<Partial<Record<ActivationPlace, Activation>>>;
  /** Pre-activations are held between −clipGates and clipGates (ONNX `clip`). */
  readonly clipGates?: number;
  /** The new h is held between −clipState and clipState. */
  readonly clipState?: number;
}

/** A recurrence, s' = F(s, x), as equations over any algebra. */
export interface Cell {
  /** The registry name: `--cell NAME`, and `cell` in results; 'lstm(hard_sigmoid,tanh,tanh)' where functions were exchanged. */
  readonly name: string;
  /** The name without its functions, which cells that differ in these alone share; absent where it is the whole name. */
  readonly base?: string;
  /** The functions that may be exchanged, as they are; absent where none may. */
  readonly functions?: Functions;
  /** The same cell with other functions. */
  readonly withFunctions?: (changed: Partial<Functions>) => Cell;
  /** The family whose parameter count it shares. */
  readonly family: 'rnn' | 'gru' | 'lstm' | 'other';
  /** One line for people. */
  readonly summary: string;
  /** The equations as text, for `inspect` and the documentation. */
  readonly formula: readonly string[];
  /** State blocks in state order: ['h'] or ['h', 'c']. */
  readonly blocks: readonly string[];
  /** Blocks of P entries (`projectionSize`) where the others have H. */
  readonly projected?: readonly string[];
  /** Blocks with c' = f ⊙ c + a where neither f nor a depends on c: their rest value is a/(1 − f). */
  readonly leaky?: readonly string[];
  /** Gates and candidates, by the names that `equations` gives them; absent in a cell without gates. */
  readonly quantities?: readonly Quantity[];
  readonly parameters: readonly CellParameter[];
  equations<Q>(op: Algebra<Q>, w: CellWeights, s: State<Q>, x: Q): State<Q>;
}

export const matrixParameter = (name: string, cols: Extent, optional = false): CellParameter => ({
  name,
  kind: 'matrix',
  rows: 'H',
  cols,
  ...(optional ? { optional: true as const } : {}),
});

export const vectorParameter = (name: string, optional = true): CellParameter => ({
  name,
  kind: 'vector',
  rows: 'H',
  ...(optional ? { optional: true as const } : {}),
});

/** The parameters that a gate g of a PyTorch-like cell has: W_g x + bx_g and U_g h + bh_g. */
export const gateParameters = (g: string, state: Extent = 'H'): CellParameter[] => [
  matrixParameter(`W_${g}`, 'I'),
  matrixParameter(`U_${g}`, state),
  vectorParameter(`bx_${g}`),
  vectorParameter(`bh_${g}`),
];

/** W_g x + bx_g. */
export const input = <Q>(op: Algebra<Q>, w: CellWeights, g: string, x: Q): Q =>
  op.affine(w.matrices[`W_${g}`]!, x, w.vectors[`bx_${g}`]);

/** U_g h + bh_g. */
export const recurrent = <Q>(op: Algebra<Q>, w: CellWeights, g: string, h: Q): Q =>
  op.affine(w.matrices[`U_${g}`]!, h, w.vectors[`bh_${g}`]);

/** W_g x + bx_g + U_g h + bh_g. */
export const preactivation = <Q>(op: Algebra<Q>, w: CellWeights, g: string, h: Q, x: Q): Q =>
  op.add(input(op, w, g, x), recurrent(op, w, g, h));
