import type { JacobianValue } from '../analyses/jacobian.js';
import type { AnalysisResult } from '../src/result.js';
import {
  aligned,
  chosen,
  complex,
  count,
  integer,
  list,
  modulus,
  number,
  percent,
  powerOfTen,
  steps,
} from './format.js';
import { lineLegend, linkedPoint, linkParam, nearestPoint } from './interaction.js';
import { eigenvaluePlane } from './plane.js';
import type { Chart, Fact, Row, Section, Table } from './section.js';
import { extent } from './shape.js';

export function jacobian({ value }: AnalysisResult<JacobianValue>): Section {
  return {
    title: 'One step, linearised',
    reading: reading(value),
    caveats: caveats(value),
    facts: facts(value),
    charts:
      value.eigenvalues.length === 0
        ? []
        : [
            plane(value),
            ...timeConstantCharts(value),
            ...cloudCharts(value),
            powersChart(value),
            ...singularValueCharts(value),
          ],
    tables: [...slowTables(value), modeTable(value)],
  };
}

function reading(value: JacobianValue): string {
  return (
    `At this state and input, one step stretches a small perturbation by at most ${number(value.spectralNorm)} ` +
    `(spectral norm), and its largest eigenvalue has |λ| = ${modulus(value.spectralRadius)}: ${repeated(value.spectralRadius)}. ${amplified(value)}` +
    'This is one step at one point: it says how the network bends its state here, not where it goes in the long run.'
  );
}

function repeated(radius: number): string {
  if (radius === 0) return 'every perturbation is gone after finitely many such steps';
  const change = Math.abs(radius - 1);
  if (change < 1e-9) return 'repeated, the step would leave that mode as it is';
  const direction = radius < 1 ? 'shrink' : 'grow';
  return `repeated, the step would ${direction} that mode by ${percent(change)} each time`;
}

function amplified({ transient, spectralRadius }: JacobianValue): string {
  if (transient.peakPower === 0) return 'No number of such steps makes a perturbation larger than it was. ';
  if (spectralRadius >= 1) return '';
  const sofar = transient.peakIsLowerBound ? ', and still grows there' : ', before it fades';
  return `On the way a perturbation can be ${number(transient.peak)} times as large after ${count(transient.peakPower, 'such step')}${sofar}. `;
}

/** Largest difference between two states, entry by entry. */
const distance = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

function caveats(value: JacobianValue): string[] {
  const said: string[] = [];
  if (value.spectralRadius < 1 && value.spectralNorm > 1) {
    said.push(
      'Every mode decays, yet one step can amplify: the matrix is not normal, so perturbations may grow for a while before they shrink.',
    );
  }
  if (value.state.length > 0 && distance(value.state, value.next) > 1e-9) {
    said.push(
      `The state is not a fixed point (one step moves an entry by up to ${number(distance(value.state, value.next))}), so the eigenvalues do not decide stability.`,
    );
  }
  if (value.pseudospectrum === null) {
    said.push('Pseudospectra are looked at up to 512 state entries; here they would take too long.');
  }
  if (value.logAbsDet === -Infinity) {
    said.push('The Jacobian is singular to rounding: some directions are erased in one step.');
  }
  return said;
}

const facts = (value: JacobianValue): Fact[] => [
  { label: 'Spectral radius', value: modulus(value.spectralRadius), note: 'largest |λ|' },
  { label: 'Spectral norm', value: number(value.spectralNorm, 4), note: 'largest stretch of one step' },
  { label: 'Frobenius norm', value: number(value.frobeniusNorm, 4) },
  {
    label: 'Volume factor',
    value: powerOfTen(value.logAbsDet / Math.LN10),
    note: `|det J|, its logarithm is ${number(value.logAbsDet, 4)}`,
  },
  {
    label: 'Non-normality',
    value: number(value.nonNormality),
    note: 'Henrici’s departure relative to the norm: 0 is normal, near 1 far from it',
  },
  {
    label: 'Transient amplification',
    value: `${value.transient.peakIsLowerBound ? 'at least ' : ''}${number(value.transient.peak, 4)}`,
    note: `largest ‖Jᵏ‖, at ${value.transient.beyond.powers.includes(value.transient.peakPower) ? 'about ' : ''}k = ${integer(value.transient.peakPower)}, of k up to ${integer(value.transient.beyond.powers.at(-1) ?? value.transient.log10Norm.length - 1)}`,
  },
  ...resolventFacts(value),
  ...baselineFacts(value),
  ...(value.inputGains === null
    ? []
    : [
        {
          label: 'Input gain',
          value: number(value.inputGains.singularValues[0] ?? 0, 4),
          note: 'largest stretch of ∂F/∂x',
        },
      ]),
];

