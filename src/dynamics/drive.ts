import { UserError } from '../errors.js';
import type { Embedding } from '../model/model.js';
import { random } from '../random.js';

/** The inputs x_0, x_1, … of a driven system. `at` may be asked for any step, in any order, and answers alike each time. */
export interface Drive {
  readonly kind: 'zero' | 'constant' | 'noise' | 'data' | 'tokens' | 'expression' | 'none';
  /** As the user gave it, with file names kept. */
  readonly spec: string;
  readonly inputSize: number;
  /** How many rows there are; Infinity where there is no end. */
  readonly length: number;
  /** Writes x_t to `out`. */
  at(t: number, out: Float64Array): void;
  /** What it takes to make the drive again in another thread; absent for one that is given by hand. */
  readonly recipe?: DriveRecipe;
}

/** A drive as plain data. */
export type DriveRecipe =
  | { readonly kind: 'zero'; readonly inputSize: number }
  | { readonly kind: 'constant'; readonly row: Float64Array; readonly spec: string }
  | {
      readonly kind: 'noise';
      readonly sigma: number;
      readonly inputSize: number;
      readonly seed: number;
      readonly spec: string;
    }
  | {
      readonly kind: 'expression';
      readonly expression: string;
      readonly inputSize: number;
      readonly seed: number;
    }
  | {
      readonly kind: 'data';
      readonly array: { readonly shape: readonly number[]; readonly values: Float64Array };
      readonly inputSize: number;
      readonly spec: string;
    }
  | {
      readonly kind: 'tokens';
      readonly ids: Float64Array;
      readonly embedding: Embedding;
      readonly inputSize: number;
      readonly spec: string;
    }
  | { readonly kind: 'reversed'; readonly of: DriveRecipe }
  | { readonly kind: 'later'; readonly of: DriveRecipe; readonly from: number };

/** Whether the input never changes, so that the driven map is autonomous. */
export const isHeld = (drive: Drive): boolean =>
  drive.kind === 'zero' || drive.kind === 'constant' || drive.kind === 'none';

/** Rows of data looked through for whether they are all alike. */
const LONGEST_LOOK = 100_000;

/** The input that a drive holds: of data too, where all rows are alike. null where it changes. */
export function heldRow(drive: Drive): Float64Array | null {
  const first = new Float64Array(drive.inputSize);
  drive.at(0, first);
  if (isHeld(drive)) return first;
  if (!Number.isFinite(drive.length) || drive.length > LONGEST_LOOK) return null;
  const row = new Float64Array(drive.inputSize);
  for (let t = 1; t < drive.length; t++) {
    drive.at(t, row);
    if (row.some((v, i) => v !== first[i])) return null;
  }
  return first;
}

export const zeroDrive = (inputSize: number): Drive => ({
  kind: inputSize === 0 ? 'none' : 'zero',
  spec: 'zero',
  inputSize,
  length: Number.POSITIVE_INFINITY,
  at: (_t, out) => void out.fill(0),
  recipe: { kind: 'zero', inputSize },
});

export function constantDrive(values: readonly number[], inputSize: number, spec: string): Drive {
  if (values.length !== inputSize && values.length !== 1) {
    throw new UserError(
      'SHAPE',
      `--drive ${spec} gives ${values.length} numbers, but the network has ${inputSize} inputs: give ${inputSize}, or one for all`,
    );
  }
  const row = Float64Array.from({ length: inputSize }, (_, i) => values[values.length === 1 ? 0 : i]!);
  return {
    kind: 'constant',
    spec,
    inputSize,
    length: Number.POSITIVE_INFINITY,
    at: (_t, out) => out.set(row),
    recipe: { kind: 'constant', row, spec },
  };
}

/** Independent normal inputs of standard deviation sigma; row t depends on the seed and t alone. */
export const noiseDrive = (sigma: number, inputSize: number, seed: number, spec: string): Drive => ({
  kind: 'noise',
  spec,
  inputSize,
  length: Number.POSITIVE_INFINITY,
  at(t, out) {
    const row = random(seed, t + 1);
    for (let i = 0; i < inputSize; i++) out[i] = sigma * row.normal();
  },
  recipe: { kind: 'noise', sigma, inputSize, seed, spec },
});

