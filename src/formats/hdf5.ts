import { widen } from './parts/dtype.js';
import { type Hdf5Attribute, type Hdf5Dataset, type Hdf5File, readHdf5 } from './parts/hdf5.js';
import { parseJson } from './parts/json-text.js';
import { isOptimiserKey } from './parts/nesting.js';
import type { Bytes, Source } from './parts/source.js';
import { type Contents, noTensors, type Reader } from './reader.js';
import type { ModuleAttributes, Tensor } from './weight-file.js';

const MAGIC = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const MAX_CONFIG_DEPTH = 200;

/** HDF5, as Keras writes it: whole models (.h5) and weights (.weights.h5). */
export const hdf5: Reader = {
  name: 'hdf5',
  reads: 'Keras .keras/.h5',
  extensions: ['.h5', '.hdf5'],
  sniff: (_head, { source }) => isHdf5(source) && source.extension !== '.mat',
  read: async ({ source }) => readWeights(source, source),
};

/** HDF5 may have a block of the user's in front, of 512 bytes or a power of two times that. */
export function isHdf5(source: Source): boolean {
  return [0, 512, 1024, 2048].some(
    (at) =>
      at + MAGIC.length <= source.size && MAGIC.every((byte, i) => source.read(at, MAGIC.length)[i] === byte),
  );
}

/** The tensors of an HDF5 file, which may be a member of an archive, and what its groups say of themselves. */
export async function readWeights(source: Source, bytes: Bytes): Promise<Contents> {
  const skipped: string[] = [];
  const file = await readHdf5(bytes, (path) => {
    const isSlots = !path.includes('/') && isOptimiserKey(path);
    if (isSlots) skipped.push(`skipped '${path}' (optimiser state)`);
    return isSlots;
  });
  const tensors = new Map<string, Tensor>();
  for (const dataset of inWrittenOrder(file)) {
    const tensor = tensorOf(dataset);
    if (tensor === undefined) skipped.push(`skipped '${dataset.path}', whose elements are no numbers`);
    else tensors.set(dataset.path, tensor);
  }
  if (tensors.size === 0) {
    const remedy = 'Save the network with model.save or model.save_weights.';
    throw noTensors(source, skipped[0] ?? 'it has no datasets', remedy);
  }
  return { tensors, modules: groupsOf(file), documents: documentsOf(source, file), notes: skipped };
}

function tensorOf({ path, shape, dtype, read }: Hdf5Dataset): Tensor | undefined {
  return dtype && { name: path, shape, dtype, values: () => widen(read(), dtype) };
}

/** Keras lists its layers and their weights in the attributes layer_names and weight_names. */
function inWrittenOrder({ datasets, attributes }: Hdf5File): Hdf5Dataset[] {
  const rank = new Map<string, number>();
  for (const [group, said] of attributes) {
    for (const layer of listed(said, 'layer_names')) {
      const path = join(group, layer);
      for (const weight of listed(attributes.get(path), 'weight_names'))
        rank.set(join(path, weight), rank.size);
    }
  }
  const rankOf = ({ path }: Hdf5Dataset) => rank.get(path) ?? rank.size;
  return datasets.toSorted((a, b) => rankOf(a) - rankOf(b));
}

const join = (group: string, name: string): string => (group === '' ? name : `${group}/${name}`);

/** A list that is too long for one attribute is spread over layer_names0, layer_names1 … */
function listed(said: ReadonlyMap<string, Hdf5Attribute> | undefined, name: string): string[] {
  const parts: string[] = [];
  for (let part: string | undefined = name, next = 0; part !== undefined; next++) {
    const value: Hdf5Attribute | undefined = said?.get(part);
    if (Array.isArray(value)) parts.push(...value);
    part = next === 0 || value !== undefined ? `${name}${next}` : undefined;
  }
  return parts;
}

function groupsOf({ attributes }: Hdf5File): Map<string, ModuleAttributes> {
  const groups = new Map<string, ModuleAttributes>();
  for (const [path, said] of attributes) {
    const facts = new Map<string, string | number>();
    for (const [name, value] of said) {
      const isPlain = typeof value === 'number' || (typeof value === 'string' && value.length < 1000);
      if (isPlain) facts.set(name, value);
    }
    if (facts.size > 0) groups.set(path, { facts });
  }
  return groups;
}

function documentsOf(source: Source, { attributes }: Hdf5File): Map<string, unknown> {
  const text = attributes.get('')?.get('model_config');
  if (typeof text !== 'string') return new Map();
  const what = 'its attribute model_config';
  return new Map([
    ['model_config', parseJson(source, new TextEncoder().encode(text), MAX_CONFIG_DEPTH, what)],
  ]);
}
