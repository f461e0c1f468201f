import type { Tensor } from '../../formats/weight-file.js';

/** A value that does not depend on the network's inputs. Its numbers are found when they are asked for, and once. */
export type Constant = Pick<Tensor, 'shape' | 'dtype' | 'values'>;

/** What is wrong with an operator's arguments. */
export class Misfit extends Error {}

export const constant = (shape: readonly number[], dtype: string, make: () => Float64Array): Constant => {
  let found: Float64Array | undefined;
  return {
    shape,
    dtype,
    values: () => {
      found ??= make();
      return found;
    },
  };
};

export const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

const strides = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => elements(shape.slice(axis + 1)));

/** The entries offset + Σ steps[a] · index[a], in row-major order of `shape`. */
function view(c: Constant, shape: readonly number[], steps: readonly number[], offset = 0): Constant {
  return constant(shape, c.dtype, () => {
    const from = c.values();
    const out = new Float64Array(elements(shape));
    const index = shape.map(() => 0);
    for (let i = 0, at = offset; i < out.length; i++) {
      out[i] = from[at]!;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += steps[axis]!;
        if (++index[axis]! < shape[axis]!) break;
        at -= steps[axis]! * shape[axis]!;
        index[axis] = 0;
      }
    }
    return out;
  });
}

/** −1 is the last axis. */
export function axisOf(axis: number, rank: number): number {
  const found = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(found) && found >= 0 && found < rank) return found;
  throw new Misfit(`axis ${axis} of ${rank}`);
}

const sameData = (c: Constant, shape: readonly number[]): Constant => ({
  ...c,
  shape,
  values: () => c.values(),
});

export function transpose(
  c: Constant,
  perm: readonly number[] = c.shape.map((_, k) => k).reverse(),
): Constant {
  const axes = perm.map((axis) => axisOf(axis, c.shape.length));
  if (new Set(axes).size !== c.shape.length)
    throw new Misfit(`the order [${perm}] of ${c.shape.length} axes`);
  const own = strides(c.shape);
  return view(
    c,
    axes.map((axis) => c.shape[axis]!),
    axes.map((axis) => own[axis]!),
  );
}

/** 0 keeps a size, unless it is meant; −1 is what is left over. */
export function reshape(c: Constant, target: readonly number[], zeroIsMeant: boolean): Constant {
  const kept = target.map((size, axis) =>
    size === 0 && !zeroIsMeant ? (c.shape[axis] ?? Number.NaN) : size,
  );
  const known = elements(kept.filter((size) => size !== -1));
  const shape = kept.map((size) => (size === -1 ? elements(c.shape) / known : size));
  const isSound = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!isSound || elements(shape) !== elements(c.shape)) throw new Misfit(`[${c.shape}] as [${target}]`);
  return sameData(c, shape);
}

export function unsqueeze(c: Constant, axes: readonly number[]): Constant {
  const rank = c.shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  if (added.size !== axes.length) throw new Misfit(`the axes [${axes}]`);
  const left = [...c.shape];
  return sameData(
    c,
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : left.shift()!)),
  );
}

export function squeeze(c: Constant, axes: readonly number[] | undefined): Constant {
  const dropped = new Set(
    axes?.map((axis) => axisOf(axis, c.shape.length)) ??
      c.shape.flatMap((size, axis) => (size === 1 ? [axis] : [])),
  );
  if ([...dropped].some((axis) => c.shape[axis] !== 1))
    throw new Misfit(`the axes [${axes}] of [${c.shape}]`);
  return sameData(
    c,
    c.shape.filter((_, axis) => !dropped.has(axis)),
  );
}

export interface Cut {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes?: readonly number[] | undefined;
  readonly steps?: readonly number[] | undefined;
}

