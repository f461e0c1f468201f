import { type DType, sizeOf } from './parts/dtype.js';
import { parseJson } from './parts/json-text.js';
import { elementCount, isShape, rowMajorStrides } from './parts/layout.js';
import { type Bytes, bytesOf, DAMAGED, INCOMPLETE, type Source } from './parts/source.js';
import { storedTensor, tooManyElements } from './parts/tensors.js';
import { noTensors, type Reader } from './reader.js';
import type { Tensor } from './weight-file.js';

// TensorFlow.js: model.json with the layers (Keras' configuration) and a manifest of weights, their bytes in files beside it.

const MAX_TEXT = 64 * 2 ** 20;
const MAX_DEPTH = 200;
const MAX_SHARDS = 10_000;
/** Where one of the keys has to stand for the file to be told by its content. */
const BEGINNING = 64 * 2 ** 10;

export const tfjs: Reader = {
  name: 'tfjs',
  reads: 'TensorFlow.js model.json',
  extensions: [],
  sniff(head, { source }) {
    if (!/^\s*\{/.test(latin1(head))) return false;
    const beginning = latin1(source.read(0, Math.min(BEGINNING, source.size)));
    return /"(modelTopology|weightsManifest)"\s*:/.test(beginning);
  },
  entry: (folder) => (folder.has('model.json') ? 'model.json' : undefined),
  read({ source }) {
    const root = parse(source);
    const topology = asObject(root.modelTopology);
    refuseGraph(source, root, topology);
    const tensors = new Map<string, Tensor>();
    const notes: string[] = [];
    for (const group of groupsOf(source, root)) readGroup(source, group, tensors, notes);
    if (tensors.size === 0)
      throw noTensors(source, notes[0] ?? 'its manifest lists no weights', 'Save the model again.');
    const version = topology.keras_version;
    const facts = new Map(typeof version === 'string' ? [['keras_version', version]] : []);
    return {
      tensors,
      modules: new Map([['', { facts }]]),
      documents: new Map([['model_config', topology.model_config ?? topology]]),
      notes,
    };
  },
};

const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

type JsonObject = Readonly<Record<string, unknown>>;

const asObject = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

function parse(source: Source): JsonObject {
  if (source.size > MAX_TEXT)
    throw source.fault('LIMIT', `is a model.json of ${source.size} bytes; at most ${MAX_TEXT} are read.`);
  return asObject(parseJson(source, source.read(0, source.size), MAX_DEPTH, 'its text'));
}

function refuseGraph(source: Source, { format }: JsonObject, topology: JsonObject): void {
  if (format !== 'graph-model' && topology.node === undefined && topology.versions === undefined) return;
  const text = 'this is a TensorFlow.js graph model, whose layers are dissolved in a graph of operations';
  throw source.fault(
    'UNSUPPORTED',
    `${text}. Convert the Keras model itself: tensorflowjs_converter --output_format=tfjs_layers_model.`,
  );
}

interface Group {
  readonly paths: readonly string[];
  readonly weights: readonly JsonObject[];
}

function groupsOf(source: Source, root: JsonObject): Group[] {
  const manifest = root.weightsManifest;
  const broken = () =>
    source.fault('CORRUPT', `has no weightsManifest of files and weights, which a model has. ${DAMAGED}`);
  if (!Array.isArray(manifest)) throw broken();
  return manifest.map((group) => {
    const { paths, weights } = asObject(group);
    if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string')) throw broken();
    if (!Array.isArray(weights)) throw broken();
    if (paths.length > MAX_SHARDS)
      throw source.fault('LIMIT', `names ${paths.length} files; at most ${MAX_SHARDS} are opened.`);
    return { paths, weights: weights.map(asObject) };
  });
}

/** The weights of a group lie one behind another in its files put together; one may begin in one file and end in the next. */
function readGroup(source: Source, group: Group, tensors: Map<string, Tensor>, notes: string[]): void {
  const bytes = new Joined(
    source,
    group.paths.map((path) => source.sibling(path)),
  );
  let at = 0;
  for (const weight of group.weights) {
    const entry = entryOf(source, weight);
    if (at + entry.size > bytes.size) {
      const text = `the weight '${entry.name}' needs ${bytesOf(entry.size)} from byte ${at} of ${group.paths.join(', ')}, where ${Math.max(0, bytes.size - at)} are`;
      throw source.fault('TRUNCATED', `${text}. ${INCOMPLETE}`);
    }
    if (tensors.has(entry.name))
      throw source.fault('AMBIGUOUS', `two weights are called '${entry.name}'. Rename one.`);
    if (entry.dtype === undefined) notes.push(`skipped '${entry.name}': its type ${entry.type} is not read`);
    else tensors.set(entry.name, tensorOf(bytes, at, { ...entry, dtype: entry.dtype }));
    at += entry.size;
  }
  if (at === bytes.size) return;
  const text = `${group.paths.join(', ')} has ${bytesOf(bytes.size - at)} behind the last weight`;
  throw source.fault('CORRUPT', `${text}. ${DAMAGED}`);
}

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the file names it. */
  readonly type: string;
  /** Undefined of a type that is no number. */
  readonly dtype: DType | undefined;
  readonly size: number;
  /** v · scale + min, of integers that stand for weights. */
  readonly scale?: number;
  readonly min?: number;
}

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ['float32', 'f32'],
  ['float16', 'f16'],
  ['int32', 'i32'],
  ['uint16', 'u16'],
  ['uint8', 'u8'],
  ['bool', 'bool'],
]);
const COMPLEX = 'complex64';

