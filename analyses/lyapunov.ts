export type LyapunovVerdict = 'stable' | 'chaotic' | 'marginal' | 'undetermined';

export interface LyapunovValue {
  readonly unit: 'nats per step';
  /** Descending. −∞ is exact. */
  readonly exponents: readonly number[];
  /** Batch-means standard errors, in the order of the exponents; null where there were too few steps to tell. */
  readonly standardErrors: readonly (number | null)[];
  /** Indices (from 0) of exponents whose growth fell below the rounding floor of a QR step: their values are not resolved. */
  readonly belowFloor: readonly number[];
  readonly sum: number;
  /** null where only the leading exponents were computed. */
  readonly meanLogAbsDet: number | null;
  /** |sum − meanLogAbsDet|; null where it cannot be formed. */
  readonly sumRuleResidual: number | null;
  /** null where too few exponents were computed to tell. */
  readonly kaplanYorkeDimension: number | null;
  readonly entropyBound: number;
  /** −1/λ₁, steps; Infinity where λ₁ ≥ 0. */
  readonly memoryTime: number;
  /** ln 2/λ₁, steps; Infinity where λ₁ ≤ 0. */
  readonly predictionHorizon: number;
  readonly verdict: LyapunovVerdict;
  /** |λ₁| below this counts as zero: max(3 SE, 3/steps). */
  readonly zeroBelow: number | null;
  readonly mode: 'driven' | 'autonomous' | 'closed loop';
  /** Steps that were averaged. */
  readonly steps: number;
  /** Steps between two re-orthonormalisations, on average. */
  readonly meanInterval: number;
  readonly finalState: readonly number[];
  /** Running estimates: exponents[k][i] is exponent i after steps[k] steps. */
  readonly trace: { readonly steps: readonly number[]; readonly exponents: readonly (readonly number[])[] };
}
