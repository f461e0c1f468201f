import type { UserError } from '../errors.js';
import type { Source } from './parts/source.js';

const MAX_TEXT = 256 * 2 ** 20;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const NON_FINITE: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

interface Line {
  /** Counted from 1, as editors do. */
  readonly number: number;
  readonly text: string;
}

/** Rows of numbers, separated by commas, semicolons, tabs or spaces; a first line of names is passed over. */
export function readCsv(source: Source): { shape: [number, number]; values: Float64Array } {
  const lines = linesOf(source);
  const separator = separatorOf(lines.at(-1)?.text ?? '');
  const cellsOf = ({ text }: Line) => text.split(separator).map(unquote);
  if (lines[0] !== undefined && isHeader(cellsOf(lines[0]))) lines.shift();
  const [first] = lines;
  if (first === undefined)
    throw source.fault('EMPTY', 'has no row of numbers. Expected one line a time step.');
  const width = cellsOf(first).length;
  const values = new Float64Array(lines.length * width);
  for (const [row, line] of lines.entries()) {
    const cells = cellsOf(line);
    if (cells.length !== width) throw ragged(source, line, cells.length, first, width);
    for (const [column, cell] of cells.entries()) {
      values[row * width + column] = numberOf(source, line, column, cell);
    }
  }
  return { shape: [lines.length, width], values };
}

/** Empty lines, and comments as NumPy's savetxt writes them, are passed over. */
function linesOf(source: Source): Line[] {
  return decode(source)
    .split(/\r\n|\n|\r/)
    .map((text, i) => ({ text: text.trim(), number: i + 1 }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
}

function decode(source: Source): string {
  if (source.size > MAX_TEXT) {
    throw source.fault(
      'LIMIT',
      `is text of ${source.size} bytes; at most ${MAX_TEXT} are read. Save it as .npy.`,
    );
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(source.read(0, source.size));
    if (!text.includes('\0')) return text;
  } catch {
    // Told below, as for text that holds zero bytes.
  }
  throw source.fault('UNKNOWN', 'is neither .npy, .npz nor text; arrays are read from these.');
}

/** Taken from the last line, which is never one of names. */
function separatorOf(text: string): RegExp {
  if (text.includes(';')) return /\s*;\s*/;
  if (text.includes(',')) return /\s*,\s*/;
  return text.includes('\t') ? / *\t */ : /\s+/;
}

function unquote(cell: string): string {
  return /^"(.*)"$/.exec(cell)?.[1] ?? cell;
}

function isHeader(cells: readonly string[]): boolean {
  return cells.every((cell) => parseNumber(cell) === undefined) && cells.some((cell) => cell !== '');
}

function ragged(source: Source, line: Line, found: number, first: Line, expected: number): UserError {
  const text = `line ${line.number} has ${columns(found)} but line ${first.number} has ${columns(expected)}`;
  return source.fault('SHAPE', `${text}. Give every row the same number.`);
}

function columns(count: number): string {
  return count === 1 ? '1 column' : `${count} columns`;
}

function numberOf(source: Source, line: Line, column: number, cell: string): number {
  const value = parseNumber(cell);
  if (value !== undefined) return value;
  const found = cell === '' ? 'is empty' : `is ${JSON.stringify(cell.slice(0, 40))}`;
  throw source.fault('CORRUPT', `line ${line.number}, column ${column + 1} ${found}, expected a number.`);
}

function parseNumber(cell: string): number | undefined {
  return NUMBER.test(cell) ? Number(cell) : NON_FINITE.get(cell.toLowerCase());
}
