import { createContext, runInContext } from 'node:vm';
import { UserError } from '../../errors.js';
import type { Bytes } from './source.js';

// libhdf5, compiled to WebAssembly (the package h5wasm). Of its two builds the one that cannot reach the disk.

export type Hdf5Module = Awaited<typeof import('h5wasm')['ready']>;

/** What the library says of its troubles: its stack of messages, some twenty lines. */
export class Hdf5Error extends Error {}

/** An open file. */
export interface Hdf5Handle {
  /** Runs calls of the library. Throws an Hdf5Error where one of them complained. */
  call<T>(use: (module: Hdf5Module, file: bigint) => T): T;
}

export interface Hdf5Library {
  /** Opens the file while `use` runs. `needed` bytes are given beside what its structures may take. */
  withFile<T>(bytes: Bytes, use: (handle: Hdf5Handle) => T, needed?: number): T;
}

/** A hundred times what a file takes: damaged structures can send the library round in circles. */
const SECONDS = 1;
const BYTES_A_SECOND = 8 * 2 ** 20;

/** What the library may take for itself, and for the structures of a file. */
const STRUCTURES = 256 * 2 ** 20;
/** As much of WebAssembly as is used here: the library is typed without the DOM. */
declare const WebAssembly: { readonly Memory: { readonly prototype: Memory } };
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
/** In which WebAssembly counts its memory. */
const PAGE = 64 * 2 ** 10;

/** Of the package's two files the lower one, as it gives as many instances as are asked for. */
const FACTORY = 'hdf5_util.js';

let current: Promise<Hdf5Library> | undefined;

/** Made when it is first asked for, and again when a file has broken it. */
export function hdf5Library(): Promise<Hdf5Library> {
  current ??= load();
  return current;
}

async function load(): Promise<Hdf5Library> {
  const address = new URL(FACTORY, import.meta.resolve('h5wasm')).href;
  const { default: factory } = (await import(/* @vite-ignore */ address)) as { default: Factory };
  const complaints: Complaints = { text: '' };
  const listen = (line: string) => {
    complaints.text += `${line}\n`;
  };
  return new Library(await factory({ noInitialRun: true, print: listen, printErr: listen }), complaints);
}

type Factory = (options: {
  readonly noInitialRun: true;
  print(line: string): void;
  printErr(line: string): void;
}) => Promise<Hdf5Module>;

/**
 * What the library wrote to its standard error. It could throw its complaints as well, but leaves by that way with its
 * house in disorder, and closing the file may then never end.
 */
interface Complaints {
  text: string;
}

class Library implements Hdf5Library {
  private readonly sandbox: { task?: () => void } = createContext({});
  private mounted = 0;

  constructor(
    private readonly module: Hdf5Module,
    private readonly complaints: Complaints,
  ) {}

  withFile<T>(bytes: Bytes, use: (handle: Hdf5Handle) => T, needed = 0): T {
    const { FS } = this.module;
    const path = `/${++this.mounted}.h5`;
    mount(FS, path, bytes);
    try {
      const most = STRUCTURES + 2 * (bytes.size + needed);
      return withinMemory(most, () => this.withinTime(bytes, () => this.opened(path, use)));
    } finally {
      FS.unlink(path);
    }
  }

  private opened<T>(path: string, use: (handle: Hdf5Handle) => T): T {
    const { module } = this;
    const file = this.call(() => module.open(path, module.H5F_ACC_RDONLY, false, -1, -1));
    const answer = this.closing(file, () => use({ call: (ask) => this.call(() => ask(module, file)) }));
    this.call(() => module.close_file(file));
    return answer;
  }

  /** The first trouble is the one to tell of. */
  private closing<T>(file: bigint, use: () => T): T {
    try {
      return use();
    } catch (error) {
      try {
        this.call(() => this.module.close_file(file));
      } catch {}
      throw error;
    }
  }

  private call<T>(ask: () => T): T {
    this.complaints.text = '';
    try {
      const answer = ask();
      if (this.complaints.text === '') return answer;
    } catch (error) {
      if (error instanceof UserError) throw error;
      if (!(error instanceof Error) || isBroken(error)) current = undefined;
      if (this.complaints.text === '') throw new Hdf5Error(String((error as Error)?.message ?? error));
    }
    throw new Hdf5Error(this.complaints.text);
  }

  /** Node's own way to end a computation that does not end: it stops WebAssembly as well. */
  private withinTime<T>(bytes: Bytes, use: () => T): T {
    let answer: { value: T } | undefined;
    this.sandbox.task = () => {
      answer = { value: use() };
    };
    const timeout = Math.ceil(1000 * (SECONDS + bytes.size / BYTES_A_SECOND));
    try {
      runInContext('task()', this.sandbox, { timeout });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      current = undefined;
      throw new Hdf5Error(`it keeps the HDF5 library busy without end (stopped after ${timeout / 1000} s)`);
    }
    return answer!.value;
  }
}

/**
 * A damaged size makes the library ask for gigabytes. It grows its memory by this method of JavaScript's, and takes a
 * refusal as being out of memory.
 */
function withinMemory<T>(most: number, use: () => T): T {
  const { prototype } = WebAssembly.Memory;
  const { grow } = prototype;
  prototype.grow = function (this: Memory, pages: number): number {
    if (this.buffer.byteLength + pages * PAGE > most) throw new RangeError(`more than ${most} bytes`);
    return grow.call(this, pages);
  };
  try {
    return use();
  } finally {
    prototype.grow = grow;
  }
}

/** Traps of compiled code are RuntimeErrors. */
const isBroken = ({ name, message }: Error): boolean => name === 'RuntimeError' || /abort/i.test(message);

/** A file of the library's own in-memory file system whose reads are ranges of `bytes`, so that it is held only once. */
function mount(FS: Hdf5Module['FS'], path: string, bytes: Bytes): void {
  FS.writeFile(path, new Uint8Array(0));
  const { node } = FS.lookupPath(path, {}) as unknown as { node: FileNode };
  node.usedBytes = bytes.size;
  node.stream_ops = {
    ...node.stream_ops,
    read(_stream, buffer, offset, length, position) {
      const count = Math.max(0, Math.min(length, bytes.size - position));
      buffer.set(bytes.read(position, count), offset);
      return count;
    },
  };
}

interface FileNode {
  usedBytes: number;
  stream_ops: {
    read(stream: unknown, buffer: Int8Array, offset: number, length: number, position: number): number;
  };
}
