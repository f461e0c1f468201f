import { UserError } from '../../errors.js';
import { type DType, widen } from './dtype.js';
import { Hdf5Error, type Hdf5Handle, type Hdf5Library, hdf5Library } from './hdf5-library.js';
import { elementCount, MAX_ELEMENTS } from './layout.js';
import { type Bytes, DAMAGED, INCOMPLETE } from './source.js';

export type Hdf5Attribute = string | number | readonly string[];

export interface Hdf5Dataset {
  /** Names of the groups that it is in and its own, joined by slashes; none in front. */
  readonly path: string;
  readonly shape: readonly number[];
  /** Undefined where the elements are no numbers that can be widened. */
  readonly dtype: DType | undefined;
  /** Its elements, little-endian and row-major. */
  read(): Uint8Array;
}

export interface Hdf5File {
  /** Group by group; the members of a group by name, numbers as numbers. */
  readonly datasets: readonly Hdf5Dataset[];
  /** Path of a group ('' is the root) → its attributes that are text, lists of text or a number. */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, Hdf5Attribute>>;
}

const MAX_DEPTH = 32;
const MAX_OBJECTS = 50_000;
const MAX_ATTRIBUTE = 64 * 2 ** 20;
/** What is larger than this, and than the file by more than the ratio, is an announcement and no content. */
const MAX_UNPACKED = 64 * 2 ** 20;
const MAX_RATIO = 100;

/** All but the groups and datasets that `skips` leaves out. Links to anywhere else are refused. */
export async function readHdf5(bytes: Bytes, skips: (path: string) => boolean): Promise<Hdf5File> {
  const library = await hdf5Library();
  const found: Found = { datasets: [], attributes: new Map(), objects: 0 };
  guarded(bytes, '', () =>
    library.withFile(bytes, (handle) => visit({ library, handle, bytes, skips, found }, '', [])),
  );
  for (const dataset of found.datasets) if (dataset.isPacked) dataset.read();
  return found;
}

/** A dataset in chunks is read once at the beginning, as nothing else tells whether they can be unpacked. */
interface FoundDataset extends Hdf5Dataset {
  readonly isPacked: boolean;
}

interface Found {
  readonly datasets: FoundDataset[];
  readonly attributes: Map<string, ReadonlyMap<string, Hdf5Attribute>>;
  objects: number;
}

interface Visit {
  readonly library: Hdf5Library;
  readonly handle: Hdf5Handle;
  readonly bytes: Bytes;
  skips(path: string): boolean;
  readonly found: Found;
}

const absolute = (path: string): string => `/${path}`;

/** The members of a group, its own attributes first. */
function visit(on: Visit, path: string, ancestors: readonly string[]): void {
  const { handle, bytes, found } = on;
  const address = handle.call((h5, file) => String(h5.create_object_reference(file, absolute(path))));
  refuseDepth(bytes, path, address, ancestors);
  found.attributes.set(path, attributesOf(handle, bytes, path));
  for (const name of naturally(handle.call((h5, file) => h5.get_names(file, absolute(path), false)))) {
    const inner = path === '' ? name : `${path}/${name}`;
    if (on.skips(inner)) continue;
    if (++found.objects > MAX_OBJECTS)
      throw bytes.fault('LIMIT', `holds more than ${MAX_OBJECTS} objects, which no weights file needs.`);
    refuseLink(handle, bytes, inner);
    const kind = handle.call((h5, file) => {
      const type = h5.get_type(file, absolute(inner));
      return type === h5.H5G_GROUP ? 'group' : type === h5.H5G_DATASET ? 'dataset' : 'other';
    });
    if (kind === 'group') visit(on, inner, [...ancestors, address]);
    else if (kind === 'dataset') found.datasets.push(dataset(on, inner));
  }
}

/** 'gru', 'gru_1', 'gru_2', 'gru_10'. */
const naturally = (names: readonly string[]): string[] =>
  names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));

