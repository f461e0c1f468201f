import * as zlib from 'node:zlib';

type Crc32 = (bytes: Uint8Array, previous?: number) => number;

/** For Node 20 before 20.15, whose zlib has no crc32. RFC 1952, section 8. */
export const crc32ByTable: Crc32 = byTable(0xedb88320);

/** CRC-32C with Castagnoli's polynomial, RFC 3720, section 12.1. */
export const crc32c: Crc32 = byTable(0x82f63b78);

/** CRC-32 as in ZIP and gzip; `previous` continues a sum over several pieces. */
export const crc32: Crc32 = (zlib as { crc32?: Crc32 }).crc32 ?? crc32ByTable;

/** `polynomial` has its bits reversed. */
function byTable(polynomial: number): Crc32 {
  let table: Int32Array | undefined;
  return (bytes, previous = 0) => {
    table ??= makeTable(polynomial);
    let crc = ~previous;
    for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
    return ~crc >>> 0;
  };
}

function makeTable(polynomial: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? polynomial ^ (c >>> 1) : c >>> 1;
    return c;
  });
}
