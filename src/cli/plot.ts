import type { Chart, Sketch } from '../../reports/section.js';
import { show } from '../numbers.js';

/** How a terminal draws: braille has eight dots a character, plain text has one. */
export interface Canvas {
  readonly unicode: boolean;
  /** Characters across, labels included. */
  readonly width: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

/** Text is twice as tall as wide; a plot is this many lines tall, the plane as many as make its circle round. */
const ROWS = 9;
const WIDEST = 72;
const PLANE_COLUMNS = 32;
/** Below this there is no room for axes: a line of bars has to do. */
const NARROW = 50;

/** A chart as a few lines of text: its sketch, with the ends of its axes in numbers. */
export function plot(chart: Chart, canvas: Canvas): string[] {
  const { sketch } = chart;
  if (!sketch) return [];
  const points = pointsOf(chart, sketch);
  if (points.length < 2) return [];
  if (canvas.width < NARROW && sketch.kind !== 'plane') {
    const most = canvas.width - 2;
    return [
      `  ${sparkline(
        points.map((p) => p.y),
        canvas.unicode,
        most,
      )}`,
    ];
  }
  return sketch.kind === 'plane' ? plane(points, canvas) : graph(points, sketch, canvas);
}

function pointsOf({ datasets }: Chart, { dataset, x, y, only, log }: Sketch): Point[] {
  const rows = (datasets[dataset] ?? []).filter((row) => !only || row[only[0]] === only[1]);
  const scaled = (v: number): number => (log ? Math.log10(v) : v);
  return rows
    .map((row) => ({ x: Number(row[x] ?? Number.NaN), y: scaled(Number(row[y] ?? Number.NaN)) }))
    .filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
}

const rangeOf = (values: readonly number[]): Range => {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return low < high ? { low, high } : { low: low - 1, high: high + 1 };
};

/** y against x, its smallest and largest value at the left, those of x below. */
function graph(points: readonly Point[], { x, kind, log }: Sketch, canvas: Canvas): string[] {
  const [xs, ys] = [rangeOf(points.map((p) => p.x)), rangeOf(points.map((p) => p.y))];
  const labels = ends(ys, (v) => (log ? 10 ** v : v));
  const margin = Math.max(...labels.map((label) => label.length)) + 1;
  const columns = Math.max(8, Math.min(WIDEST, canvas.width) - margin - 1);
  const dots = new Dots(columns, ROWS, canvas.unicode);
  const at = (p: Point): [number, number] => [
    Math.round(((p.x - xs.low) / (xs.high - xs.low)) * (dots.width - 1)),
    Math.round(((ys.high - p.y) / (ys.high - ys.low)) * (dots.height - 1)),
  ];
  points.forEach((p, k) => {
    if (kind === 'line' && k > 0) dots.line(at(points[k - 1]!), at(p));
    else dots.block(...at(p));
  });
  const bar = canvas.unicode ? '┤' : '|';
  const lines = dots.lines().map((line, k) => {
    const end = k === 0 ? labels[0]! : k === ROWS - 1 ? labels[1]! : '';
    return `${end.padStart(margin - 1)}${bar}${line}`.trimEnd();
  });
  const [first, last] = [show(xs.low, 4), show(xs.high, 4)];
  const name = ` ${x} `;
  const room = columns - first.length - last.length;
  const middle = room >= name.length ? centred(name, room) : ' '.repeat(Math.max(1, room));
  return [...lines, ' '.repeat(margin) + first + middle + last];
}

/** The ends of an axis, with the digits that tell them apart. */
function ends({ low, high }: Range, scale: (v: number) => number): [string, string] {
  for (let digits = 3; ; digits += 2) {
    const [top, bottom] = [show(scale(high), digits), show(scale(low), digits)];
    if (top !== bottom || digits > 12) return [top, bottom];
  }
}

const centred = (text: string, width: number): string => {
  const left = (width - text.length) >> 1;
  return ' '.repeat(left) + text + ' '.repeat(width - text.length - left);
};

/** The complex plane around 0, with the unit circle. */
function plane(points: readonly Point[], { unicode, width }: Canvas): string[] {
  const half = points.reduce((most, p) => Math.max(most, Math.abs(p.x), Math.abs(p.y)), 1) * 1.05;
  const columns = Math.min(PLANE_COLUMNS, width - 1);
  const dots = new Dots(columns, columns >> 1, unicode);
  const at = (x: number, y: number): [number, number] => [
    Math.round(((x + half) / (2 * half)) * (dots.width - 1)),
    Math.round(((half - y) / (2 * half)) * (dots.height - 1)),
  ];
  const turns = 12 * dots.width;
  // Every other dot of the circle: eigenvalues that lie on it are still seen.
  for (let k = 0; k < turns; k += 6) {
    const angle = (2 * Math.PI * k) / turns;
    dots.set(...at(Math.cos(angle), Math.sin(angle)), '.');
  }
  for (const { x, y } of points) dots.block(...at(x, y));
  return dots.lines().map((line) => line.trimEnd());
}

/** Bits of the eight dots of a braille character (U+2800), by row and column. */
const BRAILLE = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** A grid of dots, two by four a character in Unicode and one in plain text. */
class Dots {
  readonly width: number;
  readonly height: number;
  private readonly cells: Uint8Array;
  private readonly letters: string[];

  constructor(
    private readonly columns: number,
    rows: number,
    private readonly unicode: boolean,
  ) {
    this.width = unicode ? 2 * columns : columns;
    this.height = unicode ? 4 * rows : rows;
    this.cells = new Uint8Array(columns * rows);
    this.letters = new Array(columns * rows).fill(' ');
  }

  set(x: number, y: number, letter = '*'): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const [across, down] = this.unicode ? [x >> 1, y >> 2] : [x, y];
    const cell = down * this.columns + across;
    this.cells[cell]! |= BRAILLE[y & 3]![x & 1]!;
    this.letters[cell] = letter;
  }

  /** Four dots, so that a point stands out from a line. */
  block(x: number, y: number): void {
    this.set(x, y);
    if (!this.unicode) return;
    for (const [dx, dy] of [
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const)
      this.set(x + dx, y + dy);
  }

  line([x0, y0]: readonly [number, number], [x1, y1]: readonly [number, number]): void {
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    for (let k = 0; k <= steps; k++)
      this.set(Math.round(x0 + ((x1 - x0) * k) / steps), Math.round(y0 + ((y1 - y0) * k) / steps));
  }

  lines(): string[] {
    const text = this.unicode
      ? Array.from(this.cells, (bits) => (bits === 0 ? ' ' : String.fromCodePoint(0x2800 + bits)))
      : this.letters;
    return Array.from({ length: text.length / this.columns }, (_, k) =>
      text.slice(k * this.columns, (k + 1) * this.columns).join(''),
    );
  }
}

const LEVELS = '▁▂▃▄▅▆▇█';
const PLAIN_LEVELS = '_.-=*#';

/** Numbers in a row as bars of one line, thinned to at most `most` characters; a gap where one is not finite. */
export function sparkline(values: readonly number[], unicode: boolean, most = 24): string {
  const shown =
    values.length <= most
      ? values
      : Array.from({ length: most }, (_, k) => values[Math.round((k * (values.length - 1)) / (most - 1))]!);
  const { low, high } = rangeOf(shown.filter(Number.isFinite));
  const levels = [...(unicode ? LEVELS : PLAIN_LEVELS)];
  return shown
    .map((v) =>
      Number.isFinite(v) ? levels[Math.round(((v - low) / (high - low)) * (levels.length - 1))]! : ' ',
    )
    .join('');
}
