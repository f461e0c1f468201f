import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { npyBytes, readArray, readWeightFile } from '../../src/formats/index.js';
import { bytes, fixture, npy, npyHeader, read, zip } from './build.js';

const folder = mkdtempSync(join(tmpdir(), 'rnnscope-arrays-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function messageOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (thrown) => thrown,
  );
  return `${error?.code} ${error?.message}`;
}

describe('.npy', () => {
  it('is the same in C and in Fortran order', async () => {
    const c = await readArray(fixture('w.npy'));
    const fortran = await readArray(fixture('wF.npy'));
    expect(c.shape).toEqual([24, 8]);
    expect(fortran).toEqual(c);
    expect([...c.values.subarray(0, 4)].map((x) => x.toFixed(8))).toEqual([
      '0.13894998',
      '0.29293644',
      '0.30766475',
      '0.31196022',
    ]);
  });

  it('may be a scalar, and may hold halves', async () => {
    expect(await readArray(fixture('scalar.npy'))).toEqual({
      shape: [],
      values: Float64Array.of(2.5),
      dtype: 'f64',
    });
    expect(await readArray(fixture('f16.npy'))).toEqual({
      shape: [3],
      values: Float64Array.of(0, 1, 2),
      dtype: 'f16',
    });
  });

  test.each([
    ["'>i2'", [0xff, 0xfe, 0, 3], [-2, 3]],
    ["'<u2'", [0xff, 0xff, 3, 0], [65535, 3]],
    ["'|i1'", [0xff, 2], [-1, 2]],
    ["'|b1'", [0, 1], [0, 1]],
    ["'>f8'", [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], [1.5, -2]],
    ["'<i8'", [1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255], [1, -1]],
    ["'<u8'", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128], [1, 2 ** 63]],
    ["'<f2'", [0, 0x7c, 1, 0], [Infinity, 2 ** -24]],
  ])('of type %s is widened to float64', async (type, data, values) => {
    const { tensors } = await read('a.npy', npy(npyHeader(type, '(2,)'), Uint8Array.from(data)));
    expect([...tensors.get('a')!.values()]).toEqual(values);
  });

  it('has versions 1 to 3', async () => {
    for (const version of [1, 2, 3]) {
      const data = npy(npyHeader("'<f4'", '(1,)'), new Uint8Array(4), version);
      expect((await read('a.npy', data)).tensors.get('a')!.values()).toEqual(Float64Array.of(0));
    }
  });

  it('is written so that it reads back, with its data at a multiple of 64', async () => {
    for (const shape of [[], [5], [2, 3], [0, 4], [1, 2, 3]]) {
      const count = shape.reduce((product, size) => product * size, 1);
      const values = Float64Array.from({ length: count }, (_, i) => i / 7);
      const written = npyBytes(shape, values);
      expect((written.length - 8 * count) % 64).toBe(0);
      expect(await readArray(file('back.npy', written))).toEqual({ shape, values, dtype: 'f64' });
    }
  });

  it('is not written with a shape that its values do not fill', () => {
    expect(() => npyBytes([2, 2], new Float64Array(3))).toThrow('3 values do not fill the shape [2, 2]');
  });

  it('takes no key', async () => {
    expect(await messageOf(readArray(fixture('w.npy'), 'x'))).toBe(
      "USAGE w.npy: holds one array without a name, not 'x'. Leave the key out.",
    );
  });
});

