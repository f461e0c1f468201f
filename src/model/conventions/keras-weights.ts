import type { Tensor } from '../../formats/weight-file.js';
import type { Source } from '../source.js';

/** The tensors of one cell or layer: kernel, recurrent_kernel, bias … */
export interface WeightSet {
  /** Where they stand, without their own names. */
  readonly path: string;
  readonly parts: ReadonlyMap<string, Tensor>;
}

/** Keras 2.12 and 2.13 have another word for `layers`. */
const OLD_TREE = '_layer_checkpoint_dependencies\\';
/** Numbered variables in the order in which a layer makes them. */
const NUMBERED = ['kernel', 'recurrent_kernel', 'bias'];

/**
 * Tensors by what they belong to, in file order. Their names end in /kernel:0, in /vars/0 (numbered, in Keras 3 and 2.12 on),
 * or in the words that TensorFlow's checkpoints append.
 */
export function weightSets({ tensors }: Source): WeightSet[] {
  const sets = new Map<string, Map<string, Tensor>>();
  for (const [name, tensor] of tensors) {
    const { path, part } = placeOf(name);
    const parts = sets.get(path) ?? new Map<string, Tensor>();
    parts.set(part, tensor);
    sets.set(path, parts);
  }
  return [...sets].map(([path, parts]) => ({ path, parts: named(parts) }));
}

function placeOf(name: string): { path: string; part: string } {
  const plain = name
    .replaceAll(OLD_TREE, 'layers/')
    .replace(/\/\.ATTRIBUTES\/VARIABLE_VALUE$/, '')
    .replace(/:\d+$/, '');
  const at = plain.lastIndexOf('/');
  const [path, part] = [plain.slice(0, Math.max(0, at)), plain.slice(at + 1)];
  const isNumbered = /^\d+$/.test(part) && /(^|\/)vars$/.test(path);
  return isNumbered ? { path: path.replace(/\/?vars$/, ''), part } : { path, part };
}

/** 0 and 1 are kernel and bias where 1 is a vector, as in Dense; else the second matrix is the recurrent one. */
function named(parts: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  if (![...parts.keys()].every((part) => /^\d+$/.test(part))) return parts;
  const isDense = (parts.get('1')?.shape.length ?? 1) < 2;
  const names = isDense ? ['kernel', 'bias'] : NUMBERED;
  return new Map([...parts].map(([part, tensor]) => [names[Number(part)] ?? part, tensor]));
}

export const isRecurrent = ({ parts }: WeightSet): boolean =>
  parts.has('recurrent_kernel') && parts.has('kernel');

/** Words of a path that stand for what holds the cell and not for a layer. */
const INSIDE = /^(cells?|.*_cells?(_\d+)?|[A-Z]\w*Cell)$/;

/** The path of the layer that a cell belongs to. */
export function layerPath(path: string): string {
  const words = path.split('/');
  while (words.length > 1 && INSIDE.test(words.at(-1)!)) words.pop();
  return words.join('/');
}

/** The layer's own name, which files of numbered variables keep as an attribute. */
export function layerName(source: Source, path: string): string {
  const stated = source.attributes(path === '' ? 'vars' : `${path}/vars`)?.facts.get('name');
  return typeof stated === 'string' && stated !== '' ? stated : path.slice(path.lastIndexOf('/') + 1);
}

/** The sets on whose path the names stand in this order, the nearest first and otherwise as they are in the file. */
export function setsBelow(sets: readonly WeightSet[], trail: readonly string[]): WeightSet[] {
  const depth = ({ path }: WeightSet) => path.split('/').length;
  return sets.filter((set) => follows(set.path, trail)).sort((a, b) => depth(a) - depth(b));
}

/** Whether the names stand in the path, in their order. */
function follows(path: string, trail: readonly string[]): boolean {
  let at = 0;
  for (const word of path.split('/')) if (word === trail[at]) at++;
  return at === trail.length;
}
