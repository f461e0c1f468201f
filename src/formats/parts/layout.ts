/** The most elements that one tensor may have: 2 GiB as float64. */
export const MAX_ELEMENTS = 2 ** 28;

/** Number of elements; Infinity as soon as it is no longer exact. */
export function elementCount(shape: readonly number[]): number {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return Number.POSITIVE_INFINITY;
  }
  return count;
}

export function isShape(sizes: readonly unknown[]): sizes is readonly number[] {
  return sizes.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

export function describeShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Strides, in elements, of a dense array whose last index runs fastest. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Strides of a dense array whose first index runs fastest (Fortran, MATLAB). */
export function columnMajorStrides(shape: readonly number[]): number[] {
  return rowMajorStrides(shape.toReversed()).toReversed();
}

/** Index of the last element that a view touches, counted from its first; -1 if the view is empty. */
export function lastIndex(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return -1;
  return shape.reduce((sum, size, axis) => sum + strides[axis]! * (size - 1), 0);
}

/** The elements of a strided view in row-major order. */
export function gather(
  span: Float64Array,
  shape: readonly number[],
  strides: readonly number[],
): Float64Array {
  const count = elementCount(shape);
  if (isDense(shape, strides) && span.length === count) return span;
  const out = new Float64Array(count);
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    out[i] = span[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  const dense = rowMajorStrides(shape);
  return shape.every((size, axis) => size === 1 || strides[axis] === dense[axis]);
}
