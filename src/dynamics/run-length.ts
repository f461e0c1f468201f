import { type Drive, requireRows } from './drive.js';

/** Steps that let the state settle, where nothing is said: a tenth of a short drive. */
const DEFAULT_WARMUP = 200;
/** Steps that are looked at on a drive without end. */
const DEFAULT_STEPS = 2000;

/** How long to let the state settle and how long to look, settled from the drive where it was left open. */
export function runLength(
  drive: Drive,
  given: { readonly warmup: number | undefined; readonly steps: number | undefined },
  what: string,
): { warmup: number; steps: number } {
  const ends = Number.isFinite(drive.length);
  const warmup =
    given.warmup ?? (ends ? Math.min(DEFAULT_WARMUP, Math.floor(drive.length / 10)) : DEFAULT_WARMUP);
  const steps = given.steps ?? (ends ? Math.max(1, drive.length - warmup) : DEFAULT_STEPS);
  requireRows(drive, warmup + steps, `${what} with ${warmup} + ${steps} steps`);
  return { warmup, steps };
}
