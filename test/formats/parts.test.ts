import { crc32 as reference } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32, crc32ByTable } from '../../src/formats/parts/crc32.js';
import { widen } from '../../src/formats/parts/dtype.js';
import {
  columnMajorStrides,
  elementCount,
  gather,
  lastIndex,
  rowMajorStrides,
} from '../../src/formats/parts/layout.js';
import { memorySource } from '../../src/formats/parts/source.js';
import { openZip } from '../../src/formats/parts/zip.js';
import { bytes, le, zip } from './build.js';

describe('CRC-32', () => {
  it('of 123456789 is cbf43926', () => {
    expect(crc32ByTable(bytes('123456789'))).toBe(0xcbf43926);
    expect(crc32(bytes('123456789'))).toBe(0xcbf43926);
  });

  it('continues over pieces', () => {
    expect(crc32ByTable(bytes('6789'), crc32ByTable(bytes('12345')))).toBe(0xcbf43926);
    expect(crc32ByTable(bytes('6789'), 7)).toBe(reference(bytes('6789'), 7));
  });
});

describe('float16', () => {
  // IEEE 754-2008, 3.6: largest, smallest normal, largest and smallest subnormal
  const cases: [number, number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x03ff, 2 ** -14 - 2 ** -24],
    [0x0001, 2 ** -24],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x7e00, Number.NaN],
  ];

  it('is widened exactly', () => {
    for (const [bits, value] of cases) expect(widen(Uint8Array.from(le(bits, 2)), 'f16')[0]).toBe(value);
  });

  it('in the other byte order too', () => {
    for (const [bits, value] of cases) {
      expect(widen(Uint8Array.from(le(bits, 2).reverse()), 'f16', true)[0]).toBe(value);
    }
  });
});

describe('a strided view', () => {
  it('of a dense array is the array', () => {
    expect(rowMajorStrides([2, 3, 4])).toEqual([12, 4, 1]);
    expect(columnMajorStrides([2, 3, 4])).toEqual([1, 2, 6]);
    expect([...gather(Float64Array.of(0, 1, 2, 3), [2, 2], [2, 1])]).toEqual([0, 1, 2, 3]);
    expect([...gather(Float64Array.of(0, 1, 2, 3), [2, 2], [1, 2])]).toEqual([0, 2, 1, 3]);
  });

  it('touches its last element, or none if it is empty', () => {
    expect(lastIndex([2, 3], [3, 1])).toBe(5);
    expect(lastIndex([1000, 1000], [0, 0])).toBe(0);
    expect(lastIndex([0, 3], [3, 1])).toBe(-1);
    expect(lastIndex([], [])).toBe(0);
  });

  it('of too many elements has infinitely many', () => {
    expect(elementCount([2 ** 40, 2 ** 40])).toBe(Number.POSITIVE_INFINITY);
    expect(elementCount([2 ** 40, 2 ** 40, 0])).toBe(0);
  });
});

describe('ZIP64', () => {
  const plain = zip({ name: 'a', data: bytes('xyz') });
  const end = plain.length - 22;
  const directory = end - 47;

  /** The same archive with the sizes of its member, and its end, as ZIP64 writes them. */
  function zip64(start: number): Uint8Array {
    const central = Uint8Array.from(plain.subarray(directory, end));
    central.set([255, 255, 255, 255, 255, 255, 255, 255], 20);
    central.set(le(20, 2), 30);
    const entry = bytes(central, le(1, 2), le(16, 2), le(3, 8), le(3, 8));
    const at = directory + entry.length;
    const end64 = bytes(
      'PK\x06\x06',
      le(44, 8),
      le(45, 2),
      le(45, 2),
      le(0, 8),
      le(1, 8),
      le(1, 8),
      le(entry.length, 8),
      le(start, 8),
    );
    const locator = bytes('PK\x06\x07', le(0, 4), le(at, 8), le(1, 4));
    const ones = Array(4).fill(255);
    const last = bytes('PK\x05\x06', le(0, 4), [255, 255, 255, 255], ones, ones, le(0, 2));
    return bytes(plain.subarray(0, directory), entry, end64, locator, last);
  }

  it('keeps sizes and offsets of 8 bytes', () => {
    const member = openZip(memorySource('f.zip', zip64(directory))).get('a')!;
    expect(member.size).toBe(3);
    member.verify();
    expect(new TextDecoder().decode(member.read(0, 3))).toBe('xyz');
  });

  it('with a directory outside of the file is refused', () => {
    expect(() => openZip(memorySource('f.zip', zip64(1e6)))).toThrow(
      /^f\.zip: its central directory is said to be at bytes/,
    );
  });
});
