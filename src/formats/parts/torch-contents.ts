import { type Contents, noTensors } from '../reader.js';
import type { Tensor } from '../weight-file.js';
import { sizeOf } from './dtype.js';
import { columnMajorStrides, elementCount, isShape, lastIndex, rowMajorStrides } from './layout.js';
import type { NumpyArray } from './numpy-objects.js';
import type { PyValue } from './python.js';
import { type Bytes, DAMAGED } from './source.js';
import { type Placement, storedTensor, tooManyElements } from './tensors.js';
import { type StorageType, TorchTensor } from './torch-objects.js';
import { type ClassFacts, type Collected, collect, describeValue, stepOf } from './torch-walk.js';

/** The bytes of one storage within the file. */
export interface StorageBytes {
  readonly bytes: Bytes;
  readonly offset: number;
  readonly size: number;
}

export interface TorchFile {
  readonly source: Bytes;
  readonly bigEndian: boolean;
  /** The storage of that key, or undefined if the file has none. */
  storage(key: string): StorageBytes | undefined;
  readonly classFacts: ClassFacts;
}

/** From the unpickled object to tensors whose ranges are checked. */
export function torchContents(file: TorchFile, root: PyValue): Contents {
  const collected = collect(file.source, root, file.classFacts);
  const skipped = describeSkipped(collected);
  if (collected.leaves.size === 0) {
    const what = skipped[0] ?? describeValue(root);
    throw noTensors(file.source, what, 'Save the weights: torch.save(model.state_dict(), ...).');
  }
  const storages = new Map<string, StorageBytes>();
  const tensors = new Map<string, Tensor>();
  for (const [name, leaf] of collected.leaves) {
    const placement =
      leaf instanceof TorchTensor ? place(file, storages, name, leaf) : placeArray(file.source, name, leaf);
    tensors.set(name, storedTensor(name, placement));
  }
  const step = stepOf(root);
  return {
    tensors,
    modules: collected.modules,
    ...(step !== undefined && { step }),
    notes: [...collected.notes, ...skipped],
  };
}

function describeSkipped({ skipped }: Collected): string[] {
  return [...skipped].map(([reason, names]) => {
    const shown = names.slice(0, 3).map((name) => `'${name}'`);
    if (names.length > 3) shown.push(`and ${names.length - 3} more`);
    return `skipped ${shown.join(', ')}: ${reason}`;
  });
}

function place(
  file: TorchFile,
  storages: Map<string, StorageBytes>,
  name: string,
  tensor: TorchTensor,
): Placement {
  const { source, bigEndian } = file;
  const { shape, strides, offset } = checkGeometry(source, name, tensor);
  const { dtype } = tensor.type;
  if (dtype === undefined) throw new TypeError(`${tensor.type.name} has no float64 form`);
  if (elementCount(shape) === 0) return { bytes: source, offset: 0, shape, strides, dtype, bigEndian };
  const storage = storages.get(tensor.storage.key) ?? findStorage(file, name, tensor);
  storages.set(tensor.storage.key, storage);
  const length = checkStorage(source, name, tensor, storage);
  const last = offset + lastIndex(shape, strides);
  if (!(last < length)) {
    const text = `reaches element ${last} of storage ${tensor.storage.key}, which has ${length}`;
    throw source.fault('CORRUPT', `the tensor '${name}' ${text}. ${DAMAGED}`);
  }
  const start = (tensor.storage.viewOffset + offset) * sizeOf(dtype);
  return { bytes: storage.bytes, offset: storage.offset + start, shape, strides, dtype, bigEndian };
}

function checkGeometry(source: Bytes, name: string, tensor: TorchTensor) {
  const { size, stride, offset } = tensor;
  const corrupt = (what: string) => source.fault('CORRUPT', `the tensor '${name}' ${what}. ${DAMAGED}`);
  if (size.some((n) => typeof n === 'bigint' && n > 0n)) {
    throw source.fault('LIMIT', `the tensor '${name}' has ${show(size)} elements, too many to read.`);
  }
  if (!isShape(size)) throw corrupt(`has the size (${show(size)}), not whole numbers from 0`);
  const tooMany = tooManyElements(size);
  if (tooMany !== undefined) throw source.fault('LIMIT', `the tensor '${name}' ${tooMany}.`);
  if (!isShape(stride) || stride.length !== size.length) {
    throw corrupt(`has the strides (${show(stride)}) for the size (${show(size)})`);
  }
  if (!isShape([offset]))
    throw corrupt(`starts at element ${show([offset])} of storage ${tensor.storage.key}`);
  return { shape: size, strides: stride, offset: offset as number };
}

function findStorage(file: TorchFile, name: string, tensor: TorchTensor): StorageBytes {
  const storage = file.storage(tensor.storage.key);
  if (storage !== undefined) return storage;
  const text = `storage ${tensor.storage.key} of the tensor '${name}' is missing`;
  throw file.source.fault('CORRUPT', `${text}. ${DAMAGED}`);
}

/** Number of elements, of the tensor's type, that the tensor may address. */
function checkStorage(source: Bytes, name: string, tensor: TorchTensor, storage: StorageBytes): number {
  const { key, length, viewOffset, type } = tensor.storage;
  const unit: StorageType = type ?? { name: 'bytes', itemSize: 1 };
  const needed = (viewOffset + length) * unit.itemSize;
  if (!(viewOffset >= 0 && length >= 0 && needed <= storage.size)) {
    const text = `storage ${key} holds ${storage.size} bytes but the tensor '${name}' needs ${needed}`;
    throw source.fault('CORRUPT', `${text}. ${DAMAGED}`);
  }
  return Math.floor((length * unit.itemSize) / tensor.type.itemSize);
}

function placeArray(source: Bytes, name: string, array: NumpyArray): Placement {
  const { shape, dtype, bytes, bigEndian, fortranOrder } = array;
  const corrupt = (what: string) => source.fault('CORRUPT', `the array '${name}' ${what}. ${DAMAGED}`);
  if (!isShape(shape)) throw corrupt(`has the shape (${show(shape)})`);
  const tooMany = tooManyElements(shape);
  if (tooMany !== undefined) throw source.fault('LIMIT', `the array '${name}' ${tooMany}.`);
  if (dtype === undefined || bytes === undefined)
    throw new TypeError('an array without numbers was collected');
  const needed = elementCount(shape) * sizeOf(dtype);
  if (needed !== bytes.length) throw corrupt(`needs ${needed} bytes but has ${bytes.length}`);
  const strides = fortranOrder ? columnMajorStrides(shape) : rowMajorStrides(shape);
  return { bytes: heldBytes(source, bytes), offset: 0, shape, strides, dtype, bigEndian };
}

function heldBytes(source: Bytes, bytes: Uint8Array): Bytes {
  return {
    label: source.label,
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    fault: (code, text) => source.fault(code, text),
  };
}

function show(values: readonly PyValue[]): string {
  return values.map((value) => (typeof value === 'object' ? '?' : String(value).slice(0, 30))).join(', ');
}