function refuseDepth(bytes: Bytes, path: string, address: string, ancestors: readonly string[]): void {
  const refuse = (text: string) => bytes.fault('LIMIT', `${text}. ${DAMAGED}`);
  if (ancestors.length > MAX_DEPTH)
    throw refuse(`its groups are nested deeper than ${MAX_DEPTH} at '${path}', which no weights file needs`);
  if (ancestors.includes(address))
    throw refuse(`its group '${path}' is one that it lies in, so that the depth has no end`);
}

function refuseLink(handle: Hdf5Handle, bytes: Bytes, path: string): void {
  const refuse = (kind: string, target: string) =>
    bytes.fault('REFUSED', `'${path}' is ${kind} to ${target}, which is not followed. Save the file again.`);
  const soft = handle.call((h5, file) => h5.get_symbolic_link(file, absolute(path)));
  if (soft !== null) throw refuse('a soft link', soft);
  const { filename } = handle.call((h5, file) => h5.get_external_link(file, absolute(path)));
  if (filename !== undefined) throw refuse('an external link', `the file ${filename}`);
}

function attributesOf(handle: Hdf5Handle, bytes: Bytes, path: string): Map<string, Hdf5Attribute> {
  const attributes = new Map<string, Hdf5Attribute>();
  for (const name of handle.call((h5, file) => h5.get_attribute_names(file, absolute(path)))) {
    const value = attributeValue(handle, bytes, path, name);
    if (value !== undefined) attributes.set(name, value);
  }
  return attributes;
}

function attributeValue(
  handle: Hdf5Handle,
  bytes: Bytes,
  path: string,
  name: string,
): Hdf5Attribute | undefined {
  const metadata = handle.call((h5, file) => h5.get_attribute_metadata(file, absolute(path), name));
  const { shape, type, size } = metadata;
  const isNumber = type !== STRING && dtypeOf(metadata, undefined) !== undefined && size !== 2;
  if (shape === null || !(type === STRING ? shape.length <= 1 : isNumber && shape.length === 0))
    return undefined;
  const total = elementCount(shape) * size;
  if (total > MAX_ATTRIBUTE) {
    const text = `the attribute '${name}' of '${absolute(path)}' has ${total} bytes`;
    throw bytes.fault('LIMIT', `${text}; at most ${MAX_ATTRIBUTE} are read.`);
  }
  if (total === 0) return [];
  const texts = readAttribute(handle, path, name, total, metadata);
  return shape.length === 0 ? texts[0] : (texts as string[]);
}

function readAttribute(
  handle: Hdf5Handle,
  path: string,
  name: string,
  size: number,
  metadata: Metadata,
): (string | number)[] {
  return handle.call((h5, file) => {
    const pointer = h5._malloc(size);
    try {
      h5.get_attribute_data(file, absolute(path), name, BigInt(pointer));
      const data = h5.HEAPU8.slice(pointer, pointer + size);
      if (metadata.type !== STRING) return [...widen(data, dtypeOf(metadata, undefined)!)];
      if (!metadata.vlen) return fixedTexts(data, metadata.size);
      const texts = [...new Uint32Array(data.buffer)].map((at) => h5.UTF8ToString(at));
      h5.reclaim_vlen_memory(file, absolute(path), name, BigInt(pointer));
      return texts;
    } finally {
      h5._free(pointer);
    }
  });
}

/** Texts of a fixed number of bytes, filled up with zeros. */
function fixedTexts(data: Uint8Array, size: number): string[] {
  return Array.from({ length: data.length / size }, (_, i) => {
    const text = data.subarray(i * size, (i + 1) * size);
    const end = text.indexOf(0);
    return new TextDecoder().decode(end < 0 ? text : text.subarray(0, end));
  });
}

interface Metadata {
  readonly type: number;
  readonly size: number;
  readonly signed: boolean;
  readonly vlen: boolean;
}

