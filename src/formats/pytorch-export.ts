import type { DType } from './parts/dtype.js';
import { sizeOf } from './parts/dtype.js';
import { parseJson } from './parts/json-text.js';
import { elementCount, isShape, lastIndex, rowMajorStrides } from './parts/layout.js';
import { DAMAGED, type Source } from './parts/source.js';
import { storedTensor, tooManyElements } from './parts/tensors.js';
import { type Archive, openZip, type ZipMember } from './parts/zip.js';
import { isBigEndian, torchArchive } from './pytorch.js';
import { type Contents, noTensors, type Reader } from './reader.js';
import type { Fact, ModuleAttributes, Tensor } from './weight-file.js';

// torch.export.save. Since PyTorch 2.8 (pytorch.org/docs/stable/export/pt2_archive.html): data/weights/ holds raw bytes and
// a JSON that says which tensor is where; before, a whole file of torch.save stood in the archive.

const CONFIG = /(^|\/)data\/weights\/([^/]+)_weights_config\.json$/;
const OLD_STATE = /(^|\/)serialized_state_dict\.(pt|json)$/;

export const pytorchExport: Reader = {
  name: 'pytorch-export',
  reads: 'PyTorch .pt2',
  extensions: [],
  sniff: (_head, { archive }) =>
    archive !== undefined && [...archive.keys()].some((name) => CONFIG.test(name) || OLD_STATE.test(name)),
  read({ source, archive }) {
    const members = [...archive!.values()];
    const old = members.find(({ name }) => OLD_STATE.test(name));
    const configs = members.filter(({ name }) => CONFIG.test(name));
    if (configs.length === 0) return torchArchive(old!, openZip(old!));
    return readPrograms(source, archive!, configs);
  },
};

function readPrograms(source: Source, archive: Archive, configs: readonly ZipMember[]): Contents {
  const tensors = new Map<string, Tensor>();
  const modules = new Map<string, ModuleAttributes>();
  const notes: string[] = [];
  for (const config of configs) {
    const match = CONFIG.exec(config.name)!;
    const [, slash, program] = match;
    const root = config.name.slice(0, match.index) + slash;
    const prefix = configs.length > 1 ? `${program}.` : '';
    const folder = config.name.slice(0, config.name.lastIndexOf('/') + 1);
    const bigEndian = isBigEndian(archive, root);
    for (const [name, entry] of entriesOf(config)) {
      if (entry.use_pickle === true) notes.push(`skipped '${name}': it is stored as a pickle of its own`);
      else
        tensors.set(prefix + name, readEntry({ source, archive, folder, bigEndian }, prefix + name, entry));
    }
    for (const [path, said] of modulesOf(archive.get(`${root}models/${program}.json`)))
      modules.set(prefix + path, said);
  }
  if (tensors.size > 0) return { tensors, modules, notes };
  const what = notes[0] ?? 'its list of weights is empty';
  throw noTensors(source, what, 'Save the weights: torch.save(program.state_dict, "model.pt").');
}

type JsonObject = { readonly [key: string]: unknown };

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const MAX_DEPTH = 64;
const MAX_JSON = 64 * 2 ** 20;

function readJson(member: ZipMember): unknown {
  if (member.size > MAX_JSON)
    throw member.fault('LIMIT', `has ${member.size} bytes; at most ${MAX_JSON} of JSON are read.`);
  const bytes = member.read(0, member.size);
  member.verify();
  return parseJson(member, bytes, MAX_DEPTH, 'its text');
}

/** { config: { name: entry } }; the first versions had no `config` around it. */
function entriesOf(config: ZipMember): [string, JsonObject][] {
  const root = readJson(config);
  const entries = isObject(root) && isObject(root.config) ? root.config : root;
  if (!isObject(entries)) throw config.fault('CORRUPT', `is not a dict of weights. ${DAMAGED}`);
  return Object.entries(entries).map(([name, entry]) => {
    if (isObject(entry)) return [name, entry];
    throw config.fault('CORRUPT', `the entry '${name}' is not a dict. ${DAMAGED}`);
  });
}

interface Weights {
  readonly source: Source;
  readonly archive: Archive;
  readonly folder: string;
  readonly bigEndian: boolean;
}

