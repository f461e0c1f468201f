import type { GatesLayer, GatesValue, GateValue } from '../analyses/gates.js';
import type { AnalysisResult } from '../src/result.js';
import { aligned, chosen, count, integer, list, number, percent, steps, withError } from './format.js';
import { dashesFor, lineLegend, nearestPoint } from './interaction.js';
import type { Chart, Fact, Section, Table } from './section.js';
import { extent } from './shape.js';

export function gates({ value }: AnalysisResult<GatesValue>): Section {
  const layers = value.layers.filter((layer) => layer.gates.length > 0);
  return {
    title: 'What do its gates do?',
    reading: reading(value),
    caveats: caveats(value),
    facts: value.layers.flatMap((layer) => facts(layer, value)),
    charts: layers.flatMap((layer) => [
      openness(layer),
      ...timeScaleCharts(layer, value),
      ...traceCharts(layer),
    ]),
    tables: [...(layers.length > 0 ? [gateTable(layers)] : []), ...layers.flatMap(unitTables)],
  };
}

const under: Record<GatesValue['mode'], string> = {
  driven: 'of the drive',
  autonomous: 'with the input held',
  'closed loop': 'in closed loop',
};

function reading(value: GatesValue): string {
  if (value.saturated === null) {
    return value.layers.length === 0
      ? 'No step was taken, or this map is no network: there are no gates to read.'
      : 'This cell has no gates: how long it remembers is for its recurrent weights alone.';
  }
  const keeping = value.layers.flatMap(({ name, gates }) =>
    gates.flatMap((gate) => (gate.timeScales ? [held(name, gate, value)] : [])),
  );
  return (
    `Over ${count(value.steps, 'step')} ${under[value.mode]}, ${keeping.join('; ') || 'no gate keeps a state'}. ` +
    `Of all readings of gates ${percent(value.saturated)} are saturated, below 0.05 or above 0.95${saturation(value)}.`
  );
}

function held(layer: string, { name, timeScales }: GateValue, { integratorSteps }: GatesValue): string {
  const [low, , median, , high] = timeScales!.quantiles;
  return (
    `${gateName(name)} of ${layer} lets a unit hold on for ${steps(median!)} at the median ` +
    `(${number(low)} to ${number(high)} from the 5 % to the 95 % quantile), and ${integer(timeScales!.integrators.length)} of ` +
    `${count(timeScales!.units.length, 'unit')} for ${chosen(integratorSteps)} or more`
  );
}

const gateName = (name: string): string => `gate ${name}`;

function saturation({ layers }: GatesValue): string {
  const stuck = layers.flatMap(({ name, gates }) =>
    gates.flatMap((gate) => {
      const still = gate.stuckShut + gate.stuckOpen;
      return still > 0 ? [`${count(still, 'unit')} of ${gateName(gate.name)} in ${name}`] : [];
    }),
  );
  return stuck.length === 0 ? '; none is stuck there' : `; stuck there all but always are ${list(stuck)}`;
}

function caveats(value: GatesValue): string[] {
  const said: string[] = [];
  if (value.layers.some(({ gates }) => gates.some((gate) => gate.timeScales))) {
    said.push(
      'A time scale is that of the gate alone, −1/⟨ln gate⟩: recurrent weights can make a memory last longer, as fixed points and exponents show, or overwrite it sooner.',
    );
  }
  if (value.layers.some(({ activity }) => activity.dead === null)) {
    said.push(
      'The state is at rest over this run: which units are dead or redundant cannot be told. --drive gives them something to do.',
    );
  }
  if (value.layers.some((layer) => follows(layer))) {
    said.push(
      `Correlations are at the same step and linear; where the input has no memory, |r| up to ${number(3 / Math.sqrt(value.steps), 2)} (three standard errors over this many steps) comes about by chance.`,
    );
  }
  return said;
}

/** An input that stands still correlates with nothing. */
const follows = ({ activity }: GatesLayer): boolean =>
  activity.inputCorrelation?.r.some((r) => r !== null) ?? false;

function facts({ name, units, activity, gates }: GatesLayer, value: GatesValue): Fact[] {
  const found: Fact[] = [];
  for (const gate of gates) {
    found.push({
      label: `${name}, ${gateName(gate.name)}`,
      value: withError(gate.mean, gate.standardError),
      note: `mean openness: ${roles[gate.role]}`,
    });
  }
  if (activity.dead !== null) {
    found.push({
      label: `${name}, dead units`,
      value: `${integer(activity.dead.length)} of ${integer(units)}`,
      note: 'move less than a thousandth of what the others do',
    });
  }
  if (activity.redundant !== null) {
    const spare = activity.redundant.reduce((sum, group) => sum + group.length - 1, 0);
    found.push({
      label: `${name}, redundant units`,
      value: `${integer(spare)} of ${integer(units)}`,
      note: `say the same as another, |r| ≥ ${chosen(value.redundantAbove)}`,
    });
  }
  if (activity.dimension !== null) {
    found.push({
      label: `${name}, directions used`,
      value: number(activity.dimension),
      note: '(Σ variances)²/Σ variances² along the principal axes',
    });
  }
  return found;
}

