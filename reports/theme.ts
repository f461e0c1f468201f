import type { Config } from 'vega-lite';

/** Colours of one appearance. Charts and page share them. */
interface Palette {
  readonly paper: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  /** Told apart by readers of every colour vision, and by shape or dash besides. */
  readonly categories: readonly string[];
  /** From a result that matters most to one that matters least. */
  readonly ramp: readonly string[];
}

const light: Palette = {
  paper: '#ffffff',
  ink: '#1b1f24',
  muted: '#59636e',
  grid: '#e4e8ec',
  categories: ['#0072b2', '#c44e00', '#8a3b8f', '#6b7280', '#00795a'],
  ramp: ['#08306b', '#1f6fb2', '#6aaed6', '#a9cbe3'],
};

const dark: Palette = {
  paper: '#14181d',
  ink: '#e8ecf0',
  muted: '#a3adb8',
  grid: '#2b323a',
  categories: ['#56b4e9', '#f29e4c', '#d896d8', '#aab4bf', '#4fd0a5'],
  ramp: ['#d8ecfb', '#7fc0ee', '#3f87bd', '#2f5f86'],
};

const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

/** Styles by meaning: specifications say `style: 'reference'`, never a colour. */
const chartConfig = (p: Palette): Config => ({
  background: 'transparent',
  font,
  padding: 2,
  axis: {
    domainColor: p.muted,
    gridColor: p.grid,
    tickColor: p.muted,
    labelColor: p.ink,
    titleColor: p.ink,
    labelFontSize: 12,
    titleFontSize: 12.5,
    titleFontWeight: 'normal',
    titlePadding: 6,
    labelOverlap: true,
  },
  axisXQuantitative: { labelFlush: true },
  legend: {
    symbolOpacity: 1,
    orient: 'top',
    direction: 'horizontal',
    labelColor: p.ink,
    titleColor: p.muted,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 220,
    columnPadding: 14,
    rowPadding: 4,
    offset: 6,
  },
  view: { stroke: 'transparent' },
  range: { category: [...p.categories], ramp: [...p.ramp], ordinal: [...p.ramp] },
  mark: { color: p.categories[0]! },
  line: { strokeWidth: 2 },
  point: { size: 50, strokeWidth: 1.6, opacity: 1 },
  bar: { color: p.categories[0]! },
  text: { color: p.ink, fontSize: 12 },
  style: {
    reference: { color: p.muted, strokeWidth: 1.2, strokeDash: [5, 4], opacity: 1 },
    boundary: { color: p.muted, strokeWidth: 1.2, opacity: 1 },
    path: { color: p.muted },
    spread: { color: p.categories[0]!, opacity: 0.22 },
    error: { color: p.ink, strokeWidth: 1.2, opacity: 0.7 },
    marker: { color: p.categories[1]!, strokeWidth: 1.6 },
    note: { color: p.ink, fontSize: 12 },
    faint: { color: p.muted, strokeWidth: 1 },
  },
});

export const chartThemes: { readonly light: Config; readonly dark: Config } = {
  light: chartConfig(light),
  dark: chartConfig(dark),
};

const variables = (p: Palette): string =>
  `--paper:${p.paper};--ink:${p.ink};--muted:${p.muted};--grid:${p.grid};--accent:${p.categories[0]}`;

export const pageVariables: { readonly light: string; readonly dark: string } = {
  light: `${variables(light)};--raised:#f6f8fa;--good:#00694e;--warn:#8a4b00;--bad:#b3261e;--unknown:#4b5563`,
  dark: `${variables(dark)};--raised:#1c2229;--good:#4fd0a5;--warn:#f2b25c;--bad:#ff8f85;--unknown:#b4bdc7`,
};

export const pageFont = font;
