import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import type { Matrix } from './matrix.js';

/**
 * The kernels of `kernels/*.ts`, compiled to WebAssembly, and the memory that they work in.
 *
 * **Operands.** Every function of the door (`index.ts`) takes ordinary matrices and vectors, and copies them into kernel
 * memory and back: O(n²) beside O(n³). In a hot loop that copy is saved by operands that lie in kernel memory from the
 * start: `resident(owner, rows, cols)` is `zeros(rows, cols)` there, `residentVector(owner, n)` a vector. Parts of them
 * (`rowBlock`, `subarray`) are as good. Nothing else changes: they are Float64Arrays, they may be mixed with ordinary ones,
 * and where there are no kernels they are ordinary ones.
 *
 * **Lifetime.** Resident numbers live as long as `owner` does (a plan, a frame, a trajectory: whatever holds them), or until
 * `release(owner)`. A view that outlives its owner reads what others write there: hand out copies.
 *
 * **Threads.** The memory is shared. `share()` is what another thread needs, a plain object for `workerData` or
 * `postMessage`; that thread calls `join(shared)` before it uses anything else of linalg. It then has its own instance of
 * the same module on the same memory, with its own packing space and scratch; kernels keep no state anywhere else and have
 * no stack in memory. A resident array is passed as `addressOf(x)` and a length, and seen again by `viewAt`: views lose
 * their identity in messages. What a thread allocates, it alone frees. Memory is taken from one counter by Atomics and
 * never given back, only used again by the thread that took it, so keep threads and reuse them.
 *
 * **Arithmetic.** 'fused' uses multiply-add where the processor has it; 'strict' rounds every operation, so that a
 * result is the same bytes on every processor and, since each output is computed by one thread in one order, on any number
 * of threads; 'plain' is the TypeScript twins, also the fallback. `useArithmetic` chooses, before the first use or between.
 */
export type Arithmetic = 'fused' | 'strict' | 'plain';

type Address = number;

/** What `kernels/index.ts` exports. Addresses are bytes, strides entries. */
export interface Kernels {
  workspace(from: Address): void;
  readonly WORKSPACE: { readonly value: number };
  ceiling(rounds: number, seed: number): number;
  gemm(
    m: number,
    n: number,
    k: number,
    alpha: number,
    a: Address,
    aRow: number,
    aCol: number,
    b: Address,
    bRow: number,
    bCol: number,
    beta: number,
    c: Address,
    cRow: number,
  ): void;
  gemv(
    rows: number,
    cols: number,
    alpha: number,
    a: Address,
    ld: number,
    x: Address,
    beta: number,
    y: Address,
  ): void;
  gemvTransposed: Kernels['gemv'];
  qr(
    n: number,
    k: number,
    a: Address,
    ld: number,
    r: Address | 0,
    diagonal: Address,
    form: 0 | 1,
    work: Address,
  ): void;
  qrWork(n: number, k: number): number;
  eigenvalues(
    n: number,
    a: Address,
    exponent: number,
    re: Address,
    im: Address,
    maxSteps: number,
    work: Address,
  ): 0 | 1;
  eigenvaluesWork(n: number): number;
  hessenberg(from: number, to: number, h: Address, ld: number, work: Address): void;
  lu(n: number, f: Address, swaps: Address, work: Address): void;
  luWork(n: number): number;
  luSolve(n: number, f: Address, swaps: Address, cols: number, x: Address): void;
  scaleAll(n: number, x: Address, exponent: number): void;
  bidiagonal(m: number, n: number, a: Address, ld: number, d: Address, e: Address, work: Address): void;
  bidiagonalWork(m: number, n: number): number;
  exp(n: number, x: Address, out: Address): void;
  sigmoid(n: number, x: Address, value: Address, complement: Address | 0, slope: Address | 0): void;
  tanh(n: number, x: Address, value: Address, slope: Address | 0): void;
  multiply(n: number, x: Address, y: Address, out: Address): void;
  scaledRows1: ScaledRows<[Address, Address]>;
  scaledRows2: ScaledRows<[Address, Address, Address, Address]>;
  scaledRows3: ScaledRows<[Address, Address, Address, Address, Address, Address]>;
  scaledRows4: ScaledRows<[Address, Address, Address, Address, Address, Address, Address, Address]>;
}

/** Σ diag(d) W over the pairs of addresses (d, W), added to what is there or not. */
type ScaledRows<Pairs extends Address[]> = (
  rows: number,
  cols: number,
  out: Address,
  ld: number,
  add: 0 | 1,
  ...pairs: Pairs
) => void;

/** As much of WebAssembly as is used here: the library is typed without the DOM. */
interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => SharedMemory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
  validate(bytes: Uint8Array): boolean;
};

/** What a thread needs to work in the same memory; `arithmetic` as chosen when it was asked for. */
export interface Shared {
  readonly memory: unknown;
  readonly modules: Readonly<Partial<Record<Arithmetic, object>>>;
  readonly arithmetic: Arithmetic;
}

