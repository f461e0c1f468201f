import { describe, expect, test } from 'vitest';
import { cells, gruResetAfter, lstm } from '../../src/cells/index.js';
import { dataDrive, noiseDrive, zeroDrive } from '../../src/dynamics/drive.js';
import { Feed } from '../../src/dynamics/feed.js';
import { network } from '../../src/dynamics/network.js';
import type { System } from '../../src/dynamics/system.js';
import { matrix, zeros } from '../../src/linalg/matrix.js';
import { random } from '../../src/random.js';
import { normals, randomLayer, step } from './helpers.js';

const inputs = 3;

function stepOf(feed: Feed, t: number, s: Float64Array): number[] {
  const next = new Float64Array(feed.system.dimension);
  feed.step(t, s, next);
  return Array.from(next);
}

const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!)));

const systemOf = (cell: (typeof cells)[number]): System =>
  network([
    randomLayer(cell, { hidden: 5, inputs, projection: 5 }, 1),
    randomLayer(gruResetAfter, { hidden: 4, inputs: 5 }, 2),
  ]);

describe.each(cells)('a $name whose inputs are taken many rows at once', (cell) => {
  const system = systemOf(cell);
  const drive = noiseDrive(1, inputs, 3, 'noise');
  const feed = new Feed(system, drive);
  const s = normals(system.dimension, random(4), 0.5);
  const rowAt = (t: number): Float64Array => {
    const x = new Float64Array(inputs);
    drive.at(t, x);
    return x;
  };

  test('steps as it does row by row', () => {
    for (const t of [0, 1, 255, 256, 700]) {
      expect(farthest(stepOf(feed, t, s), step(system, s, rowAt(t)))).toBeLessThan(1e-14);
    }
  });

  test('has the same derivative, in the state and in the input', () => {
    const [n, k] = [system.dimension, 2];
    const V = matrix(n, k, normals(n * k, random(5)));
    const X = matrix(inputs, k, normals(inputs * k, random(6)));
    const [found, expected] = [zeros(n, k), zeros(n, k)];
    feed.linearise(300, s).jvp(V, found, X);
    system.linearise(s, rowAt(300)).jvp(V, expected, X);
    expect(farthest(found.data, expected.data)).toBeLessThan(1e-13);
  });
});

describe('a feed', () => {
  const system = systemOf(lstm);
  const s = normals(system.dimension, random(4), 0.5);

  test('gives the same bytes in whatever order its rows are asked for', () => {
    const drive = noiseDrive(1, inputs, 3, 'noise');
    const forward = new Feed(system, drive);
    const there = [3, 300, 600].map((t) => stepOf(forward, t, s));
    const back = [600, 300, 3].map((t) => stepOf(new Feed(system, drive), t, s)).toReversed();
    expect(back).toEqual(there);
    expect(stepOf(forward, 3, s)).toEqual(there[0]);
  });

  test('reads a drive to its last row, and hands out the rows as they are', () => {
    const values = normals(300 * inputs, random(8));
    const feed = new Feed(system, dataDrive({ shape: [300, inputs], values }, inputs, 'rows'));
    const x = new Float64Array(inputs);
    for (const t of [299, 0, 256]) {
      feed.read(t, x);
      expect(Array.from(x)).toEqual(Array.from(values.subarray(t * inputs, (t + 1) * inputs)));
      expect(farthest(stepOf(feed, t, s), step(system, s, x))).toBeLessThan(1e-14);
    }
  });

  test('steps a held input without doing its products again', () => {
    const feed = new Feed(system, zeroDrive(inputs));
    const first = stepOf(feed, 0, s);
    expect(stepOf(feed, 1, s)).toEqual(first);
    expect(farthest(first, step(system, s, new Float64Array(inputs)))).toBe(0);
    // Another input in between is noticed.
    step(system, s, Float64Array.of(1, 2, 3));
    expect(stepOf(feed, 2, s)).toEqual(first);
  });
});
