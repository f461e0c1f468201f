import { addressOf, put, scratch, take } from './wasm.js';

// One call of the door at a time: what is handed out lies one behind another in this thread's scratch.
let next = 0;

/** How many numbers `given`, `room` and `space` will have to place: those of operands that are not resident. */
export const toStage = (x: Float64Array): number => (addressOf(x) ? 0 : lines(x.length));

/** Blocks begin at cache lines. */
export const lines = (count: number): number => (count + 7) & ~7;

/** Begins a call that will place `count` numbers; false where there is no room. */
export function begin(count: number): boolean {
  next = count === 0 ? 0 : scratch(count);
  return count === 0 || next !== 0;
}

/** Room for `count` numbers. */
export function space(count: number): number {
  const here = next;
  next += 8 * lines(count);
  return here;
}

/** Where x lies, or room for as many numbers. */
export const room = (x: Float64Array): number => addressOf(x) || space(x.length);

/** Where x lies, copied if need be. */
export function given(x: Float64Array): number {
  const here = addressOf(x);
  if (here) return here;
  const copied = space(x.length);
  put(copied, x);
  return copied;
}

/** Copies a result back to x, unless it lies there. */
export function taken(x: Float64Array, from: number): void {
  if (!addressOf(x)) take(from, x);
}
