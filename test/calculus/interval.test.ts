import { describe, expect, test } from 'vitest';
import { elementary } from '../../src/calculus/elementary.js';
import {
  type Box,
  contains,
  cube,
  interval,
  joinBoxes,
  pointBox,
  sliceBox,
} from '../../src/calculus/interval.js';
import { activationText, type Cell, cells, relu, sigmoid, tanh } from '../../src/cells/index.js';
import { matrix } from '../../src/linalg/matrix.js';
import { random } from '../../src/random.js';
import { normals, randomWeights } from '../dynamics/helpers.js';
import { activations, variants } from '../variants.js';

/** A double as a whole number of 2^−1074: exact. */
function exact(v: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, v);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const size = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return v < 0 || Object.is(v, -0) ? -size : size;
}
/** Products are whole numbers of 2^−2148. */
const wide = (v: number): bigint => exact(v) << 1074n;

const holds = (box: Box, i: number, value: bigint): boolean =>
  wide(box.lo[i]!) <= value && value <= wide(box.hi[i]!);

const draw = random(1);
const values = Array.from({ length: 200 }, () => draw.normal() * 10 ** (6 * draw.uniform() - 3));
const pair = (k: number): [number, number] => [values[k]!, values[(k + 1) % values.length]!];

describe('rounding is outward, by exact arithmetic:', () => {
  test.each(['add', 'mul'] as const)('%s of two numbers encloses the true result and stays narrow', (op) => {
    for (let k = 0; k < values.length; k++) {
      const [a, b] = pair(k);
      const box = interval[op](pointBox([a]), pointBox([b]));
      const truth = op === 'add' ? wide(a) + wide(b) : exact(a) * exact(b);
      expect(holds(box, 0, truth)).toBe(true);
      const size = op === 'add' ? Math.abs(a + b) : Math.abs(a * b);
      expect(box.hi[0]! - box.lo[0]!).toBeLessThanOrEqual(8 * Number.EPSILON * size);
    }
  });

  test('W q + b encloses the true sum of products', () => {
    for (let k = 0; k < 50; k++) {
      const w = Array.from({ length: 20 }, (_, j) => values[(k + 7 * j) % 200]!);
      const q = Array.from({ length: 20 }, (_, j) => values[(3 * k + j) % 200]!);
      const b = values[k]!;
      const box = interval.affine(matrix(1, 20, w), pointBox(q), Float64Array.of(b));
      const truth = w.reduce((sum, v, j) => sum + exact(v) * exact(q[j]!), wide(b));
      expect(holds(box, 0, truth)).toBe(true);
    }
  });

  test('1 − q, d q and d + q enclose the true results', () => {
    for (let k = 0; k < values.length; k++) {
      const [a, b] = pair(k);
      expect(holds(interval.complement(pointBox([a])), 0, wide(1) - wide(a))).toBe(true);
      expect(holds(interval.scale(Float64Array.of(a), pointBox([b])), 0, exact(a) * exact(b))).toBe(true);
      expect(holds(interval.shift(Float64Array.of(a), pointBox([b])), 0, wide(a) + wide(b))).toBe(true);
    }
  });

  test('products that underflow are still enclosed', () => {
    const box = interval.mul(pointBox([1e-200]), pointBox([-1e-200]));
    expect(holds(box, 0, exact(1e-200) * exact(-1e-200))).toBe(true);
    expect(box.lo[0]).toBeLessThan(0);
  });

  test('σ, tanh and ReLU of a number enclose it and do not leave their ranges', () => {
    for (const a of [-800, -40, -1, 0, 1e-300, 0.5, 40, 800]) {
      const [s, t, r] = [sigmoid, tanh, relu].map((f) => interval.unary(f, pointBox([a])));
      // tanh a = 2 σ(2a) − 1 and σ(a) + σ(−a) = 1, enclosed both ways.
      const mirror = interval.complement(interval.unary(sigmoid, pointBox([-a])));
      expect(s!.lo[0]! <= mirror.hi[0]! && mirror.lo[0]! <= s!.hi[0]!).toBe(true);
      expect(s!.lo[0]! >= 0 && s!.hi[0]! <= 1).toBe(true);
      expect(
        t!.lo[0]! >= -1 && t!.hi[0]! <= 1 && t!.lo[0]! <= Math.tanh(a) && Math.tanh(a) <= t!.hi[0]!,
      ).toBe(true);
      expect(r!.lo[0]! >= 0 && r!.lo[0]! <= Math.max(a, 0) && Math.max(a, 0) <= r!.hi[0]!).toBe(true);
    }
  });
});

