import type { FixedPointsValue, RestPoint, Stability } from '../analyses/fixed-points.js';
import type { AnalysisResult } from '../src/result.js';
import { aligned, count, integer, list, modulus, number, percent } from './format.js';
import { linkedPoint, linkParam } from './interaction.js';
import { eigenvaluePlane } from './plane.js';
import type { Chart, Fact, Section, Table } from './section.js';
import { extent } from './shape.js';

export function fixedPoints({ value }: AnalysisResult<FixedPointsValue>): Section {
  const roots = value.points.filter((p) => p.kind === 'fixed');
  const charts = [
    ...mapCharts(value),
    ...(value.points.length > 0 ? [eigenvalueCloud(value)] : []),
    ...(roots.length > 0 ? [dimensionChart(value)] : []),
  ];
  return {
    title: 'Where does it rest?',
    reading: `${found(value, roots)} ${completeness(value)}`,
    caveats: caveats(value, roots),
    facts: facts(value),
    charts,
    tables: [pointTable(value)],
  };
}

const stabilities: readonly Stability[] = ['stable', 'saddle', 'unstable', 'marginal', 'undetermined'];
const shapes = ['circle', 'diamond', 'triangle-up', 'square', 'cross'];

const plurals: Record<Stability, (n: number) => string> = {
  stable: (n) => `${integer(n)} stable`,
  saddle: (n) => count(n, 'saddle'),
  unstable: (n) => `${integer(n)} unstable`,
  marginal: (n) => `${integer(n)} undecided within its error`,
  undetermined: (n) => `${integer(n)} undetermined by leading eigenvalues`,
};

function found(value: FixedPointsValue, roots: readonly RestPoint[]): string {
  const where = value.input === 'closed loop' ? 'with the output fed back' : `at input ${held(value.input)}`;
  if (roots.length === 0) {
    return `No fixed point was found ${where}, which does not prove that there is none.`;
  }
  const kinds = stabilities
    .map((s) => ({ s, n: roots.filter((p) => p.stability === s).length }))
    .filter(({ n }) => n > 0)
    .map(({ s, n }) => plurals[s](n));
  return `${count(roots.length, 'fixed point')} ${where}: ${list(kinds)}.`;
}

const held = (input: readonly number[]): string => {
  if (input.every((x) => x === 0)) return 'zero';
  const shown = input.slice(0, 6).map((x) => number(x));
  return `(${shown.join(', ')}${input.length > shown.length ? ', …' : ''})`;
};

function completeness({ starts, coverage }: FixedPointsValue): string {
  if (starts === 0) return 'No search was made.';
  return (
    `From ${count(starts, 'start')}, Chao1 (a lower estimate) counts ${number(coverage.unseen, 2)} more that were not seen, and a root that this search reaches ` +
    `from more than ${percent(coverage.detectableShare)} of its starts would have been found with 95 % confidence; rarer ones may exist.`
  );
}

function caveats(value: FixedPointsValue, roots: readonly RestPoint[]): string[] {
  const said: string[] = [];
  const slow = value.points.length - roots.length;
  if (slow > 0) {
    const more = value.slowFound > slow ? ` (the slowest of ${integer(value.slowFound)} found)` : '';
    said.push(
      `${count(slow, 'slow point')}${more} listed apart: the network nearly rests there, but ${slow === 1 ? 'it is' : 'they are'} not fixed.`,
    );
  }
  const lost = value.unconverged - value.escaped;
  if (value.starts > 0 && lost > value.starts / 10) {
    said.push(
      `${integer(lost)} of ${count(value.starts, 'start')} ended at neither a root nor a slow point: the counts above may be too low.`,
    );
  }
  if (value.degenerate > 0) {
    said.push(
      `${count(value.degenerate, 'start')} ended where F(s) = s holds along a continuum of states to rounding, and ${value.degenerate === 1 ? 'is' : 'are'} not counted as fixed points: an exact line of rest states, or gates saturated far from the origin. --all lists them.`,
    );
  }
  if (value.outside > 0) {
    said.push(
      `${count(value.outside, 'start')} ended at roots outside the box that holds every state the network can reach: the dynamics never visits those.`,
    );
  }
  return said;
}

const chance = ({ unseenMass, unseenMassError }: FixedPointsValue['coverage']): string =>
  unseenMassError > 0 ? `${percent(unseenMass)} ± ${percent(unseenMassError)}` : percent(unseenMass);

