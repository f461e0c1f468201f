import type { Activation, ActivationName } from '../cells/index.js';

/**
 * The elementary functions with derivatives that keep their digits where the function saturates: both are taken from the
 * pre-activation a, never from a rounded function value.
 */
export interface Elementary {
  readonly name: ActivationName;
  value(a: number): number;
  derivative(a: number): number;
  /** 1 − f(a), with all its digits where f(a) is next to 1; absent where subtracting loses none. */
  complement?(a: number): number;
  /** Every value lies in it. */
  readonly range: readonly [least: number, most: number];
  /** Where f turns or jumps, and its values about there. Between these places it is monotone. */
  readonly turns?: readonly { readonly at: number; readonly values: readonly number[] }[];
  /** The size of the terms that f(a) is the sum of, where they may cancel: rounding is relative to it. */
  size?(a: number): number;
}

type Definition = Omit<Elementary, 'name' | 'range'> & { readonly range?: Elementary['range'] };

const INFINITY = Number.POSITIVE_INFINITY;
const sigmoidValue = (a: number): number => 1 / (1 + Math.exp(-a));
const held = (v: number, least: number, most: number): number => Math.min(most, Math.max(least, v));

/** tanh' = sech² a = 4 e^(−2|a|) / (1 + e^(−2|a|))²: 1 − tanh² is exactly 0 in doubles for |a| > 19. */
const tanhDerivative = (a: number): number => {
  const e = Math.exp(-2 * Math.abs(a));
  return (4 * e) / ((1 + e) * (1 + e));
};

/** a between the two, with slope 1; at both ends the slope is that of torch.clamp, 1, or of F.hardtanh, 0. */
const between = (least: number, most: number, slopeAtEnds: 0 | 1): Definition => ({
  value: (a) => held(a, least, most),
  derivative: (a) => (a > least && a < most ? 1 : a === least || a === most ? slopeAtEnds : 0),
  range: [least, most],
});

const elu = (alpha: number, scale = 1): Definition => ({
  value: (a) => scale * (a > 0 ? a : alpha * Math.expm1(a)),
  // At 0 the slope from below, as PyTorch has it.
  derivative: (a) => scale * (a > 0 ? 1 : alpha * Math.exp(a)),
  // The product may be rounded upward.
  range: [Math.min(0, -scale * alpha * (1 + 2 ** -50)), INFINITY],
  ...(alpha < 0 ? { turns: [{ at: 0, values: [0] }] } : {}),
});

/** The one minimum of a σ(a), where 1 + a σ(−a) = 0. */
const SILU_TURN = { at: -1.278464542761074, values: [-0.27846454276107385] };

const definitions: Readonly<Record<ActivationName, (alpha: number, beta: number) => Definition>> = {
  /** σ(a) = 1/(1 + e^−a), σ' = σ(a) σ(−a). */
  sigmoid: () => ({
    value: sigmoidValue,
    derivative: (a) => sigmoidValue(a) * sigmoidValue(-a),
    complement: (a) => sigmoidValue(-a),
    range: [0, 1],
  }),
  tanh: () => ({ value: Math.tanh, derivative: tanhDerivative, range: [-1, 1] }),
  /** PyTorch's choice at 0: derivative 0. */
  relu: () => ({
    value: (a) => Math.max(a, 0),
    derivative: (a) => (a > 0 ? 1 : 0),
    range: [0, INFINITY],
  }),
  linear: () => ({ value: (a) => a, derivative: () => 1 }),
  affine: (alpha, beta) => ({
    value: (a) => alpha * a + beta,
    derivative: () => alpha,
    size: (a) => Math.abs(alpha * a) + Math.abs(beta),
  }),
  /** PyTorch's choice at both kinks: derivative 0. */
  hard_sigmoid: (alpha, beta) => ({
    value: (a) => held(alpha * a + beta, 0, 1),
    derivative: (a) => {
      const v = alpha * a + beta;
      return v > 0 && v < 1 ? alpha : 0;
    },
    range: [0, 1],
    size: (a) => Math.min(1 + Math.abs(beta), Math.abs(alpha * a)) + Math.abs(beta),
  }),
  hard_tanh: () => between(-1, 1, 0),
  relu6: () => between(0, 6, 0),
  clip: (alpha) => between(-alpha, alpha, 1),
  /** f' = 1/(1 + |a|)². */
  softsign: () => ({
    value: (a) => (Math.abs(a) < 1 ? a / (1 + Math.abs(a)) : Math.sign(a) / (1 + 1 / Math.abs(a))),
    derivative: (a) => 1 / ((1 + Math.abs(a)) * (1 + Math.abs(a))),
    range: [-1, 1],
  }),
  /** f' = σ(a). */
  softplus: () => ({
    value: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
    derivative: sigmoidValue,
    range: [0, INFINITY],
  }),
  elu: (alpha) => elu(alpha),
  selu: () => elu(1.6732632423543772, 1.0507009873554805),
  /** At 0 the slope from below, as PyTorch has it. */
  leaky_relu: (alpha) => ({
    value: (a) => (a > 0 ? a : alpha * a),
    derivative: (a) => (a > 0 ? 1 : alpha),
    ...(alpha < 0 ? { turns: [{ at: 0, values: [0] }] } : {}),
  }),
  /** It jumps at α, where its derivative is taken as 0. */
  thresholded_relu: (alpha) => ({
    value: (a) => (a > alpha ? a : 0),
    derivative: (a) => (a > alpha ? 1 : 0),
    turns: [{ at: alpha, values: [0, alpha] }],
  }),
  scaled_tanh: (alpha, beta) => ({
    value: (a) => alpha * Math.tanh(beta * a),
    derivative: (a) => alpha * beta * tanhDerivative(beta * a),
    range: [-Math.abs(alpha), Math.abs(alpha)],
  }),
  exponential: () => ({ value: Math.exp, derivative: Math.exp, range: [0, INFINITY] }),
  /** f' = σ(a) (1 + a σ(−a)). */
  silu: () => ({
    value: (a) => (a === -INFINITY ? 0 : a * sigmoidValue(a)),
    derivative: (a) => (Math.abs(a) > 800 ? (a > 0 ? 1 : 0) : sigmoidValue(a) * (1 + a * sigmoidValue(-a))),
    range: [-0.2784645427610739, INFINITY],
    turns: [SILU_TURN],
  }),
  square: () => ({
    value: (a) => a * a,
    derivative: (a) => 2 * a,
    range: [0, INFINITY],
    turns: [{ at: 0, values: [0] }],
  }),
  rsqrt: (alpha) => ({
    value: (a) => 1 / Math.sqrt(Math.max(a, 0) + alpha),
    derivative: (a) => (a > 0 ? -0.5 / ((a + alpha) * Math.sqrt(a + alpha)) : 0),
    range: [0, INFINITY],
  }),
};

const known = new Map<string, Elementary>();

/** The function that an activation names; the same object for the same activation. */
export function elementary({ name, parameters }: Activation): Elementary {
  const key = `${name}(${parameters.join()})`;
  let found = known.get(key);
  if (!found) {
    const [alpha = Number.NaN, beta = Number.NaN] = parameters;
    found = { name, range: [-INFINITY, INFINITY], ...definitions[name](alpha, beta) };
    known.set(key, found);
  }
  return found;
}
