import type { ErrorCode, UserError } from '../../errors.js';
import { PyDict, PyGlobal, PyList, PyOpaque, PyRecord, PyTuple, type PyValue } from './python.js';
import { type Bytes, bytesOf, DAMAGED, INCOMPLETE, view } from './source.js';

// Python's pickle is a program for a stack machine. Here it is read as data: names stay names, and the few functions
// that a weights file needs are supplied by the caller. Opcodes: CPython, Lib/pickletools.py.

/** What a pickle may build. Everything else that it calls is refused by its name. */
export interface Builders {
  /** The result of calling `name`, or undefined if it is not to be called. */
  call(name: string, args: readonly PyValue[]): PyValue | undefined;
  /** The object behind a persistent id. */
  persistent(id: PyValue): PyValue | undefined;
  /** Why this name is refused, for names that are known. */
  reason(name: string): string | undefined;
}

export const PICKLE_LIMITS = {
  bytes: 64 * 2 ** 20,
  operations: 5_000_000,
  stack: 1_000_000,
  memo: 2_000_000,
  depth: 64,
};

const MAX_NAME = 1000;

/** Reads one pickle. `end` is the offset behind its STOP. */
export function readPickle(bytes: Bytes, builders: Builders, offset = 0): { value: PyValue; end: number } {
  const size = bytes.size - offset;
  if (offset === 0 && size > PICKLE_LIMITS.bytes) {
    throw bytes.fault('LIMIT', `its pickle has ${size} bytes; at most ${PICKLE_LIMITS.bytes} are read.`);
  }
  return new Machine(bytes, builders, offset, Math.min(size, PICKLE_LIMITS.bytes)).run();
}

class Machine {
  private readonly data: Uint8Array;
  private readonly numbers: DataView;
  private readonly stack: PyValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PyValue>();
  private at = 0;
  /** Where the instruction began that is being carried out. */
  private start = 0;

  constructor(
    private readonly bytes: Bytes,
    private readonly builders: Builders,
    private readonly offset: number,
    size: number,
  ) {
    this.data = bytes.read(offset, size);
    this.numbers = view(this.data);
  }

  run(): { value: PyValue; end: number } {
    for (let count = 0; this.at < this.data.length; count++) {
      this.start = this.at++;
      if (count >= PICKLE_LIMITS.operations) {
        throw this.limit(`more than ${PICKLE_LIMITS.operations} instructions`);
      }
      const code = this.data[this.start]!;
      if (code === STOP) return { value: this.pop(), end: this.offset + this.at };
      const instruction = INSTRUCTIONS.get(code);
      if (instruction === undefined) throw this.unknownInstruction(code);
      instruction(this);
    }
    throw this.fault('CORRUPT', `the pickle ends at byte ${this.offset + this.at} without STOP. ${DAMAGED}`);
  }

  // Reading arguments

  take(length: number): Uint8Array {
    const left = this.data.length - this.at;
    if (length > left) {
      const text = `wants ${bytesOf(BigInt(length))} but the pickle has ${left} left. ${INCOMPLETE}`;
      throw this.fault('TRUNCATED', `the instruction at byte ${this.position()} ${text}`);
    }
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  unsigned(size: 1 | 2 | 4 | 8): number {
    const at = this.at;
    this.take(size);
    if (size === 1) return this.numbers.getUint8(at);
    if (size === 2) return this.numbers.getUint16(at, true);
    if (size === 4) return this.numbers.getUint32(at, true);
    return Number(this.numbers.getBigUint64(at, true));
  }

  signed4(): number {
    const at = this.at;
    this.take(4);
    return this.numbers.getInt32(at, true);
  }

  double(): number {
    const at = this.at;
    this.take(8);
    return this.numbers.getFloat64(at, false);
  }

  /** Two's complement, little-endian. */
  integer(length: number): number | bigint {
    const digits = Buffer.from(this.take(length)).reverse().toString('hex');
    const value = BigInt.asIntN(8 * length, BigInt(`0x0${digits}`));
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  text(length: number): string {
    const bytes = this.take(length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString();
  }

  line(): string {
    const end = this.data.subarray(0, this.at + MAX_NAME).indexOf(10, this.at);
    if (end < 0) throw this.corrupt('its name has no end');
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  // The stack

  push(value: PyValue): void {
    if (this.stack.length >= PICKLE_LIMITS.stack)
      throw this.limit(`more than ${PICKLE_LIMITS.stack} values at once`);
    this.stack.push(value);
  }

  pop(): PyValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.corrupt('the stack is empty');
    return this.stack.pop()!;
  }

  top(): PyValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.corrupt('the stack is empty');
    return this.stack.at(-1)!;
  }

  mark(): void {
    if (this.marks.length >= PICKLE_LIMITS.stack)
      throw this.limit(`more than ${PICKLE_LIMITS.stack} marks at once`);
    this.marks.push(this.stack.length);
  }

  popToMark(): PyValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.corrupt('there is no mark');
    return this.stack.splice(mark);
  }

  pushTuple(items: readonly PyValue[]): void {
    const tuple = new PyTuple(items);
    if (tuple.depth > PICKLE_LIMITS.depth)
      throw this.limit(`tuples nested deeper than ${PICKLE_LIMITS.depth}`);
    this.push(tuple);
  }

  remember(index: number): void {
    if (this.memo.size >= PICKLE_LIMITS.memo)
      throw this.limit(`more than ${PICKLE_LIMITS.memo} remembered values`);
    this.memo.set(index, this.top());
  }

  rememberNext(): void {
    this.remember(this.memo.size);
  }

  recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw this.corrupt(`nothing was remembered as ${index}`);
    this.push(value);
  }