function resolventFacts({ pseudospectrum }: JacobianValue): Fact[] {
  if (pseudospectrum === null) return [];
  const { epsilon, radius, distanceToUnitCircle, kreiss } = pseudospectrum;
  return [
    {
      label: 'Pseudospectral radius',
      value: `at least ${number(radius, 4)}`,
      note: `largest |λ| of any matrix within ${chosen(epsilon)} of J`,
    },
    {
      label: 'Distance to the unit circle',
      value: `at most ${number(distanceToUnitCircle, 4)}`,
      note: 'smallest change of J that brings an eigenvalue onto it',
    },
    {
      label: 'Kreiss constant',
      value: kreiss === Infinity ? '∞' : `at least ${number(kreiss, 4)}`,
      note: 'some power of J reaches this norm',
    },
  ];
}

const edges = ({ baseline }: JacobianValue): string =>
  (baseline ?? [])
    .map(
      ({ layer, edge }) =>
        ` A dashed curve shows where random matrices of ${layer} would end, at most ${number(edge, 4)} from 0.`,
    )
    .join('');

function baselineFacts({ baseline }: JacobianValue): Fact[] {
  if (baseline === null) return [];
  if (baseline.length === 0)
    return [
      { label: 'Random baseline', value: '–', note: 'no theory for this cell, or an LSTM away from rest' },
    ];
  return baseline.map(({ layer, edge, gains }) => ({
    label: `Random edge of ${layer}`,
    value: number(edge, 4),
    note: `largest |λ| of random matrices with the gains ${list(Object.entries(gains).map(([gate, a]) => `${gate} ${number(a)}`))}, independent of the state`,
  }));
}

const grows = (modulus: number): string => (modulus > 1 ? 'grows' : 'decays');
const modulusOf = ([re, im]: readonly [number, number]): number => Math.hypot(re, im);

function plane(value: JacobianValue): Chart {
  const outside = value.eigenvalues.filter((z) => modulusOf(z) > 1).length;
  return eigenvaluePlane({
    title: 'Eigenvalues and the unit circle',
    description: `${count(value.eigenvalues.length, 'eigenvalue')} in the complex plane, ${outside} outside the unit circle; the largest modulus is ${number(value.spectralRadius, 4)}.${edges(value)}`,
    curves: (value.baseline ?? []).map(({ layer, boundary }) => ({ name: layer, points: boundary })),
    note: {
      means:
        'Each eigenvalue is a mode: the step multiplies its size by |λ| and turns it by the angle of λ. Inside the circle a mode decays, outside it grows; next to 1 it is kept, which is where memory lives.',
      todo: 'Point at a mode to find its time constant beside. If the task needs memory and nothing lies near the circle, the network forgets within a few steps; if modes lie outside, see the Lyapunov exponents for whether this lasts.',
    },
    link: 'mode',
    rows: value.eigenvalues.map((z, i) => ({
      mode: i + 1,
      re: z[0],
      im: z[1],
      group: grows(modulusOf(z)),
      modulus: modulusOf(z),
      steps: number(value.timeConstants[i]),
    })),
    groupTitle: 'mode',
    groups: ['decays', 'grows'],
    shapes: ['circle', 'triangle-up'],
    tooltip: [
      { field: 'mode', title: 'mode', format: 'd' },
      { field: 're', title: 'Re λ', format: '.5g' },
      { field: 'im', title: 'Im λ', format: '.5g' },
      { field: 'modulus', title: '|λ|', format: '.5g' },
      { field: 'steps', title: 'time constant, steps' },
    ],
  });
}

