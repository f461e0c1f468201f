export type GradientVerdict = 'vanishing' | 'exploding' | 'preserved' | 'undetermined';

export interface GradientsValue {
  /** 0, 1, …, K. */
  readonly lags: readonly number[];
  /** log10 ‖∂s_T/∂s_{T−lag}‖₂, mean over the windows. */
  readonly log10SpectralNorm: readonly number[];
  readonly log10FrobeniusNorm: readonly number[];
  /** Spread over the windows (standard deviation of log10 spectral norm); null with one window. */
  readonly log10Spread: readonly number[] | null;
  /** Singular values of the last window's product at some lags, those above the rounding floor. */
  readonly singularValues: {
    readonly lags: readonly number[];
    readonly log10: readonly (readonly number[])[];
  };
  /** Slope of ln norm over the second half of the lags, nats per step. */
  readonly rate: number;
  readonly rateError: number | null;
  /** ln 2 / −rate, steps; Infinity where the norm does not fall. */
  readonly halfLife: number;
  /** Largest lag with norm ≥ threshold. */
  readonly horizon: number;
  /** True where the norm is still above the threshold at the largest lag: the horizon is only a lower bound. */
  readonly horizonIsLowerBound: boolean;
  readonly threshold: number;
  readonly atLength: { readonly lag: number; readonly log10: number };
  readonly verdict: GradientVerdict;
  /** End points T (rows consumed) that were averaged. */
  readonly ends: readonly number[];
}
