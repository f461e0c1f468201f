import type { TopLevelSpec } from 'vega-lite';
import { integer } from './format.js';
import { still, zoomable } from './interaction.js';
import type { Chart, Row } from './section.js';
import { thin } from './shape.js';

/** A chart as it is drawn, on the page and in files: its specification with the rows that are shown. */
export interface Drawn {
  readonly spec: object;
  /** What was left out, where something was. */
  readonly thinned: string | undefined;
}

/** More rows than this are not told apart on a screen, and make the page slow. */
const mostRows = 5000;
/** More digits than a screen or a tooltip shows would double the page; the result keeps all of them. */
const drawnDigits = 7;

export function drawn(chart: Chart, interactive: boolean): Drawn {
  const left = Object.entries(chart.datasets).filter(([, rows]) => rows.length > mostRows);
  const said = left.map(
    ([name, rows]) => `${integer(mostRows)} of the ${integer(rows.length)} rows of “${name}”`,
  );
  const whole = withSingleRules(chart.spec);
  const spec = interactive ? (chart.zoom ? zoomable(whole) : whole) : still(whole);
  return {
    spec: { ...spec, description: chart.description, datasets: shown(chart.datasets) },
    thinned:
      said.length === 0 ? undefined : `Drawn: ${said.join(', ')}, evenly spaced. The result holds all.`,
  };
}

const shown = (datasets: Chart['datasets']): Chart['datasets'] =>
  Object.fromEntries(
    Object.entries(datasets).map(([name, rows]) => [name, thin(rows, mostRows).map(rounded)]),
  );

const rounded = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([k, v]) => [k, typeof v === 'number' ? Number(v.toPrecision(drawnDigits)) : v]),
  );

type Channels = Readonly<Record<string, { readonly field?: unknown }>>;
interface Layer {
  readonly data?: unknown;
  readonly encoding?: Channels;
}

/** A line at a fixed value would be drawn once for each row of the data that it inherits. */
function withSingleRules(spec: TopLevelSpec): TopLevelSpec {
  const { layer, encoding } = spec as { layer?: readonly Layer[]; encoding?: Channels };
  if (!layer) return spec;
  const fixed = (unit: Layer): boolean =>
    unit.data === undefined &&
    Object.values({ ...encoding, ...unit.encoding }).every(
      (channel) => channel.field === undefined && !Array.isArray(channel),
    );
  return {
    ...spec,
    layer: layer.map((unit) => (fixed(unit) ? { ...unit, data: { values: [{}] } } : unit)),
  } as never;
}
