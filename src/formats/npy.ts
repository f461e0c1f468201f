import { type DType, sizeOf } from './parts/dtype.js';
import { columnMajorStrides, elementCount, isShape, rowMajorStrides } from './parts/layout.js';
import { dtypeOf } from './parts/numpy-objects.js';
import { type Bytes, bytesOf, DAMAGED, INCOMPLETE, view } from './parts/source.js';
import { storedTensor, tooManyElements } from './parts/tensors.js';
import type { Reader } from './reader.js';
import type { Tensor } from './weight-file.js';

// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy's own limit (numpy.lib.format._MAX_HEADER_SIZE). */
const MAX_HEADER = 10_000;

export const npy: Reader = {
  name: 'npy',
  reads: '.npy',
  extensions: ['.npy'],
  sniff: isNpy,
  read({ source }) {
    const name = source.label.replace(/\.npy$/i, '');
    return { tensors: new Map([[name, readNpy(source, name)]]) };
  },
};

export function isNpy(head: Uint8Array): boolean {
  return MAGIC.every((byte, i) => head[i] === byte);
}

/** One array. Only its header is read here. */
export function readNpy(bytes: Bytes, name: string): Tensor {
  const { text, dataOffset } = readHeader(bytes);
  const { shape, fortranOrder, dtype, bigEndian } = parseHeader(bytes, text);
  const tooMany = tooManyElements(shape);
  if (tooMany !== undefined) throw bytes.fault('LIMIT', `its array ${tooMany}.`);
  assertLength(bytes, dataOffset, elementCount(shape), dtype);
  const strides = fortranOrder ? columnMajorStrides(shape) : rowMajorStrides(shape);
  return storedTensor(name, { bytes, offset: dataOffset, shape, strides, dtype, bigEndian });
}

function readHeader(bytes: Bytes): { text: string; dataOffset: number } {
  const head = bytes.read(0, Math.min(bytes.size, 12));
  if (!isNpy(head))
    throw bytes.fault('CORRUPT', `does not begin with \\x93NUMPY, as an array of NumPy does. ${DAMAGED}`);
  const version = head[6] ?? 0;
  if (version < 1 || version > 3) {
    throw bytes.fault(
      'UNSUPPORTED',
      `has version ${version} of the .npy format; versions 1 to 3 can be read.`,
    );
  }
  const start = version === 1 ? 10 : 12;
  if (head.length < start)
    throw bytes.fault('TRUNCATED', `ends at byte ${bytes.size}, within its header. ${INCOMPLETE}`);
  const length = version === 1 ? view(head).getUint16(8, true) : view(head).getUint32(8, true);
  if (start + length > bytes.size) {
    throw bytes.fault(
      'TRUNCATED',
      `its header wants ${length} bytes but ${bytes.size - start} are left. ${INCOMPLETE}`,
    );
  }
  if (length > MAX_HEADER)
    throw bytes.fault('LIMIT', `its header has ${length} bytes; at most ${MAX_HEADER} are read.`);
  const encoding = version === 3 ? 'utf-8' : 'latin1';
  return { text: new TextDecoder(encoding).decode(bytes.read(start, length)), dataOffset: start + length };
}

interface Header {
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  readonly dtype: DType;
  readonly bigEndian: boolean;
}

/** The header is the Python literal of a dict with three keys. */
function parseHeader(bytes: Bytes, text: string): Header {
  const code = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  if (code === undefined && /'descr'\s*:\s*[[(]/.test(text)) {
    throw bytes.fault(
      'UNSUPPORTED',
      'holds records of several fields; save each field as an array of its own.',
    );
  }
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (code === undefined || order === undefined || sizes === undefined) {
    throw bytes.fault('CORRUPT', `its header is not one of NumPy: ${text.trim().slice(0, 80)}. ${DAMAGED}`);
  }
  const shape = sizes
    .split(',')
    .map((size) => size.trim().replace('L', ''))
    .filter(Boolean)
    .map(Number);
  const tooLarge = shape.find((size) => !Number.isSafeInteger(size));
  if (tooLarge !== undefined)
    throw bytes.fault('LIMIT', `its shape says (${sizes.trim()}), which is too large to read.`);
  if (!isShape(shape)) throw bytes.fault('CORRUPT', `its shape is (${sizes.trim()}). ${DAMAGED}`);
  return { shape, fortranOrder: order === 'True', ...parseType(bytes, code) };
}

function parseType(bytes: Bytes, code: string): { dtype: DType; bigEndian: boolean } {
  const dtype = dtypeOf(code.replace(/^[<>=|]/, ''));
  if (dtype !== undefined) return { dtype, bigEndian: code.startsWith('>') };
  if (/^[<>=|]?O/.test(code)) {
    const remedy = 'which would have to be run to be read. Save plain numbers: array.astype(float).';
    throw bytes.fault('REFUSED', `holds pickled Python objects, ${remedy}`);
  }
  const remedy = 'Save it as array.astype("float32").';
  const what = code === '|V2' ? 'two unnamed bytes an element, perhaps bfloat16' : `elements of type ${code}`;
  throw bytes.fault('UNSUPPORTED', `holds ${what}; floats, integers and booleans can be read. ${remedy}`);
}

function assertLength(bytes: Bytes, dataOffset: number, count: number, dtype: DType): void {
  const needed = count * sizeOf(dtype);
  const there = bytes.size - dataOffset;
  if (there < needed) {
    throw bytes.fault('TRUNCATED', `its array needs ${needed} bytes but ${there} are there. ${INCOMPLETE}`);
  }
  if (there === needed) return;
  if (isNpy(bytes.read(dataOffset + needed, Math.min(6, there - needed)))) {
    const remedy = 'Save them under their names: np.savez.';
    throw bytes.fault(
      'UNSUPPORTED',
      `holds several arrays one after the other, as Equinox writes them. ${remedy}`,
    );
  }
  throw bytes.fault('CORRUPT', `has ${bytesOf(there - needed)} behind its array of ${needed}. ${DAMAGED}`);
}

/** An array of float64 as a file, .npy version 1.0. */
export function npyBytes(shape: readonly number[], values: Float64Array): Uint8Array {
  if (elementCount(shape) !== values.length) {
    throw new RangeError(`npyBytes: ${values.length} values do not fill the shape [${shape.join(', ')}]`);
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const literal = `{'descr': '<f8', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The data begin at a multiple of 64, behind spaces and a line feed.
  const total = Math.ceil((10 + literal.length + 1) / 64) * 64;
  const bytes = new Uint8Array(total + values.length * 8);
  const numbers = view(bytes);
  bytes.set([...MAGIC, 1, 0]);
  numbers.setUint16(8, total - 10, true);
  bytes.set(new TextEncoder().encode(`${literal.padEnd(total - 11)}\n`), 10);
  for (const [i, value] of values.entries()) numbers.setFloat64(total + 8 * i, value, true);
  return bytes;
}
