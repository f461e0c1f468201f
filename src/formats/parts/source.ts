import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { type ErrorCode, UserError } from '../../errors.js';

/** A run of bytes that can be read in pieces; a file, or one member of an archive. */
export interface Bytes {
  /** What messages call it: the name of the file, and of the member if there is one. */
  readonly label: string;
  readonly size: number;
  /** The bytes offset … offset + length - 1. A view that must not be written to. Out of range is TRUNCATED. */
  read(offset: number, length: number): Uint8Array;
  /** Compares the checksum with the bytes, the first time that it is called, where there is one. */
  verify?(): void;
  fault(code: ErrorCode, text: string): UserError;
}

/** A regular file. Small files are held in memory, larger ones are read where they are, a range at a time. */
export interface Source extends Bytes {
  readonly path: string;
  /** In lower case, with the dot; '' if there is none. */
  readonly extension: string;
  /**
   * A file that stands beside this one: a shard, external data. `name` may come from the file: it must be a plain name,
   * of a regular file that is no link. Opened once; refused or not found as a UserError.
   */
  sibling(name: string): Source;
  /** This file and the siblings that were opened. */
  files(): Source[];
  sha256(): string;
  /** Gives the descriptors back. Ranges can still be read afterwards as long as the file stays as it was. */
  close(): void;
}

/** How a file that another one names is spoken of. */
export interface Opening {
  fault(code: ErrorCode, text: string): UserError;
  /** 'beside it'. */
  readonly where: string;
}

/** Up to here a file is kept whole, so that a training run may overwrite it while it is being analysed. */
const KEPT_IN_MEMORY = 64 * 2 ** 20;
export const CHUNK = 4 * 2 ** 20;

export const DAMAGED = 'The file is damaged; save it again.';
export const INCOMPLETE = 'The file is cut short; copy or save it again.';

export function openSource(path: string, keptInMemory = KEPT_IN_MEMORY): Source {
  const name = basename(path);
  return sourceOf(path, name, openRegularFile(path, name), keptInMemory);
}

function sourceOf(path: string, name: string, descriptor: number, keptInMemory: number): Source {
  const stats = fstatSync(descriptor);
  if (stats.size > keptInMemory) return new FileSource(path, name, stats, descriptor);
  try {
    return new MemorySource(path, name, readFully(descriptor, 0, stats.size, name));
  } finally {
    closeSync(descriptor);
  }
}

/** Bytes at hand. Their neighbours are those given, or else the files beside `path`. */
export function memorySource(
  path: string,
  bytes: Uint8Array,
  neighbours?: ReadonlyMap<string, Uint8Array>,
): Source {
  return new MemorySource(path, basename(path), bytes, neighbours);
}

/** A regular file that is no link of either kind: what a file or folder may name as its own. */
export function openOwnFile(path: string, name: string, { fault, where }: Opening): Source {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined)
    throw fault('NOT_FOUND', `needs the file '${name}', which was not found ${where}. Copy it there.`);
  if (stats.isSymbolicLink() || (stats.isFile() && stats.nlink !== 1))
    throw fault('REFUSED', `the file '${name}' is a link, which is not followed. Copy what it points to.`);
  if (!stats.isFile()) throw fault('REFUSED', `'${name}' is not a regular file.`);
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  return sourceOf(path, name, descriptor, KEPT_IN_MEMORY);
}

