import { type DType, sizeOf } from './parts/dtype.js';
import type { Folder } from './parts/folder.js';
import { parseJson } from './parts/json-text.js';
import { describeShape, elementCount, isShape, rowMajorStrides } from './parts/layout.js';
import { LEVELDB_MAGIC, Part, readTable } from './parts/leveldb.js';
import { Message } from './parts/protobuf.js';
import { type Bytes, bytesOf, DAMAGED, type Source } from './parts/source.js';
import { storedTensor, tooManyElements } from './parts/tensors.js';
import { noTensors, type Reader } from './reader.js';
import type { Tensor } from './weight-file.js';

// tensorflow/core/protobuf/tensor_bundle.proto: PREFIX.index is a table of entries, PREFIX.data-0000k-of-0000n hold the bytes.

export const tensorflow: Reader = {
  name: 'tensorflow',
  reads: 'TensorFlow checkpoints and SavedModel',
  extensions: ['.index'],
  suffix: '.index',
  sniff: (_head, { tail }) => LEVELDB_MAGIC.every((byte, i) => tail[i] === byte),
  entry(folder) {
    if (folder.has('saved_model.pb')) return 'variables/variables.index';
    const indices = folder.names().filter((name) => name.endsWith('.index'));
    return indices.length === 1 ? indices[0] : undefined;
  },
  read({ source, folder }) {
    const table = readTable(source);
    const bundle = readBundle(source, table);
    const tensors = new Map<string, Tensor>();
    const notes: string[] = [];
    const names = namesOf(source, bundle);
    let slots = 0;
    for (const [key, name] of names) {
      if (isSlot(key, name)) slots++;
      else if (!tensors.has(name)) addTensor({ source, tensors, notes }, name, bundle.get(key)!);
    }
    if (slots > 0) notes.push(`skipped ${slots} variables of the optimiser and of counters`);
    if (tensors.size === 0) throw noTensors(source, notes[0] ?? 'it lists none', 'Save the model again.');
    return { tensors, notes, ...configuration(source, folder) };
  },
};

/** A tensor of the bundle: where its bytes lie. */
interface Entry {
  readonly type: number;
  readonly shape: readonly number[];
  readonly bytes: Bytes;
  readonly offset: number;
  readonly size: number;
  readonly crc: number | undefined;
  /** A variable that was cut into pieces, which stand under keys of their own. */
  readonly isSliced: boolean;
}

const HEADER = '';
const MAX_SHARDS = 10_000;

function readBundle(source: Source, table: ReadonlyMap<string, Part>): Map<string, Entry> {
  const header = table.get(HEADER);
  if (header === undefined)
    throw source.fault('UNSUPPORTED', 'is a LevelDB table, but not of a TensorFlow checkpoint.');
  if ([...table.keys()].some((key) => key.startsWith('\0'))) throw firstVersion(source);
  const shards = shardCount(source, header);
  const entries = new Map<string, Entry>();
  for (const [key, value] of table) if (key !== HEADER) entries.set(key, entryOf(source, key, value, shards));
  return entries;
}

/** Keys of version 1 are encoded, and begin with a zero byte. */
function firstVersion(source: Source) {
  const text = 'is a TensorFlow checkpoint of version 1 (SavedTensorSlices)';
  const remedy = 'Save it anew: tf.compat.v1.train.Saver().save(session, path), which writes version 2.';
  return source.fault('UNSUPPORTED', `${text}. ${remedy}`);
}

/** BundleHeaderProto: 1 num_shards, 2 endianness (1 is big). */
function shardCount(source: Source, header: Part): number {
  let count = 1;
  for (const field of Message.of(header).fields()) {
    if (field.number === 1) count = field.integer();
    if (field.number === 2 && field.integer() !== 0)
      throw source.fault('UNSUPPORTED', 'was written on a big-endian machine, which is not read.');
  }
  if (count >= 1 && count <= MAX_SHARDS) return count;
  throw source.fault('LIMIT', `is said to have ${count} data files; at most ${MAX_SHARDS} are opened.`);
}