  // Objects

  global(module: PyValue, name: PyValue): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw this.corrupt('a name is not text');
    this.push(new PyGlobal(module, name));
  }

  append(items: readonly PyValue[]): void {
    const target = this.top();
    const list = target instanceof PyRecord ? target.items : target;
    if (!(list instanceof PyList)) throw this.corrupt('it appends to what is not a list');
    for (const item of items) list.items.push(item);
  }

  setItems(pairs: readonly PyValue[]): void {
    const target = this.top();
    const dict = target instanceof PyRecord ? target.entries : target;
    if (!(dict instanceof PyDict)) throw this.corrupt('it sets items of what is not a dict');
    if (pairs.length % 2 !== 0) throw this.corrupt('a key has no value');
    for (let i = 0; i < pairs.length; i += 2) dict.entries.set(pairs[i]!, pairs[i + 1]!);
  }

  persistent(): void {
    const value = this.builders.persistent(this.pop());
    if (value === undefined)
      throw this.fault('REFUSED', `${this.place()}: a persistent id that is not a storage.`);
    this.push(value);
  }

  reduce(): void {
    const args = this.pop();
    const callable = this.pop();
    if (!(args instanceof PyTuple)) throw this.corrupt('the arguments of a call are not a tuple');
    if (!(callable instanceof PyGlobal)) throw this.corrupt('it calls what is not a name');
    const value = this.builders.call(callable.name, args.items);
    if (value === undefined) throw this.refuse(callable.name);
    this.push(value);
  }

  /** An object without its attributes, which BUILD brings. Python would call `__new__` only, we call nothing. */
  newObject(): void {
    const args = this.pop();
    const type = this.pop();
    if (!(type instanceof PyGlobal)) throw this.corrupt('it makes an object of what is not a class');
    if (!(args instanceof PyTuple)) throw this.corrupt('the arguments of an object are not a tuple');
    this.push(this.builders.call(type.name, args.items) ?? new PyRecord(type.name));
  }

  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof PyRecord) this.setAttributes(target, state);
    else if (target instanceof PyOpaque) target.build(state);
    // An OrderedDict brings attributes such as _metadata, which hold no weights.
    else if (!(target instanceof PyDict)) throw this.corrupt('it sets attributes of what has none');
  }

  /** The state is a dict, or a pair of it and a dict of slots. Other states belong to classes of their own kind. */
  private setAttributes(record: PyRecord, state: PyValue): void {
    const parts = state instanceof PyTuple ? state.items : [state];
    for (const part of parts) {
      if (!(part instanceof PyDict)) continue;
      for (const [key, value] of part.entries) record.attributes.entries.set(key, value);
    }
  }

  // Refusals

  private refuse(name: string): UserError {
    const reason = this.builders.reason(name);
    if (reason !== undefined) {
      return this.fault('REFUSED', `it calls ${name} at byte ${this.position()} of its pickle: ${reason}`);
    }
    const text = `it calls ${name} at byte ${this.position()} of its pickle, which is not needed to hold weights.`;
    return this.fault(
      'REFUSED',
      `${text} Nothing was run. Save the state_dict alone: torch.save(model.state_dict(), ...).`,
    );
  }

  private unknownInstruction(code: number): UserError {
    const name = REFUSED_INSTRUCTIONS.get(code);
    if (name !== undefined) {
      const text = `the pickle's instruction ${name} at byte ${this.position()} is not one that torch.save writes.`;
      return this.fault('REFUSED', `${text} Save the file again with a current PyTorch.`);
    }
    return this.corrupt(`${code.toString(16).padStart(2, '0')} is no instruction`);
  }

  corrupt(what: string): UserError {
    return this.fault('CORRUPT', `${this.place()}: ${what}. ${DAMAGED}`);
  }

  private limit(what: string): UserError {
    return this.fault('LIMIT', `${this.place()}: ${what}, which no weights file needs.`);
  }

  private place(): string {
    return `the pickle is broken at byte ${this.position()}`;
  }

  private position(): number {
    return this.offset + this.start;
  }

  private fault(code: ErrorCode, text: string): UserError {
    return this.bytes.fault(code, text);
  }
}