const PAGE = 65536;
const INITIAL_PAGES = 64;
/** 4 GiB of addresses, or what the system lets us reserve. */
const MAXIMUM_PAGES = [65536, 16384, 4096];
/** Memory is taken from the counter in pieces of at least this many bytes. */
const PIECE = 1 << 20;
/** Blocks begin at multiples of a cache line. */
const LINE = 64;
/** Where the counter stands, in 32-bit words: how many lines are taken. What is below FIRST_LINE is ours. */
const COUNTER = 16;
const FIRST_LINE = 64;

interface Space {
  readonly memory: SharedMemory;
  buffer: SharedArrayBuffer;
  numbers: Float64Array;
}

/** null: there are no shared memories here. */
let space: Space | null | undefined;
const buffers = new WeakSet<ArrayBufferLike>();

const modules: Partial<Record<Arithmetic, object>> = {};
const instances = new Map<Arithmetic, Kernels | null>();
let chosen: Arithmetic | undefined;
let current: Kernels | null | undefined;

/** Which arithmetic is used from here on in this thread. Asking for kernels that this system cannot run gives 'plain'. */
export function useArithmetic(arithmetic: Arithmetic): void {
  chosen = arithmetic;
  current = undefined;
}

/** What is in use: the fastest that this system runs, unless `useArithmetic` said otherwise. */
export function arithmetic(): Arithmetic {
  kernels();
  return chosen!;
}

/** The kernels, loaded when first asked for; null where the twins are to be used. */
export function kernels(): Kernels | null {
  if (current !== undefined) return current;
  const order: Arithmetic[] = chosen ? [chosen] : ['fused', 'strict'];
  current = null;
  for (const kind of order) {
    current = instanceOf(kind);
    if (current) {
      chosen = kind;
      return current;
    }
  }
  chosen = 'plain';
  return null;
}

function instanceOf(kind: Arithmetic): Kernels | null {
  let found = instances.get(kind);
  if (found === undefined) {
    found = kind === 'plain' ? null : instantiate(kind);
    instances.set(kind, found);
  }
  return found;
}

function instantiate(kind: Arithmetic): Kernels | null {
  const module = modules[kind] ?? compile(kind);
  if (!module || !spaceOf()) return null;
  modules[kind] = module;
  const { exports } = new WebAssembly.Instance(module, { env: { memory: space!.memory } });
  const found = exports as Kernels;
  const from = allocate(found.WORKSPACE.value);
  if (from === 0) return null;
  found.workspace(from);
  return found;
}

function compile(kind: Arithmetic): object | undefined {
  const bytes = readCompiled(kind);
  if (!bytes || typeof WebAssembly === 'undefined') return undefined;
  // Node 20 has relaxed SIMD behind a flag, which it takes until something that needs it is compiled. Later versions have it
  // without, and complain about a flag that they no longer know.
  if (!WebAssembly.validate(bytes) && process.versions.node.startsWith('20.'))
    setFlagsFromString('--experimental-wasm-relaxed-simd');
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
}

/** From dist/bin, from dist/src/linalg, from src/linalg. */
const FOLDERS = ['../kernels', '../../kernels', '../../dist/kernels'];

function readCompiled(kind: Arithmetic): Uint8Array | undefined {
  for (const folder of FOLDERS)
    try {
      return readFileSync(new URL(`${folder}/${kind}.wasm`, import.meta.url));
    } catch {
      // Not there: the next.
    }
  return undefined;
}

/** For another thread, to `join` with; null where there are no kernels. */
export function share(): Shared | null {
  return kernels() && space ? { memory: space.memory, modules, arithmetic: chosen! } : null;
}

/** Makes this thread work in the memory of the one that said `share()`. Before anything else of linalg is used. */
export function join(shared: Shared): void {
  if (space) throw new Error('this thread has a kernel memory of its own already');
  Object.assign(modules, shared.modules);
  space = spaceFrom(shared.memory as SharedMemory);
  useArithmetic(shared.arithmetic);
}

function spaceOf(): Space | null {
  if (space !== undefined) return space;
  space = null;
  for (const maximum of MAXIMUM_PAGES)
    try {
      const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared: true });
      space = spaceFrom(memory);
      Atomics.store(new Int32Array(memory.buffer), COUNTER, FIRST_LINE);
      break;
    } catch {
      // The address space is limited: less.
    }
  return space;
}

function spaceFrom(memory: SharedMemory): Space {
  const { buffer } = memory;
  buffers.add(buffer);
  return { memory, buffer, numbers: new Float64Array(buffer) };
}

/** Sees to it that addresses below `end` exist and are seen; false where there is no more memory. */
function reach(end: number): boolean {
  const { memory } = space!;
  if (end > space!.buffer.byteLength) {
    // Another thread may have made it larger.
    memory.grow(0);
    for (const least of [256, 0]) {
      const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE);
      if (missing <= 0) break;
      try {
        memory.grow(Math.max(missing, least));
      } catch {
        if (least === 0) return false;
      }
    }
    space = spaceFrom(memory);
  }
  return true;
}

