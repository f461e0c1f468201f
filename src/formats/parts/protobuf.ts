import { type Bytes, bytesOf, DAMAGED, INCOMPLETE } from './source.js';

// https://protobuf.dev/programming-guides/encoding: (number << 3 | wire type) as a varint, then the value

/** Messages in messages: an `If` of ONNX costs three levels, and published files need 14. */
const MAX_DEPTH = 64;
/** The longest name or text; weights are never text. */
const MAX_TEXT = 2 ** 20;
/** Bytes that are fetched at a time when a file is read where it is. */
const PAGE = 64 * 2 ** 10;

const VARINT = 0;
const FIXED64 = 1;
const RANGE = 2;
const FIXED32 = 5;

/** A message: a range of the file whose fields are found one by one. Nothing is copied, and no length is believed. */
export class Message {
  private constructor(
    private readonly pages: Pages,
    private readonly from: number,
    private readonly to: number,
    private readonly depth: number,
  ) {}

  static of(bytes: Bytes): Message {
    return new Message(new Pages(bytes), 0, bytes.size, 0);
  }

  static in({ pages, offset, length, depth }: Field): Message {
    if (depth === MAX_DEPTH)
      throw pages.bytes.fault('LIMIT', `its messages are nested deeper than ${MAX_DEPTH}.`);
    return new Message(pages, offset, offset + length, depth + 1);
  }

  *fields(): Generator<Field> {
    const { pages, to } = this;
    let at = this.from;
    while (at < to) {
      const start = at;
      const tag = pages.varint(at, to);
      at = pages.next;
      const [number, wire] = [Math.floor(tag / 8), tag % 8];
      if (number === 0 || number >= 2 ** 29) throw pages.corrupt(start, `a field with the number ${number}`);
      const length = this.lengthOf(wire, at, start);
      const offset = wire === VARINT ? at : pages.next;
      at = offset + length;
      yield new Field(pages, number, wire, offset, length, this.depth);
    }
  }

  /** Of the value; `pages.next` is then where it begins, unless it is a varint. */
  private lengthOf(wire: number, at: number, start: number): number {
    const { pages, to } = this;
    if (wire === VARINT) {
      pages.varint(at, to);
      return pages.next - at;
    }
    if (wire !== RANGE && wire !== FIXED32 && wire !== FIXED64)
      throw pages.corrupt(start, `a field of the unknown kind ${wire}`);
    let length = wire === FIXED32 ? 4 : 8;
    if (wire === RANGE) length = pages.varint(at, to);
    else pages.next = at;
    if (length > to - pages.next) throw this.tooLong(length, pages.next);
    return length;
  }

  private tooLong(length: number, at: number) {
    const { bytes } = this.pages;
    const text = `the field at byte ${at} is said to have ${bytesOf(length)}, but ${this.to - at} are left`;
    return this.to === bytes.size
      ? bytes.fault('TRUNCATED', `${text}. ${INCOMPLETE}`)
      : bytes.fault('CORRUPT', `${text} in what it belongs to. ${DAMAGED}`);
  }
}

/** One field of a message: where its value lies, which is read when it is asked for. */
export class Field {
  constructor(
    readonly pages: Pages,
    readonly number: number,
    private readonly wire: number,
    /** Of the value, in bytes from the beginning of the file. */
    readonly offset: number,
    readonly length: number,
    readonly depth: number,
  ) {}

  message(): Message {
    if (this.wire !== RANGE) throw this.other('a number where a message belongs');
    return Message.in(this);
  }

  text(): string {
    const { pages, offset, length } = this;
    if (this.wire !== RANGE) throw this.other('a number where a text belongs');
    if (length > MAX_TEXT)
      throw pages.bytes.fault(
        'LIMIT',
        `a text at byte ${offset} has ${length} bytes; at most ${MAX_TEXT} are read.`,
      );
    return length === 0 ? '' : DECODER.decode(pages.bytes.read(offset, length));
  }

  /** As a signed 64-bit integer; beyond 2^53 the last digits are lost. */
  integer(): number {
    if (this.wire !== VARINT) throw this.other('no integer where one belongs');
    return this.pages.signed(this.offset, this.offset + this.length);
  }

