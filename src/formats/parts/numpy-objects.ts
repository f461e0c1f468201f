import type { DType } from './dtype.js';
import { PyOpaque, PyTuple, type PyValue } from './python.js';

/** numpy.dtype('f4'), with the byte order that BUILD brings. */
class NumpyType extends PyOpaque {
  bigEndian = false;

  constructor(readonly code: string) {
    super();
  }

  override build(state: PyValue): void {
    this.bigEndian = state instanceof PyTuple && state.items[1] === '>';
  }
}

/** An array whose bytes are in the pickle. */
export class NumpyArray extends PyOpaque {
  shape: readonly PyValue[] = [];
  /** Undefined if the elements are not plain numbers. */
  dtype: DType | undefined;
  bigEndian = false;
  fortranOrder = false;
  bytes: Uint8Array | undefined;

  /** (version, shape, dtype, is Fortran order, bytes or list) */
  override build(state: PyValue): void {
    if (!(state instanceof PyTuple)) return;
    const [, shape, type, fortranOrder, bytes] = state.items;
    if (shape instanceof PyTuple) this.shape = shape.items;
    if (type instanceof NumpyType) this.setType(type);
    this.fortranOrder = fortranOrder === true;
    if (bytes instanceof Uint8Array) this.bytes = bytes;
  }

  setType(type: NumpyType): void {
    this.dtype = dtypeOf(type.code);
    this.bigEndian = type.bigEndian;
  }
}

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ['f8', 'f64'],
  ['f4', 'f32'],
  ['f2', 'f16'],
  ['i8', 'i64'],
  ['i4', 'i32'],
  ['i2', 'i16'],
  ['i1', 'i8'],
  ['u8', 'u64'],
  ['u4', 'u32'],
  ['u2', 'u16'],
  ['u1', 'u8'],
  ['b1', 'bool'],
]);

/** From NumPy's code without the byte order: kind and bytes, such as f4. */
export function dtypeOf(code: string): DType | undefined {
  return DTYPES.get(code);
}

function makeType([code]: readonly PyValue[]): PyValue | undefined {
  return typeof code === 'string' ? new NumpyType(code) : undefined;
}

/** A number of a checkpoint's bookkeeping, such as a best score: an array without axes. */
function makeScalar([type, bytes]: readonly PyValue[]): PyValue {
  const scalar = new NumpyArray();
  if (type instanceof NumpyType) scalar.setType(type);
  if (bytes instanceof Uint8Array) scalar.bytes = bytes;
  return scalar;
}

const CORES = ['numpy.core.multiarray', 'numpy._core.multiarray'];

export const NUMPY_BUILDERS: readonly [string, (args: readonly PyValue[]) => PyValue | undefined][] = [
  ['numpy.dtype', makeType],
  ...CORES.flatMap((core): [string, (args: readonly PyValue[]) => PyValue | undefined][] => [
    [`${core}._reconstruct`, () => new NumpyArray()],
    [`${core}.scalar`, makeScalar],
  ]),
];
