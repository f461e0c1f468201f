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

/** One field of a message: where its value lies, which is read when it is asked for. */
export interface Field {
  readonly number: number;
  /** Whether the value has a length: a message, a text, bytes, or packed numbers. */
  readonly isRange: boolean;
  /** Of the value, in bytes from the beginning of the file. */
  readonly offset: number;
  readonly length: number;
  message(): Message;
  text(): string;
  /** As a signed 64-bit integer; beyond 2^53 the last digits are lost. */
  integer(): number;
  /** A 32-bit or 64-bit floating point number. */
  float(): number;
  /** Integers, packed or alone; at most `most` are decoded. */
  integers(most: number): number[];
  /** Floating point numbers of `size` bytes, packed or alone. */
  floats(size: 4 | 8, most: number): number[];
}

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

  *fields(): Generator<Field> {
    const { pages, to } = this;
    let at = this.from;
    while (at < to) {
      const start = at;
      const tag = pages.varint(at, to);
      at = tag.next;
      const [number, wire] = [Number(tag.value >> 3n), Number(tag.value & 7n)];
      if (number === 0 || number >= 2 ** 29) throw pages.corrupt(start, `a field with the number ${number}`);
      const { offset, length } = this.extent(wire, at, start);
      at = offset + length;
      yield this.field(number, wire, offset, length);
    }
  }

  /** Where the value begins and how long it is. */
  private extent(wire: number, at: number, start: number): { offset: number; length: number } {
    const { pages, to } = this;
    if (wire === VARINT) return { offset: at, length: pages.varint(at, to).next - at };
    if (wire !== RANGE && wire !== FIXED32 && wire !== FIXED64)
      throw pages.corrupt(start, `a field of the unknown kind ${wire}`);
    const size = wire === RANGE ? pages.varint(at, to) : { value: wire === FIXED32 ? 4n : 8n, next: at };
    if (size.value > BigInt(to - size.next)) throw this.tooLong(size.value, size.next);
    return { offset: size.next, length: Number(size.value) };
  }

  private tooLong(length: bigint, at: number) {
    const { bytes } = this.pages;
    const text = `the field at byte ${at} is said to have ${bytesOf(length)}, but ${this.to - at} are left`;
    return this.to === bytes.size
      ? bytes.fault('TRUNCATED', `${text}. ${INCOMPLETE}`)
      : bytes.fault('CORRUPT', `${text} in what it belongs to. ${DAMAGED}`);
  }

  private field(number: number, wire: number, offset: number, length: number): Field {
    const { pages, depth } = this;
    const { bytes } = pages;
    const numbers = (size: 4 | 8, most: number): Float32Array | Float64Array => {
      if (length % size !== 0) throw pages.corrupt(offset, `${bytesOf(length)} of numbers with ${size} each`);
      if (length / size > most) throw pages.tooMany(offset, most);
      const copy = bytes.read(offset, length).slice().buffer;
      return size === 4 ? new Float32Array(copy) : new Float64Array(copy);
    };
    return {
      number,
      isRange: wire === RANGE,
      offset,
      length,
      message: () => {
        if (wire !== RANGE) throw pages.corrupt(offset, 'a number where a message belongs');
        if (depth === MAX_DEPTH)
          throw bytes.fault('LIMIT', `its messages are nested deeper than ${MAX_DEPTH}.`);
        return new Message(pages, offset, offset + length, depth + 1);
      },
      text: () => {
        if (wire !== RANGE) throw pages.corrupt(offset, 'a number where a text belongs');
        if (length > MAX_TEXT)
          throw bytes.fault(
            'LIMIT',
            `a text at byte ${offset} has ${length} bytes; at most ${MAX_TEXT} are read.`,
          );
        return new TextDecoder().decode(bytes.read(offset, length));
      },
      integer: () => {
        if (wire !== VARINT) throw pages.corrupt(offset, 'no integer where one belongs');
        return signed(pages.varint(offset, offset + length).value);
      },
      float: () => {
        if (wire !== FIXED32 && wire !== FIXED64) throw pages.corrupt(offset, 'no number where one belongs');
        return numbers(wire === FIXED32 ? 4 : 8, 1)[0]!;
      },
      integers: (most) => {
        if (wire === FIXED32 || wire === FIXED64) throw pages.corrupt(offset, 'no integer where one belongs');
        // A varint has at most ten bytes: what is longer than that cannot be within the limit, and is not decoded.
        if (length > 10 * most) throw pages.tooMany(offset, most);
        const found: number[] = [];
        for (let at = offset; at < offset + length; ) {
          const { value, next } = pages.varint(at, offset + length);
          if (found.push(signed(value)) > most) throw pages.tooMany(offset, most);
          at = next;
        }
        return found;
      },
      floats: (size, most) => {
        if (wire === VARINT) throw pages.corrupt(offset, 'an integer where a number belongs');
        return [...numbers(size, most)];
      },
    };
  }
}

const signed = (value: bigint): number => Number(BigInt.asIntN(64, value));

/** The bytes of a file, a page at a time. */
class Pages {
  private page: Uint8Array = new Uint8Array(0);
  private start = 0;

  constructor(readonly bytes: Bytes) {}

  /** The unsigned integer at a byte, and where it ends: seven bits a byte, the lowest first. */
  varint(at: number, end: number): { value: bigint; next: number } {
    let low = 0;
    for (let k = 0; k < 10; k++) {
      if (at + k >= end) throw this.cut(end);
      const byte = this.byte(at + k);
      if (k >= 4) return this.longVarint(at, end);
      low += (byte & 0x7f) * 2 ** (7 * k);
      if (byte < 0x80) return { value: BigInt(low), next: at + k + 1 };
    }
    throw this.corrupt(at, 'an integer of more than ten bytes');
  }

  private longVarint(at: number, end: number): { value: bigint; next: number } {
    let value = 0n;
    for (let k = 0; k < 10; k++) {
      if (at + k >= end) throw this.cut(end);
      const byte = this.byte(at + k);
      value |= BigInt(byte & 0x7f) << BigInt(7 * k);
      if (byte < 0x80) return { value: BigInt.asUintN(64, value), next: at + k + 1 };
    }
    throw this.corrupt(at, 'an integer of more than ten bytes');
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

  tooMany(at: number, most: number) {
    return this.bytes.fault(
      'LIMIT',
      `has more than ${most} numbers at byte ${at}, where at most so many can stand.`,
    );
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