function timeConstantCharts(value: JacobianValue): Chart[] {
  const rows = value.timeConstants
    .map((tau, i) => ({ mode: i + 1, steps: Math.abs(tau), group: tau < 0 ? 'grows' : 'decays' }))
    .filter((r) => Number.isFinite(r.steps) && r.steps > 0);
  if (rows.length === 0) return [];
  const left = value.timeConstants.length - rows.length;
  const present = ['decays', 'grows'].filter((g) => rows.some((r) => r.group === g));
  const logs = extent(rows.map((r) => Math.log10(r.steps)));
  return [
    {
      title: 'Time constants of the modes',
      description: `Time constant of each mode in steps on a logarithmic scale, slowest first: from ${steps(rows[0]!.steps)} down to ${steps(rows.at(-1)!.steps)}.${left > 0 ? ` ${count(left, 'mode')} with a time constant of 0 or ∞ cannot be drawn.` : ''}`,
      spec: {
        width: 'container',
        height: 340,
        params: [linkParam],
        data: { name: 'modes' },
        mark: { type: 'point', filled: true },
        encoding: {
          ...linkedPoint('mode', 50, 0.85),
          x: {
            field: 'mode',
            type: 'quantitative',
            title: 'mode, by |λ|',
            scale: { domain: extent([1, value.timeConstants.length]), nice: false, zero: false },
            axis: { tickMinStep: 1, grid: false },
          },
          y: {
            field: 'steps',
            type: 'quantitative',
            title: '1/|ln |λ||, steps',
            scale: { type: 'log', domain: [10 ** logs[0], 10 ** logs[1]], nice: false },
            axis: { tickCount: 5, grid: false },
          },
          color: {
            field: 'group',
            type: 'nominal',
            title: 'mode',
            legend: { values: present },
            scale: { domain: ['decays', 'grows'] },
          },
          shape: {
            field: 'group',
            type: 'nominal',
            title: 'mode',
            legend: { values: present },
            scale: { domain: ['decays', 'grows'], range: ['circle', 'triangle-up'] },
          },
          tooltip: [
            { field: 'mode', type: 'quantitative', title: 'mode' },
            { field: 'steps', type: 'quantitative', title: 'steps', format: '.4g' },
            { field: 'group', type: 'nominal', title: 'it' },
          ],
        },
      },
      datasets: { modes: rows },
      note: {
        means:
          'How many steps a mode takes to shrink (or grow) by a factor e if this same step were repeated. The few slowest modes decide how long the network remembers; the rest is gone at once.',
        todo: 'Compare the slowest time constant with the longest delay in the task. Much shorter: raise the bias of the forget or update gate at the start of training, or add units.',
      },
      zoom: true,
      link: 'mode',
      sketch: { dataset: 'modes', x: 'mode', y: 'steps', kind: 'points', log: true },
    },
  ];
}

/** How many state entries, inputs or outputs are named for a mode. */
const MOST_NAMED = 3;

/** The largest entries, with their sizes: 'layer0.h[3] 0.41'. */
const largest = (sizes: readonly number[], name: (i: number) => string): string =>
  list(
    sizes
      .map((size, i) => ({ size, i }))
      .sort((a, b) => b.size - a.size || a.i - b.i)
      .slice(0, MOST_NAMED)
      .filter(({ size }) => size > 0)
      .map(({ size, i }) => `${name(i)} ${number(size, 2)}`),
  ) || '–';