const STOP = 0x2e;

const INSTRUCTIONS = new Map<number, (machine: Machine) => void>([
  // Frames and protocol
  [0x80, (m) => void m.take(1)],
  [0x95, (m) => void m.take(8)],
  // Constants
  [ascii('N'), (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [ascii('J'), (m) => m.push(m.signed4())],
  [ascii('K'), (m) => m.push(m.unsigned(1))],
  [ascii('M'), (m) => m.push(m.unsigned(2))],
  [0x8a, (m) => m.push(m.integer(m.unsigned(1)))],
  [ascii('G'), (m) => m.push(m.double())],
  [ascii('X'), (m) => m.push(m.text(m.unsigned(4)))],
  [0x8c, (m) => m.push(m.text(m.unsigned(1)))],
  [0x8d, (m) => m.push(m.text(m.unsigned(8)))],
  // Text of Python 2
  [ascii('T'), (m) => m.push(m.text(m.unsigned(4)))],
  [ascii('U'), (m) => m.push(m.text(m.unsigned(1)))],
  [ascii('B'), (m) => m.push(m.take(m.unsigned(4)))],
  [ascii('C'), (m) => m.push(m.take(m.unsigned(1)))],
  [0x8e, (m) => m.push(m.take(m.unsigned(8)))],
  // Containers
  [ascii('('), (m) => m.mark()],
  [ascii(')'), (m) => m.pushTuple([])],
  [ascii('t'), (m) => m.pushTuple(m.popToMark())],
  [0x85, (m) => m.pushTuple([m.pop()])],
  [0x86, (m) => m.pushTuple([m.pop(), m.pop()].reverse())],
  [0x87, (m) => m.pushTuple([m.pop(), m.pop(), m.pop()].reverse())],
  [ascii(']'), (m) => m.push(new PyList())],
  [ascii('a'), (m) => m.append([m.pop()])],
  [ascii('e'), (m) => m.append(m.popToMark())],
  [ascii('}'), (m) => m.push(new PyDict())],
  [ascii('s'), (m) => m.setItems([m.pop(), m.pop()].reverse())],
  [ascii('u'), (m) => m.setItems(m.popToMark())],
  // A set is kept as a list: none of its members is asked for.
  [0x8f, (m) => m.push(new PyList())],
  [0x90, (m) => m.append(m.popToMark())],
  [0x91, (m) => m.push(new PyList(m.popToMark()))],
  // The stack and the memo
  [ascii('0'), (m) => void m.pop()],
  [ascii('1'), (m) => void m.popToMark()],
  [ascii('2'), (m) => m.push(m.top())],
  [ascii('q'), (m) => m.remember(m.unsigned(1))],
  [ascii('r'), (m) => m.remember(m.unsigned(4))],
  [0x94, (m) => m.rememberNext()],
  [ascii('h'), (m) => m.recall(m.unsigned(1))],
  [ascii('j'), (m) => m.recall(m.unsigned(4))],
  // Objects
  [ascii('c'), (m) => m.global(m.line(), m.line())],
  [0x93, (m) => stackGlobal(m)],
  [ascii('Q'), (m) => m.persistent()],
  [ascii('R'), (m) => m.reduce()],
  [0x81, (m) => m.newObject()],
  [0x92, (m) => newObjectEx(m)],
  [ascii('b'), (m) => m.build()],
]);

/** Instructions of other protocols, known so that they can be named. */
const REFUSED_INSTRUCTIONS = new Map<number, string>([
  [ascii('P'), 'PERSID'],
  [ascii('i'), 'INST'],
  [ascii('o'), 'OBJ'],
  [ascii('I'), 'INT'],
  [ascii('L'), 'LONG'],
  [ascii('F'), 'FLOAT'],
  [ascii('S'), 'STRING'],
  [ascii('V'), 'UNICODE'],
  [ascii('p'), 'PUT'],
  [ascii('g'), 'GET'],
  [ascii('l'), 'LIST'],
  [ascii('d'), 'DICT'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x8b, 'LONG4'],
  [0x96, 'BYTEARRAY8'],
  [0x97, 'NEXT_BUFFER'],
  [0x98, 'READONLY_BUFFER'],
]);

function stackGlobal(machine: Machine): void {
  const name = machine.pop();
  machine.global(machine.pop(), name);
}

function newObjectEx(machine: Machine): void {
  machine.pop(); // keyword arguments
  machine.newObject();
}

function ascii(letter: string): number {
  return letter.charCodeAt(0);
}