function openRegularFile(path: string, name: string): number {
  try {
    // Asked before it is opened: opening a named pipe would wait for a writer.
    if (statSync(path).isFile()) return openSync(path, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new UserError('NOT_FOUND', `${path}: no such file. Check the path.`);
    throw new UserError('NOT_FOUND', `${path}: cannot be opened (${code ?? String(error)}).`);
  }
  throw new UserError('REFUSED', `${name}: is not a regular file. Give the path of a weights file.`);
}

abstract class BoundedSource implements Source {
  readonly label: string;
  readonly extension: string;
  abstract readonly size: number;
  private readonly siblings = new Map<string, Source>();

  constructor(
    readonly path: string,
    readonly name: string,
  ) {
    this.label = name;
    this.extension = extname(name).toLowerCase();
  }

  /** The one place where a range is compared with the size of the file. */
  read(offset: number, length: number): Uint8Array {
    const sensible =
      Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
    if (!sensible || offset + length > this.size) {
      const wanted = `bytes ${offset} to ${offset + length} are needed`;
      throw this.fault('TRUNCATED', `${wanted} but the file has ${this.size}. ${INCOMPLETE}`);
    }
    return this.fetch(offset, length);
  }

  /** Names that a file gives can be megabytes long; what is said in front of and behind them is kept. */
  fault(code: ErrorCode, text: string): UserError {
    const short = text.length > 1200 ? `${text.slice(0, 800)} ... ${text.slice(-300)}` : text;
    return new UserError(code, `${this.label}: ${short}`);
  }

  sha256(): string {
    const hash = createHash('sha256');
    for (const chunk of chunks(this)) hash.update(chunk);
    return hash.digest('hex');
  }

  sibling(name: string): Source {
    if (!isPlainName(name))
      throw this.fault('REFUSED', `names the file '${name}', which is not a plain name of a file beside it.`);
    const sibling = this.siblings.get(name) ?? this.openSibling(name);
    this.siblings.set(name, sibling);
    return sibling;
  }

  files(): Source[] {
    return [this, ...[...this.siblings.values()].flatMap((sibling) => sibling.files())];
  }

  close(): void {
    for (const sibling of this.siblings.values()) sibling.close();
  }

  protected openSibling(name: string): Source {
    return openOwnFile(join(dirname(this.path), name), name, {
      fault: (code, text) => this.fault(code, text),
      where: 'beside it',
    });
  }

  protected abstract fetch(offset: number, length: number): Uint8Array;
}

class MemorySource extends BoundedSource {
  constructor(
    path: string,
    name: string,
    private readonly bytes: Uint8Array,
    private readonly neighbours?: ReadonlyMap<string, Uint8Array>,
  ) {
    super(path, name);
  }

  protected override openSibling(name: string): Source {
    if (this.neighbours === undefined) return super.openSibling(name);
    const bytes = this.neighbours.get(name);
    if (bytes !== undefined)
      return new MemorySource(join(dirname(this.path), name), name, bytes, this.neighbours);
    throw this.fault('NOT_FOUND', `needs the file '${name}', which was not found beside it. Copy it there.`);
  }

  get size(): number {
    return this.bytes.length;
  }

  protected fetch(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(offset, offset + length);
  }
}

class FileSource extends BoundedSource {
  private descriptor: number | undefined;

  constructor(
    path: string,
    name: string,
    private readonly opened: Stats,
    descriptor: number,
  ) {
    super(path, name);
    this.descriptor = descriptor;
  }

  get size(): number {
    return this.opened.size;
  }

  override close(): void {
    super.close();
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  protected fetch(offset: number, length: number): Uint8Array {
    if (this.descriptor !== undefined) return readFully(this.descriptor, offset, length, this.name);
    const descriptor = openRegularFile(this.path, this.name);
    try {
      this.assertUnchanged(fstatSync(descriptor));
      return readFully(descriptor, offset, length, this.name);
    } finally {
      closeSync(descriptor);
    }
  }

  /** As for any source, with one buffer for all pieces: fresh ones would cost as much as the hash. */
  override sha256(): string {
    if (this.descriptor === undefined) return super.sha256();
    const hash = createHash('sha256');
    const buffer = new Uint8Array(Math.min(CHUNK, this.size));
    for (let at = 0; at < this.size; at += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, this.size - at));
      readInto(piece, this.descriptor, at, this.name);
      hash.update(piece);
    }
    return hash.digest('hex');
  }

  private assertUnchanged(now: Stats): void {
    const { size, mtimeMs, ino } = this.opened;
    if (now.size === size && now.mtimeMs === mtimeMs && now.ino === ino) return;
    throw this.fault('CORRUPT', 'the file changed while it was being read. Run again when it is complete.');
  }
}

function readFully(descriptor: number, offset: number, length: number, name: string): Uint8Array {
  const bytes = new Uint8Array(length);
  readInto(bytes, descriptor, offset, name);
  return bytes;
}

function readInto(bytes: Uint8Array, descriptor: number, offset: number, name: string): void {
  let done = 0;
  while (done < bytes.length) {
    const got = readSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30), offset + done);
    if (got === 0)
      throw new UserError('TRUNCATED', `${name}: the file became shorter while it was being read.`);
    done += got;
  }
}

/** The name of a file, not a way to one. */
export const isPlainName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name);

/** All the bytes in pieces of a bounded size. */
export function* chunks(bytes: Bytes): Generator<Uint8Array> {
  for (let at = 0; at < bytes.size; at += CHUNK) yield bytes.read(at, Math.min(CHUNK, bytes.size - at));
}

export function bytesOf(count: number | bigint): string {
  return Number(count) === 1 ? '1 byte' : `${count} bytes`;
}

/** A number of bytes read from an untrusted header, if it can be one: a safe, non-negative integer. */
export function safeLength(value: bigint): number | undefined {
  return value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
