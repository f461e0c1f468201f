import { crc32c } from './crc32.js';
import { type Bytes, bytesOf, chunks, DAMAGED, view } from './source.js';

// https://github.com/google/leveldb/blob/main/doc/table_format.md: blocks of keys and values, an index of blocks, a footer

/** Two block handles, filled up, and the magic number. */
const FOOTER = 48;
/** Little-endian 0xdb4775248b80fb57: the last 8 bytes of a table. */
export const LEVELDB_MAGIC: readonly number[] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
/** Behind each block: how it is compressed, and a checksum. */
const TRAILER = 5;
const MAX_BLOCK = 64 * 2 ** 20;
const MAX_ENTRIES = 1_000_000;
const MAX_KEY = 64 * 2 ** 10;
/** Keys that share most of their text take a few bytes each: all of them together may not be more than this. */
const MAX_KEYS = 64 * 2 ** 20;

/** A run of bytes within another. */
export class Part implements Bytes {
  constructor(
    private readonly whole: Bytes,
    private readonly offset: number,
    readonly size: number,
    /** Compared with the bytes when they are first verified; masked as LevelDB masks its checksums. */
    private readonly checksum?: { readonly masked: number; readonly what: string },
  ) {}

  get label(): string {
    return this.whole.label;
  }

  read(offset: number, length: number): Uint8Array {
    if (offset < 0 || length < 0 || offset + length > this.size)
      throw this.fault('CORRUPT', `${bytesOf(length)} at ${offset} of ${this.size} are needed. ${DAMAGED}`);
    return this.whole.read(this.offset + offset, length);
  }

  fault(...[code, text]: Parameters<Bytes['fault']>) {
    return this.whole.fault(code, text);
  }

  private verified = false;

  verify(): void {
    if (this.verified || this.checksum === undefined) return;
    let crc = 0;
    for (const chunk of chunks(this)) crc = crc32c(chunk, crc);
    if (masked(crc) !== this.checksum.masked)
      throw this.fault('CORRUPT', `${this.checksum.what} fails its check (CRC-32C). ${DAMAGED}`);
    this.verified = true;
  }
}

/** A checksum of something that holds checksums would be weak: LevelDB turns it and adds a constant. */
export const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** Keys, as text, and their values in the order of the table. */
export function readTable(bytes: Bytes): Map<string, Part> {
  const footer = bytes.read(bytes.size - FOOTER, FOOTER);
  if (!LEVELDB_MAGIC.every((byte, i) => footer[FOOTER - 8 + i] === byte))
    throw bytes.fault('CORRUPT', `does not end as a table does. ${DAMAGED}`);
  const cursor = new Cursor(bytes, footer, 0);
  cursor.handle();
  const entries = new Map<string, Part>();
  const budget = { left: MAX_KEYS };
  for (const { value } of block(bytes, cursor.handle(), budget)) {
    const handle = new Cursor(bytes, value.read(0, value.size), 0).handle();
    for (const { key, value: inner } of block(bytes, handle, budget)) {
      if (entries.size >= MAX_ENTRIES)
        throw bytes.fault('LIMIT', `holds more than ${MAX_ENTRIES} entries; that many are not read.`);
      entries.set(key, inner);
    }
  }
  return entries;
}

interface Handle {
  readonly offset: number;
  readonly size: number;
}

interface Entry {
  readonly key: string;
  readonly value: Part;
}

/** Each key is given by what it shares with the one before it and the rest. */
function block(bytes: Bytes, { offset, size }: Handle, budget: { left: number }): Entry[] {
  if (offset + size + TRAILER > bytes.size) {
    const text = `a block is said to lie at bytes ${offset} to ${offset + size + TRAILER} of ${bytes.size}`;
    throw bytes.fault('CORRUPT', `${text}. ${DAMAGED}`);
  }
  if (size > MAX_BLOCK)
    throw bytes.fault('LIMIT', `a block has ${size} bytes; at most ${MAX_BLOCK} are read.`);
  const data = bytes.read(offset, size + TRAILER);
  const crc = masked(crc32c(data.subarray(0, size + 1)));
  if (crc !== view(data).getUint32(size + 1, true))
    throw bytes.fault('CORRUPT', `the block at byte ${offset} fails its check (CRC-32C). ${DAMAGED}`);
  if (data[size] !== 0)
    throw bytes.fault(
      'UNSUPPORTED',
      `its blocks are compressed (type ${data[size]}). Save it without compression.`,
    );
  return entriesOf(bytes, data.subarray(0, size), offset, budget);
}

/** At the end of a block: where keys begin that share nothing, and how many of these there are. */
function entriesOf(bytes: Bytes, data: Uint8Array, offset: number, budget: { left: number }): Entry[] {
  const broken = () => bytes.fault('CORRUPT', `the block at byte ${offset} is broken. ${DAMAGED}`);
  if (data.length < 4) throw broken();
  const restarts = view(data).getUint32(data.length - 4, true);
  const end = data.length - 4 - 4 * restarts;
  if (end < 0) throw broken();
  const entries: Entry[] = [];
  let key = new Uint8Array(0);
  for (let at = 0; at < end; ) {
    const cursor = new Cursor(bytes, data.subarray(0, end), at);
    const [shared, rest, size] = [cursor.varint(), cursor.varint(), cursor.varint()];
    if (shared > key.length || shared + rest > MAX_KEY || cursor.at + rest + size > end) throw broken();
    budget.left -= shared + rest;
    if (budget.left < 0)
      throw bytes.fault('LIMIT', `its keys have more than ${MAX_KEYS} bytes; that many are not read.`);
    const next = new Uint8Array(shared + rest);
    next.set(key.subarray(0, shared));
    next.set(data.subarray(cursor.at, cursor.at + rest), shared);
    key = next;
    const value = new Part(bytes, offset + cursor.at + rest, size);
    entries.push({ key: new TextDecoder().decode(key), value });
    at = cursor.at + rest + size;
  }
  return entries;
}

/** Seven bits a byte, the lowest first. */
class Cursor {
  constructor(
    private readonly bytes: Bytes,
    private readonly data: Uint8Array,
    public at: number,
  ) {}

  varint(): number {
    let value = 0;
    for (let k = 0; k < 8; k++) {
      const byte = this.data[this.at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** (7 * k);
      if (byte < 0x80 && Number.isSafeInteger(value)) return value;
    }
    throw this.bytes.fault('CORRUPT', `has a length that is none. ${DAMAGED}`);
  }

  handle(): Handle {
    return { offset: this.varint(), size: this.varint() };
  }
}
