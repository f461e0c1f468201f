import type { DType } from './parts/dtype.js';
import { sizeOf } from './parts/dtype.js';
import { describeShape, elementCount, isShape, rowMajorStrides } from './parts/layout.js';
import { isRange, type MsgpackMap, type MsgpackValue, type Range, readMsgpack } from './parts/msgpack.js';
import { isOptimiserKey } from './parts/nesting.js';
import { bytesOf, DAMAGED, type Source } from './parts/source.js';
import { storedTensor, tooManyElements } from './parts/tensors.js';
import { noTensors, type Reader } from './reader.js';
import type { Tensor } from './weight-file.js';

/** What flax.serialization.to_bytes writes: MessagePack, maps of maps down to arrays. */
export const flax: Reader = {
  name: 'flax',
  reads: 'Flax .msgpack',
  extensions: ['.msgpack'],
  sniff: beginsWithKey,
  read({ source }) {
    const root = readMsgpack(source);
    if (!(root instanceof Map)) throw source.fault('UNSUPPORTED', `is MessagePack but no map. ${EXPECTED}`);
    const notes: string[] = [];
    const tensors = new Map<string, Tensor>();
    collect({ source, tensors, notes }, '', choose(root, notes));
    if (tensors.size > 0) return { tensors, notes };
    const keys = [...root.keys()].slice(0, 8).map((key) => `'${key.slice(0, 40)}'`);
    throw noTensors(source, notes[0] ?? `its keys are ${keys.join(', ') || 'none'}`, EXPECTED);
  },
};

const EXPECTED = 'Expected what flax.serialization.to_bytes(params) writes.';

/** A map whose first key is text of letters: no sure sign, so that this reader is asked last. */
function beginsWithKey(head: Uint8Array): boolean {
  const first = head[0] ?? 0;
  const at = first === 0xde ? 3 : first === 0xdf ? 5 : first > 0x80 && first < 0x90 ? 1 : 0;
  const code = head[at] ?? 0;
  const [from, length] = code === 0xd9 ? [at + 2, head[at + 1] ?? 0] : [at + 1, code - 0xa0];
  if (at === 0 || length <= 0 || (code !== 0xd9 && length > 31)) return false;
  const key = head.subarray(from, from + length);
  return key.length > 0 && key.every((byte) => byte >= 0x20 && byte < 0x7f);
}

/** Of a TrainState, or of a dict of collections, the parameters. Any other key may be that of a module. */
function choose(root: MsgpackMap, notes: string[]): MsgpackMap {
  const params = root.get('params');
  if (!(params instanceof Map) || !holdsArrays(params)) return root;
  const skipped = [...root].filter(([key, beside]) => key !== 'params' && holdsArrays(beside));
  if (skipped.length > 0)
    notes.push(
      `the weights were taken from 'params'; skipped: ${skipped.map(([key]) => `'${key}'`).join(', ')}`,
    );
  return choose(params, notes);
}

function holdsArrays(value: MsgpackValue): boolean {
  if (!(value instanceof Map) || value.has(CHUNKED)) return false;
  return [...value.values()].some((inner) => isArray(inner) || holdsArrays(inner));
}

/** Extensions of flax.serialization: an array, a complex number, a NumPy scalar. */
const [ARRAY, COMPLEX, SCALAR] = [1, 2, 3];
/** Arrays of more than 2^30 bytes are maps of flat pieces. */
const CHUNKED = '__msgpack_chunked_array__';

const isArray = (value: MsgpackValue): boolean =>
  isRange(value) ? value.type === ARRAY || value.type === SCALAR : value instanceof Map && value.has(CHUNKED);

interface Collection {
  readonly source: Source;
  readonly tensors: Map<string, Tensor>;
  readonly notes: string[];
}

