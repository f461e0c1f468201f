import type { Box } from '../calculus/interval.js';
import type { Quantity } from '../cells/index.js';
import type { Matrix } from '../linalg/matrix.js';

/**
 * A map s' = F(s, x) with its derivatives. Everything that analyses ask for goes through here, so that networks, closed
 * loops and maps written by hand are studied alike.
 */
export interface System {
  /** Entries of the state. */
  readonly dimension: number;
  /** Entries of the input; 0 for a map without one. */
  readonly inputSize: number;
  /** A name for each entry of the state, such as 'layer0.h[3]'. */
  readonly coordinates: readonly string[];
  /** Entries with c' = f c + a where neither f nor a depends on c, in the order in which they act on one another. */
  readonly leaky?: readonly { readonly from: number; readonly to: number }[];
  /** The layers that the map is made of, the lowest first; absent where it is no network. */
  readonly parts?: readonly Part[];
  /** A map with the same rest points that is easier to search; absent where there is none (src/calculus/at-rest.ts). */
  readonly atRest?: System | undefined;
  /** next ← F(s, x). `next` must not be `s`. */
  step(s: Float64Array, x: Float64Array, next: Float64Array): void;
  /** The derivative at (s, x). It is good until the next `step` or `linearise` of the same system. */
  linearise(s: Float64Array, x: Float64Array): Linearisation;
  /** How steps are taken whose inputs are known beforehand; absent where it would save nothing. */
  readonly ahead?: Ahead;
  /** How a derivative is had of a step that was taken before; absent where it would save nothing. */
  readonly recording?: Recording;
  /** Whether `logAbsDet` of a linearisation costs little beside a product with J. */
  readonly cheapDeterminant?: boolean;
  /** A box that holds F(s, x) for all s and x in the given boxes; absent where intervals are not to be had. */
  bounds?(s: Box, x: Box): Box;
}

/** Steps in two parts: what they make of their inputs alone, for many rows at once, and the rest. */
export interface Ahead {
  /** Numbers that stand for a row of inputs. */
  readonly width: number;
  /** out ← what stands for the rows of X; rows × width. */
  project(X: Matrix, out: Matrix): void;
  /** As those of the system, with a row of `project` in place of x. */
  step(s: Float64Array, row: Float64Array, next: Float64Array): void;
  linearise(s: Float64Array, row: Float64Array): Linearisation;
}

/** Steps that are taken again without their products with matrices, from what these gave the first time. */
export interface Recording {
  /** Numbers that a step leaves behind. */
  readonly width: number;
  /** Writes down the last step. */
  take(row: Float64Array): void;
  /** The derivative at the state from which that step was taken. */
  linearise(s: Float64Array, row: Float64Array): Linearisation;
}

/** Entries [from, to) of the state. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** A layer's share of the map. */
export interface Part {
  readonly name: string;
  readonly cell: string;
  /** All of its state. */
  readonly rows: Rows;
  readonly blocks: readonly (Rows & { readonly name: string })[];
  /** The block that it hands on. */
  readonly output: Rows;
  /** Its gates and candidates. */
  readonly quantities: readonly Quantity[];
  /** A quantity as the last step of the map had it, and its pre-activation where it is a σ. Good until the next step. */
  read(quantity: string): { readonly value: Float64Array; readonly logit: Float64Array | null };
}

/** F and its derivative at one point. J[i][j] = ∂F_i/∂s_j. */
export interface Linearisation {
  readonly next: Float64Array;
  /** out ← J V + (∂F/∂x) X, for V of dimension × k and X of inputSize × k. J is not formed. */
  jvp(V: Matrix, out: Matrix, X?: Matrix): void;
  /** outS ← Jᵀ W and outX ← (∂F/∂x)ᵀ W, for W of dimension × k. */
  vjp(W: Matrix, outS: Matrix, outX?: Matrix): void;
  /** J, dimension × dimension. */
  jacobian(): Matrix;
  /** ∂F/∂x, dimension × inputSize. */
  inputJacobian(): Matrix;
  /** ln|det J|; −∞ where J is singular to rounding. */
  logAbsDet(): number;
  /** y with (J − I) y = b, which is what Newton's method for F(s) = s needs; null where J − I is singular. */
  solveShifted(b: Float64Array): Float64Array | null;
}
