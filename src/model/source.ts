import type { ModuleAttributes, Program, Tensor, WeightFile } from '../formats/weight-file.js';

/** A weights file seen without the wrappers that training code puts around a network. */
export interface Source {
  /** Name without wrappers → tensor, in file order. A tensor's own `name` stays as stored. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Name of the reader, for conventions that one container alone has. */
  readonly format: string;
  /** What the file computes, where it says so. */
  readonly program?: Program;
  /** Path without wrappers → what the file says of the module, in file order. */
  readonly modules: ReadonlyMap<string, ModuleAttributes>;
  /** Documents that describe the network: 'model_config'. */
  readonly documents: ReadonlyMap<string, unknown>;
  /** What the file says of the module at a path without wrappers. */
  attributes(path: string): ModuleAttributes | undefined;
}

/** DataParallel, torch.compile, Lightning, checkpoint dictionaries, averaged copies. */
const WRAPPERS = ['module.', '_orig_mod.', 'model.', 'state_dict.', 'ema_model.', 'ema.'];

export function openSource(file: WeightFile): Source {
  const wrappers = leadingWrappers(file);
  const tensors = new Map<string, Tensor>();
  for (const [stored, tensor] of file.tensors) {
    const name = unwrap(stored, wrappers);
    tensors.set(tensors.has(name) ? stored : name, tensor);
  }
  const modules = new Map([...file.modules].map(([path, said]) => [unwrapPath(path, wrappers), said]));
  return {
    tensors,
    format: file.format,
    ...(file.program && { program: file.program }),
    modules,
    documents: file.documents ?? new Map(),
    attributes: (path) => modules.get(path),
  };
}

/**
 * The wrappers, outermost first, that every matrix of the file is in. Vectors and scalars do not count: loss weights
 * and step counters often stand beside the network.
 */
function leadingWrappers(file: WeightFile): string[] {
  let names = [...file.tensors].filter(([, tensor]) => tensor.shape.length >= 2).map(([name]) => name);
  const found: string[] = [];
  for (;;) {
    const wrapper = WRAPPERS.find((w) => names.length > 0 && names.every((name) => name.startsWith(w)));
    if (wrapper === undefined) return found;
    found.push(wrapper);
    names = names.map((name) => name.slice(wrapper.length));
  }
}

function unwrap(stored: string, wrappers: readonly string[]): string {
  const prefix = wrappers.join('');
  const name = stored.startsWith(prefix) ? stored.slice(prefix.length) : stored;
  // torch.compile of a submodule leaves its mark in the middle of the path.
  return name.replaceAll('._orig_mod.', '.');
}

/** A module path carries no dot at its end, a wrapper does. */
const unwrapPath = (path: string, wrappers: readonly string[]): string =>
  path === '' ? '' : unwrap(`${path}.`, wrappers).replace(/\.$/, '');

/** 'encoder.rnn' of 'encoder.rnn.weight', '' of 'weight'. */
export const parentPath = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('.')));

/** 'weight' of 'encoder.rnn.weight'. */
export const leafName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** A module's name in a sentence; a file may hold a network that has none. */
export const label = (name: string): string => (name === '' ? 'the network' : name);

/** '96×32', '[96]', 'a scalar'. */
export const shapeText = (shape: readonly number[]): string => {
  if (shape.length === 0) return 'a scalar';
  return shape.length === 1 ? `[${shape[0]}]` : shape.join('×');
};

/** How a bare module, which has no path, is called on the command line. */
export const ROOT = '.';

export const callName = ({ name }: { readonly name: string }): string => (name === '' ? ROOT : name);
