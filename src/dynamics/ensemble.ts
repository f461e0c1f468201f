import { complete, interrupted, type Outcome } from '../outcome.js';
import { FEWEST_BATCHES } from './batch-means.js';
import type { SpectrumRun, SumRule, TracePoint } from './spectrum.js';

/** Several trajectories taken together, and what each of them said. */
export interface EnsembleRun extends SpectrumRun {
  /** Means of each trajectory, column by column as in `means`. */
  readonly each: readonly Float64Array[];
  /** Errors of each, by its own batch means. */
  readonly eachErrors: readonly (readonly (number | null)[])[];
  readonly eachSteps: readonly number[];
  /** Standard errors of the mean: from the errors of the trajectories, and from their spread. null where they cannot be had. */
  readonly within: readonly (number | null)[];
  readonly between: readonly (number | null)[];
}

/**
 * The mean over independent trajectories, weighted by their steps w_k: m = Σ w_k m_k. Its error within is sqrt(Σ (w_k e_k)²) from the batch-means
 * errors e_k, and between sqrt(W/(W − 1) Σ w_k² (m_k − m)²). The two agree where all trajectories see the same
 * attractor; the larger counts.
 */
export function pooled(
  runs: readonly SpectrumRun[],
  planned: { trajectories: number; steps: number },
): EnsembleRun {
  // A state that overflowed leaves no number of the whole.
  const begun = runs.filter((run) => run.steps > 0 || run.outcome.kind === 'failed');
  const used = (begun.length > 0 ? begun : runs.slice(0, 1)).map(deadLast);
  const steps = used.reduce((sum, run) => sum + run.steps, 0);
  const weights = used.map((run) => (steps === 0 ? 1 : run.steps / steps));
  const columns = used[0]!.means.length;
  const means = Float64Array.from({ length: columns }, (_, i) =>
    weights.reduce((sum, w, k) => sum + w * used[k]!.means[i]!, 0),
  );
  const within = Array.from(means, (_, i) => withinOf(used, weights, i));
  const between = Array.from(means, (m, i) => betweenOf(used, weights, i, m));
  return {
    outcome: outcomeOf(runs, steps, planned),
    steps,
    intervals: used.reduce((sum, run) => sum + run.intervals, 0),
    means,
    errors: within.map((error, i) => larger(error, between[i]!, used.length)),
    unresolved: [...new Set(used.flatMap((run) => run.unresolved))],
    sumRule: sumRuleOf(used),
    finalState: used[0]!.finalState,
    trace: [...traceOf(used), { steps, means }],
    batches: used.flatMap((run) => run.batches),
    reached: null,
    each: used.map((run) => run.means),
    eachErrors: used.map((run) => run.errors),
    eachSteps: used.map((run) => run.steps),
    within,
    between,
  };
}

/** Columns that a singular J annihilated go last, so that they meet their like in the other trajectories. */
function deadLast(run: SpectrumRun): SpectrumRun {
  const isDead = (i: number): number => Number(run.means[i] === Number.NEGATIVE_INFINITY);
  const order = Array.from(run.means, (_, i) => i).sort((a, b) => isDead(a) - isDead(b) || a - b);
  const permuted = (values: Float64Array): Float64Array => Float64Array.from(order, (i) => values[i]!);
  return {
    ...run,
    means: permuted(run.means),
    errors: order.map((i) => run.errors[i]!),
    unresolved: run.unresolved.map((i) => order.indexOf(i)),
    trace: run.trace.map((point) => ({ ...point, means: permuted(point.means) })),
    batches: run.batches.map((batch) => ({ ...batch, sums: permuted(batch.sums) })),
  };
}

function withinOf(runs: readonly SpectrumRun[], weights: readonly number[], i: number): number | null {
  if (runs.some((run) => run.errors[i] === null)) return null;
  return Math.hypot(...runs.map((run, k) => weights[k]! * run.errors[i]!));
}

function betweenOf(
  runs: readonly SpectrumRun[],
  weights: readonly number[],
  i: number,
  mean: number,
): number | null {
  const W = runs.length;
  if (W < 2 || !Number.isFinite(mean)) return null;
  return Math.sqrt(W / (W - 1)) * Math.hypot(...runs.map((run, k) => weights[k]! * (run.means[i]! - mean)));
}

/** The spread of a few trajectories alone says as little as that of a few batches. */
function larger(within: number | null, between: number | null, trajectories: number): number | null {
  if (within === null) return trajectories >= FEWEST_BATCHES ? between : null;
  return Math.max(within, between ?? 0);
}

function outcomeOf(
  runs: readonly SpectrumRun[],
  steps: number,
  planned: { trajectories: number; steps: number },
): Outcome {
  const failed = runs.findIndex(({ outcome }) => outcome.kind === 'failed');
  const { outcome } = runs[failed] ?? {};
  if (outcome?.kind === 'failed')
    return {
      ...outcome,
      what: `of ${planned.trajectories} trajectories, number ${failed + 1}: ${outcome.what}`,
    };
  const whole = runs.filter((run) => run.outcome.kind === 'complete').length;
  return whole === planned.trajectories
    ? complete
    : interrupted(steps, planned.trajectories * planned.steps, 'steps');
}

function sumRuleOf(runs: readonly SpectrumRun[]): SumRule | null {
  const rules = runs.flatMap(({ sumRule }) => sumRule ?? []);
  if (rules.length < runs.length) return null;
  const steps = rules.reduce((sum, rule) => sum + rule.steps, 0);
  const average = (of: (rule: SumRule) => number): number =>
    rules.reduce((sum, rule) => sum + (rule.steps / steps) * of(rule), 0);
  return { steps, logAbsDet: average((rule) => rule.logAbsDet), growth: average((rule) => rule.growth) };
}

/** Running means over all trajectories, as far as all of them have as many points: each counts for the steps that it had then. */
function traceOf(runs: readonly SpectrumRun[]): TracePoint[] {
  const points = Math.min(...runs.map((run) => run.trace.length));
  return Array.from({ length: points }, (_, p) => {
    const at = runs.map((run) => run.trace[p]!);
    const steps = at.reduce((sum, point) => sum + point.steps, 0);
    const means = at[0]!.means.map((_, i) =>
      at.reduce((sum, point) => sum + (point.steps / steps) * point.means[i]!, 0),
    );
    return { steps, means };
  });
}

/** The 99.9 % quantile of the standard normal distribution. */
const DEVIATE = 3.0902;

/**
 * Whether trajectories measure the same thing in column i: χ² = Σ (m_k − m)²/e_k² is below its 99.9 % quantile for W − 1 degrees of
 * freedom (by E. Wilson, M. Hilferty, PNAS 17, 1931). No e_k is taken to be below 1/steps, by which a finite run is off. null where errors are missing.
 */
export function agree({ each, eachErrors, eachSteps, means }: EnsembleRun, i: number): boolean | null {
  const degrees = each.length - 1;
  if (degrees < 1 || eachErrors.some((errors) => errors[i] == null)) return null;
  const chiSquared = each.reduce(
    (sum, own, k) => sum + ((own[i]! - means[i]!) / Math.max(eachErrors[k]![i]!, 1 / eachSteps[k]!)) ** 2,
    0,
  );
  const v = 2 / (9 * degrees);
  return chiSquared <= degrees * (1 - v + DEVIATE * Math.sqrt(v)) ** 3;
}
