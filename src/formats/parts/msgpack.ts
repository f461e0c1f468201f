import { type Bytes, bytesOf, DAMAGED, INCOMPLETE, view } from './source.js';

// https://github.com/msgpack/msgpack/blob/master/spec.md. A decoder that trusts announced lengths would set memory aside for
// arrays in arrays before it finds that they are not there.

/** Bytes of an extension or of a binary, where they lie. */
export interface Range {
  /** Of an extension; undefined for plain bytes. */
  readonly type: number | undefined;
  readonly offset: number;
  readonly length: number;
}

export type MsgpackValue = null | boolean | number | string | Range | MsgpackValue[] | MsgpackMap;
export type MsgpackMap = Map<string, MsgpackValue>;

export const isRange = (value: MsgpackValue | undefined): value is Range =>
  typeof value === 'object' && value !== null && 'offset' in value;

const MAX_DEPTH = 64;
const MAX_VALUES = 2_000_000;
const MAX_TEXT = 2 ** 20;
/** Bytes that are fetched at a time. */
const PAGE = 64 * 2 ** 10;

/** The one value of the bytes [from, to). Texts and numbers are read, the rest is left where it is. */
export function readMsgpack(bytes: Bytes, from = 0, to = bytes.size): MsgpackValue {
  const decoder = new Decoder(bytes, from, to);
  const value = decoder.value(0);
  decoder.assertEnd();
  return value;
}

class Decoder {
  private page: Uint8Array = new Uint8Array(0);
  private start = 0;
  private values = 0;

  constructor(
    private readonly bytes: Bytes,
    private at: number,
    private readonly to: number,
  ) {}

  value(depth: number): MsgpackValue {
    const { bytes } = this;
    if (depth > MAX_DEPTH) {
      const text = `its maps are nested deeper than ${MAX_DEPTH} at byte ${this.at}, which no weights file needs`;
      throw bytes.fault('LIMIT', `${text}. ${DAMAGED}`);
    }
    if (++this.values > MAX_VALUES)
      throw bytes.fault('LIMIT', `holds more than ${MAX_VALUES} values; that many are not read.`);
    const start = this.at;
    const code = this.take(1).getUint8(0);
    if (code < 0x80) return code;
    if (code < 0x90) return this.map(code & 15, depth);
    if (code < 0xa0) return this.array(code & 15, depth);
    if (code < 0xc0) return this.text(code & 31);
    if (code >= 0xe0) return code - 0x100;
    return this.coded(code, start, depth);
  }

  assertEnd(): void {
    if (this.at === this.to) return;
    const text = `has ${bytesOf(this.to - this.at)} behind its last value`;
    throw this.bytes.fault('CORRUPT', `${text}. ${DAMAGED}`);
  }

  private coded(code: number, start: number, depth: number): MsgpackValue {
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return code === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.range(undefined, this.unsigned(1 << (code - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9: {
        const length = this.unsigned(1 << (code - 0xc7));
        return this.range(this.take(1).getInt8(0), length);
      }
      case 0xca:
        return this.take(4).getFloat32(0);
      case 0xcb:
        return this.take(8).getFloat64(0);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.unsigned(1 << (code - 0xcc));
      case 0xd0:
        return this.take(1).getInt8(0);
      case 0xd1:
        return this.take(2).getInt16(0);
      case 0xd2:
        return this.take(4).getInt32(0);
      case 0xd3:
        return Number(this.take(8).getBigInt64(0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.range(this.take(1).getInt8(0), 1 << (code - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.unsigned(1 << (code - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.array(this.unsigned(2 << (code - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.map(this.unsigned(2 << (code - 0xde)), depth);
      default:
        throw this.bytes.fault(
          'CORRUPT',
          `has the byte 0x${code.toString(16)} where a value begins, at ${start}. ${DAMAGED}`,
        );
    }
  }

  private map(length: number, depth: number): MsgpackMap {
    const map: MsgpackMap = new Map();
    for (let i = 0; i < length; i++) {
      const start = this.at;
      const key = this.value(depth + 1);
      if (typeof key !== 'string' && typeof key !== 'number')
        throw this.bytes.fault('CORRUPT', `has a key that is no text at byte ${start}. ${DAMAGED}`);
      map.set(String(key), this.value(depth + 1));
    }
    return map;
  }

  private array(length: number, depth: number): MsgpackValue[] {
    const array: MsgpackValue[] = [];
    for (let i = 0; i < length; i++) array.push(this.value(depth + 1));
    return array;
  }

  private text(length: number): string {
    if (length > MAX_TEXT)
      throw this.bytes.fault('LIMIT', `has a text of ${length} bytes; at most ${MAX_TEXT} are read.`);
    return new TextDecoder().decode(this.take(length));
  }

  private range(type: number | undefined, length: number): Range {
    const range = { type, offset: this.at, length };
    this.skip(length);
    return range;
  }

  private unsigned(size: number): number {
    const taken = this.take(size);
    if (size === 1) return taken.getUint8(0);
    if (size === 2) return taken.getUint16(0);
    return size === 4 ? taken.getUint32(0) : Number(taken.getBigUint64(0));
  }

  private take(length: number): DataView {
    const from = this.at;
    this.skip(length);
    if (from < this.start || this.at > this.start + this.page.length) {
      this.start = from;
      this.page = this.bytes.read(from, Math.max(length, Math.min(PAGE, this.bytes.size - from)));
    }
    return view(this.page.subarray(from - this.start, this.at - this.start));
  }

  private skip(length: number): void {
    if (length > this.to - this.at) {
      const text = `${bytesOf(length)} are wanted at byte ${this.at} but ${this.to - this.at} are left`;
      throw this.bytes.fault('TRUNCATED', `${text}. ${INCOMPLETE}`);
    }
    this.at += length;
  }
}
