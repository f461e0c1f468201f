import type { GradientPath, GradientsValue } from '../analyses/gradients.js';
import { aligned, count, integer, list, number, percent, powerOfTen, steps } from './format.js';
import { dashesFor, lineLegend, nearestPoint } from './interaction.js';
import type { Chart, Fact, Table } from './section.js';
import { extent } from './shape.js';

/** The gradient part by part and step by step. */
export const detailCharts = (value: GradientsValue): Chart[] => [
  ...blockCharts(value),
  ...(value.path ? pathCharts(value.path) : []),
];

export const detailTables = (value: GradientsValue): Table[] => (value.path ? pathTables(value.path) : []);

export function detailFacts(value: GradientsValue): Fact[] {
  const { truncation, growth, effectiveRank, atLength } = value;
  const at = effectiveRank.lags.findLastIndex((lag) => lag <= Math.max(1, atLength.lag));
  const found: Fact[] = [
    {
      label: 'Truncate no shorter than',
      value: truncation.steps === null ? 'no window is long enough' : steps(truncation.steps),
      note: `leaves out at most ${percent(truncation.share)} of the summed norms`,
    },
    {
      label: 'Steps at which it grew',
      value: percent(growth.share),
      note: `at most by a factor of ${number(growth.largestFactor)} in one`,
    },
  ];
  if (at >= 0) {
    found.push({
      label: `Effective rank after ${count(effectiveRank.lags[at]!, 'step')}`,
      value: number(effectiveRank.values[at]),
      note: '(Σσ²)²/Σσ⁴: how many directions share what is left',
    });
  }
  if (growth.log10Clip !== null) {
    found.push({
      label: 'A norm to clip at',
      value: powerOfTen(growth.log10Clip),
      note: 'times the norm at the end: the geometric mean over the end points; 0.5 to 10 times as much is usual',
    });
  }
  const far = value.path?.far;
  if (far) {
    found.push({
      label: `Followed over ${count(far.lags.at(-1)!, 'step')}`,
      value: powerOfTen(far.log10Norm.at(-1)! - far.log10Norm[0]!),
      note: `of ${value.path!.of} is left`,
    });
  }
  for (const { layer, gate, slope, toHold } of value.path?.bias ?? []) {
    found.push({
      label: `${layer}, bias of gate ${gate}`,
      value: `${number(slope)} nats per step each`,
      note:
        toHold === null
          ? 'to first order, through its product with the old state alone; no change within reach would hold the gradient'
          : `to first order, through its product with the old state alone: ${toHold > 0 ? '+' : ''}${number(toHold)} would hold the gradient over ${count(atLength.lag, 'step')}`,
    });
  }
  return found;
}

export const detailReading = ({ path }: GradientsValue): string => {
  const worst = path?.deaths[0];
  if (!worst || !path || worst.log10Factor > Math.log10(0.5)) return '';
  const gate = worst.gate
    ? `, where gate ${worst.gate.name} of ${worst.gate.layer} was at ${number(worst.gate.here, 2)} against ${number(worst.gate.mean, 2)} in the mean`
    : '';
  return ` Followed back, ${path.of} lost most ${worst.lag === 0 ? 'in the last step' : `${count(worst.lag + 1, 'step')} back`}: a factor of ${powerOfTen(worst.log10Factor)}${gate}.`;
};

const categories = 5;

function blockCharts({ blocks }: GradientsValue): Chart[] {
  // Colours and dashes tell five apart; a deeper stack keeps the first ones, and all of them in the file.
  const shown = blocks.slice(0, categories);
  const rows = shown.flatMap(({ name, log10Norm }) =>
    log10Norm.map((log10, lag) => ({ lag, log10, part: name })).filter((r) => Number.isFinite(r.log10)),
  );
  if (rows.length === 0) return [];
  const names = shown.map(({ name }) => name);
  const last = Math.max(1, ...shown.map(({ log10Norm }) => log10Norm.length - 1));
  const series = { field: 'part', type: 'nominal' as const, title: null, legend: lineLegend(names) };
  return [
    {
      title: 'Gradients part by part',
      description: `Base-10 logarithm of the norm of parts of ∂s(T)/∂s(T − lag) against the lag: ${list(shown.map(({ name, log10Norm }) => `${name} ends at ${powerOfTen(log10Norm.at(-1)!)}`))}.${blocks.length > shown.length ? ` ${count(blocks.length - shown.length, 'more part')} stand in the file.` : ''}`,
      spec: {
        width: 'container',
        height: 320,
        data: { name: 'parts' },
        layer: [{ mark: { type: 'line', clip: true } }, nearestPoint()],
        encoding: {
          x: {
            field: 'lag',
            type: 'quantitative',
            title: 'lag, steps back',
            scale: { domain: [0, last], nice: false },
            axis: { tickMinStep: 1, tickCount: 6 },
          },
          y: {
            field: 'log10',
            type: 'quantitative',
            title: 'log₁₀ norm',
            scale: {
              domain: extent(
                rows.map((r) => r.log10),
                [0],
              ),
              nice: false,
            },
          },
          color: { ...series, scale: { domain: names } },
          strokeDash: { ...series, scale: { domain: names, range: dashesFor(names) } },
          tooltip: [
            { field: 'part', type: 'nominal', title: 'part' },
            { field: 'lag', type: 'quantitative', title: 'steps back' },
            { field: 'log10', type: 'quantitative', title: 'log₁₀', format: '.4g' },
          ],
        },
      },
      datasets: { parts: rows },
      note: {
        means:
          'Where in the state gradients survive: in a layer by itself, from the output of the top layer down to a lower one, or in h alone, which leaves out the cell state.',
        todo: 'A layer that gets nothing from the output of the top is not trained by late errors: a shortcut or a loss closer to it would help.',
      },
      zoom: true,
    },
  ];
}

