import type { TopLevelSpec } from 'vega-lite';
import { linkedPoint, linkParam } from './interaction.js';
import type { Chart, Note, Row } from './section.js';
import { equalAspect, squareAround, unitCircle } from './shape.js';

export interface PlaneRow extends Row {
  readonly re: number;
  readonly im: number;
  readonly group: string;
}

/** Groups keep their colour and shape from one chart to the next: the order of `groups` decides both. */
export interface Plane {
  readonly title: string;
  readonly description: string;
  readonly rows: readonly PlaneRow[];
  readonly groupTitle: string;
  readonly groups: readonly string[];
  readonly shapes: readonly string[];
  readonly note: Note;
  /** The field by which points light up here and in the section's other charts. */
  readonly link: string;
  /** Curves to be drawn beside the unit circle, such as a predicted edge; each is closed. */
  readonly curves?: readonly {
    readonly name: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
  readonly tooltip: readonly { readonly field: string; readonly title: string; readonly format?: string }[];
}

/** Eigenvalues in the complex plane with the unit circle: inside it modes decay, outside it they grow. */
export function eigenvaluePlane(plane: Plane): Chart {
  const curves = (plane.curves ?? []).flatMap(({ name, points }) =>
    points.map(([re, im], order) => ({ curve: name, re, im, order })),
  );
  const domain = equalAspect(squareAround([...plane.rows, ...curves].map((r) => [r.re, r.im])));
  const present = plane.groups.filter((g) => plane.rows.some((r) => r.group === g));
  const group = {
    field: 'group',
    type: 'nominal' as const,
    title: plane.groupTitle,
    legend: { values: present },
  };
  const crowded = plane.rows.length > 200;
  const spec: TopLevelSpec = {
    width: 'container',
    height: 340,
    params: [linkParam],
    data: { name: 'eigenvalues' },
    encoding: {
      x: {
        field: 're',
        type: 'quantitative',
        title: 'Re λ',
        scale: { domain: domain.x, nice: false },
        axis: { tickCount: 7 },
      },
      y: {
        field: 'im',
        type: 'quantitative',
        title: 'Im λ',
        scale: { domain: domain.y, nice: false },
        axis: { tickCount: 7 },
      },
    },
    layer: [
      {
        data: { name: 'circle' },
        mark: { type: 'line', style: 'boundary', clip: true },
        encoding: { order: { field: 'order', type: 'quantitative' } },
      },
      ...(curves.length === 0
        ? []
        : [
            {
              data: { name: 'curves' },
              mark: { type: 'line' as const, style: 'reference', clip: true },
              encoding: {
                detail: { field: 'curve', type: 'nominal' as const },
                order: { field: 'order', type: 'quantitative' as const },
              },
            },
          ]),
      {
        mark: { type: 'point', filled: true, clip: true },
        encoding: {
          ...linkedPoint(plane.link, crowded ? 26 : 55, crowded ? 0.55 : 0.85),
          color: { ...group, scale: { domain: [...plane.groups] } },
          shape: { ...group, scale: { domain: [...plane.groups], range: [...plane.shapes] } },
          tooltip: plane.tooltip.map((t) => ({
            ...t,
            type: t.format === undefined ? ('nominal' as const) : ('quantitative' as const),
          })),
        },
      },
    ],
  };
  return {
    title: plane.title,
    description: plane.description,
    spec,
    datasets: { eigenvalues: plane.rows, circle: unitCircle, ...(curves.length > 0 && { curves }) },
    note: plane.note,
    decoration: ['circle'],
    zoom: true,
    link: plane.link,
    sketch: { dataset: 'eigenvalues', x: 're', y: 'im', kind: 'plane' },
  };
}
