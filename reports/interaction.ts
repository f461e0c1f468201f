import type { TopLevelSpec } from 'vega-lite';

/** What every chart can do under a pointer, said once. Without one, the table and the CSV hold the same numbers. */

/** One view of a specification. vega-lite's own types for it are not exported; the compiler of the page checks it. */
interface Unit {
  readonly mark?: unknown;
  readonly params?: readonly unknown[];
  readonly encoding?: Encoding;
}
interface Axis {
  readonly field?: unknown;
  readonly type?: unknown;
}
type Encoding = Readonly<Record<string, unknown>>;

/** Dragging moves the chart; the wheel alone goes on scrolling the page. Double click: back to the whole. */
const zoom = {
  name: 'zoom',
  select: { type: 'interval', zoom: 'wheel![event.shiftKey]' },
  bind: 'scales',
};

/** The specification with its axes free to move: the parameter belongs to the first layer that has both. */
export function zoomable(spec: TopLevelSpec): object {
  const { layer, encoding } = spec as Unit & { readonly layer?: readonly Unit[] };
  if (!layer) return withZoom(spec as Unit);
  const at = layer.findIndex((unit) => moves({ ...encoding, ...unit.encoding }));
  return { ...spec, layer: layer.map((unit, k) => (k === at ? withZoom(unit) : unit)) };
}

const withZoom = (unit: Unit): Unit => ({ ...unit, params: [...(unit.params ?? []), zoom] });

const moves = (encoding: Encoding): boolean =>
  ['x', 'y'].every((channel) => {
    const { field, type } = (encoding[channel] ?? {}) as Axis;
    return field !== undefined && type === 'quantitative';
  });

/** Longest label of a legend, and what its line and the gaps beside it take, px; a letter takes about 7. */
const LONGEST_LABEL = 220;
const entryWidth = (names: readonly string[]): number =>
  60 + Math.min(LONGEST_LABEL, 7 * Math.max(...names.map((name) => name.length)));

/**
 * Lines in the legend of a chart of lines: the unseen points over them would make it discs. As many columns as the chart
 * has room for, which is known only where it is drawn.
 */
export const lineLegend = (names: readonly string[]) => ({
  symbolType: 'stroke',
  symbolSize: 500,
  symbolStrokeWidth: 2,
  columns: { expr: `max(1, floor(width / ${entryWidth(names)}))` },
});

/** Five lines that can be told apart without colour. */
const dashes = [
  [1, 0],
  [7, 3],
  [2, 2],
  [9, 3, 2, 3],
  [4, 4],
];

/** A dash for each name, as far as five go. */
export const dashesFor = (names: readonly string[]): number[][] => dashes.slice(0, names.length);

/** Points to catch a pointer: one a pixel or so is enough, and the cells around thousands take seconds to draw. */
const CATCHES = 400;

/** A layer of unseen points over a line: the nearest one shows itself and its numbers. */
export const nearestPoint = (encoding: Encoding = {}) => ({
  transform: [
    { joinaggregate: [{ op: 'count' as const, as: 'rows' }] },
    { window: [{ op: 'row_number' as const, as: 'row' }] },
    { filter: `datum.row % ceil(datum.rows / ${CATCHES}) === 0` },
  ],
  mark: { type: 'point' as const, filled: true, size: 60 },
  params: [
    {
      name: 'near',
      select: { type: 'point' as const, on: 'pointerover', nearest: true, clear: 'pointerout' },
    },
  ],
  encoding: {
    ...encoding,
    opacity: { condition: { param: 'near', empty: false, value: 1 }, value: 0 },
  },
});

/** The specification for a drawing that nobody points at. The page runs the text of this function: it refers to nothing. */
export function still<Spec extends object>(spec: Spec): Spec {
  const { layer } = spec as { layer?: readonly { params?: readonly { name: string }[] }[] };
  const catches = (unit: { params?: readonly { name: string }[] }): boolean =>
    unit.params?.some(({ name }) => name === 'near') ?? false;
  return layer ? { ...spec, layer: layer.filter((unit) => !catches(unit)) } : spec;
}

/** Charts of one section that name the same field light up the same things: `link` in reports/client.ts. */
export const linkParam = { name: 'linked', value: null };

/** Size and opacity of a point that is pointed at here or in a linked chart; the others step back. */
export const linkedPoint = (field: string, size: number, opacity: number) => ({
  size: { condition: { test: `datum.${field} === linked`, value: 3 * size }, value: size },
  opacity: {
    condition: { test: `linked !== null && datum.${field} !== linked`, value: 0.18 },
    value: opacity,
  },
});
