import { describe, expect, test } from 'vitest';
import {
  constantDrive,
  type Drive,
  dataDrive,
  isHeld,
  noiseDrive,
  requireRows,
  reversed,
  tokenDrive,
  zeroDrive,
} from '../../src/dynamics/drive.js';
import { expressionDrive } from '../../src/dynamics/expression.js';
import { matrix } from '../../src/linalg/matrix.js';

const rows = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const data = dataDrive({ shape: [4, 2], values: rows }, 2, 'rows.npy');
const embedding = { name: 'emb', weight: matrix(3, 2, [10, 11, 20, 21, 30, 31]) };
const tokens = tokenDrive(Float64Array.of(2, 0, 1, 2), embedding, 2, 'tokens:ids.npy');

const row = (drive: Drive, t: number): number[] => {
  const out = new Float64Array(drive.inputSize);
  drive.at(t, out);
  return Array.from(out);
};

const kinds: [string, Drive][] = [
  ['zero', zeroDrive(2)],
  ['constant', constantDrive([0.5, -1], 2, 'constant:0.5,-1')],
  ['noise', noiseDrive(2, 2, 7, 'noise:2')],
  ['data', data],
  ['tokens', tokens],
  ['expression', await expressionDrive('sin(t) + i', 2, 0)],
  ['expression of noise', await expressionDrive('random() + t', 2, 0)],
];

describe.each(kinds)('a drive of %s', (_kind, drive) => {
  test('answers alike in any order and each time', () => {
    const forward = [0, 1, 2, 3].map((t) => row(drive, t));
    expect([3, 1, 0, 2, 3].map((t) => row(drive, t))).toEqual([3, 1, 0, 2, 3].map((t) => forward[t]));
  });
});

test('rows of data and of an embedding are taken as they stand', () => {
  expect([0, 3].map((t) => row(data, t))).toEqual([
    [1, 2],
    [7, 8],
  ]);
  expect([0, 1, 2].map((t) => row(tokens, t))).toEqual([
    [30, 31],
    [10, 11],
    [20, 21],
  ]);
});

test('one number is held on every input', () => {
  expect(row(constantDrive([0.25], 3, 'constant:0.25'), 9)).toEqual([0.25, 0.25, 0.25]);
});

test('finite data is read from its end by the backward direction; what has no end stays as it is', () => {
  expect([0, 1, 2, 3].map((t) => row(reversed(data), t)[0])).toEqual([7, 5, 3, 1]);
  expect(row(reversed(tokens), 0)).toEqual([30, 31]);
  const noise = noiseDrive(1, 2, 3, 'noise:1');
  expect(reversed(noise)).toBe(noise);
});

test.each([
  [[4, 2], 2],
  [[4, 1, 2], 2],
  [[1, 4, 2], 2],
  [[8], 1],
  [[8, 1], 1],
])('an array of shape %j is a sequence for %i inputs', (shape, inputs) => {
  const drive = dataDrive({ shape, values: rows }, inputs, 'x');
  expect(drive.length).toBe(8 / inputs);
  expect(row(drive, 1)).toEqual(inputs === 2 ? [3, 4] : [2]);
});

test.each([
  [[4, 2], 3],
  [[2, 2, 2], 2],
  [[8], 2],
  [[2, 1, 2, 2], 2],
  [[], 1],
  [[0, 2], 2],
])('an array of shape %j is refused for %i inputs', (shape, inputs) => {
  expect(() => dataDrive({ shape, values: rows }, inputs, 'x')).toThrow(/\bx\b.*(shape|no rows)/);
});

test('noise has mean 0, the stated deviation, and no correlation between rows or inputs', () => {
  const drive = noiseDrive(3, 2, 11, 'noise:3');
  const T = 40_000;
  const x = Array.from({ length: T }, (_, t) => row(drive, t));
  const mean = (f: (t: number) => number) =>
    Array.from({ length: T }, (_, t) => f(t)).reduce((a, b) => a + b, 0) / T;
  // Four standard errors: σ/√T, σ² √(2/T), σ²/√T.
  const four = 4 / Math.sqrt(T);
  expect(Math.abs(mean((t) => x[t]![0]!))).toBeLessThan(3 * four);
  expect(Math.abs(mean((t) => x[t]![0]! ** 2) - 9)).toBeLessThan(9 * Math.SQRT2 * four);
  expect(Math.abs(mean((t) => x[t]![0]! * x[t]![1]!))).toBeLessThan(9 * four);
  expect(Math.abs(mean((t) => x[t]![0]! * x[(t + 1) % T]![0]!))).toBeLessThan(9 * four);
});