const facts = (value: FixedPointsValue): Fact[] => [
  { label: 'Starts', value: integer(value.starts) },
  { label: 'Reached a fixed point', value: integer(value.converged) },
  { label: 'Reached a slow point', value: integer(value.slowStarts) },
  {
    label: 'Reached neither',
    value: integer(value.unconverged),
    ...(value.escaped > 0 && {
      note: `${integer(value.escaped)} ran off beyond the reachable box, where gates saturate`,
    }),
  },
  {
    label: 'Chance that the next start finds something new',
    value: chance(value.coverage),
    note: `Good–Turing: ${count(value.coverage.seenOnce, 'root')} seen once, ${integer(value.coverage.seenTwice)} twice`,
  },
];

const byStability = { field: 'stability', type: 'nominal' as const, title: 'filled: fixed, hollow: slow' };

/** The scale holds every kind, so that each keeps its colour; the legend shows those that are drawn. */
const pointEncoding = (present: readonly Stability[]) => ({
  color: { ...byStability, legend: { values: [...present] }, scale: { domain: [...stabilities] } },
  shape: {
    ...byStability,
    legend: { values: [...present] },
    scale: { domain: [...stabilities], range: shapes },
  },
  tooltip: [
    { field: 'number', type: 'quantitative' as const, title: 'point' },
    { field: 'kind', type: 'nominal' as const, title: 'kind' },
    { field: 'stability', type: 'nominal' as const, title: 'stability' },
    { field: 'unstable', type: 'quantitative' as const, title: 'unstable dimensions' },
    { field: 'radius', type: 'quantitative' as const, title: 'spectral radius', format: '.4g' },
    { field: 'q', type: 'nominal' as const, title: 'q' },
    { field: 'residual', type: 'nominal' as const, title: '‖F(s) − s‖' },
    { field: 'hits', type: 'quantitative' as const, title: 'starts that ended here' },
  ],
});

function mapCharts(value: FixedPointsValue): Chart[] {
  const path = value.projection.paths.flatMap((states, run) =>
    states.map(([u, v], order) => ({ u, v, order, run })),
  );
  const points = value.points.map((p, i) => ({
    number: i + 1,
    u: p.projection[0],
    v: p.projection[1],
    kind: p.kind,
    stability: p.stability,
    q: number(p.q, 2),
    residual: number(p.residual, 2),
    radius: p.spectralRadius,
    unstable: p.unstableDimensions,
    hits: p.hits,
  }));
  if (path.length + points.length === 0) return [];
  const everything = [...path, ...points];
  const present = stabilities.filter((s) => points.some((p) => p.stability === s));
  const axis = (name: string, values: number[], share: number) => ({
    type: 'quantitative' as const,
    title: `${name} (${percent(share)} of variance)`,
    scale: { domain: extent(values), nice: false, zero: false },
    axis: { tickCount: 5 },
  });
  const [first, second] = value.projection.explained;
  return [
    {
      title: 'Rest points over the paths that were visited',
      description: `${count(points.length, 'rest point')} in the plane of the two principal components of the visited states, over ${count(path.length, 'state')} of the paths; shape and colour tell stability, hollow points are slow rather than fixed. The two axes hold ${percent(first + second)} of the variance; other directions are not seen here.`,
      wide: true,
      spec: {
        width: 'container',
        height: 400,
        params: [linkParam],
        data: { name: 'points' },
        encoding: {
          x: {
            field: 'u',
            ...axis(
              'PC 1',
              everything.map((p) => p.u),
              first,
            ),
          },
          y: {
            field: 'v',
            ...axis(
              'PC 2',
              everything.map((p) => p.v),
              second,
            ),
          },
        },
        layer: [
          {
            data: { name: 'path' },
            mark: { type: 'line', style: 'path', strokeWidth: 0.7, opacity: 0.5 },
            encoding: {
              order: { field: 'order', type: 'quantitative' },
              detail: { field: 'run', type: 'nominal' },
            },
          },
          {
            transform: [{ filter: "datum.kind === 'fixed'" }],
            mark: { type: 'point', filled: true },
            encoding: { ...pointEncoding(present), ...linkedPoint('number', 95, 0.9) },
          },
          {
            transform: [{ filter: "datum.kind === 'slow'" }],
            mark: { type: 'point', filled: false, strokeWidth: 1.8 },
            encoding: { ...pointEncoding(present), ...linkedPoint('number', 95, 0.9) },
          },
        ],
      },
      datasets: { points, path },
      note: {
        means:
          'Where the network comes to rest when its input is held, drawn over the states that it visits. Stable points are what it can hold, one decision or symbol each; saddles between them are where it decides.',
        todo: 'Count the stable points against what the task has to tell apart. Point at one to find its eigenvalues below. Points that lie far from the paths matter little in use.',
      },
      zoom: true,
      link: 'number',
      sketch: { dataset: 'points', x: 'u', y: 'v', kind: 'points' },
    },
  ];
}

