import * as zlib from 'node:zlib';

type Crc32 = (bytes: Uint8Array, previous?: number) => number;

/** CRC-32 as in ZIP and gzip; `previous` continues a sum over several pieces. */
export const crc32: Crc32 = (zlib as { crc32?: Crc32 }).crc32 ?? crc32ByTable;

/** For Node 20 before 20.15, whose zlib has no crc32. RFC 1952, section 8. */
export function crc32ByTable(bytes: Uint8Array, previous = 0): number {
  table ??= makeTable();
  let crc = ~previous;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

let table: Int32Array | undefined;

function makeTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
}