test('a product of intervals takes its ends from the right corners', () => {
  const box = (lo: number, hi: number): Box => ({ lo: Float64Array.of(lo), hi: Float64Array.of(hi) });
  for (const [a, b, lo, hi] of [
    [box(-2, 3), box(-5, 7), -15, 21],
    [box(-2, -1), box(3, 4), -8, -3],
    [box(-2, -1), box(-4, 3), -6, 8],
    [box(0, 0), box(-4, 3), 0, 0],
  ] as const) {
    const product = interval.mul(a, b);
    expect(product.lo[0]).toBeCloseTo(lo, 12);
    expect(product.hi[0]).toBeCloseTo(hi, 12);
  }
});

describe.each(activations.map((f) => ({ f, name: activationText(f) })))('the range of $name', ({ f }) => {
  const samples = 200;
  const at = (lo: number, hi: number, k: number): number => Math.min(hi, lo + ((hi - lo) * k) / samples);
  const box = (lo: number, hi: number): Box => ({ lo: Float64Array.of(lo), hi: Float64Array.of(hi) });

  test('over an interval holds every value there, and little else', () => {
    for (const [lo, hi] of [
      [-3, 2],
      [-1.4, -1.2],
      [-0.4, 0.1],
      [0.9, 1.1],
      [5, 30],
      [-800, -20],
      [-2e-3, 0],
    ] as const) {
      const image = interval.unary(f, box(lo, hi));
      const values = Array.from({ length: samples + 1 }, (_, k) => elementary(f).value(at(lo, hi, k)));
      expect(Math.min(...values)).toBeGreaterThanOrEqual(image.lo[0]!);
      expect(Math.max(...values)).toBeLessThanOrEqual(image.hi[0]!);
      // Steps of the samples are at most (hi − lo)/200 times the largest slope there, or a jump.
      const room = Math.max(...values.map((v, k) => Math.abs(v - (values[k + 1] ?? v))), 1e-9);
      expect(image.lo[0]).toBeGreaterThan(Math.min(...values) - 1.01 * room - 1e-12 * Math.abs(lo));
      expect(image.hi[0]).toBeLessThan(
        Math.max(...values) + 1.01 * room * (1 + 1e-12 * Math.abs(values.at(-1)!)),
      );
    }
  });

  test('over the whole line is the range that it is said to have', () => {
    const image = interval.unary(f, box(-1e6, 700));
    const [least, most] = elementary(f).range;
    expect(image.lo[0]).toBeGreaterThanOrEqual(least);
    expect(image.hi[0]).toBeLessThanOrEqual(most);
  });
});

test('the logistic function of an argument whose exponential overflows is not enclosed as 0', () => {
  // σ(−710) = e^(−710) = 4.5·10⁻³⁰⁹, which the quotient rounds to 0.
  expect(interval.unary(sigmoid, pointBox([-710])).hi[0]).toBeGreaterThan(4.6e-309);
});

test('a mixture never leaves the hull of its ends, not by one digit', () => {
  const z = { lo: Float64Array.of(0), hi: Float64Array.of(1) };
  const [a, b] = [cube(1, 0.1), cube(1, 1)];
  expect(interval.mix(z, a, b)).toEqual(b);
});

describe.each([...cells, ...variants])('the interval reading of $name', (cell: Cell) => {
  const sizes = { hidden: 4, inputs: 2 };
  const weights = randomWeights(cell, sizes, 3, { gain: 2 });
  const center = normals(4 * cell.blocks.length, random(4));
  const x = normals(2, random(5));
  const image = (radius: number): Box => {
    const around = (v: Float64Array): Box => ({ lo: v.map((c) => c - radius), hi: v.map((c) => c + radius) });
    const s = around(center);
    const state = Object.fromEntries(cell.blocks.map((name, b) => [name, sliceBox(s, 4 * b, 4 * b + 4)]));
    const next = cell.equations(interval, weights, state, around(x));
    return joinBoxes(cell.blocks.map((name) => next[name]!));
  };

  test('grows with the box that it is given', () => {
    const images = [0, 1e-6, 0.01, 0.3, 2].map(image);
    for (let k = 1; k < images.length; k++) expect(contains(images[k]!, images[k - 1]!)).toBe(true);
  });

  test('closes in on one point as the box does', () => {
    const { lo, hi } = image(0);
    hi.forEach((v, i) => void expect(v - lo[i]!).toBeLessThan(1e-13 * Math.max(1, Math.abs(v))));
  });
});
