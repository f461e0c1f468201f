import type { InspectModule, InspectValue, WeightStatistics } from '../analyses/inspect.js';
import type { AnalysisResult } from '../src/result.js';
import { aligned, cellName, count, integer, list } from './format.js';
import type { Chart, Row, Section, Table } from './section.js';
import { extent } from './shape.js';

export function inspect({ value }: AnalysisResult<InspectValue>): Section {
  return {
    title: 'What is in the file',
    reading: reading(value),
    caveats: [...nonFiniteWeights(value), ...value.notes],
    facts: [],
    charts: value.modules.length === 0 ? [] : [parameterChart(value), ...weightCharts(value)],
    tables: [moduleTable(value), ...weightTables(value), tensorTable(value)],
    listings: value.modules
      .filter((m) => m.formula.length > 0)
      .map((m) => ({ title: `Equations of ${label(m)}`, lines: m.formula })),
  };
}

function reading(value: InspectValue): string {
  if (value.modules.length === 0) {
    return `No recurrent module was recognised among ${count(value.tensors.length, 'tensor')}.`;
  }
  if (value.modules.length > 1) {
    const names = value.modules.map((m) => `${label(m)} (${cellName(m.cell)})`);
    return `The file holds ${value.modules.length} recurrent modules: ${list(names)}.`;
  }
  return describe(value.modules[0]!);
}

/** A file may hold a bare network, which has no name. */
const label = (m: InspectModule): string => (m.name === '' ? 'the network' : m.name);

const article = (m: InspectModule): string =>
  m.bidirectional ? 'a bidirectional' : /^(lstm|rnn|[aeiou])/i.test(m.cell) ? 'an' : 'a';

/** 'an LSTM of 2 layers', 'a stack of 4 layers (LSTM + GRU)'. */
const kind = (m: InspectModule): string =>
  m.cell.includes('+')
    ? `a stack of ${count(m.layers, 'layer')} (${cellName(m.cell)})`
    : `${article(m)} ${cellName(m.cell)} of ${count(m.layers, 'layer')}`;

function describe(m: InspectModule): string {
  const { rnn, gru, lstm } = m.parametersIf;
  return (
    `${m.name === '' ? 'The network' : `The module ${m.name}`} is ${kind(m)}: ` +
    `${widths(m)}, ${count(m.inputSize, 'input')}, ` +
    `${count(m.stateSize, 'state variable')} and ${count(m.parameters, 'parameter')}. ` +
    `Of the same size, a plain RNN would have ${integer(rnn)}, a GRU ${integer(gru)} and an LSTM ${integer(lstm)}.`
  );
}

const widths = (m: InspectModule): string =>
  m.hiddenSizes
    ? `${list(m.hiddenSizes.map(integer))} hidden units`
    : `${count(m.hiddenSize, 'hidden unit')} a layer`;

function nonFiniteWeights(value: InspectValue): string[] {
  return value.modules
    .flatMap((m) => m.weights)
    .filter((w) => w.nonFinite > 0)
    .map(
      (w) =>
        `${w.name} holds ${count(w.nonFinite, 'value')} that ${w.nonFinite === 1 ? 'is' : 'are'} not finite: no analysis of it can be trusted.`,
    );
}

const hypothetical = [
  ['an RNN', 'rnn'],
  ['a GRU', 'gru'],
  ['an LSTM', 'lstm'],
] as const;

function parameterChart(value: InspectValue): Chart {
  const rows = value.modules.flatMap((m): Row[] => [
    { module: m.name, what: 'this module', parameters: m.parameters },
    ...hypothetical.map(([what, key]) => ({
      module: m.name,
      what: `as ${what}`,
      parameters: m.parametersIf[key],
    })),
  ]);
  const bars = ['this module', ...hypothetical.map(([what]) => `as ${what}`)];
  return {
    title: 'Parameters beside other cells',
    description: `Bars of parameter counts. ${rows.map((r) => `${r.module} ${r.what}: ${r.parameters}`).join('; ')}.`,
    spec: {
      width: 'container',
      height: 26 * rows.length,
      data: { name: 'parameters' },
      mark: { type: 'bar', cornerRadiusEnd: 2 },
      encoding: {
        y: { field: 'what', type: 'nominal', title: null, scale: { domain: bars } },
        x: { field: 'parameters', type: 'quantitative', title: 'parameters', axis: { tickCount: 5 } },
        fillOpacity: { condition: { test: "datum.what === 'this module'", value: 1 }, value: 0.35 },
        tooltip: [
          { field: 'module', type: 'nominal', title: 'module' },
          { field: 'what', type: 'nominal', title: 'counted' },
          { field: 'parameters', type: 'quantitative', title: 'parameters', format: ',d' },
        ],
      },
    },
    datasets: { parameters: rows },
    note: {
      means: 'How many numbers this module has, beside what other cells with as many units would need.',
      todo: 'When comparing cells, compare them at equal parameters rather than at equal units.',
    },
  };
}

