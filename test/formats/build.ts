// Builders of small files, whole or broken in one place.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { readSource } from '../../src/formats/index.js';
import { crc32 } from '../../src/formats/parts/crc32.js';
import { memorySource } from '../../src/formats/parts/source.js';
import type { WeightFile } from '../../src/formats/weight-file.js';

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
}

export function malformed(name: string): string {
  return fileURLToPath(new URL(`../fixtures/malformed/${name}`, import.meta.url));
}

export function read(name: string, bytes: Uint8Array): Promise<WeightFile> {
  return readSource(memorySource(name, bytes));
}

/** What a reading is refused with: code and message. */
export async function refusal(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (thrown) => thrown,
  );
  return `${error?.code} ${error?.message}`;
}

export type Piece = Uint8Array | readonly number[] | string;

export function bytes(...pieces: Piece[]): Uint8Array {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : Uint8Array.from(piece))),
  );
}

/** An unsigned number of so many bytes, little-endian. */
export function le(value: number | bigint, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
}

// ZIP

export interface Entry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  readonly crc?: number;
  readonly flags?: number;
  readonly method?: number;
  /** What the directory says about the size, if it lies. */
  readonly size?: number;
  /** Compressed bytes made beforehand. */
  readonly packed?: Uint8Array;
  /** Where the directory says that the member begins, if it lies. */
  readonly offset?: number;
}

export function zip(...entries: Entry[]): Uint8Array {
  const locals: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const packed = entry.packed ?? (entry.deflate ? deflateRawSync(entry.data) : entry.data);
    const method = entry.method ?? (entry.deflate ? 8 : 0);
    const size = entry.size ?? entry.data.length;
    const common = [
      ...le(entry.flags ?? 0, 2),
      ...le(method, 2),
      ...le(0, 4),
      ...le(entry.crc ?? crc32(entry.data), 4),
      ...le(packed.length, 4),
      ...le(size, 4),
      ...le(Buffer.byteLength(entry.name), 2),
      ...le(0, 2),
    ];
    const local = bytes('PK\x03\x04', le(20, 2), common, entry.name, packed);
    const place = [...le(0, 2), ...le(0, 2), ...le(0, 2), ...le(0, 4), ...le(entry.offset ?? offset, 4)];
    central.push(bytes('PK\x01\x02', le(20, 2), le(20, 2), common, place, entry.name));
    locals.push(local);
    offset += local.length;
  }
  const directory = bytes(...central);
  const count = le(entries.length, 2);
  const end = bytes('PK\x05\x06', le(0, 4), count, count, le(directory.length, 4), le(offset, 4), le(0, 2));
  return bytes(...locals, directory, end);
}

// Pickle

export const py = {
  proto: [0x80, 2],
  stop: '.',
  none: 'N',
  emptyDict: '}',
  emptyList: ']',
  emptyTuple: ')',
  mark: '(',
  tuple: 't',
  reduce: 'R',
  newObject: [0x81],
  build: 'b',
  setItem: 's',
  setItems: 'u',
  append: 'a',
  put: (index: number) => bytes('q', [index]),
  get: (index: number) => bytes('h', [index]),
  text: (text: string) => bytes('X', le(Buffer.byteLength(text), 4), text),
  int: (value: number | bigint) => bytes([0x8a, 8], le(BigInt.asUintN(64, BigInt(value)), 8)),
  global: (module: string, name: string) => bytes('c', `${module}\n${name}\n`),
  raw: (data: Uint8Array) => bytes('B', le(data.length, 4), data),
};

export interface TensorSpec {
  readonly name?: string;
  readonly storage?: string;
  readonly key?: string;
  readonly location?: string;
  readonly length?: number;
  readonly offset?: number | bigint;
  readonly size?: readonly (number | bigint)[];
  readonly stride?: readonly (number | bigint)[];
  readonly rebuild?: string;
  readonly metadata?: Piece;
}

/** The instructions that make one tensor: by default 4 x 6 floats of storage 0. */
export function tensor(spec: TensorSpec = {}): Uint8Array {
  return bytes(
    py.global('torch._utils', spec.rebuild ?? '_rebuild_tensor_v2'),
    py.mark,
    py.mark,
    py.text('storage'),
    py.global('torch', spec.storage ?? 'FloatStorage'),
    py.text(spec.key ?? '0'),
    py.text(spec.location ?? 'cpu'),
    py.int(spec.length ?? 24),
    py.tuple,
    'Q',
    py.int(spec.offset ?? 0),
    ints(spec.size ?? [4, 6]),
    ints(spec.stride ?? [6, 1]),
    [0x89],
    py.global('collections', 'OrderedDict'),
    py.emptyTuple,
    py.reduce,
    spec.metadata ?? '',
    py.tuple,
    py.reduce,
  );
}

function ints(values: readonly (number | bigint)[]): Uint8Array {
  return bytes(py.mark, ...values.map(py.int), py.tuple);
}

