import type { DType } from './dtype.js';
import { NUMPY_BUILDERS } from './numpy-objects.js';
import type { Builders } from './pickle.js';
import { PyDict, PyGlobal, PyList, PyOpaque, PyTuple, type PyValue } from './python.js';
import { DAMAGED } from './source.js';

/** A storage that a persistent id names. Its bytes are somewhere else in the file. */
export class TorchStorage extends PyOpaque {
  constructor(
    /** Undefined for a storage of bytes whose tensors say what they are. */
    readonly type: StorageType | undefined,
    readonly key: string,
    readonly location: string,
    /** Number of elements; bytes if the type is undefined. */
    readonly length: number,
    /** Where it begins in the storage of that key, in elements; only in files before PyTorch 1.6. */
    readonly viewOffset = 0,
  ) {
    super();
  }
}

/** A tensor as the pickle describes it. Nothing is checked yet: its name is known only where it is used. */
export class TorchTensor extends PyOpaque {
  constructor(
    readonly storage: TorchStorage,
    readonly type: StorageType,
    readonly offset: PyValue,
    readonly size: readonly PyValue[],
    readonly stride: readonly PyValue[],
    /** Set if the numbers in the storage are not yet the numbers of the tensor. */
    readonly unreadable?: string,
  ) {
    super();
  }
}

/** Something that holds numbers, but not in a form that we read. It matters only if a weight turns out to be one. */
export class Unreadable extends PyOpaque {
  constructor(readonly reason: string) {
    super();
  }
}

export interface StorageType {
  readonly name: string;
  readonly itemSize: number;
  /** Undefined for types that are recognised but not widened. */
  readonly dtype?: DType;
}

const plain = (dtype: DType, itemSize: number): StorageType => ({ name: dtype, dtype, itemSize });

const STORAGE_CLASSES: ReadonlyMap<string, StorageType> = new Map([
  ['Double', plain('f64', 8)],
  ['Float', plain('f32', 4)],
  ['Half', plain('f16', 2)],
  ['BFloat16', plain('bf16', 2)],
  ['Long', plain('i64', 8)],
  ['Int', plain('i32', 4)],
  ['Short', plain('i16', 2)],
  ['Char', plain('i8', 1)],
  ['Byte', plain('u8', 1)],
  ['Bool', plain('bool', 1)],
  ['ComplexFloat', { name: 'c64', itemSize: 8 }],
  ['ComplexDouble', { name: 'c128', itemSize: 16 }],
  ['QInt8', { name: 'qint8', itemSize: 1 }],
  ['QUInt8', { name: 'quint8', itemSize: 1 }],
  ['QInt32', { name: 'qint32', itemSize: 4 }],
]);

const DTYPES: ReadonlyMap<string, StorageType> = new Map([
  ['float64', plain('f64', 8)],
  ['float32', plain('f32', 4)],
  ['float16', plain('f16', 2)],
  ['bfloat16', plain('bf16', 2)],
  ['int64', plain('i64', 8)],
  ['int32', plain('i32', 4)],
  ['int16', plain('i16', 2)],
  ['int8', plain('i8', 1)],
  ['uint64', plain('u64', 8)],
  ['uint32', plain('u32', 4)],
  ['uint16', plain('u16', 2)],
  ['uint8', plain('u8', 1)],
  ['bool', plain('bool', 1)],
]);

type Builder = (args: readonly PyValue[]) => PyValue | undefined;

const passOn: Builder = ([value]) => value;
const toList: Builder = ([value]) => (value === undefined ? new PyList() : toPyList(value));