function pathCharts(path: GradientPath): Chart[] {
  return [factorChart(path), ...shareCharts(path)];
}

function factorChart({ log10Factor, of, deaths }: GradientPath): Chart {
  const rows = log10Factor.map((log10, k) => ({ lag: k + 1, log10 })).filter((r) => Number.isFinite(r.log10));
  const worst = deaths[0];
  return {
    title: 'Where the gradient dies',
    description: `Base-10 logarithm of the factor of each single step for ${of}, against steps back; above 0, where a dashed line lies, it grew.${worst ? ` The step that cost most is ${worst.lag + 1} back, a factor of ${powerOfTen(worst.log10Factor)}.` : ''}`,
    spec: {
      width: 'container',
      height: 320,
      data: { name: 'factors' },
      layer: [
        {
          mark: { type: 'rule', style: 'reference' },
          encoding: { y: { datum: 0, type: 'quantitative' } },
        },
        {
          mark: { type: 'line', interpolate: 'step' },
          encoding: {
            x: { field: 'lag', type: 'quantitative' },
            y: { field: 'log10', type: 'quantitative' },
          },
        },
        nearestPoint({
          x: {
            field: 'lag',
            type: 'quantitative',
            title: 'steps back',
            scale: { domain: [0, Math.max(1, log10Factor.length)], nice: false },
            axis: { tickMinStep: 1, tickCount: 6 },
          },
          y: { field: 'log10', type: 'quantitative', title: 'log₁₀ factor of the step' },
          tooltip: [
            { field: 'lag', type: 'quantitative', title: 'steps back' },
            { field: 'log10', type: 'quantitative', title: 'log₁₀ factor', format: '.4g' },
          ],
        }),
      ],
    },
    datasets: { factors: rows },
    note: {
      means:
        'What each step on the way back makes of the gradient. A curve that lies evenly below 0 is a slow leak; deep notches are single inputs that shut a gate or saturate a unit.',
      todo: 'A slow leak answers to the bias of the gate that keeps; at the notches look at what the input said, in the table of steps that cost most.',
    },
    zoom: true,
    sketch: { dataset: 'factors', x: 'lag', y: 'log10', kind: 'line' },
  };
}

function shareCharts({ paths }: GradientPath): Chart[] {
  if (paths.length < 2) return [];
  const rows = paths.map(({ name, mean }) => ({ path: name, mean }));
  return [
    {
      title: 'Which way the gradient went',
      description: `Mean part of each way through the cell in the steps back; they add up to 1: ${list(paths.map(({ name, mean }) => `${name} ${number(mean, 2)}`))}.`,
      spec: {
        width: 'container',
        height: 60 + 34 * rows.length,
        data: { name: 'ways' },
        mark: { type: 'bar' },
        encoding: {
          y: { field: 'path', type: 'nominal', title: null, sort: null },
          x: { field: 'mean', type: 'quantitative', title: 'mean part of a step' },
          tooltip: [
            { field: 'path', type: 'nominal', title: 'way' },
            { field: 'mean', type: 'quantitative', title: 'part', format: '.3f' },
          ],
        },
      },
      datasets: { ways: rows },
      note: {
        means:
          'The derivative of a step is a sum over ways through the cell: directly, along the state that a gate keeps, or through the derivative of a gate or of the candidate. A negative part works against the others.',
        todo: 'Where the direct way carries nearly all, memory lies in the gate that keeps; where the candidate does, it lies in the recurrent weights.',
      },
    },
  ];
}

function pathTables({ paths, gates, deaths, bias }: GradientPath): Table[] {
  const tables: Table[] = [];
  if (deaths.length > 0) {
    tables.push({
      title: 'Steps that cost the gradient most',
      columns: [
        'steps back',
        'row of the drive',
        'factor',
        'way that lost',
        'gate',
        'its openness there',
        'in the mean',
      ],
      text: ['way that lost', 'gate'],
      rows: deaths.map(({ lag, row, log10Factor, path, gate }) => [
        integer(lag + 1),
        integer(row),
        powerOfTen(log10Factor, 3),
        path,
        gate ? `${gate.name} of ${gate.layer}` : '–',
        aligned(gate?.here, 3),
        aligned(gate?.mean, 3),
      ]),
    });
  }
  if (paths.length > 1) {
    tables.push({
      title: 'Ways through the cell',
      columns: ['way', 'mean part'],
      text: ['way'],
      rows: paths.map(({ name, mean }) => [name, aligned(mean, 3)]),
    });
  }
  if (gates.length > 0) {
    tables.push({
      title: 'Gates where the gradient meets them',
      columns: [
        'layer',
        'gate',
        'mean openness',
        'rate by its bias, nats per step',
        'bias that would hold the gradient',
      ],
      text: ['layer', 'gate'],
      rows: gates.map(({ layer, name, weighted }) => {
        const met = weighted.filter((v) => !Number.isNaN(v));
        const own = bias.find((b) => b.layer === layer && b.gate === name);
        return [
          layer,
          name,
          aligned(met.reduce((sum, v) => sum + v, 0) / met.length, 3),
          aligned(own?.slope, 3),
          aligned(own?.toHold, 3),
        ];
      }),
    });
  }
  return tables;
}
