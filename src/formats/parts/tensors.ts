import type { Tensor } from '../weight-file.js';
import { type DType, sizeOf, widen } from './dtype.js';
import { elementCount, gather, lastIndex, MAX_ELEMENTS } from './layout.js';
import type { Bytes } from './source.js';

/** Where the elements of a tensor are. All ranges have been checked. */
export interface Placement {
  readonly bytes: Bytes;
  /** Of the first element, in bytes. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** In elements. */
  readonly strides: readonly number[];
  readonly dtype: DType;
  readonly bigEndian?: boolean;
}

/**
 * A tensor that is widened to float64 each time its values are asked for, from no more bytes than it spans. Their checksum,
 * if they have one, is compared at the first time: a large file is not read for the sake of a small network in it.
 */
export function storedTensor(name: string, placement: Placement): Tensor {
  const { bytes, offset, shape, strides, dtype, bigEndian } = placement;
  const span = (lastIndex(shape, strides) + 1) * sizeOf(dtype);
  const values = () => {
    bytes.verify?.();
    return gather(widen(bytes.read(offset, span), dtype, bigEndian), shape, strides);
  };
  return { name, shape, dtype, values };
}

export function tooManyElements(shape: readonly number[]): string | undefined {
  if (elementCount(shape) <= MAX_ELEMENTS) return undefined;
  return `has ${shape.join(' x ')} elements; at most ${MAX_ELEMENTS} can be read`;
}
