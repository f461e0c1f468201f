import { totalmem } from 'node:os';
import { UserError } from '../errors.js';

/** Share of the machine's memory that one request may take. */
const SHARE = 0.7;

/** Bytes that a request may take: of the machine, or of what the process is confined to. */
export function memoryLimit(): number {
  const confined = process.constrainedMemory?.() ?? 0;
  return SHARE * (confined > 0 ? Math.min(confined, totalmem()) : totalmem());
}

/** Refuses a request that does not fit, before anything of it is taken, with its size and a smaller one. */
export function requireMemory(bytes: number, what: string, smaller: string, limit = memoryLimit()): void {
  if (bytes <= limit) return;
  throw new UserError(
    'LIMIT',
    `${what} needs ${inWords(bytes)} of memory, and at most ${inWords(limit)} may be taken here: ${smaller}`,
  );
}

/** Three digits and a unit. */
function inWords(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** Bytes of so many float64 numbers. */
export const doubles = (count: number): number => 8 * count;
