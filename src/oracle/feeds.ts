import type { Fed } from '../../analyses/verify.js';
import { UserError } from '../errors.js';
import type { Feed } from '../model/index.js';
import { type Random, random } from '../random.js';
import type { Runtime, RuntimeTensor } from './onnxruntime.js';

/** What the inputs of a graph are given, and in words. */
export interface Feeds {
  readonly tensors: Readonly<Record<string, RuntimeTensor>>;
  readonly fed: readonly Fed[];
}

export interface FeedOptions {
  readonly length: number;
  readonly size: string | undefined;
  readonly seed: number;
}

/** Sequences at once, where the file leaves it open and says so by the name of the size. */
const BATCH = 2;
const SAMPLE_RATE = 16_000;

/** Random numbers for sequences, zeros for first states, tokens of the table, a usual sampling rate. */
export function makeFeeds(inputs: readonly Feed[], runtime: Runtime, options: FeedOptions): Feeds {
  const draw = random(options.seed, 0x0a7);
  const sizes = sizesOf(options.size);
  const made = inputs.map((input) => {
    const shape = shapeOf(input, sizes, options.length);
    const { values, words } = valuesOf(input, shape, draw, options.length);
    return { input, shape, words, tensor: runtime.tensor(typeOf(input), values, shape) };
  });
  return {
    tensors: Object.fromEntries(made.map(({ input, tensor }) => [input.name, tensor])),
    fed: made.map(({ input, shape, words }) => ({ name: input.name, shape, with: words })),
  };
}

/** 'batch=1,sequence=576'. */
function sizesOf(text: string | undefined): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const item of text?.split(',') ?? []) {
    const [, name, size] = /^\s*(.+?)\s*=\s*(\d+)\s*$/.exec(item) ?? [];
    if (!name || !(Number(size) > 0))
      throw new UserError('USAGE', `--size takes NAME=N[,NAME=N], such as batch=1, not '${item}'`);
    sizes.set(name, Number(size));
  }
  return sizes;
}

function shapeOf({ name, shape }: Feed, sizes: ReadonlyMap<string, number>, length: number): number[] {
  if (!shape)
    throw new UserError(
      'UNSUPPORTED',
      `the input '${name}' of the graph says no shape. Compare with stored arrays: --expect X.npy Y.npy.`,
    );
  return shape.map((size) => {
    if (typeof size === 'number' && size > 0) return size;
    return sizes.get(String(size)) ?? (/batch|^n$|^b$|^bs$/i.test(String(size)) ? BATCH : length);
  });
}

const TYPES: Readonly<Record<string, string>> = {
  f32: 'float32',
  f64: 'float64',
  i64: 'int64',
  i32: 'int32',
  bool: 'bool',
};

function typeOf({ name, dtype = '' }: Feed): string {
  const type = TYPES[dtype];
  if (type) return type;
  throw new UserError(
    'UNSUPPORTED',
    `the input '${name}' of the graph takes ${dtype || 'an unknown type'}, for which verify makes no values. Compare with stored arrays: --expect X.npy Y.npy.`,
  );
}

function valuesOf(
  { name, dtype, role, rows }: Feed,
  shape: readonly number[],
  draw: Random,
  length: number,
): { values: unknown; words: string } {
  const count = shape.reduce((product, n) => product * n, 1);
  const filled = (make: () => number): unknown => {
    const numbers = Float64Array.from({ length: count }, make);
    if (dtype === 'i64') return BigInt64Array.from(numbers, BigInt);
    if (dtype === 'i32') return Int32Array.from(numbers);
    if (dtype === 'bool') return Uint8Array.from(numbers);
    return dtype === 'f64' ? numbers : Float32Array.from(numbers);
  };
  if (role === 'state') return { values: filled(() => 0), words: 'zeros, as a first state' };
  if (role === 'tokens')
    return { values: filled(() => draw.below(rows!)), words: `random tokens below ${rows}` };
  if (dtype === 'f32' || dtype === 'f64')
    return { values: filled(() => draw.normal()), words: 'random normal numbers' };
  if (/^sr$|sample_?rate|sampling/i.test(name))
    return { values: filled(() => SAMPLE_RATE), words: `${SAMPLE_RATE}, as a sampling rate` };
  if (/len/i.test(name)) return { values: filled(() => length), words: `${length}, as a length` };
  return { values: filled(() => 0), words: 'zeros' };
}
