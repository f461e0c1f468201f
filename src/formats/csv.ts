import { DAMAGED, type Source } from './parts/source.js';

const MAX_TEXT = 256 * 2 ** 20;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const NON_FINITE: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

interface Row {
  /** Counted from 1, as editors do. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Rows of numbers, separated by commas, semicolons, tabs or spaces; a first line of names is passed over. */
export function readCsv(source: Source): { shape: [number, number]; values: Float64Array } {
  const rows = rowsOf(source);
  if (rows[0] !== undefined && isHeader(rows[0])) rows.shift();
  const [first] = rows;
  if (first === undefined)
    throw source.fault('EMPTY', 'has no row of numbers. Expected one line a time step.');
  const columns = first.cells.length;
  const values = new Float64Array(rows.length * columns);
  for (const [r, row] of rows.entries()) {
    assertWidth(source, row, first);
    for (const [c, cell] of row.cells.entries()) values[r * columns + c] = numberOf(source, row, c, cell);
  }
  return { shape: [rows.length, columns], values };
}

/** Empty lines, and comments as NumPy's savetxt writes them, are passed over. */
function rowsOf(source: Source): Row[] {
  const lines = decode(source).split(/\r\n|\n|\r/);
  const kept = lines
    .map((text, i) => ({ text: text.trim(), line: i + 1 }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
  const separator = separatorOf(kept.at(-1)?.text ?? '');
  return kept.map(({ text, line }) => ({ line, cells: text.split(separator).map(unquote) }));
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
  throw source.fault('UNKNOWN', `is neither .npy, .npz nor text. Inputs are read from these. ${DAMAGED}`);
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

function isHeader(row: Row): boolean {
  return (
    row.cells.every((cell) => !NUMBER.test(cell) && !NON_FINITE.has(cell.toLowerCase())) &&
    row.cells.some(Boolean)
  );
}

function assertWidth(source: Source, row: Row, first: Row): void {
  const [found, expected] = [row.cells.length, first.cells.length];
  if (found === expected) return;
  const text = `line ${row.line} has ${found} ${columns(found)} but line ${first.line} has ${expected}`;
  throw source.fault('SHAPE', `${text}. Give every row the same number.`);
}

function columns(count: number): string {
  return count === 1 ? 'column' : 'columns';
}

function numberOf(source: Source, row: Row, column: number, cell: string): number {
  const value = NUMBER.test(cell) ? Number(cell) : NON_FINITE.get(cell.toLowerCase());
  if (value !== undefined) return value;
  const found = cell === '' ? 'is empty' : `is ${JSON.stringify(cell.slice(0, 40))}`;
  throw source.fault('CORRUPT', `line ${row.line}, column ${column + 1} ${found}, expected a number.`);
}