const BUILDERS: ReadonlyMap<string, Builder> = new Map<string, Builder>([
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor_v3', rebuildTypedTensor],
  ['torch._utils._rebuild_parameter', passOn],
  ['torch._utils._rebuild_parameter_with_state', passOn],
  ['torch.nn.parameter.Parameter', passOn],
  ['torch.nn.parameter.Buffer', passOn],
  ['torch._tensor._rebuild_from_type_v2', rebuildFromType],
  ['torch.Size', ([sizes]) => (sizes === undefined ? new PyTuple([]) : sizes)],
  ['torch.device', (args) => args.map(String).join(':')],
  ['torch.serialization._get_layout', passOn],
  ['torch.jit._pickle.build_intlist', passOn],
  ['torch.jit._pickle.build_tensorlist', passOn],
  ['torch.jit._pickle.build_doublelist', passOn],
  ['torch.jit._pickle.build_boollist', passOn],
  ['torch.jit._pickle.restore_type_tag', passOn],
  ['collections.OrderedDict', toDict],
  ['collections.Counter', toDict],
  ['collections.defaultdict', () => new PyDict()],
  ['builtins.set', toList],
  ['builtins.frozenset', toList],
  ['__builtin__.set', toList],
  ['__builtin__.frozenset', toList],
  ['_codecs.encode', encode],
  ...NUMPY_BUILDERS,
]);

const QUANTISED =
  'a quantised tensor, whose numbers need its scale and zero point; save the model before quantising it';
const SPARSE = 'a sparse tensor; save it dense: tensor.to_dense()';
const NO_STORAGE = 'a tensor without data (device meta); save the model after it was initialised';
const SUBCLASS = 'a tensor of a class of its own; save plain tensors: tensor.detach().clone()';

/** Functions that make tensors which we cannot read. Their results are skipped, or named when they are all there is. */
const UNREADABLE: ReadonlyMap<string, string> = new Map([
  ['torch._utils._rebuild_qtensor', QUANTISED],
  ['torch._utils._rebuild_sparse_tensor', SPARSE],
  ['torch._utils._rebuild_sparse_csr_tensor', SPARSE],
  ['torch._utils._rebuild_nested_tensor', 'a nested tensor; save its parts'],
  ['torch._utils._rebuild_wrapper_subclass', SUBCLASS],
  ['torch._utils._rebuild_meta_tensor_no_storage', NO_STORAGE],
  [
    'torch._utils._rebuild_device_tensor_from_numpy',
    'a tensor of another device; save it from the CPU: tensor.cpu()',
  ],
  [
    'torch._utils._rebuild_device_tensor_from_cpu_tensor',
    'a tensor of another device; save it from the CPU: tensor.cpu()',
  ],
]);

const REASONS: ReadonlyMap<string, string> = new Map([
  ['builtins.complex', 'complex numbers are not weights of a real network. Save the state_dict alone.'],
  ['builtins.bytearray', 'raw bytes are not weights. Save the state_dict alone.'],
  [
    'torch.storage._load_from_bytes',
    'a file within the file. Save the state_dict with torch.save, not with pickle.',
  ],
]);

const NOT_ITS_ARGUMENTS = `its arguments are not those that torch.save writes. ${DAMAGED}`;

export const TORCH_BUILDERS: Builders = {
  call(name, args) {
    const reason = UNREADABLE.get(name);
    return reason === undefined ? BUILDERS.get(name)?.(args) : new Unreadable(reason);
  },
  persistent(id) {
    if (!(id instanceof PyTuple)) return undefined;
    return id.items[0] === 'module' ? id.items[1] : storageOf(id.items);
  },
  reason: (name) => REASONS.get(name) ?? (BUILDERS.has(name) ? NOT_ITS_ARGUMENTS : undefined),
};

/** ('storage', class, key, location, number of elements, view); the view (its key, offset, length) only before 0.4.1 */
function storageOf(id: readonly PyValue[]): TorchStorage | undefined {
  const [kind, type, key, location, length, viewOf] = id;
  if (kind !== 'storage' || !(type instanceof PyGlobal) || typeof location !== 'string') return undefined;
  if (typeof key !== 'string' && typeof key !== 'number') return undefined;
  if (typeof length !== 'number' || !Number.isSafeInteger(length)) return undefined;
  const name = /^torch\.(?:cuda\.|storage\.)?(\w+)Storage$/.exec(type.name)?.[1];
  if (name === undefined || !(name === 'Untyped' || STORAGE_CLASSES.has(name))) return undefined;
  const [, offset, viewLength] = viewOf instanceof PyTuple ? viewOf.items : [];
  return typeof offset === 'number' && typeof viewLength === 'number'
    ? new TorchStorage(STORAGE_CLASSES.get(name), String(key), location, viewLength, offset)
    : new TorchStorage(STORAGE_CLASSES.get(name), String(key), location, length);
}

