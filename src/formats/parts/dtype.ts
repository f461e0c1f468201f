/** Element types that can be widened to float64. 64-bit integers beyond 2^53 lose their last digits. */
export type DType =
  | 'f64'
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'i64'
  | 'i32'
  | 'i16'
  | 'i8'
  | 'u64'
  | 'u32'
  | 'u16'
  | 'u8'
  | 'bool';

const SIZES: Record<DType, number> = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u64: 8,
  u32: 4,
  u16: 2,
  u8: 1,
  bool: 1,
};

export function sizeOf(dtype: DType): number {
  return SIZES[dtype];
}

/** The elements as float64. `bytes` holds whole elements; nothing but the result keeps a hold on them. */
export function widen(bytes: Uint8Array, dtype: DType, bigEndian = false): Float64Array {
  const { buffer } = aligned(bytes, SIZES[dtype], bigEndian);
  switch (dtype) {
    case 'f64':
      return new Float64Array(buffer);
    case 'f32':
      return new Float64Array(new Float32Array(buffer));
    case 'f16':
      return Float64Array.from(new Uint16Array(buffer), halfToNumber);
    case 'bf16':
      return new Float64Array(new Float32Array(brainToSingle(new Uint16Array(buffer))));
    case 'i64':
      return Float64Array.from({ length: bytes.length / 8 }, numbersOf(new BigInt64Array(buffer)));
    case 'u64':
      return Float64Array.from({ length: bytes.length / 8 }, numbersOf(new BigUint64Array(buffer)));
    case 'i32':
      return new Float64Array(new Int32Array(buffer));
    case 'u32':
      return new Float64Array(new Uint32Array(buffer));
    case 'i16':
      return new Float64Array(new Int16Array(buffer));
    case 'u16':
      return new Float64Array(new Uint16Array(buffer));
    case 'i8':
      return new Float64Array(new Int8Array(buffer));
    case 'u8':
      return new Float64Array(new Uint8Array(buffer));
    case 'bool':
      return Float64Array.from(new Uint8Array(buffer), (byte) => (byte === 0 ? 0 : 1));
  }
}

/** A private, aligned copy in this machine's byte order (every platform that Node runs on but s390x is little-endian). */
function aligned(bytes: Uint8Array, size: number, bigEndian: boolean): { buffer: ArrayBuffer } {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  if (bigEndian !== HOST_IS_BIG_ENDIAN) reverseEach(copy, size);
  return copy;
}

const HOST_IS_BIG_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;

function reverseEach(bytes: Uint8Array, size: number): void {
  if (size === 1) return;
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

function numbersOf(big: BigInt64Array | BigUint64Array): (_: unknown, index: number) => number {
  return (_, index) => Number(big[index]);
}

/** bfloat16 is the upper half of a float32. */
function brainToSingle(halves: Uint16Array): ArrayBuffer {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return words.buffer;
}

/** IEEE 754 binary16: sign, 5 bits of exponent with bias 15, 10 bits of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
