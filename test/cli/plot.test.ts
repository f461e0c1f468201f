import { describe, expect, test } from 'vitest';
import type { Chart, Row, Sketch } from '../../reports/section.js';
import { plot, sparkline } from '../../src/cli/plot.js';

const chart = (rows: readonly Row[], sketch: Partial<Sketch> = {}): Chart => ({
  title: 't',
  description: 'd',
  spec: { data: { name: 'rows' }, mark: 'point' },
  datasets: { rows },
  note: { means: '', todo: '' },
  sketch: { dataset: 'rows', x: 'x', y: 'y', kind: 'line', ...sketch },
});

const line = Array.from({ length: 50 }, (_, x) => ({ x, y: 3 - x }));
const wide = { unicode: true, width: 60 };
const plain = { unicode: false, width: 60 };

describe('a falling line', () => {
  test('goes from the upper left to the lower right, with its ends in numbers', () => {
    const lines = plot(chart(line), plain);
    expect(lines[0]).toMatch(/^ {2}3\|\*/);
    expect(lines.at(-2)).toMatch(/^−46\| +\*+$/);
    expect(lines.at(-1)).toMatch(/^ +0 +x +49$/);
    const first = lines.slice(0, -1).map((l) => l.indexOf('*'));
    expect(first).toEqual(first.toSorted((a, b) => a - b));
  });

  test('is braille where there is Unicode', () => {
    expect(plot(chart(line), wide).slice(0, -1).join('')).toMatch(/^[\s\d−┤\u2800-\u28ff]+$/u);
  });

  test.each([40, 50, 60, 80, 200])('fits %i columns', (width) => {
    for (const unicode of [true, false])
      for (const text of plot(chart(line), { unicode, width }))
        expect(text.length).toBeLessThanOrEqual(width);
  });

  test('is a row of bars where there is no room for axes', () => {
    expect(plot(chart(line), { unicode: true, width: 40 })).toEqual([
      expect.stringMatching(/^ {2}█[▁-█]+▁$/),
    ]);
  });
});

test('the dots of a braille character are where Unicode has them', () => {
  // Two points of a plane, at its corners: block marks are cut off at the edges.
  const corner = chart(
    [
      { x: -1, y: 1 },
      { x: 1, y: -1 },
    ],
    { kind: 'points' },
  );
  const [first, ...rest] = plot(corner, wide);
  expect(first!.at(first!.indexOf('┤') + 1)).toBe('\u281b'); // dots 1, 2, 4, 5
  expect(rest.at(-2)!.at(-1)).toBe('\u2880'); // dot 8
});

test('a logarithmic axis is labelled in its own numbers', () => {
  const lines = plot(
    chart(
      [
        { x: 1, y: 1000 },
        { x: 2, y: 0.01 },
      ],
      { log: true },
    ),
    plain,
  );
  expect([lines[0]!.trim().split('|')[0], lines.at(-2)!.trim().split('|')[0]]).toEqual(['1000', '0.01']);
});

test('ends that would read the same get more digits', () => {
  const lines = plot(
    chart([
      { x: 0, y: 0.29251 },
      { x: 1, y: 0.29252 },
    ]),
    plain,
  );
  expect(lines[0]).toMatch(/^0\.29252\|/);
  expect(lines.at(-2)).toMatch(/^0\.29251\|/);
});

test('the plane holds the unit circle, and a point outside it', () => {
  const lines = plot(
    chart(
      [
        { x: 2, y: 0 },
        { x: 0, y: 0 },
      ],
      { kind: 'plane' },
    ),
    plain,
  );
  expect(lines.join('').match(/\./g)!.length).toBeGreaterThan(20);
  const middle = lines[8]! + lines[7]!;
  expect(middle).toMatch(/\*/);
});

test('nothing is drawn of fewer than two points, or of rows that are not numbers', () => {
  expect(plot(chart([{ x: 0, y: 1 }]), wide)).toEqual([]);
  expect(
    plot(
      chart([
        { x: 0, y: null },
        { x: 1, y: 'a' },
        { x: 2, y: 3 },
      ]),
      wide,
    ),
  ).toEqual([]);
  expect(plot({ ...chart(line), sketch: undefined } as never, wide)).toEqual([]);
});

test('a row of bars leaves a gap where a number is not finite', () => {
  expect(sparkline([0, 1, Number.NaN, 7], true)).toBe('▁▂ █');
  expect(sparkline([5, 5], true)).toHaveLength(2);
  expect(
    sparkline(
      Array.from({ length: 999 }, (_, k) => k),
      false,
      10,
    ),
  ).toHaveLength(10);
});
