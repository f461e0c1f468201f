import type { Card, Chart, Section, Table } from '../../reports/section.js';
import { counted } from '../numbers.js';
import type { AnalysisResult } from '../result.js';
import { type Canvas, plot } from './plot.js';
import { drawsUnicode, pc, terminalWidth } from './terminal.js';

/** Rows of a table that a terminal is shown; the rest is in the report and in the JSON. */
const MOST_ROWS = 12;

const symbols = { good: pc.green('✔'), warn: pc.yellow('▲'), bad: pc.red('✖'), unknown: pc.blue('?') };
const plainSymbols = { good: pc.green('+'), warn: pc.yellow('!'), bad: pc.red('x'), unknown: pc.blue('?') };

/** The frame of a table where a terminal draws no lines. */
const plainFrame = Object.fromEntries(
  ['top', 'bottom', 'mid'].flatMap((edge) => [
    [edge, '-'],
    ...['-mid', '-left', '-right'].map((part) => [
      edge === 'mid' && part === '-mid' ? 'mid-mid' : edge + part,
      '+',
    ]),
  ]),
);
const plainChars = { ...plainFrame, 'left-mid': '+', 'right-mid': '+', left: '|', right: '|', middle: '|' };

export interface How {
  readonly width?: number;
  /** Small plots, where sections have a sketch for them. */
  readonly plots?: boolean;
  readonly unicode?: boolean;
}

/** A result as text: the same words as its section of the report. */
export async function print(
  result: AnalysisResult,
  section: Section,
  { width = terminalWidth(), plots = false, unicode = drawsUnicode() }: How = {},
): Promise<string> {
  const { cards, caveats, charts, listings = [], tables } = section;
  const paragraphs = [
    heading(result, width),
    ...(cards
      ? cards.map((card) => verdict(card, width, unicode))
      : [[...wrap(section.title, width).map(pc.bold), ...wrap(section.reading, width)]]),
    failure(result, width),
    caveats.flatMap((caveat) => wrap(`! ${caveat}`, width, '  ')),
    cards ? [] : facts(section, width),
    ...(plots ? charts.map((chart) => sketched(chart, { unicode, width })) : []),
    ...listings.map(({ title, lines }) => [
      ...wrap(title, width).map(pc.bold),
      ...lines.flatMap((line) => wrap(line, width, '      ', '  ')),
    ]),
    ...(await Promise.all(tables.filter(hasRows).map((table) => tableLines(table, width, unicode)))),
  ];
  const filled = paragraphs.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function sketched(chart: Chart, canvas: Canvas): string[] {
  const lines = plot(chart, canvas);
  return lines.length === 0 ? [] : [...wrap(chart.title, canvas.width).map(pc.bold), ...lines];
}

const hasRows = (table: Table): boolean => table.rows.length > 0;

function failure({ outcome }: AnalysisResult, width: number): string[] {
  if (outcome.kind === 'complete') return [];
  return wrap(`${outcome.kind}: ${outcome.what}; ${outcome.remedy}`, width).map(pc.yellow);
}

function heading({ model }: AnalysisResult, width: number): string[] {
  const name = model.module ? `${model.path} · ${model.module}` : model.path;
  const size = `${model.cell}, ${model.layers} × ${model.hiddenSize} units, ${counted(model.inputSize, 'input')}, ${counted(model.stateSize, 'state entry', 'state entries')}`;
  return [
    ...wrap(name, width).map(pc.bold),
    ...(model.layers > 0 ? wrap(size, width) : []),
    ...model.assumptions.flatMap((line) => wrap(`assumed: ${line}`, width, '  ').map(pc.dim)),
  ];
}

function verdict({ question, answer, level, evidence }: Card, width: number, unicode: boolean): string[] {
  const [first, ...more] = wrap(question, width, '  ', '  ');
  return [
    `${(unicode ? symbols : plainSymbols)[level]} ${pc.bold(first!.trimStart())}`,
    ...more.map(pc.bold),
    ...wrap(answer, width, '  ', '  '),
    ...wrap(evidence, width, '  ', '  ').map(pc.dim),
  ];
}

/** Names in one column, values in another; a name that is too long for its column has a line of its own. */
function facts({ facts }: Section, width: number): string[] {
  const lengths = facts.map(({ label }) => label.length).filter((length) => length <= 0.4 * width);
  const column = Math.max(0, ...lengths) + 2;
  const indent = ' '.repeat(column);
  return facts.flatMap(({ label, value, note }) => {
    const text = note ? `${value} (${note})` : value;
    if (label.length < column - 1) return wrap(text, width, indent, label.padEnd(column));
    return [...wrap(label, width), ...wrap(text, width, indent, indent)];
  });
}

interface Column {
  readonly index: number;
  readonly head: readonly string[];
  readonly width: number;
  readonly words: boolean;
}

async function tableLines(table: Table, width: number, unicode: boolean): Promise<string[]> {
  const { default: CliTable } = await import('cli-table3');
  const shown = table.rows.slice(0, MOST_ROWS);
  const columns = fitting(table, shown, width);
  const text = new CliTable({
    head: columns.map(({ head }) => head.join('\n')),
    style: {
      head: pc.isColorSupported ? ['bold'] : [],
      border: pc.isColorSupported ? ['gray'] : [],
      compact: true,
    },
    ...(!unicode && { chars: plainChars }),
    colAligns: columns.map(({ words }) => (words ? 'left' : 'right')),
  });
  for (const row of shown) text.push(columns.map((column) => clip(row[column.index]!, column.width)));
  const hidden = table.columns.length - columns.length;
  const rest = table.rows.length - shown.length;
  const more = [
    ...(rest > 0 ? [counted(rest, 'more row')] : []),
    ...(hidden > 0 ? [counted(hidden, 'more column')] : []),
  ];
  return [
    ...wrap(table.title, width).map(pc.bold),
    ...text.toString().split('\n'),
    ...(more.length > 0 ? wrap(`… ${more.join(' and ')} in --report and --json`, width).map(pc.dim) : []),
  ];
}

/** The leading columns that a terminal of this width can hold; heads are broken at spaces where that makes room. */
function fitting(table: Table, rows: Table['rows'], width: number): Column[] {
  const whole = columnsOf(table, rows, width, (head) => head.length);
  if (leading(whole, width).length === whole.length) return whole;
  return leading(
    columnsOf(table, rows, width, (head) => Math.max(...head.split(' ').map((word) => word.length))),
    width,
  );
}

function leading(columns: readonly Column[], width: number): Column[] {
  let used = 1;
  return columns.filter((column) => {
    used += 3 + column.width;
    return used <= width;
  });
}

/** Columns as wide as their cells and what their heads ask for; names are clipped at half of the terminal. */
function columnsOf(
  { columns, text = [] }: Table,
  rows: Table['rows'],
  width: number,
  headWidth: (head: string) => number,
): Column[] {
  return columns.map((head, index) => {
    const words = text.includes(head);
    const cells = Math.max(...rows.map((row) => row[index]!.length));
    const own = Math.min(words ? width >> 1 : width - 4, Math.max(cells, headWidth(head)));
    return { index, head: wrap(head, own), width: own, words };
  });
}

/** A name keeps its beginning and its end, which is where names differ. */
function clip(cell: string, width: number): string {
  if (cell.length <= width) return cell;
  const end = (width - 1) >> 1;
  return `${cell.slice(0, width - 1 - end)}…${cell.slice(-end)}`;
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
