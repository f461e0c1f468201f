import type { Row } from './section.js';

/**
 * The rows of datasets as CSV (RFC 4180), one after the other; where there are several, a first column names each. The
 * page runs the text of this function, so that it refers to nothing outside itself.
 */
export function rowsAsCsv(datasets: Readonly<Record<string, readonly Row[]>>): string {
  const filled = Object.entries(datasets).filter(([, rows]) => rows.length > 0);
  const fields = [...new Set(filled.flatMap(([, rows]) => rows.flatMap((row) => Object.keys(row))))];
  const cell = (value: unknown): string => {
    const text = value === null || value === undefined ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const named = filled.length > 1;
  const lines = filled.flatMap(([name, rows]) =>
    rows.map((row) => [...(named ? [name] : []), ...fields.map((field) => row[field])].map(cell).join(',')),
  );
  return `${[[...(named ? ['dataset'] : []), ...fields].map(cell).join(','), ...lines].join('\r\n')}\r\n`;
}

/** A table of text as CSV. */
export const tableAsCsv = (columns: readonly string[], rows: readonly (readonly string[])[]): string => {
  const keys = columns.map((_, k) => String(k));
  const row = (cells: readonly string[]): Row =>
    Object.fromEntries(keys.map((key, k) => [key, cells[k] ?? '']));
  const csv = rowsAsCsv({ table: [row(columns), ...rows.map(row)] });
  return csv.slice(csv.indexOf('\r\n') + 2);
};
