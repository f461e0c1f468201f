import type { DType } from './parts/dtype.js';
import { parseJson } from './parts/json-text.js';
import { describeShape, elementCount, isShape, rowMajorStrides } from './parts/layout.js';
import { bytesOf, DAMAGED, INCOMPLETE, type Source, view } from './parts/source.js';
import { storedTensor, tooManyElements } from './parts/tensors.js';
import { type Contents, noTensors, type Reader } from './reader.js';
import type { Tensor } from './weight-file.js';

// https://github.com/huggingface/safetensors: u64 length of a JSON header, the header, the bytes of the tensors

const MAX_HEADER = 100_000_000;
const OPEN_BRACE = 0x7b;

export const safetensors: Reader = {
  name: 'safetensors',
  reads: '.safetensors',
  extensions: ['.safetensors'],
  sniff: (head) =>
    head.length > 8 && head[8] === OPEN_BRACE && view(head).getBigUint64(0, true) <= BigInt(MAX_HEADER),
  read: ({ source }) => readSafetensors(source),
};

export function readSafetensors(source: Source): Contents {
  const { header, dataOffset } = readHeader(source);
  const { entries, notes } = checkHeader(source, header, dataOffset);
  return { tensors: makeTensors(source, entries, dataOffset, notes), notes };
}

function readHeader(source: Source): { header: object; dataOffset: number } {
  if (source.size < 8) {
    throw source.fault(
      'TRUNCATED',
      `has ${source.size} bytes; a safetensors file begins with 8. ${INCOMPLETE}`,
    );
  }
  const length = view(source.read(0, 8)).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) {
    throw source.fault(
      'LIMIT',
      `its header is said to have ${length} bytes; at most ${MAX_HEADER} are read. ${DAMAGED}`,
    );
  }
  const left = source.size - 8;
  if (Number(length) > left) {
    throw source.fault('TRUNCATED', `its header wants ${length} bytes but ${left} are left. ${INCOMPLETE}`);
  }
  return { header: parseHeader(source, source.read(8, Number(length))), dataOffset: 8 + Number(length) };
}

/** { name: { dtype, shape: [], data_offsets: [] } } is three deep. */
const MAX_DEPTH = 3;

function parseHeader(source: Source, bytes: Uint8Array): object {
  if (bytes[0] !== OPEN_BRACE) {
    const found = bytes[0] === undefined ? 'has no bytes' : `begins with byte 0x${hex(bytes[0])}`;
    throw source.fault('CORRUPT', `its header ${found}, expected {. ${DAMAGED}`);
  }
  return parseJson(source, bytes, MAX_DEPTH, 'its header') as object;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

const BITS: ReadonlyMap<string, number> = new Map([
  ['BOOL', 8],
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['C64', 64],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
]);

const READABLE: ReadonlySet<string> = new Set([
  'BOOL',
  'U8',
  'I8',
  'I16',
  'U16',
  'F16',
  'BF16',
  'I32',
  'U32',
  'F32',
  'F64',
  'I64',
  'U64',
]);

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Every tensor begins where the one before it ended, from 0 to the end of the file: no hole, overlap or rest. */
function checkHeader(
  source: Source,
  header: object,
  dataOffset: number,
): { entries: Entry[]; notes: string[] } {
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') checkMetadata(source, value);
    else entries.push(checkEntry(source, name, value));
  }
  let expected = 0;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== expected) {
      throw source.fault(
        'CORRUPT',
        `the tensor '${name}' starts at ${begin}, expected ${expected}. ${DAMAGED}`,
      );
    }
    expected = end;
  }
  assertEnd(source, expected, source.size - dataOffset);
  return { entries, notes: [] };
}

function assertEnd(source: Source, expected: number, there: number): void {
  if (expected > there) {
    const text = `its tensors need ${expected} bytes behind the header but ${there} are there. ${INCOMPLETE}`;
    throw source.fault('TRUNCATED', text);
  }
  if (expected < there) {
    throw source.fault('CORRUPT', `has ${bytesOf(there - expected)} behind its last tensor. ${DAMAGED}`);
  }
}

function checkMetadata(source: Source, value: unknown): void {
  const isText = isObject(value) && Object.values(value).every((text) => typeof text === 'string');
  if (!isText) throw source.fault('CORRUPT', `its __metadata__ holds something other than text. ${DAMAGED}`);
}

function checkEntry(source: Source, name: string, value: unknown): Entry {
  const corrupt = (what: string) => source.fault('CORRUPT', `the tensor '${name}' ${what}. ${DAMAGED}`);
  if (!isObject(value)) throw corrupt('is not described by dtype, shape and data_offsets');
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  const bits = typeof dtype === 'string' ? BITS.get(dtype) : undefined;
  if (bits === undefined) throw corrupt(`has the unknown dtype ${brief(dtype)}`);
  if (!Array.isArray(shape) || !isShape(shape))
    throw corrupt(`has the shape ${brief(shape)}, not whole numbers`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !isShape(offsets)) {
    throw corrupt(`has the data_offsets ${brief(offsets)}, not two whole numbers`);
  }
  const [begin, end] = offsets as [number, number];
  const wanted = (elementCount(shape) * bits) / 8;
  if (!Number.isSafeInteger(wanted)) {
    throw corrupt(
      `of shape ${describeShape(shape)} and dtype ${dtype} does not fill a whole, sensible number of bytes`,
    );
  }
  if (end - begin !== wanted) {
    throw corrupt(
      `of shape ${describeShape(shape)} and dtype ${dtype} needs ${wanted} bytes but has ${end - begin}`,
    );
  }
  return { name, dtype: dtype as string, shape, begin, end };
}

function makeTensors(
  source: Source,
  entries: readonly Entry[],
  dataOffset: number,
  notes: string[],
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const entry of entries) {
    if (READABLE.has(entry.dtype)) tensors.set(entry.name, makeTensor(source, entry, dataOffset));
    else notes.push(`skipped '${entry.name}': its dtype ${entry.dtype} cannot be read`);
  }
  if (tensors.size > 0) return tensors;
  throw noTensors(source, notes[0] ?? 'its header lists none', 'Save the weights as F32, F64, F16 or BF16.');
}

function makeTensor(source: Source, entry: Entry, dataOffset: number): Tensor {
  const { name, shape } = entry;
  const tooMany = tooManyElements(shape);
  if (tooMany !== undefined) throw source.fault('LIMIT', `the tensor '${name}' ${tooMany}.`);
  const dtype = entry.dtype.toLowerCase() as DType;
  const placement = {
    bytes: source,
    offset: dataOffset + entry.begin,
    shape,
    strides: rowMajorStrides(shape),
    dtype,
  };
  return storedTensor(name, placement);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function brief(value: unknown): string {
  return (JSON.stringify(value) ?? 'none').slice(0, 60);
}
