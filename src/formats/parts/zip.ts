import { constants, inflateRawSync } from 'node:zlib';
import type { ErrorCode, UserError } from '../../errors.js';
import { crc32 } from './crc32.js';
import { type Bytes, chunks, DAMAGED, INCOMPLETE, safeLength, view } from './source.js';

// PKWARE APPNOTE 6.3.10. Only the central directory is believed: PyTorch leaves the sizes out of the local headers.
const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
const END64_SIGNATURE = 0x06064b50;
const END64_SIZE = 56;
const LOCATOR64_SIGNATURE = 0x07064b50;
const LOCATOR64_SIZE = 20;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_SIZE = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_SIZE = 30;
const STORED = 0;
const DEFLATED = 8;

const MAX_DIRECTORY = 64 * 2 ** 20;
/** Trained weights hardly compress. What inflates to more than this, and by more than the ratio, is a bomb. */
const MAX_INFLATED = 64 * 2 ** 20;
const MAX_RATIO = 100;
/** The most bytes that one call inflates; Node cannot hold more in one piece. */
const MAX_MEMBER = 2 ** 31 - 1;
/** Compressed bytes that are inflated to look at the beginning of a member. */
const PEEK = 16 * 2 ** 10;

interface Record {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
}

/** A ZIP archive: its members by name, in the order of the central directory. */
export type Archive = ReadonlyMap<string, ZipMember>;

export function openZip(source: Bytes): Archive {
  const directory = findDirectory(source);
  const records = readDirectory(source, directory);
  refuseBombs(source, records);
  const offsets = locateData(source, records, directory.offset);
  return new Map(records.map((record, i) => [record.name, new ZipMember(source, record, offsets[i]!)]));
}

/** One member. Its bytes are inflated when they are asked for, and its checksum compared once, by `verify`. */
export class ZipMember implements Bytes {
  readonly label: string;
  private inflated: Uint8Array | undefined;
  private verified = false;

  constructor(
    private readonly source: Bytes,
    private readonly record: Record,
    private readonly dataOffset: number,
  ) {
    this.label = `${source.label}: ${record.name}`;
  }

  get name(): string {
    return this.record.name;
  }

  get size(): number {
    return this.record.size;
  }

  read(offset: number, length: number): Uint8Array {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      const wanted = `bytes ${offset} to ${offset + length} are needed`;
      throw this.fault('TRUNCATED', `${wanted} but it has ${this.size}. ${INCOMPLETE}`);
    }
    if (this.record.method === STORED) return this.source.read(this.dataOffset + offset, length);
    return this.peek(offset, length) ?? this.inflate().subarray(offset, offset + length);
  }

  fault(code: ErrorCode, text: string): UserError {
    return this.source.fault(code, `${this.record.name}: ${text}`);
  }

  /** Compares the checksum. Writers that do not compute it leave a zero (torch.serialization.set_crc32_options). */
  verify(): void {
    if (this.record.crc === 0 || this.verified) return;
    let crc = 0;
    if (this.record.method === STORED) for (const chunk of chunks(this)) crc = crc32(chunk, crc);
    else crc = crc32(this.inflate());
    this.verified = crc === this.record.crc;
    if (this.verified) return;
    const found = `its CRC is ${hex(crc)} but the archive says ${hex(this.record.crc)}`;
    throw this.source.fault('CORRUPT', `${this.record.name} fails its check: ${found}. ${DAMAGED}`);
  }

  private compressed(length = this.record.compressedSize): Uint8Array {
    return this.source.read(this.dataOffset, Math.min(length, this.record.compressedSize));
  }

  /** A range near the beginning, from the first few kilobytes of a member that is not inflated yet. */
  private peek(offset: number, length: number): Uint8Array | undefined {
    if (this.inflated !== undefined || this.record.compressedSize <= PEEK) return undefined;
    this.assertMethod();
    const beginning = this.guard(() =>
      inflateRawSync(this.compressed(PEEK), { finishFlush: constants.Z_SYNC_FLUSH }),
    );
    return offset + length <= beginning.length ? beginning.subarray(offset, offset + length) : undefined;
  }

  private inflate(): Uint8Array {
    if (this.inflated !== undefined) return this.inflated;
    this.assertMethod();
    if (this.size > MAX_MEMBER) {
      const text = `inflates to ${this.size} bytes; at most ${MAX_MEMBER} can be. Save the file uncompressed.`;
      throw this.fault('LIMIT', text);
    }
    // maxOutputLength cannot be 0; a member of no bytes may still be deflated.
    const limits = { maxOutputLength: Math.max(this.size, 1) };
    const bytes = this.guard(() => inflateRawSync(this.compressed(), limits));
    if (bytes.length !== this.size) {
      const text = `inflates to ${bytes.length} bytes but the archive says ${this.size}. ${DAMAGED}`;
      throw this.fault('CORRUPT', text);
    }
    this.inflated = bytes;
    return bytes;
  }

  private assertMethod(): void {
    const { method } = this.record;
    if (method === DEFLATED) return;
    throw this.fault(
      'UNSUPPORTED',
      `is compressed by method ${method}; only stored and deflate can be read.`,
    );
  }

  private guard(inflate: () => Uint8Array): Uint8Array {
    try {
      return inflate();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const what =
        code === 'ERR_BUFFER_TOO_LARGE'
          ? `inflates to more than the ${this.size} bytes that the archive says`
          : `its compressed bytes cannot be read (${code ?? 'zlib error'})`;
      throw this.fault('CORRUPT', `${what}. ${DAMAGED}`);
    }
  }
}

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly entries: number;
}

