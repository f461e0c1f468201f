import { type Matrix, zeros } from '../linalg/matrix.js';
import { type Drive, isHeld } from './drive.js';
import type { Ahead, Linearisation, System } from './system.js';

/** Rows of the drive that are taken together. Blocks begin at multiples of it, so that a step is the same however it is come to. */
const ROWS = 256;
/** Numbers that a block may hold. */
const LARGEST_BLOCK = 2 ** 21;

/**
 * A system with its drive: steps by their number. What a step makes of its input alone (W x + b) is found for a block of
 * rows at once, where the system knows how and the input changes.
 */
export class Feed {
  private readonly ahead: Ahead | undefined;
  private readonly x: Float64Array;
  private readonly rows: number;
  private X: Matrix | undefined;
  private projected: Matrix | undefined;
  /** The block that is at hand. */
  private block = -1;

  constructor(
    readonly system: System,
    readonly drive: Drive,
  ) {
    const { ahead, inputSize } = system;
    this.x = new Float64Array(inputSize);
    this.rows = Math.min(ROWS, Math.floor(LARGEST_BLOCK / ((ahead?.width ?? 0) + inputSize + 1)));
    if (ahead && inputSize > 0 && !isHeld(drive) && this.rows > 1) this.ahead = ahead;
  }

  /** out ← x_t. */
  read(t: number, out: Float64Array): void {
    if (!this.ahead) this.drive.at(t, out);
    else {
      this.take(t);
      out.set(rowOf(this.X!, t % this.rows));
    }
  }

  /** next ← F(s, x_t). `next` must not be `s`. */
  step(t: number, s: Float64Array, next: Float64Array): void {
    if (this.ahead) this.ahead.step(s, this.take(t), next);
    else {
      this.drive.at(t, this.x);
      this.system.step(s, this.x, next);
    }
  }

  /** The derivative at (s, x_t). */
  linearise(t: number, s: Float64Array): Linearisation {
    if (this.ahead) return this.ahead.linearise(s, this.take(t));
    this.drive.at(t, this.x);
    return this.system.linearise(s, this.x);
  }

  /** The projected row t, once its block is at hand. */
  private take(t: number): Float64Array {
    const block = Math.floor(t / this.rows);
    if (block !== this.block) this.project(block);
    return rowOf(this.projected!, t - block * this.rows);
  }

  private project(block: number): void {
    const from = block * this.rows;
    const count = Math.min(this.rows, this.drive.length - from);
    if (this.X?.rows !== count) {
      this.X = zeros(count, this.system.inputSize);
      this.projected = zeros(count, this.ahead!.width);
    }
    for (let i = 0; i < count; i++) this.drive.at(from + i, rowOf(this.X, i));
    this.ahead!.project(this.X, this.projected!);
    this.block = block;
  }
}

const rowOf = ({ cols, data }: Matrix, i: number): Float64Array => data.subarray(i * cols, (i + 1) * cols);
