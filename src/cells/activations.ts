/**
 * The functions that a cell may apply entry by entry, and the values that their parameters have when nothing else is
 * said: those of ONNX where it has the function. Their values and derivatives are in src/calculus/elementary.ts.
 */
const DEFAULTS = {
  /** 1 / (1 + e^−a). */
  sigmoid: [],
  tanh: [],
  /** max(a, 0). */
  relu: [],
  linear: [],
  /** α a + β. */
  affine: [1, 0],
  /** α a + β, held between 0 and 1. Keras 1 and 2, TF.js and ONNX: 0.2 a + 0.5. PyTorch and Keras 3: a/6 + 0.5. */
  hard_sigmoid: [0.2, 0.5],
  /** a, held between −1 and 1. */
  hard_tanh: [],
  /** a, held between 0 and 6. */
  relu6: [],
  /** a, held between −α and α. */
  clip: [1],
  /** a / (1 + |a|). */
  softsign: [],
  /** ln(1 + e^a). */
  softplus: [],
  /** a above 0, α (e^a − 1) below. */
  elu: [1],
  /** λ elu(a; α) with the two constants of G. Klambauer et al., arXiv 1706.02515. */
  selu: [],
  /** a above 0, α a below. */
  leaky_relu: [0.01],
  /** a above α, else 0. */
  thresholded_relu: [1],
  /** α tanh(β a). */
  scaled_tanh: [1, 1],
  /** e^a. */
  exponential: [],
  /** a σ(a), also called swish. */
  silu: [],
  /** a². */
  square: [],
  /** 1/√(max(a, 0) + α): what a normalisation divides by. */
  rsqrt: [1e-3],
} as const satisfies Record<string, readonly number[]>;

export type ActivationName = keyof typeof DEFAULTS;

export interface Activation {
  readonly name: ActivationName;
  /** α and β, as many as the function takes. */
  readonly parameters: readonly number[];
}

export const activationNames = Object.keys(DEFAULTS) as readonly ActivationName[];

/** The function of that name; parameters that are not given have their defaults. */
export const activation = (name: ActivationName, ...parameters: readonly number[]): Activation => ({
  name,
  parameters: DEFAULTS[name].map((value, i) => parameters[i] ?? value),
});

export const sigmoid = activation('sigmoid');
export const tanh = activation('tanh');
export const relu = activation('relu');
export const square = activation('square');
export const rsqrt = (epsilon: number): Activation => activation('rsqrt', epsilon);
export const clip = (most: number): Activation => activation('clip', most);

/** Whether it can be a gate: 0 lets nothing through, 1 all. */
export const staysInUnitInterval = ({ name }: Activation): boolean =>
  name === 'sigmoid' || name === 'hard_sigmoid';

/** 'hard_sigmoid(1/6)': the name, and the parameters up to the last that is not its default. */
export function activationText({ name, parameters }: Activation): string {
  const usual: readonly number[] = DEFAULTS[name];
  let count = parameters.length;
  while (count > 0 && parameters[count - 1] === usual[count - 1]) count--;
  return count === 0 ? name : `${name}(${parameters.slice(0, count).map(numberText).join(',')})`;
}

/** A third is written 1/3. */
function numberText(v: number): string {
  const inverse = Math.round(1 / v);
  return v === 1 / inverse && inverse < 100 && String(v).length > 8 ? `1/${inverse}` : String(v);
}

const ALIASES: Readonly<Record<string, ActivationName>> = {
  identity: 'linear',
  none: 'linear',
  swish: 'silu',
  exp: 'exponential',
};

/** The activation that a text means, as `activationText` writes it; undefined where it means none. */
export function parseActivation(text: string): Activation | undefined {
  const [, word, inside] = /^\s*([a-z]\w*)\s*(?:\(([^()]*)\))?\s*$/i.exec(text) ?? [];
  const name = word && (ALIASES[word.toLowerCase()] ?? word.toLowerCase());
  if (!name || !Object.hasOwn(DEFAULTS, name)) return undefined;
  const parameters = inside === undefined ? [] : inside.split(',').map(parseNumber);
  const known = name as ActivationName;
  const fits = parameters.length <= DEFAULTS[known].length && parameters.every(Number.isFinite);
  return fits ? activation(known, ...parameters) : undefined;
}

function parseNumber(text: string): number {
  const [top, bottom = '1', ...rest] = text.split('/');
  return rest.length > 0 || !top?.trim() || !bottom.trim() ? Number.NaN : Number(top) / Number(bottom);
}