/** The end record is the last thing in the file but for a comment of at most 65535 bytes. */
function findDirectory(source: Bytes): Directory {
  const tailSize = Math.min(source.size, END_SIZE + 65535);
  const tailOffset = source.size - tailSize;
  const tail = view(source.read(tailOffset, tailSize));
  for (let at = tailSize - END_SIZE; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_SIZE + tail.getUint16(at + 20, true) !== tailSize) continue;
    return readEnd(source, tailOffset + at, tail, at);
  }
  const text = `is a ZIP archive of ${source.size} bytes whose end of central directory was not found. ${INCOMPLETE}`;
  throw source.fault('TRUNCATED', text);
}

function readEnd(source: Bytes, endOffset: number, tail: DataView, at: number): Directory {
  const directory = readEnd64(source, endOffset) ?? {
    entries: tail.getUint16(at + 10, true),
    size: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
  if (directory.offset + directory.size > endOffset) {
    const range = `bytes ${directory.offset} to ${directory.offset + directory.size}`;
    throw source.fault(
      'CORRUPT',
      `its central directory is said to be at ${range} of ${endOffset}. ${DAMAGED}`,
    );
  }
  if (directory.size > MAX_DIRECTORY) {
    throw source.fault(
      'LIMIT',
      `its central directory has ${directory.size} bytes; at most ${MAX_DIRECTORY} are read.`,
    );
  }
  return directory;
}

function readEnd64(source: Bytes, endOffset: number): Directory | undefined {
  const locatorOffset = endOffset - LOCATOR64_SIZE;
  if (locatorOffset < 0) return undefined;
  const locator = view(source.read(locatorOffset, LOCATOR64_SIZE));
  if (locator.getUint32(0, true) !== LOCATOR64_SIGNATURE) return undefined;
  const offset = safeLength(locator.getBigUint64(8, true));
  if (offset === undefined || offset + END64_SIZE > locatorOffset) {
    throw source.fault('CORRUPT', `its ZIP64 end record lies outside of the file. ${DAMAGED}`);
  }
  const end = view(source.read(offset, END64_SIZE));
  const numbers = [32, 40, 48].map((at) => safeLength(end.getBigUint64(at, true)));
  if (end.getUint32(0, true) !== END64_SIGNATURE || numbers.includes(undefined)) {
    throw source.fault('CORRUPT', `its ZIP64 end record is not one. ${DAMAGED}`);
  }
  const [entries, size, start] = numbers as [number, number, number];
  return { entries, size, offset: start };
}

function readDirectory(source: Bytes, directory: Directory): Record[] {
  const bytes = source.read(directory.offset, directory.size);
  const records: Record[] = [];
  const names = new Set<string>();
  let at = 0;
  while (at < bytes.length) {
    const { record, end } = readRecord(source, bytes, at);
    if (names.has(record.name)) {
      const text = `holds a duplicate entry: ${record.name} occurs twice. Save the file again.`;
      throw source.fault('REFUSED', text);
    }
    names.add(record.name);
    records.push(record);
    at = end;
  }
  if (records.length !== directory.entries) {
    const text = `its directory lists ${records.length} entries but ${directory.entries} are announced. ${DAMAGED}`;
    throw source.fault('CORRUPT', text);
  }
  return records;
}

function readRecord(source: Bytes, bytes: Uint8Array, at: number): { record: Record; end: number } {
  const broken = () => source.fault('CORRUPT', `its central directory is broken at byte ${at}. ${DAMAGED}`);
  if (at + CENTRAL_SIZE > bytes.length) throw broken();
  const header = view(bytes.subarray(at));
  const nameEnd = at + CENTRAL_SIZE + header.getUint16(28, true);
  const extraEnd = nameEnd + header.getUint16(30, true);
  const end = extraEnd + header.getUint16(32, true);
  if (header.getUint32(0, true) !== CENTRAL_SIGNATURE || end > bytes.length) throw broken();
  const name = decodeName(bytes.subarray(at + CENTRAL_SIZE, nameEnd));
  if (header.getUint16(8, true) & 1) {
    throw source.fault('REFUSED', `its entry ${name} is encrypted. Save the file without a password.`);
  }
  const [size, compressedSize, headerOffset] = widenSizes(header, bytes.subarray(nameEnd, extraEnd)) ?? [];
  if (size === undefined || compressedSize === undefined || headerOffset === undefined) throw broken();
  const method = header.getUint16(10, true);
  if (method === STORED && size !== compressedSize) {
    const text = `its entry ${name} is stored but has the sizes ${compressedSize} and ${size}. ${DAMAGED}`;
    throw source.fault('CORRUPT', text);
  }
  const record = { name, method, crc: header.getUint32(16, true), compressedSize, size, headerOffset };
  return { record, end };
}

function decodeName(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/** Size, compressed size and offset; those that are all ones in the header follow, in this order, in extra field 1. */
function widenSizes(header: DataView, extra: Uint8Array): (number | undefined)[] | undefined {
  const narrow = [24, 20, 42].map((at) => header.getUint32(at, true));
  if (!narrow.includes(0xffffffff)) return narrow;
  const field = zip64Field(extra);
  if (field === undefined) return undefined;
  let at = 0;
  return narrow.map((value) => {
    if (value !== 0xffffffff) return value;
    at += 8;
    return at <= field.byteLength ? safeLength(field.getBigUint64(at - 8, true)) : undefined;
  });
}

function zip64Field(extra: Uint8Array): DataView | undefined {
  const fields = view(extra);
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = fields.getUint16(at + 2, true);
    if (fields.getUint16(at, true) === 1) return view(extra.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return undefined;
}

function refuseBombs(source: Bytes, records: readonly Record[]): void {
  let inflated = 0;
  for (const record of records) if (record.method !== STORED) inflated += record.size;
  if (inflated <= MAX_INFLATED || inflated <= MAX_RATIO * source.size) return;
  const text = `inflates from ${source.size} to ${inflated} bytes, more than ${MAX_RATIO} times its size.`;
  throw source.fault('LIMIT', `${text} Save it uncompressed if it is genuine.`);
}

/** Where each member's bytes begin. The members, headers included, must not overlap one another or the directory. */
function locateData(source: Bytes, records: readonly Record[], directoryOffset: number): number[] {
  const offsets = records.map((record) => dataOffset(source, record));
  const order = records.map((_, i) => i).sort((a, b) => records[a]!.headerOffset - records[b]!.headerOffset);
  for (const [rank, i] of order.entries()) {
    const next = order[rank + 1];
    const limit = next === undefined ? directoryOffset : records[next]!.headerOffset;
    const end = offsets[i]! + records[i]!.compressedSize;
    if (end <= limit) continue;
    const neighbour = next === undefined ? 'the central directory' : records[next]!.name;
    const text = `its entry ${records[i]!.name} ends at byte ${end} and overlaps ${neighbour} at ${limit}. ${DAMAGED}`;
    throw source.fault('CORRUPT', text);
  }
  return offsets;
}

function dataOffset(source: Bytes, record: Record): number {
  const at = record.headerOffset;
  const broken = () =>
    source.fault(
      'CORRUPT',
      `the local header of its entry ${record.name} at byte ${at} is broken. ${DAMAGED}`,
    );
  if (at + LOCAL_SIZE > source.size) throw broken();
  const header = view(source.read(at, LOCAL_SIZE));
  const nameLength = header.getUint16(26, true);
  const offset = at + LOCAL_SIZE + nameLength + header.getUint16(28, true);
  if (header.getUint32(0, true) !== LOCAL_SIGNATURE || offset > source.size) throw broken();
  if (decodeName(source.read(at + LOCAL_SIZE, nameLength)) !== record.name) throw broken();
  return offset;
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
