import type { Complex } from '../src/result.js';

export interface JacobianValue {
  /** The point: state, input, and F(state, input). */
  readonly state: readonly number[];
  readonly input: readonly number[];
  readonly next: readonly number[];
  readonly spectralRadius: number;
  readonly spectralNorm: number;
  readonly frobeniusNorm: number;
  /** ln|det ∂F/∂s|; −∞ where it is singular to rounding. */
  readonly logAbsDet: number;
  /** Descending by modulus. */
  readonly eigenvalues: readonly Complex[];
  /** −1/ln|λ| steps, in the order of the eigenvalues; Infinity at |λ| = 1, negative where a mode grows. */
  readonly timeConstants: readonly number[];
  /** Henrici's departure from normality, sqrt(‖J‖_F² − Σ|λ|²) / ‖J‖_F: 0 is normal. */
  readonly nonNormality: number;
}