/** Rows of an array [steps, inputs]; [steps] is taken as one input. */
export function dataDrive(
  array: { shape: readonly number[]; values: Float64Array },
  inputSize: number,
  spec: string,
): Drive {
  const [rows, cols] = asRows(array.shape, inputSize, spec);
  const bad = array.values.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    throw new UserError(
      'CORRUPT',
      `${spec}: row ${Math.floor(bad / cols)}, column ${bad % cols} is ${array.values[bad]}, inputs have to be finite`,
    );
  }
  return {
    kind: 'data',
    spec,
    inputSize,
    length: rows,
    at: (t, out) => out.set(array.values.subarray(t * cols, (t + 1) * cols)),
    recipe: { kind: 'data', array, inputSize, spec },
  };
}

function asRows(shape: readonly number[], inputSize: number, spec: string): [number, number] {
  // [steps, 1, inputs] and [1, steps, inputs] are one sequence with a batch axis.
  const squeezed = shape.length === 3 ? (shape[0] === 1 ? shape.slice(1) : [shape[0]!, shape[2]!]) : shape;
  const batch = shape.length === 3 ? Math.min(shape[0]!, shape[1]!) : 1;
  const [rows, cols] = squeezed.length === 1 ? [squeezed[0]!, 1] : [squeezed[0]!, squeezed[1]!];
  if (squeezed.length > 2 || squeezed.length === 0 || batch !== 1 || cols !== inputSize) {
    throw new UserError(
      'SHAPE',
      `${spec} has shape [${shape.join(', ')}], but a drive of this network has shape [steps, ${inputSize}]: one row a step, one column an input`,
    );
  }
  if (rows === 0) throw new UserError('SHAPE', `${spec} has no rows`);
  return [rows, cols];
}

/** Token ids, each replaced by its row of the embedding. */
export function tokenDrive(ids: Float64Array, embedding: Embedding, inputSize: number, spec: string): Drive {
  const { rows, cols, data } = embedding.weight;
  if (cols !== inputSize) {
    throw new UserError(
      'SHAPE',
      `embedding '${embedding.name}' gives ${cols} numbers a token, but the network has ${inputSize} inputs`,
    );
  }
  const bad = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= rows);
  if (bad >= 0) {
    throw new UserError(
      'SHAPE',
      `${spec}: token ${bad} is ${ids[bad]}, but the embedding '${embedding.name}' has rows 0 to ${rows - 1}`,
    );
  }
  return {
    kind: 'tokens',
    spec,
    inputSize,
    length: ids.length,
    at: (t, out) => out.set(data.subarray(ids[t]! * cols, (ids[t]! + 1) * cols)),
    recipe: { kind: 'tokens', ids, embedding, inputSize, spec },
  };
}

/** The rows of a finite drive in the opposite order, which is how the backward direction of a layer reads them. */
export function reversed(drive: Drive): Drive {
  if (!Number.isFinite(drive.length)) return drive;
  const { recipe, ...own } = drive;
  return {
    ...own,
    at: (t, out) => drive.at(drive.length - 1 - t, out),
    ...(recipe && { recipe: { kind: 'reversed', of: recipe } }),
  };
}

/** The rows of a drive from row `from` on. */
export function later(drive: Drive, from: number): Drive {
  const { recipe, ...own } = drive;
  return {
    ...own,
    length: drive.length - from,
    at: (t, out) => drive.at(from + t, out),
    ...(recipe && { recipe: { kind: 'later', of: recipe, from } }),
  };
}

/** Whether steps [0, count) can be had; if not, says what to do. */
export function requireRows(drive: Drive, count: number, what: string): void {
  if (count > drive.length) {
    throw new UserError(
      'USAGE',
      `${what} needs ${count} rows of input, but ${drive.spec} has ${drive.length}: lower --warmup, --align or --steps, or give a longer drive`,
    );
  }
}