const roles: Record<GateValue['role'], string> = {
  keep: 'share of the old state that stays',
  write: 'share of the candidate that enters',
  withhold: 'share of the candidate that is kept out',
  show: 'share of the state that is handed on',
  reset: 'share of the state that the candidate sees',
  candidate: 'what is offered',
};

function openness({ name, gates }: GatesLayer): Chart {
  const rows = gates.flatMap((gate) => {
    const width = 1 / gate.histogram.length;
    return gate.histogram.map((share, k) => ({ gate: gate.name, at: (k + 0.5) * width, share }));
  });
  const names = gates.map((gate) => gate.name);
  const series = { field: 'gate', type: 'nominal' as const, title: 'gate', legend: lineLegend(names) };
  return {
    title: `How open the gates of ${name} are`,
    description: `Shares of the readings over all units and steps, by how open the gate is: ${gates.map((gate) => `${gate.name} has ${percent(gate.shut)} below 0.05 and ${percent(gate.open)} above 0.95`).join(', ')}.`,
    spec: {
      width: 'container',
      height: 300,
      data: { name: 'openness' },
      mark: { type: 'line', interpolate: 'step' },
      encoding: {
        x: {
          field: 'at',
          type: 'quantitative',
          title: 'openness: 0 shut, 1 open',
          scale: { domain: [0, 1], nice: false },
        },
        y: { field: 'share', type: 'quantitative', title: 'share of readings', axis: { format: '%' } },
        color: { ...series, scale: { domain: names } },
        strokeDash: { ...series, scale: { domain: names, range: dashesFor(names) } },
        tooltip: [
          { field: 'gate', type: 'nominal', title: 'gate' },
          { field: 'at', type: 'quantitative', title: 'openness', format: '.3f' },
          { field: 'share', type: 'quantitative', title: 'share', format: '.2%' },
        ],
      },
    },
    datasets: { openness: rows },
    note: {
      means:
        'Whether a gate decides or dithers: a peak at 0 or 1 is a gate that is shut or open whatever comes, the middle one that passes a share of everything. Keeping gates near 1 are what makes memory long.',
      todo: 'Nearly all of it at one end: the gate has saturated, and no gradient reaches its weights; look at its bias and at the size of the inputs.',
    },
  };
}

function timeScaleCharts({ name, gates }: GatesLayer, value: GatesValue): Chart[] {
  return gates.flatMap((gate) => {
    const all = gate.timeScales?.units ?? [];
    const rows = [...all]
      .sort((a, b) => b - a)
      .map((steps, i) => ({ rank: i + 1, steps }))
      .filter((r) => Number.isFinite(r.steps) && r.steps > 0);
    if (rows.length === 0) return [];
    const logs = extent([...rows.map((r) => Math.log10(r.steps)), Math.log10(value.integratorSteps)]);
    const lost = all.length - rows.length;
    return [
      {
        title: `How long units of ${name} hold on through ${gate.name}`,
        description: `Time scale of each unit in steps on a logarithmic scale, longest first: from ${steps(rows[0]!.steps)} down to ${steps(rows.at(-1)!.steps)}. A dashed line marks ${steps(value.integratorSteps)}.${lost > 0 ? ` ${count(lost, 'unit')} with a time scale of 0 or ∞ cannot be drawn.` : ''}`,
        spec: {
          width: 'container',
          height: 300,
          data: { name: 'units' },
          layer: [
            {
              mark: { type: 'rule', style: 'reference' },
              encoding: { y: { datum: value.integratorSteps, type: 'quantitative' } },
            },
            {
              mark: { type: 'point', filled: true, opacity: 0.85 },
              encoding: {
                x: {
                  field: 'rank',
                  type: 'quantitative',
                  title: 'unit, by time scale',
                  scale: { domain: extent([1, all.length]), nice: false, zero: false },
                  axis: { tickMinStep: 1, grid: false },
                },
                y: {
                  field: 'steps',
                  type: 'quantitative',
                  title: `−1/⟨ln ${gate.name}⟩, steps`,
                  scale: { type: 'log', domain: [10 ** logs[0], 10 ** logs[1]], nice: false },
                  axis: { tickCount: 5, grid: false },
                },
                tooltip: [
                  { field: 'rank', type: 'quantitative', title: 'rank' },
                  { field: 'steps', type: 'quantitative', title: 'steps', format: '.4g' },
                ],
              },
            },
          ],
        },
        datasets: { units: rows },
        note: {
          means:
            'How many steps each unit keeps its value through this gate alone, from the average of its logarithm. The longest few decide what the layer can carry; recurrent weights can lengthen or shorten this.',
          todo: 'No unit as slow as the delays of the task: start the bias of the keeping gate higher. Units above the dashed line act as counters or integrators.',
        },
        zoom: true,
        sketch: { dataset: 'units', x: 'rank', y: 'steps', kind: 'points', log: true },
      } satisfies Chart,
    ];
  });
}

