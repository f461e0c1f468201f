import type { OptionTable } from '../src/options.js';
import type { AnalysisResult } from '../src/result.js';
import { type DiagnoseValue, diagnose, type Finding } from './diagnose.js';
import type { FixedPointsValue } from './fixed-points.js';
import type { GradientsValue } from './gradients.js';
import type { JacobianValue } from './jacobian.js';
import type { LyapunovValue } from './lyapunov.js';

/** One of the models that are compared. */
export interface Compared {
  readonly path: string;
  readonly sha256: string;
  /** What it is called beside the others: its path without what all have in common. */
  readonly label: string;
  /** The training step or epoch that the file or its name says; null where not all say one. */
  readonly step: number | null;
  readonly cell: string;
  readonly stateSize: number;
  readonly parameters: number;
}

/** How a number went from one model to the next. */
export interface Change {
  readonly difference: number;
  /** Of the difference: √(SE₁² + SE₂²); null where one of the two is not known. */
  readonly error: number | null;
  /** Whether the difference is more than three of its errors; null where that cannot be told. */
  readonly beyondError: boolean | null;
}

/** One number of every model, in the order of the models. */
export interface Quantity {
  /** As assertions write it: 'lyapunov.exponents[1]'. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly values: readonly (number | null)[];
  readonly standardErrors: readonly (number | null)[];
  /** From each model to the next: one fewer than there are models. null where a value is missing. */
  readonly changes: readonly (Change | null)[];
  /** From the first to the last. */
  readonly overall: Change | null;
}

export interface CompareValue {
  /** By step where all have one, otherwise as given. */
  readonly models: readonly Compared[];
  readonly sortedByStep: boolean;
  readonly quantities: readonly Quantity[];
  readonly verdicts: readonly { readonly question: string; readonly answers: readonly (Finding | null)[] }[];
  /** The whole diagnosis of each model. */
  readonly results: readonly AnalysisResult<DiagnoseValue>[];
}

/** What is asked of each model: everything that a diagnosis finds. No map is asked, so that it stands beside the others. */
export const compare = {
  name: 'compare',
  summary: 'several models or checkpoints side by side, and what changed beyond the error bars',
  options: diagnose.options as OptionTable,
  run: (models: readonly Diagnosed[]): CompareValue => compared(ordered(models)),
} as const;

/** A diagnosis and the training step that its file states, if it does. */
export interface Diagnosed {
  readonly result: AnalysisResult<DiagnoseValue>;
  readonly step: number | undefined;
}

interface Ordered {
  readonly results: readonly AnalysisResult<DiagnoseValue>[];
  readonly steps: readonly (number | null)[];
  readonly sorted: boolean;
}

/** By step, where every model has one and they differ: what the files state, or else what their names say. */
function ordered(models: readonly Diagnosed[]): Ordered {
  const names = models.map(({ result }) => String(result.model.path));
  const stated = models.map(({ step }) => step);
  const steps = [stated, stepsInNames(names)].find(
    (found): found is number[] => found.every((s) => s !== undefined) && new Set(found).size === found.length,
  );
  if (!steps) return { results: models.map((m) => m.result), steps: models.map(() => null), sorted: false };
  const order = steps.map((_, k) => k).sort((a, b) => steps[a]! - steps[b]!);
  return { results: order.map((k) => models[k]!.result), steps: order.map((k) => steps[k]!), sorted: true };
}

/**
 * The numbers in which otherwise equal names differ, as in run/lstm64-step200.pt and run/lstm64-step1000.pt: there has to be
 * exactly one such place, so that nothing has to be known of how checkpoints are called.
 */
export function stepsInNames(names: readonly string[]): (number | undefined)[] {
  const none = names.map(() => undefined);
  const parts = names.map((name) => name.split(/(\d+)/));
  const length = parts[0]?.length ?? 0;
  if (parts.some((words) => words.length !== length)) return none;
  const differing = Array.from({ length }, (_, i) => i).filter((i) =>
    parts.some((words) => words[i] !== parts[0]![i]),
  );
  // At odd places stand the numbers.
  if (differing.length !== 1 || differing[0]! % 2 === 0) return none;
  return parts.map((words) => Number(words[differing[0]!]));
}

function compared({ results, steps, sorted }: Ordered): CompareValue {
  const labels = labelsOf(results.map(({ model }) => String(model.path)));
  return {
    models: results.map(({ model }, k) => ({
      path: String(model.path),
      sha256: model.sha256,
      label: labels[k]!,
      step: steps[k]!,
      cell: model.cell,
      stateSize: model.stateSize,
      parameters: model.parameters,
    })),
    sortedByStep: sorted,
    quantities: readings.map((reading) => quantity(reading, results)).filter(isKnown),
    verdicts: verdictsOf(results),
    results,
  };
}

/** Paths without the folders that all share; models of the same file are numbered. */
function labelsOf(paths: readonly string[]): string[] {
  const parts = paths.map((path) => path.split(/[\\/]/));
  const shortest = Math.min(...parts.map((p) => p.length)) - 1;
  let shared = 0;
  while (shared < shortest && parts.every((p) => p[shared] === parts[0]![shared])) shared++;
  const labels = parts.map((p) => p.slice(shared).join('/'));
  return labels.map((label, k) => {
    const before = labels.slice(0, k).filter((other) => other === label).length;
    return before === 0 ? label : `${label} (${before + 1})`;
  });
}

