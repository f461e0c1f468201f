import type { Algebra } from '../cells/index.js';
import { type Elementary, elementary } from './elementary.js';

/** Lower and upper ends, entry by entry. */
export interface Box {
  readonly lo: Float64Array;
  readonly hi: Float64Array;
}

export const pointBox = (q: ArrayLike<number>): Box => ({
  lo: Float64Array.from(q),
  hi: Float64Array.from(q),
});

export const cube = (length: number, radius: number): Box => ({
  lo: new Float64Array(length).fill(-radius),
  hi: new Float64Array(length).fill(radius),
});

export const sliceBox = (box: Box, from: number, to: number): Box => ({
  lo: box.lo.slice(from, to),
  hi: box.hi.slice(from, to),
});

export const joinBoxes = (boxes: readonly Box[]): Box => ({
  lo: Float64Array.from(boxes.flatMap((box) => Array.from(box.lo))),
  hi: Float64Array.from(boxes.flatMap((box) => Array.from(box.hi))),
});

/** Whether `inner` lies in `outer`. */
export const contains = (outer: Box, inner: Box): boolean =>
  inner.lo.every((v, i) => v >= outer.lo[i]!) && inner.hi.every((v, i) => v <= outer.hi[i]!);

const ULP = Number.EPSILON;
/** Math.exp and Math.tanh are good to about one unit in the last place; four are allowed for. */
const FUNCTION_ERROR = 4 * ULP;

/** [lo, hi] widened by an error of `relative` · `size`, and by the smallest number for results that underflow. */
const widen = (lo: number, hi: number, relative: number, size: number): [number, number] => [
  lo - relative * size - Number.MIN_VALUE,
  hi + relative * size + Number.MIN_VALUE,
];

function zip(length: number, f: (i: number) => [number, number]): Box {
  const lo = new Float64Array(length);
  const hi = new Float64Array(length);
  for (let i = 0; i < length; i++) [lo[i], hi[i]] = f(i) as [number, number];
  return { lo, hi };
}

/** Hull of some products or sums, rounded outward. */
function hull(...v: number[]): [number, number] {
  const lo = Math.min(...v);
  const hi = Math.max(...v);
  return widen(lo, hi, 2 * ULP, Math.max(Math.abs(lo), Math.abs(hi)));
}

/** Below the smallest normal number, where functions lose digits or are rounded to 0. */
const FUNCTION_UNDERFLOW = 2 ** -1022;

/** Values of f over [from, to]: it is monotone between its turns, so the extremes are at those and at the ends. */
function enclose(f: Elementary, from: number, to: number): [number, number] {
  const values = [f.value(from), f.value(to)];
  for (const turn of f.turns ?? []) if (turn.at >= from && turn.at <= to) values.push(...turn.values);
  const size = Math.max(...values.map(Math.abs), f.size?.(from) ?? 0, f.size?.(to) ?? 0);
  const error = FUNCTION_ERROR * size + FUNCTION_UNDERFLOW;
  return [
    Math.max(f.range[0], Math.min(...values) - error),
    Math.min(f.range[1], Math.max(...values) + error),
  ];
}

const corners = (a: Box, b: Box, i: number, f: (a: number, b: number) => number): number[] => [
  f(a.lo[i]!, b.lo[i]!),
  f(a.lo[i]!, b.hi[i]!),
  f(a.hi[i]!, b.lo[i]!),
  f(a.hi[i]!, b.hi[i]!),
];

/** Equations read with intervals, rounded outward: the result encloses every value that the arguments allow. */
export const interval: Algebra<Box> = {
  affine: (W, q, b) =>
    zip(W.rows, (i) => {
      let lo = b ? b[i]! : 0;
      let hi = lo;
      let size = Math.abs(lo);
      for (let j = 0; j < W.cols; j++) {
        const w = W.data[i * W.cols + j]!;
        const [low, high] = w >= 0 ? [w * q.lo[j]!, w * q.hi[j]!] : [w * q.hi[j]!, w * q.lo[j]!];
        lo += low;
        hi += high;
        size += Math.max(Math.abs(low), Math.abs(high));
      }
      // N. Higham, Accuracy and Stability of Numerical Algorithms, §3.1: a sum of n products is off by γ_n Σ|w q|.
      return widen(lo, hi, (W.cols + 2) * ULP, size);
    }),
  concat: (a, b) => joinBoxes([a, b]),
  add: (a, b) => zip(a.lo.length, (i) => hull(a.lo[i]! + b.lo[i]!, a.hi[i]! + b.hi[i]!)),
  mul: (a, b) => zip(a.lo.length, (i) => hull(...corners(a, b, i, (p, q) => p * q))),
  scale: (d, q) => zip(d.length, (i) => hull(d[i]! * q.lo[i]!, d[i]! * q.hi[i]!)),
  shift: (d, q) => zip(d.length, (i) => hull(d[i]! + q.lo[i]!, d[i]! + q.hi[i]!)),
  complement: (q) => zip(q.lo.length, (i) => hull(1 - q.hi[i]!, 1 - q.lo[i]!)),
  // Linear in each of z, a, b: the extremes are at corners.
  mix: (z, a, b) =>
    zip(z.lo.length, (i) => {
      const at = (t: number) => corners(a, b, i, (p, q) => (1 - t) * p + t * q);
      const [lo, hi] = hull(...at(z.lo[i]!), ...at(z.hi[i]!));
      if (z.lo[i]! < 0 || z.hi[i]! > 1) return [lo, hi];
      // A convex combination stays between its ends, also in its last digit.
      return [Math.max(lo, Math.min(a.lo[i]!, b.lo[i]!)), Math.min(hi, Math.max(a.hi[i]!, b.hi[i]!))];
    }),
  unary: (activation, q) => {
    const f = elementary(activation);
    return zip(q.lo.length, (i) => enclose(f, q.lo[i]!, q.hi[i]!));
  },
  named: (_name, q) => q,
};
