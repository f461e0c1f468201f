/**
 * The elementary functions with derivatives that keep their digits where the function saturates: both are taken from the
 * pre-activation a, never from a rounded function value.
 */
export interface Elementary {
  value(a: number): number;
  derivative(a: number): number;
}

const sigmoidValue = (a: number): number => 1 / (1 + Math.exp(-a));

export const elementary = {
  /** σ(a) = 1/(1 + e^−a), σ' = σ(a) σ(−a). */
  sigmoid: { value: sigmoidValue, derivative: (a: number) => sigmoidValue(a) * sigmoidValue(-a) },
  /** tanh' = sech² a = 4 e^(−2|a|) / (1 + e^(−2|a|))²: 1 − tanh² is exactly 0 in doubles for |a| > 19. */
  tanh: {
    value: Math.tanh,
    derivative: (a: number) => {
      const e = Math.exp(-2 * Math.abs(a));
      return (4 * e) / ((1 + e) * (1 + e));
    },
  },
  /** PyTorch's choice at 0: derivative 0. */
  relu: { value: (a: number) => Math.max(a, 0), derivative: (a: number) => (a > 0 ? 1 : 0) },
} satisfies Record<string, Elementary>;

export type ElementaryName = keyof typeof elementary;