  /** A 32-bit or 64-bit floating point number. */
  float(): number {
    if (this.wire !== FIXED32 && this.wire !== FIXED64) throw this.other('no number where one belongs');
    return this.floats(this.wire === FIXED32 ? 4 : 8, 1)[0]!;
  }

  /** Integers, packed or alone; at most `most` are decoded. */
  integers(most: number): number[] {
    const { pages, offset, length, wire } = this;
    if (wire === FIXED32 || wire === FIXED64) throw this.other('no integer where one belongs');
    // A varint has at most ten bytes: what is longer than that cannot be within the limit, and is not decoded.
    if (length > 10 * most) throw this.tooMany(most);
    const found: number[] = [];
    for (let at = offset; at < offset + length; at = pages.next) {
      found.push(pages.signed(at, offset + length));
      if (found.length > most) throw this.tooMany(most);
    }
    return found;
  }

  /** Floating point numbers of `size` bytes, packed or alone. */
  floats(size: 4 | 8, most: number): number[] {
    const { pages, offset, length, wire } = this;
    if (wire === VARINT) throw this.other('an integer where a number belongs');
    if (length % size !== 0) throw this.other(`${bytesOf(length)} of numbers with ${size} each`);
    if (length / size > most) throw this.tooMany(most);
    const { buffer } = Uint8Array.from(pages.bytes.read(offset, length));
    return [...(size === 4 ? new Float32Array(buffer) : new Float64Array(buffer))];
  }

  private other(what: string) {
    return this.pages.corrupt(this.offset, what);
  }

  private tooMany(most: number) {
    return this.pages.bytes.fault(
      'LIMIT',
      `has more than ${most} numbers at byte ${this.offset}, where at most so many can stand.`,
    );
  }
}

const DECODER = new TextDecoder();

/** The bytes of a file, a page at a time. */
class Pages {
  private page: Uint8Array = new Uint8Array(0);
  private start = 0;
  /** Where the last integer that was read ended. */
  next = 0;

  constructor(readonly bytes: Bytes) {}

  /** The unsigned integer at a byte, seven bits a byte, the lowest first; beyond 2^53 the last digits are lost. */
  varint(at: number, end: number): number {
    let value = 0;
    let scale = 1;
    for (let k = at; k < at + 10; k++) {
      if (k >= end) throw this.cut(end);
      const byte = this.byte(k);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.next = k + 1;
        return value;
      }
      scale *= 128;
    }
    throw this.corrupt(at, 'an integer of more than ten bytes');
  }

  /** The same as a 64-bit integer with its sign. */
  signed(at: number, end: number): number {
    const value = this.varint(at, end);
    if (this.next - at < 8) return value;
    let exact = 0n;
    for (let k = at; k < this.next; k++) exact |= BigInt(this.byte(k) & 0x7f) << BigInt(7 * (k - at));
    return Number(BigInt.asIntN(64, exact));
  }

  private byte(at: number): number {
    const inside = at - this.start;
    if (inside >= 0 && inside < this.page.length) return this.page[inside]!;
    this.start = at;
    this.page = this.bytes.read(at, Math.min(PAGE, this.bytes.size - at));
    return this.page[0]!;
  }

  corrupt(at: number, what: string) {
    return this.bytes.fault('CORRUPT', `has ${what} at byte ${at}. ${DAMAGED}`);
  }

  private cut(end: number) {
    return end === this.bytes.size
      ? this.bytes.fault('TRUNCATED', `ends within an integer. ${INCOMPLETE}`)
      : this.corrupt(end, 'an integer that does not end');
  }
}

/** Fields of the outermost message that are looked at. */
const LOOKED_AT = 10_000;

/** Whether the bytes are a message with these fields and no others, by its outermost level: cheap, and rarely by chance. */
export function looksLike(bytes: Bytes, known: ReadonlySet<number>, required: readonly number[]): boolean {
  const seen = new Set<number>();
  let count = 0;
  try {
    for (const { number } of Message.of(bytes).fields()) {
      if (!known.has(number)) return false;
      seen.add(number);
      if (++count === LOOKED_AT) break;
    }
  } catch {
    return false;
  }
  return required.every((number) => seen.has(number));
}