function dataset({ library, handle, bytes }: Visit, path: string): FoundDataset {
  const metadata = handle.call((h5, file) => h5.get_dataset_metadata(file, absolute(path)));
  const { size, chunks, virtual_sources: sources } = metadata;
  const shape = metadata.shape ?? [0];
  const total = elementCount(shape) * size;
  if (sources !== undefined)
    throw bytes.fault('REFUSED', `'${path}' is a virtual dataset, made of others. Save the file again.`);
  const refuse = (text: string) => bytes.fault('LIMIT', `the dataset '${path}' ${text}.`);
  if (elementCount(shape) > MAX_ELEMENTS)
    throw refuse(`has ${shape.join(' x ')} elements; at most ${MAX_ELEMENTS} can be read`);
  if (total > MAX_UNPACKED && total > MAX_RATIO * bytes.size)
    throw refuse(`is said to hold ${total} bytes, more than ${MAX_RATIO} times those of the file`);
  const isOpaque = metadata.type === OPAQUE && size === 2;
  const dtype = dtypeOf(metadata, isOpaque ? attributesOf(handle, bytes, path).get('dtype') : undefined);
  const read = () =>
    guarded(bytes, path, () =>
      library.withFile(bytes, (again) => readDataset(again, bytes, path, total), total),
    );
  return { path, shape, dtype, isPacked: chunks !== null && dtype !== undefined, read };
}

/** Classes of elements, H5T_class_t. */
const [INTEGER, FLOAT, STRING, OPAQUE, ENUM] = [0, 1, 3, 5, 8];

/** Keras writes bfloat16 as opaque pairs of bytes, with an attribute beside them as a `mark`. */
function dtypeOf({ type, size, signed }: Metadata, mark: Hdf5Attribute | undefined): DType | undefined {
  const bits = size * 8;
  if (type === FLOAT && [16, 32, 64].includes(bits)) return `f${bits}` as DType;
  if (type === INTEGER && [8, 16, 32, 64].includes(bits)) return `${signed ? 'i' : 'u'}${bits}` as DType;
  if (type === ENUM && size === 1) return 'bool';
  return type === OPAQUE && mark === 'bfloat16' ? 'bf16' : undefined;
}

/** The raw bytes: the package's own values know no float16, and after a failed read show what was in memory before. */
function readDataset(handle: Hdf5Handle, bytes: Bytes, path: string, size: number): Uint8Array {
  if (size === 0) return new Uint8Array(0);
  const pointer = handle.call((h5) => h5._malloc(size));
  if (pointer === 0)
    throw bytes.fault('LIMIT', `the dataset '${path}' of ${size} bytes does not fit in memory.`);
  try {
    return handle.call((h5, file) => {
      const status = h5.get_dataset_data(file, absolute(path), null, null, null, BigInt(pointer));
      if (status < 0) throw new Hdf5Error('the library reports a failure');
      return h5.HEAPU8.slice(pointer, pointer + size);
    });
  } finally {
    handle.call((h5) => h5._free(pointer));
  }
}

function guarded<T>(bytes: Bytes, path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof Error && !(error instanceof Hdf5Error)) throw error;
    throw damage(bytes, path, String((error as Error).message));
  }
}

/** Of a stack of messages the innermost says what it is. */
function damage(bytes: Bytes, path: string, complaint: string): UserError {
  const reasons = [...complaint.matchAll(/^ *#\d+: .*?: (.*)$/gm)].map(([, reason]) => reason!.trim());
  const reason = reasons.at(-1) ?? complaint.split('\n')[0]!.slice(0, 200);
  if (/external (raw|file)/.test(complaint)) {
    const text = `the dataset '${path}' lies in another file, which is not opened`;
    return bytes.fault('REFUSED', `${text}. Save the file again.`);
  }
  const what = path === '' ? 'its HDF5 structure is broken' : `the dataset '${path}' cannot be read`;
  if (/truncated|eof/i.test(complaint)) return bytes.fault('TRUNCATED', `${what}: ${reason}. ${INCOMPLETE}`);
  return bytes.fault('CORRUPT', `${what}: ${reason}. ${DAMAGED}`);
}