/** A dict of instructions by key. */
export function dict(entries: Record<string, Piece>): Uint8Array {
  const pairs = Object.entries(entries).flatMap(([key, value]) => [py.text(key), value]);
  return bytes(py.emptyDict, py.mark, ...pairs, py.setItems);
}

/** 24 floats 0, 1, 2, ... */
export const FLOATS = new Uint8Array(Float32Array.from({ length: 24 }, (_, i) => i).buffer);

/** What torch.save makes of the object that the instructions build. */
export function pt(object: Piece, storages: Record<string, Uint8Array> = { 0: FLOATS }): Uint8Array {
  const data = Object.entries(storages).map(([key, data]) => ({ name: `a/data/${key}`, data }));
  return zip({ name: 'a/data.pkl', data: bytes(py.proto, object, py.stop) }, ...data);
}

// safetensors

export function safetensors(header: unknown, size: number): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  return bytes(le(Buffer.byteLength(text), 8), text, new Uint8Array(size));
}

/** Some tensors of a safetensors file as a file of their own. */
function shard(file: Uint8Array, names: readonly string[]): Uint8Array {
  const length = Number(Buffer.from(file).readBigUInt64LE(0));
  const header = JSON.parse(Buffer.from(file.subarray(8, 8 + length)).toString());
  const own: Record<string, object> = {};
  const data: Uint8Array[] = [];
  let end = 0;
  for (const name of names) {
    const [from, to] = header[name].data_offsets;
    own[name] = { ...header[name], data_offsets: [end, end + to - from] };
    data.push(file.subarray(8 + length + from, 8 + length + to));
    end += to - from;
  }
  return bytes(safetensors(own, 0), ...data);
}

/** gru2.safetensors in two files, a layer each. */
export function shardedGru(): {
  weight_map: Record<string, string>;
  files: { 'model-1.safetensors': Uint8Array; 'model-2.safetensors': Uint8Array };
} {
  const whole = readFileSync(fixture('gru2.safetensors'));
  const names = (layer: number) =>
    ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((name) => `${name}_l${layer}`);
  const weight_map = Object.fromEntries(
    [0, 1].flatMap((layer) => names(layer).map((name) => [name, `model-${layer + 1}.safetensors`])),
  );
  const files = {
    'model-1.safetensors': shard(whole, names(0)),
    'model-2.safetensors': shard(whole, names(1)),
  };
  return { weight_map, files };
}

export const shardIndex = (weight_map: unknown): Uint8Array =>
  bytes(JSON.stringify({ metadata: { total_size: 1 }, weight_map }));

// NumPy

export function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  return bytes([0x93], 'NUMPY', [version, 0], le(header.length, version === 1 ? 2 : 4), header, data);
}

export function npyHeader(descr: string, shape: string, fortran = false): string {
  return `{'descr': ${descr}, 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }\n`;
}

// torch.export

const torchReference = () => JSON.parse(readFileSync(fixture('torch_ref.json'), 'utf8'));
const json = (value: unknown) => bytes(JSON.stringify(value));
export const asInts = (values: readonly number[]) => values.map((n) => ({ as_int: n }));

export interface Program {
  readonly meta?: object;
  readonly entry?: object;
  readonly bare?: boolean;
  readonly nodes?: readonly object[];
  readonly root?: string;
}

/** What torch.export.save writes for a network whose weights PyTorch printed. */
export function program(
  net: 'gru2' | 'rnn2',
  { meta, entry, bare, nodes, root = 'net/' }: Program = {},
): Uint8Array {
  const { y: _, ...weights } = torchReference()[net] as Record<string, number[] | number[][]>;
  const members: Entry[] = [];
  const config: Record<string, object> = {};
  for (const [name, rows] of Object.entries(weights)) {
    const shape = Array.isArray(rows[0]) ? [rows.length, rows[0].length] : [rows.length];
    const file = `weight_${members.length}`;
    const data = new Uint8Array(new Float32Array(rows.flat()).buffer);
    members.push({ name: `${root}data/weights/${file}`, data });
    const strides = shape.length === 2 ? [shape[1]!, 1] : [1];
    const tensor_meta = {
      dtype: 7,
      sizes: asInts(shape),
      strides: asInts(strides),
      storage_offset: { as_int: 0 },
      ...meta,
    };
    config[`rnn.${name}`] = { path_name: file, is_param: true, use_pickle: false, tensor_meta, ...entry };
  }
  return zip(
    { name: `${root}archive_format`, data: bytes('pt2') },
    { name: `${root}byteorder`, data: bytes('little') },
    { name: `${root}models/model.json`, data: json({ graph_module: { graph: { nodes: nodes ?? [] } } }) },
    ...members,
    { name: `${root}data/weights/model_weights_config.json`, data: json(bare ? config : { config }) },
  );
}