/** Ends may be beyond the array (INT64_MAX), negative ones count from its end. */
export function slice(c: Constant, { starts, ends, axes = starts.map((_, k) => k), steps }: Cut): Constant {
  if (ends.length !== starts.length || axes.length !== starts.length)
    throw new Misfit(`${starts.length} starts, ${ends.length} ends and ${axes.length} axes`);
  const shape = [...c.shape];
  const step = strides(c.shape);
  let offset = 0;
  axes.forEach((given, k) => {
    const axis = axisOf(given, c.shape.length);
    const by = steps?.[k] ?? 1;
    if (by === 0 || !Number.isFinite(by)) throw new Misfit(`a step of ${by}`);
    const size = c.shape[axis]!;
    const inside = (at: number, least: number, most: number): number =>
      Math.min(most, Math.max(least, at < 0 ? at + size : at));
    const from = by > 0 ? inside(starts[k]!, 0, size) : inside(starts[k]!, 0, size - 1);
    const to = by > 0 ? inside(ends[k]!, 0, size) : inside(ends[k]!, -1, size - 1);
    shape[axis] = Math.max(0, Math.ceil((to - from) / by));
    offset += from * step[axis]!;
    step[axis] = step[axis]! * by;
  });
  return view(c, shape, step, offset);
}

export function concat(parts: readonly Constant[], given: number): Constant {
  const [first] = parts;
  if (!first) throw new Misfit('nothing to put together');
  const axis = axisOf(given, first.shape.length);
  const others = (shape: readonly number[]) => shape.filter((_, k) => k !== axis).join();
  if (parts.some(({ shape }) => shape.length !== first.shape.length || others(shape) !== others(first.shape)))
    throw new Misfit(`${parts.map(({ shape }) => `[${shape}]`).join(' and ')} along axis ${axis}`);
  const shape = first.shape.with(
    axis,
    parts.reduce((sum, part) => sum + part.shape[axis]!, 0),
  );
  return constant(shape, first.dtype, () => {
    const out = new Float64Array(elements(shape));
    const rows = elements(shape.slice(0, axis));
    const width = elements(shape.slice(axis));
    let column = 0;
    for (const part of parts) {
      const own = elements(part.shape.slice(axis));
      const data = part.values();
      for (let i = 0; i < rows; i++) out.set(data.subarray(i * own, (i + 1) * own), i * width + column);
      column += own;
    }
    return out;
  });
}

/** Part `index` of those with the given sizes. */
export function part(c: Constant, given: number, sizes: readonly number[], index: number): Constant {
  const axis = axisOf(given, c.shape.length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== c.shape[axis] || sizes.some((size) => !(size >= 0)))
    throw new Misfit(`${c.shape[axis]} entries in parts of [${sizes}]`);
  const start = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
  return slice(c, { starts: [start], ends: [start + sizes[index]!], axes: [axis] });
}

/** Entries, rows, … that are picked by their places; −1 is the last. */
export function gather(c: Constant, indices: Constant, given: number): Constant {
  const axis = axisOf(given, c.shape.length);
  const size = c.shape[axis]!;
  const picked = indices.values();
  if (picked.some((index) => !Number.isInteger(index) || index < -size || index >= size))
    throw new Misfit(`an entry beyond the ${size} that there are`);
  const shape = [...c.shape.slice(0, axis), ...indices.shape, ...c.shape.slice(axis + 1)];
  return constant(shape, c.dtype, () => {
    const data = c.values();
    const rows = elements(c.shape.slice(0, axis));
    const width = elements(c.shape.slice(axis + 1));
    const out = new Float64Array(elements(shape));
    for (let i = 0; i < rows; i++) {
      picked.forEach((index, k) => {
        const from = (i * size + (index < 0 ? index + size : index)) * width;
        out.set(data.subarray(from, from + width), (i * picked.length + k) * width);
      });
    }
    return out;
  });
}

/** ONNX's numbers for the types that a value can be cast to without another rounding than float32's. */
const CASTS: Readonly<Record<number, readonly [dtype: string, (v: number) => number]>> = {
  1: ['f32', Math.fround],
  6: ['i32', Math.trunc],
  7: ['i64', Math.trunc],
  9: ['bool', (v) => (v === 0 ? 0 : 1)],
  11: ['f64', (v) => v],
};

export function cast(c: Constant, to: number): Constant {
  const [dtype, round] = CASTS[to] ?? [];
  if (!dtype || !round) throw new Misfit(`the type ${to}`);
  return constant(c.shape, dtype, () => Float64Array.from(c.values(), round));
}

export const isSame = (a: Constant, b: Constant): boolean => {
  if (a.shape.join() !== b.shape.join()) return false;
  const [x, y] = [a.values(), b.values()];
  return x.every((value, i) => Object.is(value, y[i]));
};