/** BundleEntryProto: 1 dtype, 2 shape, 3 shard_id, 4 offset, 5 size, 6 crc32c, 7 slices. */
function entryOf(source: Source, key: string, value: Part, shards: number): Entry {
  const numbers = [0, 0, 0, 0, 0, 0];
  let shape: number[] = [];
  let crc: number | undefined;
  let isSliced = false;
  for (const field of Message.of(value).fields()) {
    if (field.number === 2) shape = dimensions(field.message());
    else if (field.number === 6) crc = fixed32(value, field);
    else if (field.number === 7) isSliced = true;
    else if (field.number < 6) numbers[field.number] = field.integer();
  }
  const [, type = 0, , shard = 0, offset = 0, size = 0] = numbers;
  const corrupt = (what: string) => source.fault('CORRUPT', `the entry '${key}' ${what}. ${DAMAGED}`);
  if (!isShape(shape)) throw corrupt(`has the shape ${describeShape(shape)}`);
  if (shard < 0 || shard >= shards) throw corrupt(`lies in data file ${shard} of ${shards}`);
  const bytes = source.sibling(shardName(source, shard, shards));
  if (!isShape([offset, size]) || offset + size > bytes.size) {
    throw corrupt(
      `needs bytes ${offset} to ${offset + size} of ${bytes.label}, which has ${bytesOf(bytes.size)}`,
    );
  }
  return { type, shape, bytes, offset, size, crc, isSliced };
}

