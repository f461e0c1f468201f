import type { Complex } from '../src/result.js';

export type Stability = 'stable' | 'saddle' | 'unstable' | 'marginal';

export interface RestPoint {
  readonly kind: 'fixed' | 'slow';
  readonly state: readonly number[];
  /** ½‖F(s) − s‖². */
  readonly q: number;
  /** ‖F(s) − s‖. */
  readonly residual: number;
  readonly spectralRadius: number;
  readonly unstableDimensions: number;
  readonly stability: Stability;
  readonly eigenvalues: readonly Complex[];
  readonly timeConstants: readonly number[];
  /** How many starts ended here. */
  readonly hits: number;
  /** Inside the box that states cannot leave; null where no box is known. */
  readonly reachable: boolean | null;
  /** What the readout says here, where there is one. */
  readonly output?: readonly number[];
  /** Coordinates in the plane of `projection`. */
  readonly projection: readonly [number, number];
}

export interface FixedPointsValue {
  /** Fixed points first, by unstable dimensions and q; then slow points by q. */
  readonly points: readonly RestPoint[];
  /** The input that was held, or 'closed loop'. */
  readonly input: readonly number[] | 'closed loop';
  readonly starts: number;
  readonly converged: number;
  /** Starts that ended neither at a root nor at a minimum of q. */
  readonly unconverged: number;
  /** Starts that ended at a minimum of q that is not a root. */
  readonly slowStarts: number;
  /** Roots beyond the reachable box. */
  readonly outside: number;
  /** Fixed points by number of unstable dimensions: byUnstableDimension[d] of them have d. */
  readonly byUnstableDimension: readonly number[];
  readonly coverage: {
    readonly method: 'chao1';
    /** Estimated number of fixed points that the starts did not find (Chao1, bias-corrected). */
    readonly unseen: number;
    readonly seenOnce: number;
    readonly seenTwice: number;
    /** Good–Turing: probability that the next start finds something new, and its standard error. */
    readonly unseenMass: number;
    readonly unseenMassError: number;
  };
  /** Principal plane of the visited states, for drawing. */
  readonly projection: {
    /** Share of the visited states' variance along the two axes. */
    readonly explained: readonly [number, number];
    /** A stretch of the trajectory that the starts were taken from. */
    readonly path: readonly (readonly [number, number])[];
  };
}
