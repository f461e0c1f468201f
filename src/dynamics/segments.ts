import { complete, interrupted, type Outcome, type Watch } from '../outcome.js';
import { BatchMeans } from './batch-means.js';
import {
  type Orbit,
  type Part,
  type SegmentRun,
  type SpectrumOptions,
  type SpectrumRun,
  type SumRule,
  TRACE_POINTS,
  type TracePoint,
} from './spectrum.js';
import { Divergence, Trajectory } from './trajectory.js';

/** Where a segment begins, and what is asked of it. */
export interface SegmentPlan {
  readonly initialState: Float64Array;
  readonly part: Part;
  readonly options: SpectrumOptions;
}

/** Steps at least over which the frames of two segments are compared. */
const LEAST_OVERLAP = 100;

/** Steps over which two frames are compared: as many as aligned them, as far as the shortest segment goes. */
export const overlapOf = (align: number, steps: number, count: number): number =>
  Math.min(Math.max(align, LEAST_OVERLAP), Math.floor(steps / count));

/**
 * Walks the state alone along the orbit, and cuts the steps that are averaged into `count` segments. Each begins `align` steps
 * before its part, so that its frame is turned over the end of the segment before it. As far as the walk came.
 */
export async function cut(
  { system, drive, initialState }: Orbit,
  options: SpectrumOptions,
  count: number,
  watch: Watch,
): Promise<{ plans: readonly SegmentPlan[]; outcome: Outcome }> {
  const { warmup, align, steps } = options;
  const trajectory = new Trajectory(system, drive, initialState);
  const overlap = overlapOf(align, steps, count);
  const border = (k: number): number => Math.floor((k * steps) / count);
  const plans: SegmentPlan[] = [];
  try {
    for (let k = 0; k < count; k++) {
      const from = warmup + border(k);
      if (await trajectory.run(from - trajectory.time, watch, k === 0 ? 'warming up' : 'walking ahead'))
        return { plans, outcome: interrupted(0, steps, 'steps') };
      plans.push({
        initialState: trajectory.state.slice(),
        part: { from, of: steps, overlap, last: k === count - 1 },
        options: { ...options, steps: border(k + 1) - border(k), until: undefined },
      });
    }
  } catch (error) {
    if (!(error instanceof Divergence)) throw error;
    return { plans, outcome: error.outcome };
  }
  return { plans, outcome: complete };
}

/** Segments as one run, and what came of giving each a frame of its own. */
export interface JoinedRun extends SpectrumRun {
  /** Segments that were begun. */
  readonly segments: number;
  /**
   * By column, Σ_k |g_k − h_k|/steps: over the first steps of segment k + 1 its own frame grew by g_k, and that carried on from
   * segment k by h_k. As far as the frames have met by then, this is what alignment changes in the mean. null where nothing could be compared.
   */
  readonly alignment: readonly (number | null)[];
  /** Largest distance, entry by entry, of the states in which two segments meet; null where none do. */
  readonly gap: number | null;
}

/** The mean over segments of one trajectory. No error is smaller than what their alignment or rounding may have done. */
export function joined(runs: readonly SegmentRun[], { steps: planned }: { steps: number }): JoinedRun {
  const columns = runs[0]!.means.length;
  const means = BatchMeans.of(
    columns,
    runs.flatMap((run) => run.batches),
  );
  const steps = runs.reduce((sum, run) => sum + run.steps, 0);
  const outcome = outcomeOf(runs, steps, planned);
  const known = steps > 0 && outcome.kind !== 'failed';
  const alignment = alignmentOf(runs, columns, steps);
  const rounding = (i: number): number => runs.reduce((sum, run) => sum + run.rounding[i]!, 0) / steps;
  return {
    outcome,
    steps,
    intervals: runs.reduce((sum, run) => sum + run.intervals, 0),
    means: known ? means.means() : new Float64Array(columns).fill(Number.NaN),
    errors: known
      ? means
          .standardErrors()
          .map((e, i) => (e === null ? null : Math.max(e, Number.EPSILON, rounding(i), alignment[i] ?? 0)))
      : new Array<null>(columns).fill(null),
    unresolved: [...new Set(runs.flatMap((run) => run.unresolved))],
    sumRule: sumRuleOf(runs, known),
    finalState: runs.at(-1)!.finalState,
    trace: traceOf(runs),
    batches: known ? means.stretches() : [],
    reached: null,
    segments: runs.length,
    alignment,
    gap: gapOf(runs),
  };
}

/** Pairs of neighbours of which the earlier came to its end. */
const neighbours = (runs: readonly SegmentRun[]): [SegmentRun, SegmentRun][] =>
  runs.slice(1).map((next, k) => [runs[k]!, next]);

function alignmentOf(runs: readonly SegmentRun[], columns: number, steps: number): (number | null)[] {
  const compared = neighbours(runs).flatMap(([{ beyond }, { beginning }]) =>
    beyond && beginning ? [beginning.map((g, i) => Math.abs(g - beyond[i]!))] : [],
  );
  if (compared.length === 0) return new Array<null>(columns).fill(null);
  return Array.from({ length: columns }, (_, i) => compared.reduce((sum, d) => sum + d[i]!, 0) / steps);
}

function gapOf(runs: readonly SegmentRun[]): number | null {
  const gaps = neighbours(runs).flatMap(([{ beyond, finalState }, { firstState }]) =>
    beyond && firstState ? [Math.max(...finalState.map((v, i) => Math.abs(v - firstState[i]!)))] : [],
  );
  return gaps.length === 0 ? null : Math.max(...gaps);
}

function outcomeOf(runs: readonly SegmentRun[], steps: number, planned: number): Outcome {
  const failed = runs.find(({ outcome }) => outcome.kind === 'failed');
  if (failed) return failed.outcome;
  return steps === planned ? complete : interrupted(steps, planned, 'steps');
}

function sumRuleOf(runs: readonly SegmentRun[], known: boolean): SumRule | null {
  const rules = runs.flatMap(({ sumRule }) => sumRule ?? []);
  if (rules.length < runs.length) return null;
  if (!known) return { steps: 0, logAbsDet: Number.NaN, growth: Number.NaN };
  const checked = rules.filter((rule) => rule.steps > 0);
  const steps = checked.reduce((sum, rule) => sum + rule.steps, 0);
  const average = (of: (rule: SumRule) => number): number =>
    checked.reduce((sum, rule) => sum + rule.steps * of(rule), 0) / steps;
  return { steps, logAbsDet: average((rule) => rule.logAbsDet), growth: average((rule) => rule.growth) };
}

/** Running means over all segments so far, in the order of the orbit. */
function traceOf(runs: readonly SegmentRun[]): TracePoint[] {
  const points: TracePoint[] = [];
  let before = { steps: 0, sums: new Float64Array(runs[0]!.means.length) };
  for (const run of runs) {
    const after = (at: TracePoint) => ({
      steps: before.steps + at.steps,
      sums: before.sums.map((sum, i) => sum + at.steps * at.means[i]!),
    });
    for (const point of run.trace) {
      const { steps, sums } = after(point);
      points.push({ steps, means: sums.map((sum) => sum / steps) });
    }
    if (run.steps > 0) before = after({ steps: run.steps, means: run.means });
  }
  const every = Math.ceil(points.length / (2 * TRACE_POINTS));
  return points.filter((_, k) => (points.length - 1 - k) % every === 0);
}
