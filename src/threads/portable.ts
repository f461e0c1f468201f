import { cellNamed } from '../cells/index.js';
import { closedLoop } from '../dynamics/closed-loop.js';
import {
  constantDrive,
  type Drive,
  type DriveRecipe,
  dataDrive,
  later,
  noiseDrive,
  reversed,
  tokenDrive,
  zeroDrive,
} from '../dynamics/drive.js';
import { expressionDrive } from '../dynamics/expression.js';
import { network, outputRows } from '../dynamics/network.js';
import type { Orbit } from '../dynamics/spectrum.js';
import type { Subject } from '../dynamics/subject.js';
import type { Layer, Readout } from '../model/model.js';

/** A map, its drive and its first state as plain data: what a worker makes them from again. */
export interface Recipe {
  readonly layers: readonly (Omit<Layer, 'cell'> & { readonly cell: string })[];
  /** What is fed back, where the loop is closed. */
  readonly loop: Readout | null;
  readonly drive: DriveRecipe;
  readonly initialState: Float64Array;
}

/** null where a part is code of the caller's: a map given by hand, a cell that is not in the registry. */
export function recipeOf({ model, mode, drive, initialState }: Subject): Recipe | null {
  const known = model?.layers.every(({ cell }) => cellNamed(cell.name) === cell);
  if (!model || !known || !drive.recipe) return null;
  const found = recipes.get(model) ?? shared(structureOf(model.layers));
  recipes.set(model, found);
  const loop = mode === 'closed loop' ? model.readout! : null;
  return { layers: found, loop, drive: shared(drive.recipe), initialState };
}

const structureOf = (layers: readonly Layer[]): Recipe['layers'] =>
  layers.map(({ name, cell, weights }) => ({ name, cell: cell.name, weights }));

/** Weights are copied into shared memory once a model. */
const recipes = new WeakMap<object, Recipe['layers']>();

/** The same data with its large arrays in memory that threads share, so that handing it to one costs nothing. */
function shared<T>(data: T): T {
  if (data instanceof Float64Array) return sharedArray(data) as T;
  if (Array.isArray(data)) return data.map(shared) as T;
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, shared(value)])) as T;
}

/** Below this a copy costs less than a buffer of its own. */
const SMALL = 1024;

function sharedArray(array: Float64Array): Float64Array {
  if (array.length < SMALL || array.buffer instanceof SharedArrayBuffer) return array;
  const copy = new Float64Array(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}

export async function orbitFrom({ layers, loop, drive, initialState }: Recipe): Promise<Orbit> {
  const own = layers.map((layer): Layer => ({ ...layer, cell: cellNamed(layer.cell)! }));
  const open = network(own);
  return {
    system: loop ? closedLoop(open, loop, outputRows(own)) : open,
    drive: await driveFrom(drive),
    initialState,
  };
}

async function driveFrom(recipe: DriveRecipe): Promise<Drive> {
  switch (recipe.kind) {
    case 'zero':
      return zeroDrive(recipe.inputSize);
    case 'constant':
      return constantDrive(Array.from(recipe.row), recipe.row.length, recipe.spec);
    case 'noise':
      return noiseDrive(recipe.sigma, recipe.inputSize, recipe.seed, recipe.spec);
    case 'expression':
      return expressionDrive(recipe.expression, recipe.inputSize, recipe.seed);
    case 'data':
      return dataDrive(recipe.array, recipe.inputSize, recipe.spec);
    case 'tokens':
      return tokenDrive(recipe.ids, recipe.embedding, recipe.inputSize, recipe.spec);
    case 'reversed':
      return reversed(await driveFrom(recipe.of));
    case 'later':
      return later(await driveFrom(recipe.of), recipe.from);
  }
}