/** A field's four bytes, little-endian. */
function fixed32(value: Part, { offset, length }: { offset: number; length: number }): number | undefined {
  if (length !== 4) return undefined;
  const [a, b, c, d] = value.read(offset, 4) as unknown as [number, number, number, number];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

/** TensorShapeProto: 2 dim { 1 size }. */
function dimensions(shape: Message): number[] {
  const sizes: number[] = [];
  for (const field of shape.fields()) {
    if (field.number !== 2) continue;
    let size = 0;
    for (const inner of field.message().fields()) if (inner.number === 1) size = inner.integer();
    sizes.push(size);
  }
  return sizes;
}

const shardName = (source: Source, shard: number, shards: number): string => {
  const five = (n: number) => String(n).padStart(5, '0');
  const prefix = source.path.replace(/^.*[\\/]/, '').replace(/\.index$/, '');
  return `${prefix}.data-${five(shard)}-of-${five(shards)}`;
};

const GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH';
/** What TensorFlow 2 appends to the path of a variable among Python's objects. */
const VALUE = /\/\.ATTRIBUTES\/VARIABLE_VALUE$/;

/**
 * Key → name, in the order of the network where the file tells it. A key is a path among the objects that were saved, or a
 * number; the variable's own name stands in a graph of objects. One variable may be reached in several ways.
 */
function namesOf(source: Source, bundle: ReadonlyMap<string, Entry>): Map<string, string> {
  const names = new Map<string, string>();
  const graph = bundle.get(GRAPH);
  if (graph !== undefined) fullNames(source, graph, bundle, names);
  for (const key of bundle.keys())
    if (key !== GRAPH && !names.has(key)) names.set(key, key.replace(VALUE, ''));
  return names;
}

/** TrackableObjectGraph: 1 nodes { 2 attributes { 2 full_name, 3 checkpoint_key } }, as a tensor of one text. */
function fullNames(
  source: Source,
  { bytes, offset, size }: Entry,
  bundle: ReadonlyMap<string, Entry>,
  names: Map<string, string>,
): void {
  const stored = new Part(bytes, offset, size);
  const length = [...Array(Math.min(5, size)).keys()].find((k) => stored.read(k, 1)[0]! < 0x80);
  const begin = (length ?? 0) + 1 + CHECKSUM;
  if (length === undefined || begin > size)
    throw source.fault('CORRUPT', `its graph of objects is cut short. ${DAMAGED}`);
  for (const node of Message.of(new Part(bytes, offset + begin, size - begin)).fields()) {
    if (node.number !== 1) continue;
    for (const attribute of node.message().fields()) {
      if (attribute.number !== 2) continue;
      const text = new Map<number, string>();
      for (const field of attribute.message().fields())
        if (field.number === 2 || field.number === 3) text.set(field.number, field.text());
      const [name, key] = [text.get(2), text.get(3)];
      if (name && key && bundle.has(key)) names.set(key, name);
    }
  }
}

/** Of the lengths of texts. */
const CHECKSUM = 4;

const OPTIMISERS =
  /^(adam|adamw|nadam|adamax|sgd|rmsprop|adagrad|adadelta|adafactor|ftrl|lion|lamb|loss_scale_optimizer)(_\d+)?\//i;
const SLOTS = /\/(Adam|AdamW|Momentum|RMSProp|Adagrad|Adadelta|Ftrl|ExponentialMovingAverage)(_\d+)?$/;
const COUNTERS = /^(save_counter|global_step|beta[12]_power)$|seed_generator_state$/;

/** A compiled Keras 3 model keeps the weights themselves under model/optimizer/_trainable_variables: names decide, not keys. */
const isSlot = (key: string, name: string): boolean =>
  key.includes('/.OPTIMIZER_SLOT/') || OPTIMISERS.test(name) || SLOTS.test(name) || COUNTERS.test(name);

/** tensorflow/core/framework/types.proto. */
const DTYPES: ReadonlyMap<number, DType> = new Map([
  [1, 'f32'],
  [2, 'f64'],
  [3, 'i32'],
  [4, 'u8'],
  [5, 'i16'],
  [6, 'i8'],
  [9, 'i64'],
  [10, 'bool'],
  [14, 'bf16'],
  [17, 'u16'],
  [19, 'f16'],
  [22, 'u32'],
  [23, 'u64'],
]);
const TEXT = 7;

interface Collection {
  readonly source: Source;
  readonly tensors: Map<string, Tensor>;
  readonly notes: string[];
}

function addTensor({ source, tensors, notes }: Collection, name: string, entry: Entry): void {
  const { type, shape, bytes, offset, size, crc, isSliced } = entry;
  const dtype = DTYPES.get(type);
  if (isSliced) notes.push(`skipped '${name}', which was saved in slices`);
  else if (dtype === undefined && type !== TEXT)
    notes.push(`skipped '${name}': its type ${type} is not read`);
  if (dtype === undefined || isSliced) return;
  const tooMany = tooManyElements(shape);
  if (tooMany !== undefined) throw source.fault('LIMIT', `the variable '${name}' ${tooMany}.`);
  const wanted = elementCount(shape) * sizeOf(dtype);
  if (wanted !== size) {
    const text = `the variable '${name}' of shape ${describeShape(shape)} needs ${bytesOf(wanted)} but has ${size}`;
    throw source.fault('CORRUPT', `${text}. ${DAMAGED}`);
  }
  const checksum = crc === undefined ? undefined : { masked: crc, what: `the variable '${name}'` };
  const part = new Part(bytes, offset, size, checksum);
  tensors.set(
    name,
    storedTensor(name, { bytes: part, offset: 0, shape, strides: rowMajorStrides(shape), dtype }),
  );
}

const METADATA = 'keras_metadata.pb';
const MAX_DEPTH = 200;
const MAX_TEXT = 2 ** 20;

/** Keras 2 puts its configuration beside a SavedModel: SavedMetadata { 1 nodes { 3 node_path, 5 metadata (JSON) } }. */
function configuration(source: Source, folder: Folder | undefined) {
  if (folder === undefined || !folder.has(METADATA)) return {};
  const file = folder.open(METADATA);
  for (const node of Message.of(file).fields()) {
    if (node.number !== 1) continue;
    let [isRoot, metadata] = [false, ''];
    for (const field of node.message().fields()) {
      if (field.number === 3) isRoot = field.text() === 'root';
      if (field.number === 5 && field.length <= MAX_TEXT) metadata = field.text();
    }
    if (!isRoot || metadata === '') continue;
    const said = parseJson(source, new TextEncoder().encode(metadata), MAX_DEPTH, 'its Keras metadata') as {
      model_config?: unknown;
      keras_version?: unknown;
    };
    const facts = new Map(
      typeof said.keras_version === 'string' ? [['keras_version', said.keras_version]] : [],
    );
    return {
      modules: new Map([['', { facts }]]),
      documents: new Map([['model_config', said.model_config ?? said]]),
    };
  }
  return {};
}