interface Measured {
  readonly value: number;
  readonly error: number | null;
}

interface Reading {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** undefined: this model has no such number. */
  readonly of: (parts: Parts) => Measured | null | undefined;
}

interface Parts {
  readonly lyapunov?: LyapunovValue | null | undefined;
  readonly gradients?: GradientsValue | null | undefined;
  readonly jacobian?: JacobianValue | null | undefined;
  readonly fixedPoints?: FixedPointsValue | null | undefined;
}

const measured = (value: number | null | undefined, error: number | null = null): Measured | undefined =>
  value === null || value === undefined || Number.isNaN(value) ? undefined : { value, error };

const readings: readonly Reading[] = [
  {
    name: 'lyapunov.exponents[1]',
    title: 'Leading exponent λ₁',
    unit: 'nats per step',
    of: ({ lyapunov }) => lyapunov && measured(lyapunov.exponents[0], lyapunov.standardErrors[0]),
  },
  {
    name: 'lyapunov.memoryTime',
    title: 'Memory time −1/λ₁',
    unit: 'steps',
    of: ({ lyapunov }) => lyapunov && measured(lyapunov.memoryTime, lyapunov.memoryTimeError),
  },
  {
    name: 'lyapunov.kaplanYorkeDimension',
    title: 'Kaplan–Yorke dimension',
    unit: '',
    of: ({ lyapunov }) => lyapunov && measured(lyapunov.kaplanYorkeDimension, lyapunov.kaplanYorkeError),
  },
  {
    name: 'gradients.rate',
    title: 'Rate of the gradient at long lags',
    unit: 'nats per step',
    of: ({ gradients }) => gradients && measured(gradients.rate, gradients.rateError),
  },
  {
    name: 'gradients.atLength.log10',
    title: 'log₁₀ of the gradient at the length asked about',
    unit: '',
    of: ({ gradients }) => gradients && measured(gradients.atLength.log10),
  },
  {
    name: 'gradients.horizon',
    title: 'Gradient horizon',
    unit: 'steps',
    of: ({ gradients }) => gradients && measured(gradients.horizon),
  },
  {
    name: 'jacobian.spectralRadius',
    title: 'Spectral radius of one step',
    unit: '',
    of: ({ jacobian }) => jacobian && measured(jacobian.spectralRadius),
  },
  {
    name: 'fixedPoints.points: stable',
    title: 'Stable fixed points found',
    unit: '',
    of: ({ fixedPoints }) => fixedPoints && measured(fixedPointsOf(fixedPoints, 'stable')),
  },
  {
    name: 'fixedPoints.points: fixed',
    title: 'Fixed points found',
    unit: '',
    of: ({ fixedPoints }) => fixedPoints && measured(fixedPointsOf(fixedPoints)),
  },
];

const fixedPointsOf = ({ points }: FixedPointsValue, stability?: 'stable'): number =>
  points.filter(
    (p) => p.kind === 'fixed' && p.reachable !== false && (!stability || p.stability === stability),
  ).length;

function partsOf({ value }: AnalysisResult<DiagnoseValue>): Parts {
  const { lyapunov, gradients, jacobian, 'fixed-points': fixedPoints } = value.results;
  const of = (result: AnalysisResult | undefined): unknown => result?.value;
  return {
    lyapunov: of(lyapunov) as LyapunovValue,
    gradients: of(gradients) as GradientsValue,
    jacobian: of(jacobian) as JacobianValue,
    fixedPoints: of(fixedPoints) as FixedPointsValue,
  };
}

const isKnown = <T>(one: T | undefined): one is T => one !== undefined;

/** undefined where no model has the number. */
function quantity(
  { name, title, unit, of }: Reading,
  results: readonly AnalysisResult<DiagnoseValue>[],
): Quantity | undefined {
  const found = results.map((result) => of(partsOf(result)) ?? undefined);
  if (!found.some(isKnown)) return undefined;
  return {
    name,
    title,
    unit,
    values: found.map((one) => one?.value ?? null),
    standardErrors: found.map((one) => one?.error ?? null),
    changes: found.slice(1).map((after, k) => change(found[k], after)),
    overall: change(found[0], found.at(-1)),
  };
}

/** Three standard errors, as everywhere: a chance of about 1 in 400 for each comparison of equal models. */
const ERRORS = 3;

export function change(before: Measured | undefined, after: Measured | undefined): Change | null {
  if (!before || !after) return null;
  // Two infinities of one sign are the same.
  const difference = before.value === after.value ? 0 : after.value - before.value;
  const error = before.error === null || after.error === null ? null : Math.hypot(before.error, after.error);
  return {
    difference,
    error,
    beyondError: error === null ? null : Math.abs(difference) > ERRORS * error,
  };
}

/** Questions in the order of the first model that was asked them; the input that was held may stand in a question. */
function verdictsOf(results: readonly AnalysisResult<DiagnoseValue>[]): CompareValue['verdicts'] {
  const questions = [...new Set(results.flatMap(({ value }) => value.verdicts.map((v) => v.question)))];
  return questions.map((question) => ({
    question,
    answers: results.map(({ value }) => value.verdicts.find((v) => v.question === question) ?? null),
  }));
}