const eigenvalueCloud = (value: FixedPointsValue): Chart =>
  eigenvaluePlane({
    title: 'Eigenvalues at the rest points',
    description: `Eigenvalues of the Jacobian at ${count(value.points.length, 'rest point')} in the complex plane with the unit circle, by the stability of the point: outside the circle modes grow.`,
    note: {
      means:
        'The modes at every rest point at once. A stable point has all of them inside the circle, a saddle a few outside; those next to 1 mark directions along which the state hardly moves.',
      todo: 'Point at an eigenvalue to see which rest point it belongs to. Many next to 1 with no point alone suggest a line of rest states, on which a number can be stored.',
    },
    link: 'number',
    rows: value.points.flatMap((p, i) =>
      p.eigenvalues.map(([re, im]) => ({
        number: i + 1,
        re,
        im,
        group: p.stability,
        modulus: Math.hypot(re, im),
        point: `${i + 1} (${p.kind})`,
      })),
    ),
    groupTitle: 'point',
    groups: stabilities,
    shapes,
    tooltip: [
      { field: 'point', title: 'point' },
      { field: 'group', title: 'stability' },
      { field: 're', title: 'Re λ', format: '.5g' },
      { field: 'im', title: 'Im λ', format: '.5g' },
      { field: 'modulus', title: '|λ|', format: '.5g' },
    ],
  });

/** Up to here bars have a fixed width; a single one would fill the chart. */
const fewBars = 6;

function dimensionChart(value: FixedPointsValue): Chart {
  const rows = value.byUnstableDimension.map((points, dimensions) => ({
    dimensions: String(dimensions),
    points,
  }));
  const drawn = rows.filter((r) => r.points > 0);
  return {
    title: 'Fixed points by unstable dimensions',
    description: `Bars: ${drawn.map((r) => `${r.points} with ${r.dimensions}`).join(', ')} unstable dimensions.`,
    spec: {
      width: 'container',
      height: 340,
      data: { name: 'dimensions' },
      encoding: {
        x: {
          field: 'dimensions',
          type: 'ordinal',
          title: 'unstable dimensions',
          sort: null,
          axis: { labelAngle: 0 },
        },
        y: {
          field: 'points',
          type: 'quantitative',
          title: 'fixed points',
          scale: { domain: [0, Math.max(1, ...rows.map((r) => r.points)) * 1.1], nice: false },
          axis: { tickMinStep: 1, tickCount: 6 },
        },
        tooltip: [
          { field: 'dimensions', type: 'nominal', title: 'unstable dimensions' },
          { field: 'points', type: 'quantitative', title: 'fixed points' },
        ],
      },
      layer: [
        { mark: { type: 'bar', cornerRadiusEnd: 2, width: rows.length <= fewBars ? 48 : { band: 0.7 } } },
        {
          mark: { type: 'text', style: 'note', dy: -8 },
          encoding: { text: { field: 'points', type: 'quantitative' } },
        },
      ],
    },
    datasets: { dimensions: rows },
    note: {
      means:
        'How many directions lead away from each fixed point: none for an attractor, one for a saddle between two attractors, more for corners where several borders meet.',
      todo: 'Attractors without any saddle between them hint at a search that missed points: raise --starts.',
    },
  };
}

/** Slowest decay: the largest positive time constant; growing modes have negative ones. */
const slowest = (p: RestPoint): string => {
  const decays = p.timeConstants.filter((t) => t >= 0);
  return decays.length === 0 ? 'none decays' : aligned(decays.reduce((a, b) => Math.max(a, b)));
};

const reachable = (p: RestPoint): string => (p.reachable === null ? 'not known' : p.reachable ? 'yes' : 'no');

const outputOf = (p: RestPoint): string =>
  p.output === undefined
    ? 'none'
    : `${p.output
        .slice(0, 4)
        .map((x) => number(x))
        .join(', ')}${p.output.length > 4 ? ', …' : ''}`;

function pointTable(value: FixedPointsValue): Table {
  const withOutput = value.points.some((p) => p.output !== undefined);
  return {
    title: 'Rest points',
    columns: [
      'point',
      'kind',
      'stability',
      'unstable dimensions',
      'spectral radius',
      'slowest decay, steps',
      'q',
      '‖F(s) − s‖',
      'starts that ended here',
      'reachable',
      ...(withOutput ? ['output'] : []),
    ],
    text: ['kind', 'stability', 'reachable', 'output'],
    rows: value.points.map((p, i) => [
      String(i + 1),
      p.kind,
      p.stability,
      integer(p.unstableDimensions),
      modulus(p.spectralRadius),
      slowest(p),
      number(p.q, 2),
      number(p.residual, 2),
      integer(p.hits),
      reachable(p),
      ...(withOutput ? [outputOf(p)] : []),
    ]),
  };
}