/** Free blocks of this thread, by address; neighbours are merged. */
const free: { from: Address; size: number }[] = [];

/** The address of `bytes` bytes that hold anything; 0 where there is no more memory. */
function allocate(bytes: number): Address {
  const size = Math.max(LINE, Math.ceil(bytes / LINE) * LINE);
  let best = -1;
  free.forEach((block, i) => {
    if (block.size >= size && (best < 0 || block.size < free[best]!.size)) best = i;
  });
  if (best < 0) {
    const taken = Math.max(size, PIECE);
    const from = takeLines(taken / LINE) * LINE;
    if (from === 0) return 0;
    best = free.indexOf(giveBack(from, taken));
  }
  const block = free[best]!;
  const { from } = block;
  block.from += size;
  block.size -= size;
  if (block.size === 0) free.splice(best, 1);
  return from;
}

/** The first of so many lines of the memory that nobody had before; 0 where there are none. */
function takeLines(count: number): number {
  for (;;) {
    const counter = new Int32Array(space!.buffer);
    const first = Atomics.load(counter, COUNTER);
    if (!reach((first + count) * LINE)) return 0;
    if (Atomics.compareExchange(counter, COUNTER, first, first + count) === first) return first;
  }
}

function giveBack(from: Address, size: number): { from: Address; size: number } {
  let i = free.findIndex((block) => block.from > from);
  if (i < 0) i = free.length;
  const block = { from, size };
  free.splice(i, 0, block);
  const next = free[i + 1];
  if (next && block.from + block.size === next.from) {
    block.size += next.size;
    free.splice(i + 1, 1);
  }
  const before = free[i - 1];
  if (!before || before.from + before.size !== block.from) return block;
  before.size += block.size;
  free.splice(i, 1);
  return before;
}

type Blocks = { from: Address; size: number }[];

const owned = new WeakMap<object, Blocks>();
const abandoned = new FinalizationRegistry<Blocks>(freeAll);

function freeAll(blocks: Blocks): void {
  for (const { from, size } of blocks.splice(0)) giveBack(from, size);
}

/** n zeros in kernel memory, for as long as `owner` lives; an ordinary vector where that is not to be had. */
export function residentVector(owner: object, n: number): Float64Array {
  if (n === 0 || !kernels()) return new Float64Array(n);
  const size = Math.ceil((8 * n) / LINE) * LINE;
  const from = allocate(size);
  if (from === 0) return new Float64Array(n);
  let blocks = owned.get(owner);
  if (!blocks) {
    blocks = [];
    owned.set(owner, blocks);
    abandoned.register(owner, blocks, blocks);
  }
  blocks.push({ from, size });
  return viewAt(from, n).fill(0);
}

/** zeros(rows, cols) in kernel memory, for as long as `owner` lives. */
export const resident = (owner: object, rows: number, cols: number): Matrix => ({
  rows,
  cols,
  data: residentVector(owner, rows * cols),
});

/** Lets go of all that is resident for `owner`, without waiting for the collector. */
export function release(owner: object): void {
  const blocks = owned.get(owner);
  if (!blocks) return;
  freeAll(blocks);
  owned.delete(owner);
  abandoned.unregister(blocks);
}

/** Where x lies in kernel memory; 0 if it does not. */
export const addressOf = (x: Float64Array): Address => (buffers.has(x.buffer) ? x.byteOffset : 0);

/** The n numbers at an address of the shared memory. */
export function viewAt(address: Address, n: number): Float64Array {
  reach(address + 8 * n);
  return new Float64Array(space!.buffer, address, n);
}

let scratchFrom: Address = 0;
let scratchSize = 0;

/**
 * Room for `count` numbers that belongs to this thread until the next call, for staging and for what an algorithm needs; 0
 * where there is none. Asked for once in a call of the door, for everything.
 */
export function scratch(count: number): Address {
  const bytes = 8 * count;
  if (bytes <= scratchSize) return scratchFrom;
  const size = Math.ceil(Math.max(bytes, PIECE) / LINE) * LINE;
  if (scratchFrom) giveBack(scratchFrom, scratchSize);
  scratchFrom = allocate(size);
  scratchSize = scratchFrom ? size : 0;
  return scratchFrom;
}

/** Copies x to an address. */
export const put = (address: Address, x: Float64Array): void => space!.numbers.set(x, address / 8);

/** Copies from an address to x. */
export function take(address: Address, x: Float64Array): void {
  const from = address / 8;
  const { numbers } = space!;
  if (x.length < 32) for (let i = 0; i < x.length; i++) x[i] = numbers[from + i];
  else x.set(numbers.subarray(from, from + x.length));
}

/** The same for whole numbers of 32 bits. */
export const putWhole = (address: Address, x: Int32Array): void =>
  new Int32Array(space!.buffer, address, x.length).set(x);

export const takeWhole = (address: Address, x: Int32Array): void =>
  x.set(new Int32Array(space!.buffer, address, x.length));