test('only zero, constant and absent inputs are held', () => {
  expect([zeroDrive(2), zeroDrive(0), kinds[1]![1]].map(isHeld)).toEqual([true, true, true]);
  expect([noiseDrive(1, 2, 0, ''), data, tokens].map(isHeld)).toEqual([false, false, false]);
});

test('asking for as many rows as there are is allowed, one more is refused', () => {
  expect(() => requireRows(data, 4, 'this')).not.toThrow();
  expect(() => requireRows(data, 5, 'this')).toThrow(/this needs 5 rows of input, but rows\.npy has 4/);
});

describe('a formula', () => {
  const at = async (formula: string, t = 0): Promise<number[]> =>
    row(await expressionDrive(formula, 2, 0), t);

  test.each([
    ['sin(pi t / 6) ^ 2', 2, 0.75],
    ['t >= 3 ? 1 : -1', 3, 1],
    ['mod(t, 4)', 9, 1],
    ['exp(-t) * 0', 5, 0],
    ['(t < 5) * 2', 4, 2],
    ['f(x) = x^2; f(t)', 4, Number.NaN],
    ['t == 3', 3, 1],
  ])('%s at t = %i is %d', async (formula, t, expected) => {
    if (Number.isNaN(expected)) await expect(at(formula, t)).rejects.toThrow(/finite real number/);
    else expect((await at(formula, t))[0]).toBeCloseTo(expected, 14);
  });

  test.each([
    'import({})',
    'createUnit("foo")',
    'evaluate("1+1")',
    'parse("1+1")',
    'simplify("x + x")',
    'derivative("x^2", "x")',
    'resolve("x")',
    'reviver("x", 1)',
    'pickRandom([1, 2])',
    'config({})',
    'typed("f", {})',
    'f = import; f({})',
    'map([1], evaluate)',
    'chain(1).import',
  ])('may not use %s', async (formula) => {
    await expect(at(formula)).rejects.toThrow(/may not be used in a drive/);
  });

  test.each([
    'cos.constructor("return process")()',
    't.constructor',
    '{a: 1}.__proto__',
    'parser().evaluate("import({})")',
    'compile("evaluate(1)").evaluate()',
    'chain(1).evaluate("2").done()',
  ])('does not get out by %s', async (formula) => {
    await expect(at(formula)).rejects.toThrow();
  });

  test.each(['0/0', '1/0', 'sqrt(-1)', '[1, 2]', '"text"', 'sin', 'null', '3 cm'])(
    'that gives %s is refused',
    async (formula) => {
      await expect(at(formula)).rejects.toThrow(/at t = 0, i = 0; it has to give a finite real number/);
    },
  );

  test('that stops being a number later is refused when it gets there', async () => {
    const drive = await expressionDrive('1 / (t - 5)', 1, 0);
    expect(row(drive, 4)).toEqual([-1]);
    expect(() => row(drive, 5)).toThrow(/gives Infinity at t = 5, i = 0/);
  });

  test('draws evenly within the ends that it names', async () => {
    const drive = await expressionDrive('i == 0 ? random(-2, 4) : randomInt(3)', 2, 5);
    const T = 4000;
    const drawn = Array.from({ length: T }, (_, t) => row(drive, t));
    const first = drawn.map(([v]) => v!);
    expect(Math.min(...first)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...first)).toBeLessThan(4);
    // The mean is 1, its standard error 6/√(12 T); a whole number below 3 is each of them a third of the time.
    const mean = first.reduce((a, b) => a + b, 0) / T;
    expect(Math.abs(mean - 1)).toBeLessThan((4 * 6) / Math.sqrt(12 * T));
    for (const k of [0, 1, 2]) {
      const share = drawn.filter(([, v]) => v === k).length / T;
      expect(Math.abs(share - 1 / 3)).toBeLessThan(4 * Math.sqrt(2 / 9 / T));
    }
  });

  test('draws the same numbers from the same seed', async () => {
    const draws = async (seed: number) => row(await expressionDrive('random()', 2, seed), 1);
    expect(await draws(1)).toEqual(await draws(1));
    expect(await draws(1)).not.toEqual(await draws(2));
  });
});