function slowTables(value: JacobianValue): Table[] {
  if (value.slowModes.length === 0) return [];
  const entry = (i: number): string => value.coordinates[i] ?? integer(i);
  const withOutputs = value.slowModes.some((mode) => mode.outputGains !== null);
  return [
    {
      title: 'Slow modes: what they read and what they write',
      columns: [
        'λ',
        'time constant, steps',
        'condition',
        'writes, |x|',
        'reads, |y|',
        'pushed by input',
        ...(withOutputs ? ['shown by output'] : []),
      ],
      text: ['writes, |x|', 'reads, |y|', 'pushed by input', 'shown by output'],
      rows: value.slowModes.map((mode) => [
        complex(mode.eigenvalue),
        timeOf(mode.timeConstant),
        aligned(mode.condition, 3),
        largest(mode.right.map(modulusOf), entry),
        largest(mode.left.map(modulusOf), entry),
        largest(mode.inputGains, integer),
        ...(withOutputs ? [largest(mode.outputGains ?? [], integer)] : []),
      ]),
    },
  ];
}

const timeOf = (tau: number | undefined): string =>
  (tau ?? 0) < 0 ? `${aligned(-tau!)} (grows)` : aligned(tau);

function cloudCharts({ cloud }: JacobianValue): Chart[] {
  if (cloud === null) return [];
  const rows = cloud.eigenvalues.flatMap((spectrum, k) =>
    spectrum.map((z) => ({
      re: z[0],
      im: z[1],
      group: grows(modulusOf(z)),
      modulus: modulusOf(z),
      step: cloud.steps[k]!,
    })),
  );
  const radii = [...cloud.spectralRadius].sort((a, b) => a - b);
  const outside = rows.filter((r) => r.modulus > 1).length;
  return [
    eigenvaluePlane({
      title: 'Eigenvalues along the drive',
      note: {
        means:
          'The eigenvalues of many single steps, taken along the run: how much the linear picture depends on where the network is. Clouds that stay together mean a nearly linear network.',
        todo: 'Point at an eigenvalue to see the others of the same step. Steps with modes outside the circle are where the network amplifies.',
      },
      link: 'step',
      description: `Eigenvalues at ${count(cloud.steps.length, 'state')} along the drive, ${integer(outside)} of ${integer(rows.length)} outside the unit circle; the largest modulus goes from ${number(radii[0]!, 4)} to ${number(radii.at(-1)!, 4)}.`,
      rows,
      groupTitle: 'mode',
      groups: ['decays', 'grows'],
      shapes: ['circle', 'triangle-up'],
      tooltip: [
        { field: 'step', title: 'step' },
        { field: 're', title: 'Re λ', format: '.5g' },
        { field: 'im', title: 'Im λ', format: '.5g' },
        { field: 'modulus', title: '|λ|', format: '.5g' },
      ],
    }),
  ];
}

function powersChart({ transient, spectralRadius }: JacobianValue): Chart {
  const { log10Norm, beyond } = transient;
  const all = [
    ...log10Norm.map((log10, power) => ({ power, log10, what: norm })),
    ...beyond.log10Norm.map((log10, k) => ({ power: beyond.powers[k]!, log10, what: norm })),
  ];
  const rows = all.filter((r) => Number.isFinite(r.log10));
  const last = all.at(-1)!;
  const bound: Row[] =
    spectralRadius > 0
      ? [0, last.power].map((power) => ({
          power,
          log10: power * Math.log10(spectralRadius),
          what: rate,
        }))
      : [];
  const names = [norm, ...(bound.length > 0 ? [rate] : [])];
  const series = { field: 'what', type: 'nominal' as const, title: null, legend: lineLegend(names) };
  return {
    title: 'Powers of the Jacobian',
    description: `Base-10 logarithm of the spectral norm of Jᵏ against k, beside k times the logarithm of the spectral radius, which it follows in the long run. The norm is largest at k = ${transient.peakPower}, where it is ${number(transient.peak, 4)}, and ends at ${powerOfTen(last.log10)}.`,
    spec: {
      width: 'container',
      height: 340,
      data: { name: 'powers' },
      layer: [{ mark: { type: 'line', point: rows.length < 3 } }, nearestPoint()],
      encoding: {
        x: {
          field: 'power',
          type: 'quantitative',
          title: 'k, steps',
          scale: { domain: [0, Math.max(1, last.power)], nice: false },
          axis: { tickMinStep: 1, tickCount: 6 },
        },
        y: {
          field: 'log10',
          type: 'quantitative',
          title: 'log₁₀ ‖Jᵏ‖',
          scale: {
            domain: extent(
              [...rows, ...bound].map((r) => r.log10 as number),
              [0],
            ),
            nice: false,
          },
        },
        color: { ...series, scale: { domain: names } },
        strokeDash: {
          ...series,
          scale: {
            domain: names,
            range: [
              [1, 0],
              [6, 4],
            ].slice(0, names.length),
          },
        },
        tooltip: [
          { field: 'what', type: 'nominal', title: 'value' },
          { field: 'power', type: 'quantitative', title: 'k' },
          { field: 'log10', type: 'quantitative', title: 'log₁₀', format: '.4g' },
        ],
      },
    },
    datasets: { powers: [...rows, ...bound] },
    note: {
      means:
        'How large a perturbation can become if this step were repeated k times, beside what the largest eigenvalue alone would say. A hump above the dashed line is growth for a while before the decay, which eigenvalues do not show.',
      todo: 'A high hump: do not judge this step by its eigenvalues alone; the singular values and the gradients tell what training feels.',
    },
    zoom: true,
    sketch: { dataset: 'powers', x: 'power', y: 'log10', kind: 'line', only: ['what', norm] },
  };
}

