import type { JacobianValue } from '../analyses/jacobian.js';
import type { AnalysisResult } from '../src/result.js';
import { aligned, complex, count, modulus, number, percent, powerOfTen, steps } from './format.js';
import { eigenvaluePlane } from './plane.js';
import type { Chart, Fact, Section, Table } from './section.js';
import { extent } from './shape.js';

export function jacobian({ value }: AnalysisResult<JacobianValue>): Section {
  return {
    title: 'One step, linearised',
    reading: reading(value),
    caveats: caveats(value),
    facts: facts(value),
    charts: value.eigenvalues.length === 0 ? [] : [plane(value), ...timeConstantCharts(value)],
    tables: [modeTable(value)],
  };
}

function reading(value: JacobianValue): string {
  return (
    `At this state and input, one step stretches a small perturbation by at most ${number(value.spectralNorm)} ` +
    `(spectral norm), and its largest eigenvalue has |λ| = ${modulus(value.spectralRadius)}: ${repeated(value.spectralRadius)}. ` +
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
];

const grows = (modulus: number): string => (modulus > 1 ? 'grows' : 'decays');
const modulusOf = ([re, im]: readonly [number, number]): number => Math.hypot(re, im);

function plane(value: JacobianValue): Chart {
  const outside = value.eigenvalues.filter((z) => modulusOf(z) > 1).length;
  return eigenvaluePlane({
    title: 'Eigenvalues and the unit circle',
    description: `${count(value.eigenvalues.length, 'eigenvalue')} in the complex plane, ${outside} outside the unit circle; the largest modulus is ${number(value.spectralRadius, 4)}.`,
    rows: value.eigenvalues.map((z, i) => ({
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
        data: { name: 'modes' },
        mark: { type: 'point', filled: true, opacity: 0.85 },
        encoding: {
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
    (value.timeConstants[i] ?? 0) < 0
      ? `${aligned(-value.timeConstants[i]!)} (grows)`
      : aligned(value.timeConstants[i]),
  ]),
});