/** Numbers of torch/_export/serde/schema.py, ScalarType. */
const DTYPES: ReadonlyMap<unknown, DType> = new Map([
  [1, 'u8'],
  [2, 'i8'],
  [3, 'i16'],
  [4, 'i32'],
  [5, 'i64'],
  [6, 'f16'],
  [7, 'f32'],
  [8, 'f64'],
  [12, 'bool'],
  [13, 'bf16'],
]);

/** { path_name, tensor_meta: { dtype, sizes, strides, storage_offset } }; a number stands as { as_int: n }. */
function readEntry({ source, archive, folder, bigEndian }: Weights, name: string, entry: JsonObject): Tensor {
  const corrupt = (what: string) => source.fault('CORRUPT', `the tensor '${name}' ${what}. ${DAMAGED}`);
  const meta = isObject(entry.tensor_meta) ? entry.tensor_meta : {};
  const dtype = DTYPES.get(meta.dtype);
  if (dtype === undefined)
    throw source.fault(
      'UNSUPPORTED',
      `the tensor '${name}' has the type ${brief(meta.dtype)}, which is not read.`,
    );
  const shape = numbers(meta.sizes);
  if (shape === undefined || !isShape(shape)) throw corrupt(`has the sizes ${brief(meta.sizes)}`);
  const tooMany = tooManyElements(shape);
  if (tooMany !== undefined) throw source.fault('LIMIT', `the tensor '${name}' ${tooMany}.`);
  const strides = meta.strides === undefined ? rowMajorStrides(shape) : numbers(meta.strides);
  if (strides === undefined || !isShape(strides) || strides.length !== shape.length)
    throw corrupt(`has the strides ${brief(meta.strides)} for the sizes ${brief(meta.sizes)}`);
  const [start] = numbers([meta.storage_offset ?? 0]) ?? [];
  if (start === undefined || !isShape([start]))
    throw corrupt(`starts at element ${brief(meta.storage_offset)}`);
  const bytes = archive.get(folder + String(entry.path_name));
  if (bytes === undefined) throw corrupt(`is said to be in ${brief(entry.path_name)}, which is missing`);
  const length = Math.floor(bytes.size / sizeOf(dtype));
  if (elementCount(shape) > 0 && !(start + lastIndex(shape, strides) < length))
    throw corrupt(
      `reaches element ${start + lastIndex(shape, strides)} of ${bytes.name}, which has ${length}`,
    );
  return storedTensor(name, { bytes, offset: start * sizeOf(dtype), shape, strides, dtype, bigEndian });
}

function numbers(list: unknown): number[] | undefined {
  if (!Array.isArray(list)) return undefined;
  return list.map((item) => (isObject(item) ? item.as_int : item) as number);
}

const brief = (value: unknown): string => (JSON.stringify(value) ?? 'none').slice(0, 60);

/**
 * Which modules the program was traced from. Every node of the graph carries its stack of modules,
 * 'key,path,class;key,path,class', the innermost last, and the operator says whether an RNN is tanh or ReLU.
 */
function modulesOf(program: ZipMember | undefined): Map<string, ModuleAttributes> {
  const modules = new Map<string, ModuleAttributes>();
  if (program === undefined || program.size > MAX_JSON) return modules;
  for (const { target, metadata } of nodesOf(readJson(program))) {
    const stack = isObject(metadata) ? metadata.nn_module_stack : undefined;
    const [, path, className] =
      typeof stack === 'string' ? stack.slice(stack.lastIndexOf(';') + 1).split(',') : [];
    if (path === undefined || className === undefined) continue;
    const mode = /aten\.(rnn_tanh|rnn_relu|gru|lstm)\b/.exec(String(target))?.[1];
    const facts = new Map<string, Fact>(mode === undefined ? [] : [['mode', mode.toUpperCase()]]);
    const name = path.replace(/^L\['self'\]\.?/, '');
    if (mode !== undefined || !modules.has(name)) modules.set(name, { className, facts });
  }
  return modules;
}

function nodesOf(program: unknown): JsonObject[] {
  let value = program;
  for (const key of ['graph_module', 'graph', 'nodes']) value = isObject(value) ? value[key] : undefined;
  return Array.isArray(value) ? value.filter(isObject) : [];
}