const mostRanges = 40;

/** One row an array: its whole range thin, one standard deviation around its mean thick. */
function weightCharts(value: InspectValue): Chart[] {
  const weights = value.modules.flatMap((m) => m.weights).filter((w) => Number.isFinite(w.min + w.max));
  if (weights.length === 0) return [];
  const rows = weights.slice(0, mostRanges).map((w) => ({
    name: w.name,
    min: w.min,
    max: w.max,
    mean: w.mean,
    low: w.mean - w.standardDeviation,
    high: w.mean + w.standardDeviation,
  }));
  const left = weights.length - rows.length;
  const names = rows.map((r) => r.name);
  const domain = extent(
    rows.flatMap((r) => [r.min, r.max]),
    [0],
  );
  return [
    {
      title: `Range of the weights${left > 0 ? ` (the first ${mostRanges} arrays)` : ''}`,
      description:
        'One line an array from its smallest to its largest weight, thicker within one standard deviation of the mean; the numbers are in the table of weights.',
      spec: {
        width: 'container',
        height: 22 * rows.length,
        data: { name: 'weights' },
        encoding: {
          y: {
            field: 'name',
            type: 'nominal',
            title: null,
            scale: { domain: names },
            axis: { labelLimit: 150 },
          },
          tooltip: [
            { field: 'name', type: 'nominal', title: 'array' },
            ...(['min', 'mean', 'max'] as const).map((field) => ({
              field,
              type: 'quantitative' as const,
              title: field,
              format: '.4g',
            })),
          ],
        },
        layer: [
          { mark: { type: 'rule', style: 'reference' }, encoding: { x: { datum: 0 } } },
          {
            mark: { type: 'rule', style: 'faint' },
            encoding: {
              x: {
                field: 'min',
                type: 'quantitative',
                title: 'weight',
                axis: { tickCount: 6 },
                scale: { domain, nice: false, zero: false },
              },
              x2: { field: 'max' },
            },
          },
          {
            mark: { type: 'bar', height: 8, cornerRadius: 2 },
            encoding: { x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
          },
        ],
      },
      datasets: { weights: rows },
      note: {
        means:
          'From the smallest to the largest weight of each array, thick within one standard deviation of its mean. Arrays far wider than their neighbours drive gates into saturation.',
        todo: 'A few very large weights: look at weight decay or gradient clipping. An array that is all zero was not trained, or not saved.',
      },
    },
  ];
}

function moduleTable(value: InspectValue): Table {
  return {
    title: 'Recurrent modules',
    columns: ['module', 'cell', 'layers', 'inputs', 'hidden', 'state', 'parameters', 'readout', 'embedding'],
    text: ['module', 'cell', 'readout', 'embedding'],
    rows: value.modules.map((m) => [
      m.name,
      m.bidirectional ? `${cellName(m.cell)}, bidirectional` : cellName(m.cell),
      integer(m.layers),
      integer(m.inputSize),
      m.hiddenSizes?.map(integer).join(', ') ?? integer(m.hiddenSize),
      integer(m.stateSize),
      integer(m.parameters),
      m.readout ?? 'none',
      m.embedding ?? 'none',
    ]),
  };
}

const sizes = (shape: readonly number[]): string => shape.join(' × ') || 'scalar';

const weightRow = (w: WeightStatistics): string[] => [
  w.name,
  sizes(w.shape),
  aligned(w.mean, 3),
  aligned(w.standardDeviation, 3),
  aligned(w.min, 3),
  aligned(w.max, 3),
  aligned(w.spectralRadius, 3),
  aligned(w.spectralNorm, 3),
];

const weightTables = (value: InspectValue): Table[] =>
  value.modules.map((m) => ({
    title: `Weights of ${label(m)}`,
    columns: [
      'array',
      'shape',
      'mean',
      'standard deviation',
      'min',
      'max',
      'spectral radius',
      'spectral norm',
    ],
    text: ['array', 'shape'],
    rows: m.weights.map(weightRow),
  }));

const tensorTable = (value: InspectValue): Table => ({
  title: 'All tensors in the file',
  columns: ['tensor', 'shape', 'type'],
  text: ['tensor', 'shape', 'type'],
  rows: value.tensors.map((t) => [t.name, sizes(t.shape), t.dtype]),
});