/** (storage, offset, size, stride, requires_grad, hooks, metadata) */
function rebuildTensor(args: readonly PyValue[]): PyValue | undefined {
  const storage = args[0];
  if (!(storage instanceof TorchStorage) || storage.type === undefined) return undefined;
  return tensorOf(storage, storage.type, args, args[6]);
}

/** (storage, offset, size, stride, requires_grad, hooks, dtype, metadata) for types without a storage class */
function rebuildTypedTensor(args: readonly PyValue[]): PyValue | undefined {
  const [storage, dtype] = [args[0], args[6]];
  if (!(storage instanceof TorchStorage) || !(dtype instanceof PyGlobal)) return undefined;
  const name = dtype.name.replace(/^torch\./, '');
  const type = DTYPES.get(name);
  return type === undefined
    ? new Unreadable(`a tensor of type ${name}`)
    : tensorOf(storage, type, args, args[7]);
}

function tensorOf(
  storage: TorchStorage,
  type: StorageType,
  args: readonly PyValue[],
  metadata: PyValue | undefined,
): PyValue | undefined {
  const [, offset, size, stride] = args;
  if (offset === undefined || !(size instanceof PyTuple) || !(stride instanceof PyTuple)) return undefined;
  return new TorchTensor(
    storage,
    type,
    offset,
    size.items,
    stride.items,
    unreadableBecause(storage, type, metadata),
  );
}

function unreadableBecause(
  storage: TorchStorage,
  type: StorageType,
  metadata: PyValue | undefined,
): string | undefined {
  if (storage.location === 'meta') return NO_STORAGE;
  if (type.name.startsWith('q')) return QUANTISED;
  if (type.dtype === undefined) return `a tensor of type ${type.name}`;
  const bits = metadata instanceof PyDict ? metadata.entries : new Map<PyValue, PyValue>();
  if (bits.get('conj') === true || bits.get('neg') === true) {
    return 'a tensor with a conjugate or negative bit; save tensor.resolve_neg().clone()';
  }
  return undefined;
}

/** (function, class, arguments, state): a subclass of Tensor that keeps its numbers as a tensor does */
function rebuildFromType(args: readonly PyValue[]): PyValue | undefined {
  const [inner, , innerArgs] = args;
  if (!(inner instanceof PyGlobal) || !(innerArgs instanceof PyTuple)) return undefined;
  if (inner.name === 'torch._tensor._rebuild_from_type_v2') return undefined;
  return TORCH_BUILDERS.call(inner.name, innerArgs.items);
}

function toPyList(value: PyValue): PyList {
  if (value instanceof PyList) return value;
  return new PyList(value instanceof PyTuple ? [...value.items] : []);
}

function toDict([pairs]: readonly PyValue[]): PyValue {
  if (pairs instanceof PyDict) return pairs;
  const dict = new PyDict();
  if (!(pairs instanceof PyList)) return dict;
  for (const pair of pairs.items) {
    const [key, value] = pair instanceof PyTuple ? pair.items : pair instanceof PyList ? pair.items : [];
    if (key !== undefined && value !== undefined) dict.entries.set(key, value);
  }
  return dict;
}

/** How protocol 2 writes bytes: as text in which each letter stands for one byte. */
function encode([text, encoding]: readonly PyValue[]): PyValue | undefined {
  if (typeof text !== 'string' || !(encoding === 'latin1' || encoding === 'latin-1')) return undefined;
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