const norm = '‖Jᵏ‖';
const rate = 'spectral radiusᵏ';

function singularValueCharts(value: JacobianValue): Chart[] {
  const rows = value.singularValues
    .map((stretch, i) => ({ index: i + 1, stretch }))
    .filter((r) => r.stretch > 1e-300);
  if (rows.length === 0) return [];
  const logs = extent(
    rows.map((r) => Math.log10(r.stretch)),
    [0],
  );
  const growing = value.singularValues.filter((s) => s > 1).length;
  return [
    {
      title: 'Singular values of one step',
      description: `Singular values in descending order on a logarithmic scale, from ${number(rows[0]!.stretch, 4)} to ${number(rows.at(-1)!.stretch, 4)}; ${integer(growing)} of ${integer(value.singularValues.length)} are above 1, where a dashed line lies.`,
      spec: {
        width: 'container',
        height: 340,
        data: { name: 'stretches' },
        layer: [
          {
            mark: { type: 'rule', style: 'reference' },
            encoding: { y: { datum: 1, type: 'quantitative' } },
          },
          {
            mark: { type: 'point', filled: true, opacity: 0.85 },
            encoding: {
              x: {
                field: 'index',
                type: 'quantitative',
                title: 'number',
                scale: { domain: extent([1, value.singularValues.length]), nice: false, zero: false },
                axis: { tickMinStep: 1, grid: false },
              },
              y: {
                field: 'stretch',
                type: 'quantitative',
                title: 'singular value',
                scale: { type: 'log', domain: [10 ** logs[0], 10 ** logs[1]], nice: false },
                axis: { tickCount: 5, grid: false },
              },
              tooltip: [
                { field: 'index', type: 'quantitative', title: 'number' },
                { field: 'stretch', type: 'quantitative', title: 'singular value', format: '.5g' },
              ],
            },
          },
        ],
      },
      datasets: { stretches: rows },
      note: {
        means:
          'How much one step stretches or shrinks each of its own directions. Values above 1 amplify a perturbation at once, even where all modes decay in the long run; values near 0 are directions that the step forgets.',
        todo: 'Many far below 1: the state is folded onto a few directions, and more units would not be used. A first one far above 1: small errors in the input are amplified.',
      },
      zoom: true,
      sketch: { dataset: 'stretches', x: 'index', y: 'stretch', kind: 'points', log: true },
    },
  ];
}

const modeTable = (value: JacobianValue): Table => ({
  title: 'Modes of this step',
  columns: ['mode', 'λ', '|λ|', 'time constant, steps'],
  rows: value.eigenvalues.map((z, i) => [
    String(i + 1),
    complex(z),
    modulus(modulusOf(z)),
    timeOf(value.timeConstants[i]),
  ]),
});
