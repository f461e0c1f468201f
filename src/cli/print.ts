import pc from 'picocolors';
import type { Card, Section, Table } from '../../reports/section.js';
import type { AnalysisResult } from '../result.js';

/** Rows of a table that a terminal is shown; the rest is in the report and in the JSON. */
const MOST_ROWS = 12;
const WIDEST = 100;
const NARROWEST = 40;

export const terminalWidth = (columns = process.stdout.columns ?? 80): number =>
  Math.max(NARROWEST, Math.min(WIDEST, columns));

const symbols = { good: pc.green('✔'), warn: pc.yellow('▲'), bad: pc.red('✖'), unknown: pc.blue('?') };

/** A result as text: the same words as its section of the report. */
export async function print(
  result: AnalysisResult,
  section: Section,
  width = terminalWidth(),
): Promise<string> {
  const lines: string[] = [...heading(result, width), ''];
  if (section.cards) lines.push(...section.cards.flatMap((card) => [...verdict(card, width), '']));
  else lines.push(pc.bold(section.title), ...wrap(section.reading, width), '');
  if (result.outcome.kind !== 'complete') {
    const { kind, what, remedy } = result.outcome;
    lines.push(...wrap(`${kind}: ${what}; ${remedy}`, width).map(pc.yellow), '');
  }
  lines.push(...section.caveats.flatMap((caveat) => wrap(`! ${caveat}`, width, '  ')));
  if (section.caveats.length > 0) lines.push('');
  if (!section.cards) lines.push(...facts(section, width));
  for (const listing of section.listings ?? [])
    lines.push('', pc.bold(listing.title), ...listing.lines.map((l) => `  ${l}`));
  for (const table of section.tables)
    if (table.rows.length > 0) lines.push('', ...(await tableLines(table, width)));
  return `${lines.join('\n').trimEnd()}\n`;
}

function heading({ model }: AnalysisResult, width: number): string[] {
  const name = model.module ? `${model.path} · ${model.module}` : model.path;
  const size = `${model.cell}, ${model.layers} × ${model.hiddenSize} units, ${model.inputSize} inputs, ${model.stateSize} state entries`;
  return [
    ...wrap(name, width).map(pc.bold),
    ...(model.layers > 0 ? wrap(size, width) : []),
    ...model.assumptions.flatMap((line) => wrap(`assumed: ${line}`, width, '  ').map(pc.dim)),
  ];
}

function verdict({ question, answer, level, evidence }: Card, width: number): string[] {
  return [
    `${symbols[level]} ${pc.bold(question)}`,
    ...wrap(answer, width, '  ', '  '),
    ...wrap(evidence, width, '  ', '  ').map(pc.dim),
  ];
}

function facts({ facts }: Section, width: number): string[] {
  const label = Math.max(0, ...facts.map((f) => f.label.length));
  const indent = ' '.repeat(Math.min(label + 2, width >> 1));
  return facts.flatMap(({ label: name, value, note }) =>
    wrap(`${name.padEnd(label)}  ${value}${note ? ` (${note})` : ''}`, width, indent),
  );
}

async function tableLines(table: Table, width: number): Promise<string[]> {
  const { default: CliTable } = await import('cli-table3');
  const shown = table.rows.slice(0, MOST_ROWS);
  const columns = fitting(table, shown, width);
  const text = new CliTable({
    head: columns.map((c) => table.columns[c]!),
    style: {
      head: pc.isColorSupported ? ['bold'] : [],
      border: pc.isColorSupported ? ['gray'] : [],
      compact: true,
    },
    colAligns: columns.map((c) => (table.text?.includes(table.columns[c]!) ? 'left' : 'right')),
  });
  for (const row of shown) text.push(columns.map((c) => row[c]!));
  const hidden = table.columns.length - columns.length;
  const rest = table.rows.length - shown.length;
  const more = [
    ...(rest > 0 ? [`${rest} more rows`] : []),
    ...(hidden > 0 ? [`${hidden} more ${hidden === 1 ? 'column' : 'columns'}`] : []),
  ];
  return [
    pc.bold(table.title),
    ...text.toString().split('\n'),
    ...(more.length > 0 ? [pc.dim(`… ${more.join(' and ')} in --report and --json`)] : []),
  ];
}

/** The leading columns that a terminal of this width can hold. */
function fitting({ columns }: Table, rows: Table['rows'], width: number): number[] {
  let used = 1;
  return columns.flatMap((name, c) => {
    used += 3 + Math.max(name.length, ...rows.map((row) => row[c]!.length));
    return used <= width || c === 0 ? [c] : [];
  });
}

/** Breaks a text at spaces so that lines fit; what follows the first line is indented. */
export function wrap(text: string, width: number, indent = '', first = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const margin = lines.length === 0 ? first : indent;
    if (line !== '' && margin.length + line.length + 1 + word.length > width) {
      lines.push(margin + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, (lines.length === 0 ? first : indent) + line];
}