function collect(into: Collection, path: string, map: MsgpackMap): void {
  for (const [key, value] of map) {
    const name = path === '' ? key : `${path}/${key}`;
    if (isOptimiserKey(key) && value instanceof Map) continue;
    if (isRange(value) && value.type === COMPLEX) into.notes.push(`skipped '${name}', a complex number`);
    else if (value instanceof Map && value.has(CHUNKED)) add(into, chunkedTensor(into.source, name, value));
    else if (isArray(value)) add(into, tensorOf(into.source, name, value as Range));
    else if (value instanceof Map) collect(into, name, value);
  }
}

function add({ source, tensors }: Collection, tensor: Tensor): void {
  if (tensors.has(tensor.name))
    throw source.fault('AMBIGUOUS', `two tensors are called '${tensor.name}'. Rename one.`);
  tensors.set(tensor.name, tensor);
}

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ['float64', 'f64'],
  ['float32', 'f32'],
  ['float16', 'f16'],
  ['bfloat16', 'bf16'],
  ['int64', 'i64'],
  ['int32', 'i32'],
  ['int16', 'i16'],
  ['int8', 'i8'],
  ['uint64', 'u64'],
  ['uint32', 'u32'],
  ['uint16', 'u16'],
  ['uint8', 'u8'],
  ['bool', 'bool'],
]);

/** [shape, name of the type, bytes], itself in MessagePack. */
function tensorOf(source: Source, name: string, range: Range): Tensor {
  const corrupt = (what: string) => source.fault('CORRUPT', `the array '${name}' ${what}. ${DAMAGED}`);
  const parts = readMsgpack(source, range.offset, range.offset + range.length);
  if (!Array.isArray(parts) || parts.length !== 3) throw corrupt('is not shape, type and bytes');
  const [shape, type, data] = parts as [MsgpackValue, MsgpackValue, MsgpackValue];
  if (!Array.isArray(shape) || !isShape(shape)) throw corrupt('has a shape that is none');
  if (!isRange(data)) throw corrupt('has no bytes');
  const dtype = DTYPES.get(String(type));
  if (dtype === undefined)
    throw source.fault(
      'UNSUPPORTED',
      `the array '${name}' is of the type ${String(type)}, which is not read.`,
    );
  const tooMany = tooManyElements(shape);
  if (tooMany !== undefined) throw source.fault('LIMIT', `the array '${name}' ${tooMany}.`);
  const wanted = elementCount(shape) * sizeOf(dtype);
  if (wanted !== data.length)
    throw corrupt(
      `of shape ${describeShape(shape)} and type ${dtype} needs ${bytesOf(wanted)} but has ${data.length}`,
    );
  return storedTensor(name, {
    bytes: source,
    offset: data.offset,
    shape,
    strides: rowMajorStrides(shape),
    dtype,
  });
}

/** { shape: { '0': rows, … }, chunks: { '0': flat array, … } }. */
function chunkedTensor(source: Source, name: string, map: MsgpackMap): Tensor {
  const corrupt = (what: string) => source.fault('CORRUPT', `the array '${name}' ${what}. ${DAMAGED}`);
  const [shape, chunks] = [numberedValues(map.get('shape')), numberedValues(map.get('chunks'))];
  if (!isShape(shape) || !chunks.every((chunk) => isRange(chunk) && chunk.type === ARRAY))
    throw corrupt('in pieces has no shape or no pieces');
  const tooMany = tooManyElements(shape);
  if (tooMany !== undefined) throw source.fault('LIMIT', `the array '${name}' ${tooMany}.`);
  const pieces = chunks.map((chunk, k) => tensorOf(source, `${name}/${k}`, chunk as Range));
  const count = pieces.reduce((sum, piece) => sum + elementCount(piece.shape), 0);
  if (count !== elementCount(shape))
    throw corrupt(`of shape ${describeShape(shape)} has ${count} elements in its pieces`);
  const values = () => {
    const all = new Float64Array(count);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece.values(), at);
      at += elementCount(piece.shape);
    }
    return all;
  };
  return { name, shape, dtype: pieces[0]?.dtype ?? 'f32', values };
}

function numberedValues(map: MsgpackValue | undefined): MsgpackValue[] {
  if (!(map instanceof Map)) return [];
  return [...map].sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value);
}