describe('.npz', () => {
  it('gives its arrays by name', async () => {
    const { tensors, format } = await readWeightFile(fixture('gru2.npz'));
    expect(format).toBe('npz');
    expect(tensors.get('weight_hh_l1')!.shape).toEqual([24, 8]);
    expect((await readArray(fixture('gru2.npz'), 'bias_ih_l0')).shape).toEqual([24]);
  });

  it('of several arrays needs a key', async () => {
    const names = [0, 1].flatMap((l) =>
      ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((name) => `${name}_l${l}`),
    );
    expect(await messageOf(readArray(fixture('gru2.npz')))).toBe(
      `USAGE gru2.npz: holds several arrays: ${names.join(', ')}. Name one of them as gru2.npz:KEY.`,
    );
    expect(await messageOf(readArray(fixture('gru2.npz'), 'nope'))).toBe(
      `NOT_FOUND gru2.npz: has no array 'nope'. It holds: ${names.join(', ')}.`,
    );
  });

  it('may be compressed, and passes over arrays of text', async () => {
    const numbers = npy(npyHeader("'<f4'", '(10000,)'), new Uint8Array(40000).fill(63));
    const text = npy(npyHeader("'<U4'", '(1,)'), new Uint8Array(16));
    const archive = zip(
      { name: 'w.npy', data: numbers, deflate: true },
      { name: 'unit.npy', data: text, deflate: true },
    );
    const { tensors, notes } = await read('f.npz', archive);
    expect([...tensors.keys()]).toEqual(['w']);
    expect(tensors.get('w')!.values()[9999]).toBeCloseTo(0.747, 3);
    expect(notes[0]).toMatch(/^skipped an array: f.npz: unit.npy: holds elements of type <U4/);
    expect((await readArray(file('one.npz', archive))).shape).toEqual([10000]);
  });
});

describe('.csv', () => {
  test.each([
    ['commas', '1,2\n3,4\n'],
    ['commas and spaces', '1, 2\r\n3 , 4\r\n'],
    ['semicolons', '1;2\n3;4'],
    ['tabs', '1\t2\n3\t4\n\n'],
    ['spaces', '  1   2\n3 4\n'],
    ['a line of names', 'x,"y"\n1,2\n3,4\n'],
    ['a comment', '# made by hand\n1 2\n3 4\n'],
    ['quotes', '"1","2"\n"3","4"\n'],
    ['exponents', '1e0,.2e1\n+3,4.\n'],
  ])('with %s is read', async (_, text) => {
    const { shape, values } = await readArray(file('a.csv', text));
    expect(shape).toEqual([2, 2]);
    expect([...values]).toEqual([1, 2, 3, 4]);
  });

  it('of one column has one column', async () => {
    expect((await readArray(file('a.csv', 'x\n1\n2\n3\n'))).shape).toEqual([3, 1]);
  });

  it('may hold what is no number in the sense of IEEE 754', async () => {
    expect([...(await readArray(file('a.csv', '1,nan\n-inf,Inf\n'))).values]).toEqual([
      1,
      NaN,
      -Infinity,
      Infinity,
    ]);
  });

  test.each([
    ['1,2\n3,x\n', 'CORRUPT a.csv: line 2, column 2 is "x", expected a number.'],
    ['1,2\n\n3,\n', 'CORRUPT a.csv: line 3, column 2 is empty, expected a number.'],
    ['1,a\n3,4\n', 'CORRUPT a.csv: line 1, column 2 is "a", expected a number.'],
    [
      't,x\n1,2\n3,4,5\n',
      'SHAPE a.csv: line 3 has 3 columns but line 2 has 2 columns. Give every row the same number.',
    ],
    ['x,y\n', 'EMPTY a.csv: has no row of numbers. Expected one line a time step.'],
    ['1,2\n0x10,3\n', 'CORRUPT a.csv: line 2, column 1 is "0x10", expected a number.'],
    [
      bytes('1,2\n', [0, 1, 255]),
      'UNKNOWN a.csv: is neither .npy, .npz nor text; arrays are read from these.',
    ],
  ])('%j is refused at its place', async (text, message) => {
    expect(await messageOf(readArray(file('a.csv', text)))).toBe(message);
  });

  it('takes no key', async () => {
    expect(await messageOf(readArray(file('a.csv', '1,2\n'), 'x'))).toBe(
      "USAGE a.csv: is text, so it has no array 'x'. Leave the key out.",
    );
  });
});

test('a weights file is no array of inputs', async () => {
  expect(await messageOf(readArray(fixture('gru2.pt')))).toBe(
    'UNSUPPORTED gru2.pt: is a file of format pytorch-zip; arrays are read from .npy, .npz and .csv. Save it as one of these.',
  );
});