function traceCharts({ name, gates, trace }: GatesLayer): Chart[] {
  if (trace.steps.length < 2) return [];
  const rows = trace.mean.flatMap((means, k) =>
    means.map((mean, g) => ({ step: trace.steps[k]!, gate: gates[g]!.name, mean })),
  );
  const names = gates.map((gate) => gate.name);
  const series = { field: 'gate', type: 'nominal' as const, title: 'gate', legend: lineLegend(names) };
  const last = trace.steps.at(-1)!;
  return [
    {
      title: `Openness of the gates of ${name} along the run`,
      description: `Mean over the units of each gate, in ${count(trace.steps.length, 'stretch', 'stretches')} of ${count(trace.steps[0]!, 'step')} up to step ${integer(last)}: ${gates.map((gate) => `${gate.name} ${number(gate.mean)}`).join(', ')} on the whole.`,
      spec: {
        width: 'container',
        height: 300,
        data: { name: 'trace' },
        layer: [{ mark: { type: 'line' } }, nearestPoint()],
        encoding: {
          x: {
            field: 'step',
            type: 'quantitative',
            title: 'step',
            scale: { domain: [0, last], nice: false },
            axis: { tickCount: 6 },
          },
          y: {
            field: 'mean',
            type: 'quantitative',
            title: 'mean openness',
            scale: { domain: [0, 1], nice: false },
          },
          color: { ...series, scale: { domain: names } },
          strokeDash: { ...series, scale: { domain: names, range: dashesFor(names) } },
          tooltip: [
            { field: 'gate', type: 'nominal', title: 'gate' },
            { field: 'step', type: 'quantitative', title: 'up to step' },
            { field: 'mean', type: 'quantitative', title: 'openness', format: '.4f' },
          ],
        },
      },
      datasets: { trace: rows },
      note: {
        means:
          'How open each gate is on the average of its units as the run goes on: level lines are gates that do not care what comes in, steps and waves follow the data or are still settling.',
        todo: 'A drift at the beginning that levels off is the transient: leave it out with --warmup.',
      },
      zoom: true,
    },
  ];
}

const gateTable = (layers: readonly GatesLayer[]): Table => ({
  title: 'Gates',
  columns: [
    'layer',
    'gate',
    'mean',
    '< 0.05',
    '> 0.95',
    'stuck shut',
    'stuck open',
    'median time scale, steps',
    'what it is',
  ],
  text: ['layer', 'gate', 'what it is'],
  rows: layers.flatMap(({ name, gates }) =>
    gates.map((gate) => [
      name,
      gate.name,
      withError(gate.mean, gate.standardError),
      percent(gate.shut),
      percent(gate.open),
      integer(gate.stuckShut),
      integer(gate.stuckOpen),
      aligned(gate.timeScales?.quantiles[2]),
      roles[gate.role],
    ]),
  ),
});

const MOST_UNITS = 20;

/** The units that hold on longest. */
function unitTables({ name, gates }: GatesLayer): Table[] {
  return gates.flatMap((gate) => {
    if (!gate.timeScales) return [];
    const { units, standardErrors } = gate.timeScales;
    const order = units.map((_, i) => i).sort((a, b) => units[b]! - units[a]! || a - b);
    return [
      {
        title: `Units of ${name} that hold on longest through ${gate.name}`,
        columns: ['unit', 'time scale, steps', 'standard error', 'mean openness', 'follows input', 'r'],
        rows: order
          .slice(0, MOST_UNITS)
          .map((i) => [
            integer(i),
            aligned(units[i]),
            aligned(standardErrors[i], 2),
            aligned(gate.units.mean[i]),
            gate.inputCorrelation?.r[i] == null ? '–' : integer(gate.inputCorrelation.input[i]!),
            aligned(gate.inputCorrelation?.r[i], 2),
          ]),
      },
    ];
  });
}