function entryOf(source: Source, weight: JsonObject): Entry {
  const { name, shape, dtype: plain, quantization } = weight;
  const corrupt = (what: string) =>
    source.fault('CORRUPT', `the weight ${JSON.stringify(name)} ${what}. ${DAMAGED}`);
  if (typeof name !== 'string') throw corrupt('has no name');
  if (!Array.isArray(shape) || !isShape(shape)) throw corrupt('has a shape that is none');
  const tooMany = tooManyElements(shape);
  if (tooMany !== undefined) throw source.fault('LIMIT', `the weight '${name}' ${tooMany}.`);
  const codes = quantization === undefined ? undefined : asObject(quantization);
  const type = String(codes?.dtype ?? plain);
  const dtype = DTYPES.get(type);
  if (dtype === undefined && type !== COMPLEX)
    throw source.fault(
      'UNSUPPORTED',
      `the weight '${name}' is of the type ${type}, whose size is not known.`,
    );
  const size = elementCount(shape) * (dtype === undefined ? 8 : sizeOf(dtype));
  const isScaled = codes !== undefined && dtype !== 'f16';
  if (!isScaled) return { name, shape, type, dtype, size };
  const { scale, min } = codes;
  if (typeof scale !== 'number' || typeof min !== 'number')
    throw corrupt('is quantised without scale and min');
  return { name, shape, type, dtype, size, scale, min };
}

function tensorOf(bytes: Bytes, offset: number, entry: Entry & { readonly dtype: DType }): Tensor {
  const { name, shape, dtype, scale, min } = entry;
  const stored = storedTensor(name, { bytes, offset, shape, strides: rowMajorStrides(shape), dtype });
  if (scale === undefined || min === undefined) return stored;
  // What is read are weights again, if coarse ones.
  return { ...stored, dtype: 'f32', values: () => stored.values().map((v) => v * scale + min) };
}

/** Files one behind another. */
class Joined implements Bytes {
  readonly label: string;
  readonly size: number;
  readonly fault: Bytes['fault'];

  constructor(
    source: Source,
    private readonly parts: readonly Source[],
  ) {
    this.label = source.label;
    this.fault = source.fault.bind(source);
    this.size = parts.reduce((sum, part) => sum + part.size, 0);
  }

  read(offset: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    let begin = 0;
    let done = 0;
    for (const part of this.parts) {
      const from = Math.max(offset, begin) - begin;
      const count = Math.min(part.size - from, length - done);
      if (from < part.size && count > 0) {
        out.set(part.read(from, count), done);
        done += count;
      }
      begin += part.size;
    }
    if (done === length) return out;
    throw this.fault('TRUNCATED', `its files have ${this.size} bytes, fewer than are needed. ${INCOMPLETE}`);
  }
}
