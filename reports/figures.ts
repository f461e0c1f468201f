import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Config, TopLevelSpec } from 'vega-lite';
import type { AnalysisResult } from '../src/result.js';
import { rowsAsCsv, tableAsCsv } from './csv.js';
import { drawn } from './drawn.js';
import type { Chart, Section } from './section.js';
import { chartThemes } from './theme.js';
import type { Typeface } from './typeface.js';

/** Drawings for papers and slides, made without a browser; no option of theirs changes what is drawn. */
export interface FigureStyle {
  /** Whole width in CSS pixels, 96 to the inch. */
  readonly width: number;
  readonly typeface: Typeface;
}

/** A file by its name, to be written by whoever may write. */
export interface NamedFile {
  readonly name: string;
  readonly data: string | Uint8Array;
}

/** Pixels of a printed inch. */
const PRINT_DPI = 300;
const CSS_DPI = 96;
/** A column of a paper: more than three names do not fit beside each other. */
const NARROW = 420;

/** All charts of a section as Vega-Lite, SVG, PNG and CSV, and its tables as CSV. */
export async function figureFiles(
  { analysis }: AnalysisResult,
  section: Section,
  style: FigureStyle,
): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  for (const [i, chart] of section.charts.entries()) {
    const name = `${analysis}-${i + 1}-${slug(chart.title)}`;
    const spec = figureSpec(chart, style);
    const svg = await figureSvg(spec, style);
    files.push(
      { name: `${name}.vl.json`, data: `${JSON.stringify(spec, null, 1)}\n` },
      { name: `${name}.svg`, data: svg },
      { name: `${name}.png`, data: await figurePng(svg, style.typeface) },
      { name: `${name}.csv`, data: rowsAsCsv(measured(chart)) },
    );
  }
  for (const [i, table] of section.tables.entries()) {
    if (table.rows.length === 0) continue;
    const name = `${analysis}-table-${i + 1}-${slug(table.title)}.csv`;
    files.push({ name, data: tableAsCsv(table.columns, table.rows) });
  }
  return files;
}

const measured = ({ datasets, decoration = [] }: Chart): Chart['datasets'] =>
  Object.fromEntries(Object.entries(datasets).filter(([name]) => !decoration.includes(name)));

/** A title as part of a file's name: ASCII, short, in lower case. */
const slug = (title: string): string =>
  title
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase()
    .slice(0, 40)
    .replace(/-$/, '') || 'figure';

/** The chart as the page has it, in light colours on white, as wide as was asked for. */
export function figureSpec(chart: Chart, { width, typeface }: FigureStyle): TopLevelSpec {
  const { spec } = drawn(chart, false) as { spec: TopLevelSpec & { height?: unknown } };
  const { light } = chartThemes;
  const config: Config = {
    ...light,
    background: 'white',
    font: `${typeface.family}, sans-serif`,
    ...(width < NARROW && { legend: { ...light.legend, columns: 3 } }),
  };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    ...spec,
    width,
    height: height(spec, width),
    autosize: { type: 'fit', contains: 'padding' },
    padding: 4,
    config,
  } as TopLevelSpec;
}

/** What the axis under rows of names takes of a height that is that of the whole figure. */
const axisRoom = 60;

/** A narrow figure is not taller than wide, unless its rows of names need the room. */
function height(spec: { height?: unknown; encoding?: unknown }, width: number): unknown {
  const { height } = spec;
  if (typeof height !== 'number') return height;
  const { y } = (spec.encoding ?? {}) as { y?: { type?: unknown } };
  return y?.type === 'nominal' ? height + axisRoom : Math.min(height, Math.round(0.8 * width));
}

/** The figure as SVG with its size in millimetres; the text stays text, in the typeface's name. */
export async function figureSvg(spec: TopLevelSpec, { typeface }: FigureStyle): Promise<string> {
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  measureWith((vega as unknown as { textMetrics: TextMetrics }).textMetrics, typeface);
  const view = new vega.View(vega.parse(compile(spec, { logger: silent }).spec), {
    renderer: 'none',
    logger: silent,
  });
  try {
    return inMillimetres(await view.toSVG());
  } finally {
    view.finalize();
  }
}

interface TextItem {
  readonly fontSize?: number | null;
}
interface TextMetrics {
  width(item: TextItem, text: unknown): number;
  measureWidth(item: TextItem, text: unknown): number;
  estimateWidth(item: TextItem, text: unknown): number;
}

const defaultFontSize = 11;

/** Vega asks a canvas how wide text is; without a browser there is none, and its guess leaves gaps. */
function measureWith(metrics: TextMetrics, typeface: Typeface): void {
  const width = ({ fontSize }: TextItem, text: unknown): number =>
    text === null || text === undefined
      ? 0
      : typeface.width(String(text), Number(fontSize ?? defaultFontSize));
  Object.assign(metrics, { width, measureWidth: width, estimateWidth: width });
}

// A chart that cannot be drawn throws; remarks of the libraries are for our tests (test/reports/charts.test.ts).
const silent = (() => {
  const same = () => logger;
  const logger = { level: same, error: same, warn: same, info: same, debug: same } as never;
  return logger;
})();

const mm = (px: string): string => `${Number(((Number(px) * 25.4) / CSS_DPI).toFixed(3))}mm`;

const inMillimetres = (svg: string): string =>
  svg.replace(/^(<svg\b[^>]*?) width="([\d.]+)" height="([\d.]+)"/, (_, head, width, height) => {
    return `${head} width="${mm(width)}" height="${mm(height)}"`;
  });

/** resvg fails on a clipped group of which nothing is to be seen, such as a line beyond the axes: it gets an unseen speck. */
const withSize = (svg: string): string =>
  svg.replace(
    /<g\b[^>]*clip-path="url\(#clip\d+\)"[^>]*[^/]>/g,
    '$&<path d="M0,0h1v1h-1Z" fill="#fff" fill-opacity="0"/>',
  );

let rasteriser: Promise<typeof import('@resvg/resvg-wasm')> | undefined;

/** The SVG in 300 dots an inch, its text drawn with the typeface given: none of the machine's is looked for. */
export async function figurePng(svg: string, { bytes, family }: Typeface): Promise<Uint8Array> {
  rasteriser ??= import('@resvg/resvg-wasm').then(async (module) => {
    const path = createRequire(import.meta.url).resolve('@resvg/resvg-wasm/index_bg.wasm');
    await module.initWasm(readFileSync(path));
    return module;
  });
  const { Resvg } = await rasteriser;
  const image = new Resvg(withSize(svg), {
    font: { fontBuffers: [bytes], defaultFontFamily: family, sansSerifFamily: family },
    fitTo: { mode: 'zoom', value: PRINT_DPI / CSS_DPI },
    background: 'white',
  });
  try {
    return image.render().asPng();
  } finally {
    image.free();
  }
}
