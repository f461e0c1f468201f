import { type CovariantVectors, covariantVectors } from '../src/dynamics/covariant-vectors.js';
import { type Drive, requireRows } from '../src/dynamics/drive.js';
import { agree, type EnsembleRun, pooled } from '../src/dynamics/ensemble.js';
import {
  band,
  below,
  descending,
  deviation,
  errorsOf,
  type FiniteTime,
  finiteTime,
  indistinguishable,
  type LyapunovVerdict,
  mean,
  memoryTime,
  type ParallelInTime,
  parallelInTime,
  summarise,
  type Told,
  type ToldErrors,
  verdictOf,
} from '../src/dynamics/from-exponents.js';
import { inputToState } from '../src/dynamics/input-to-state.js';
import { layerOrbits } from '../src/dynamics/layer-orbits.js';
import { type MeanField, meanFieldOf } from '../src/dynamics/mean-field.js';
import { requireMemory } from '../src/dynamics/memory.js';
import { cut, type JoinedRun, joined, overlapOf } from '../src/dynamics/segments.js';
import {
  type SegmentRun,
  type SpectrumRun,
  type SumRule,
  spectrum,
  spectrumMemory,
} from '../src/dynamics/spectrum.js';
import type { Subject } from '../src/dynamics/subject.js';
import { twinEstimate } from '../src/dynamics/twin-trajectories.js';
import { UserError } from '../src/errors.js';
import { flag, integer, number, type OptionRow, type Values } from '../src/options.js';
import { interrupted, type Outcome, type Watch } from '../src/outcome.js';
import { random } from '../src/random.js';
import { parallel, threadOptions, threadsOf } from '../src/threads/index.js';
import type { Analysis, Answer } from './analysis.js';

export type { FiniteTime, LyapunovVerdict, ParallelInTime };

export interface LyapunovValue extends Told, ToldErrors {
  readonly unit: 'nats per step';
  /** Descending. −∞ is exact. */
  readonly exponents: readonly number[];
  /** Batch-means standard errors, in the order of the exponents; null where there were too few steps to tell, or at −∞. */
  readonly standardErrors: readonly (number | null)[];
  /** Indices (from 0) of exponents whose growth fell below the rounding floor of a QR step: their values are not resolved. */
  readonly belowFloor: readonly number[];
  readonly sum: number;
  /** Mean of ln|det J| over the steps that were checked; null where only the leading exponents were computed. */
  readonly meanLogAbsDet: number | null;
  /** |Σ λ − meanLogAbsDet| over the same steps; null where it cannot be formed, 0 where both are −∞. */
  readonly sumRuleResidual: number | null;
  /** Steps over which the sum rule was checked: all, or a sample of the intervals where each determinant costs a factorisation. */
  readonly checkedSteps: number | null;
  readonly mode: Subject['mode'];
  /** Steps that were averaged, over all trajectories. */
  readonly steps: number;
  /** Steps between two re-orthonormalisations, on average. */
  readonly meanInterval: number;
  readonly finalState: readonly number[];
  /** Running estimates: exponents[k][i] is exponent i after steps[k] steps, for the leading ones. */
  readonly trace: { readonly steps: readonly number[]; readonly exponents: readonly (readonly number[])[] };
  /** Whether the error asked for by --until was reached; null where none was. */
  readonly untilReached: boolean | null;
  readonly finiteTime: FiniteTime | null;
  readonly twin: Twin | null;
  readonly parallelInTime: ParallelInTime | null;
  /** Per unit of time, where --dt says how much of it a step takes; null otherwise. */
  readonly perTime: PerTime | null;
  readonly covariant: Covariant | null;
  readonly layers: readonly LayerExponents[] | null;
  readonly inputToState: InputExponent | null;
  /**
   * What mean-field theory says of a tanh network of the same gain, drive and biases with random weights: for networks as they are
   * initialised. null where it was not asked for, or is for no single tanh layer.
   */
  readonly baseline: MeanField | null;
  /** What the trajectories said one by one; null where there was one. What has a pass of its own is about the first. */
  readonly ensemble: Ensemble | null;
  /** What came of cutting the trajectory into segments; null where it was not. */
  readonly segments: Segments | null;
}

/** Segments of one trajectory, each with a frame of its own, and what that may have done to the exponents. */
export interface Segments {
  /** Those that were joined: 1 where a direction is erased, which one frame was then carried all along for. */
  readonly count: number;
  /** Steps before a segment that turned its frame. */
  readonly align: number;
  /** Steps that the frame of a segment was carried on beyond its end, beside that of the next. */
  readonly overlap: number;
  /**
   * By exponent, the differences of their growth over these steps, summed without sign and divided by all steps, nats per step: what own
   * alignment may have changed. Contained in the standard error. null where nothing was compared.
   */
  readonly disagreement: readonly (number | null)[];
  /** Largest distance of the states in which two segments meet: 0 where the walk ahead found the same orbit. */
  readonly gap: number | null;
}

export interface Ensemble {
  /** How many were begun. */
  readonly trajectories: number;
  /** exponents[k][i] is exponent i of trajectory k, in the order of the pooled exponents. */
  readonly exponents: readonly (readonly number[])[];
  readonly standardErrors: readonly (readonly (number | null)[])[];
  readonly verdicts: readonly LyapunovVerdict[];
  /** Standard errors of the mean: from the trajectories' own errors, and from their spread. The larger is the exponent's. */
  readonly within: readonly (number | null)[];
  readonly between: readonly (number | null)[];
  /** Whether the leading exponents agree within their errors (χ² at 99.9 %), as on one attractor; null where none are known. */
  readonly agree: boolean | null;
}

/** λ₁ from the distance of two trajectories: no derivative is taken. */
export interface Twin {
  readonly exponent: number;
  readonly standardError: number | null;
  readonly steps: number;
  /** Whether both estimates agree within three of their errors, or 5/steps; null where they have none. */
  readonly agrees: boolean | null;
}

export interface PerTime {
  readonly dt: number;
  readonly exponents: readonly number[];
  readonly standardErrors: readonly (number | null)[];
  readonly memoryTime: number;
  readonly predictionHorizon: number;
  readonly entropyBound: number;
}

/** Covariant Lyapunov vectors: directions that J maps onto one another. */
export interface Covariant {
  /** Steps that were looked at, and between two looks. */
  readonly steps: number;
  readonly interval: number;
  /** Mean growth along each vector, which is its exponent again. */
  readonly exponents: readonly number[];
  readonly standardErrors: readonly (number | null)[];
  /** Growth per step between two looks. */
  readonly growth: {
    readonly deviation: readonly number[];
    readonly least: readonly number[];
    readonly most: readonly number[];
  };
  /** Angles between vector i and i + 1, radians. */
  readonly neighbours: { readonly mean: readonly number[]; readonly least: readonly number[] };
  /** The least angle between the unstable directions and the others; null where one of the two is empty. */
  readonly hyperbolicity: {
    readonly unstable: number;
    readonly mean: number;
    readonly least: number;
    /** Shares of the run in bins of equal width from 0 to π/2. */
    readonly histogram: readonly number[];
  } | null;
  /** Of each leading vector, the mean square of every entry, and how many entries it moves: ⟨1/Σ v_i⁴⟩. */
  readonly participation: readonly {
    readonly entries: readonly number[];
    readonly effective: number;
  }[];
  readonly coordinates: readonly string[];
}

/** Exponents of one layer of a stack under what the layers below hand on: those of the stack that belong to it. */
export interface LayerExponents {
  readonly name: string;
  readonly exponents: readonly number[];
  readonly standardErrors: readonly (number | null)[];
  readonly belowFloor: readonly number[];
  readonly memoryTime: number;
}

/** ‖∂s_{t+lag}/∂x_t‖: how far a change of one input reaches. */
export interface InputExponent {
  readonly lags: readonly number[];
  /** Mean over the places it was measured at, and the spread over them. */
  readonly log10Norm: readonly number[];
  readonly log10Spread: readonly number[] | null;
  /** Mean slope of ln of the norm over the second half of the lags, nats per step, and its standard error over the places. */
  readonly exponent: number;
  readonly standardError: number | null;
}

const DEFAULT_STEPS = 2000;
const DEFAULT_WARMUP = 200;
const DEFAULT_ALIGN = 100;
const DEFAULT_COUNT = 512;
const TRACE_EXPONENTS = 16;
/** Steps that --until may take on a drive without end. */
const MOST_STEPS = 1_000_000;
const COVARIANT_LEADING = 3;
/** Looks that are enough for angles: more steps are taken between two on long runs of small states. */
const LONGEST_LOOK = 16;
const INPUT_LAGS = 100;
const INPUT_WINDOWS = 16;
/** Streams of random numbers of the trajectories' first states begin here. */
const FIRST_STATES = 0x6e5e;

/** 'auto', or a whole number of steps. */
const interval: OptionRow<number | 'auto'> = {
  flags: '--reorthonormalise <steps>',
  help: 'steps between two QR decompositions; auto keeps the condition of R near 10⁵',
  fallback: 'auto',
  schema: { anyOf: [{ const: 'auto' }, { type: 'integer', minimum: 1 }] },
  parse: (given, flag) => {
    const v = Number(given);
    if (given === 'auto') return 'auto';
    if (Number.isSafeInteger(v) && v >= 1) return v;
    throw new UserError(
      'USAGE',
      `${flag} takes auto or a whole number of at least 1, not '${String(given)}'`,
    );
  },
};

const options = {
  warmup: integer({
    flags: '--warmup <steps>',
    help: 'steps that let the state settle first',
    fallback: undefined,
    fallbackText: '200, or a tenth of a short drive',
  }),
  align: integer({
    flags: '--align <steps>',
    help: 'steps that then turn the frame before averaging begins',
    fallback: undefined,
    fallbackText: '100, or a tenth of a short drive',
  }),
  steps: integer({
    flags: '--steps <n>',
    help: 'steps that are averaged',
    fallback: undefined,
    min: 1,
    fallbackText: 'the rest of the drive, or 2000',
  }),
  count: integer({
    flags: '--count <k>',
    help: 'how many exponents, the largest first',
    fallback: undefined,
    min: 1,
    fallbackText: 'all, up to 512',
  }),
  reorthonormalise: interval,
  until: number({
    flags: '--until <error>',
    help: 'go on until the standard error of λ₁ is at most this, nats per step; --steps is then the most that are taken',
    fallback: undefined,
    above: 0,
    fallbackText: 'off: --steps steps; with it at most 10⁶, or the rest of the drive',
  }),
  dt: number({
    flags: '--dt <time>',
    help: 'what a step stands for, in units of time: exponents per unit of time as well',
    fallback: undefined,
    above: 0,
  }),
  clv: flag({
    flags: '--clv',
    help: 'covariant Lyapunov vectors: growth along them, their angles, and which units take part',
  }),
  layerExponents: flag({
    flags: '--layer-exponents',
    help: 'the exponents of each layer of a stack under what the layers below hand on',
  }),
  inputExponent: flag({
    flags: '--input-exponent',
    help: 'how far a change of one input reaches, ‖∂s/∂x‖ against the lag',
  }),
  baseline: flag({
    flags: '--baseline',
    help: 'beside the exponents, what mean-field theory says of random weights of the same gain (a tanh layer, as initialised)',
  }),
  trajectories: integer({
    flags: '--trajectories <w>',
    help: 'independent trajectories to average over: the first as asked for, the others from random first states and under noise of other seeds',
    fallback: 1,
    min: 1,
  }),
  segments: integer({
    flags: '--segments <s>',
    help: 'parts of the trajectory, on several threads: each turns a frame of its own over the --align steps before it, and the result says what that may have changed',
    fallback: 1,
    min: 1,
  }),
  spread: number({
    flags: '--spread <scale>',
    help: 'standard deviation of the normal numbers that are added to the first state of the other trajectories',
    fallback: 0.5,
    above: 0,
  }),
  ...threadOptions,
};

type Options = Values<typeof options>;

/**
 * Lyapunov exponents λ_i = lim (1/T) Σ ln (R_t)_ii, from J_t Q_{t−1} = Q_t R_t (G. Benettin et al., Meccanica 15, 1980;
 * K. Geist, U. Parlitz, W. Lauterborn, Prog. Theor. Phys. 83, 1990). Nats per step. Errors by batch means; the whole
 * spectrum is checked by Σ λ_i = ⟨ln|det J|⟩, which holds for every T.
 */
export const lyapunov: Analysis<typeof options, LyapunovValue> = {
  name: 'lyapunov',
  summary: 'do nearby trajectories separate or merge, and how fast',
  options,
  async run(subject, given, watch) {
    const settled = settle(subject, given);
    if (settled.segments > 1) return inSegments(subject, settled, watch);
    const runs = await trajectories(subject, settled, watch);
    const all = settled.trajectories === 1 ? null : pooled(runs, settled);
    const first = describe(subject, runs[0]!, settled);
    const run = all ? { ...runs[0]!, outcome: all.outcome } : runs[0]!;
    const { found, outcome } = await beside(subject, first, run, settled, watch);
    const value = all ? together(subject, all, settled) : { ...first, ensemble: null };
    return { value: { ...value, ...found, segments: null }, outcome, settled } satisfies Answer<
      typeof options,
      LyapunovValue
    >;
  },
};

async function inSegments(
  subject: Subject,
  settled: Settled,
  watch: Watch,
): Promise<Answer<typeof options, LyapunovValue>> {
  const run = await segmented(subject, settled, watch);
  const plain = describe(subject, run, settled);
  const { found, outcome } = await beside(subject, plain, run, settled, watch);
  const { align, steps } = settled;
  const order = descending(run.means).slice(0, settled.count);
  const segments: Segments = {
    count: run.segments,
    align,
    overlap: run.segments === 1 ? 0 : overlapOf(align, steps, settled.segments),
    disagreement: order.map((i) => run.alignment[i]!),
    gap: run.gap,
  };
  return { value: { ...plain, ...found, ensemble: null, segments }, outcome, settled };
}

/** One trajectory in segments; with one frame where there are none to begin, or a direction is erased. */
async function segmented(subject: Subject, settled: Settled, watch: Watch): Promise<JoinedRun> {
  const { segments, steps } = settled;
  const { plans, outcome } = await cut(subject, settled, segments, watch);
  const job = {
    kind: 'segment' as const,
    tasks: plans,
    threads: threadsOf(settled),
    unitsPerTask: Math.ceil(steps / segments),
    label: `averaging ${segments} segments`,
  };
  const answers = outcome.kind === 'complete' ? await parallel(subject, job, watch) : [];
  // Up to one that was not begun, so that each follows on the one before.
  const missing = answers.indexOf(undefined);
  const runs = answers.slice(0, missing < 0 ? undefined : missing) as SegmentRun[];
  if (runs.length > 0 && !runs.some((run) => run.erased)) return joined(runs, settled);
  const whole = await spectrum(subject, settled, watch);
  return { ...whole, segments: 1, alignment: whole.errors.map(() => null), gap: null };
}

/** One trajectory as asked for, and others beside it; those that were begun. */
async function trajectories(subject: Subject, settled: Settled, watch: Watch): Promise<SpectrumRun[]> {
  const { spread, steps, until } = settled;
  const W = settled.trajectories;
  if (W === 1) return [await spectrum(subject, settled, watch)];
  // The mean over W has an error smaller by √W.
  const options = { ...settled, until: until && until * Math.sqrt(W) };
  const first = { initialState: subject.initialState, seed: null, options };
  const others = Array.from({ length: W - 1 }, (_, k) => {
    const draw = random(subject.seed, FIRST_STATES + k);
    const initialState = subject.initialState.map((v) => v + spread * draw.normal());
    return { initialState, seed: subject.seed + k + 1, options };
  });
  const job = {
    kind: 'spectrum' as const,
    tasks: [first, ...others],
    threads: threadsOf(settled),
    unitsPerTask: steps,
    label: `averaging ${W} trajectories`,
  };
  const runs = await parallel(subject, job, watch);
  return runs.filter((run) => run !== undefined);
}

/** All of them, and what each said. Where some are stable and others chaotic, the mean is a verdict on none. */
function together(
  subject: Subject,
  run: EnsembleRun,
  settled: Settled,
): Omit<LyapunovValue, keyof Beside | 'segments'> {
  const value = describe(subject, run, settled, Math.min(...run.eachSteps));
  const order = descending(run.means).slice(0, settled.count);
  const exponents = run.each.map((means) => order.map((i) => means[i]!));
  const standardErrors = run.eachErrors.map((errors) => order.map((i) => errors[i]!));
  const verdicts = exponents.map((own, k) => {
    const error = standardErrors[k]![0]!;
    return verdictOf(own[0]!, error === null ? null : indistinguishable(error, run.eachSteps[k]!));
  });
  const contradict = verdicts.includes('stable') && verdicts.includes('chaotic');
  const error = value.standardErrors[0] ?? null;
  return {
    ...value,
    verdict: contradict ? 'undetermined' : value.verdict,
    untilReached: settled.until === undefined ? null : error !== null && error <= settled.until,
    ensemble: {
      trajectories: run.each.length,
      exponents,
      standardErrors,
      verdicts,
      within: order.map((i) => run.within[i]!),
      between: order.map((i) => run.between[i]!),
      agree: agree(run, order[0]!),
    },
  };
}

type Settled = Options & { warmup: number; align: number; steps: number; count: number };

function settle(subject: Subject, given: Options): Settled {
  refuse(subject, given);
  const { drive, system } = subject;
  const tenth = Number.isFinite(drive.length) ? Math.floor(drive.length / 10) : Number.POSITIVE_INFINITY;
  const warmup = given.warmup ?? Math.min(DEFAULT_WARMUP, tenth);
  const align = given.align ?? Math.min(DEFAULT_ALIGN, tenth);
  const open = given.until === undefined ? DEFAULT_STEPS : MOST_STEPS;
  const steps = given.steps ?? restOf(drive, warmup + align, open);
  requireRows(drive, warmup + align + steps, `lyapunov with ${warmup} + ${align} + ${steps} steps`);
  refuseSegments(given, align, steps);
  const count = Math.min(given.count ?? DEFAULT_COUNT, system.dimension);
  requireMemory(
    spectrumMemory(count, system.dimension),
    `a spectrum of ${count} exponents of ${system.dimension} state entries`,
    `ask for the largest alone, with --count ${Math.min(8, count)}`,
  );
  return { ...given, warmup, align, steps, count };
}

/** What cannot be asked of this map is said before the long run, not after it. */
function refuse({ model, mode, system }: Subject, { layerExponents, inputExponent }: Options): void {
  if (layerExponents && (!model || mode === 'closed loop'))
    throw new UserError(
      'USAGE',
      '--layer-exponents needs a network under inputs from outside: a loop through the readout is closed over all its layers; leave out --closed-loop',
    );
  if (inputExponent && system.inputSize === 0)
    throw new UserError(
      'USAGE',
      '--input-exponent needs inputs, and this map has none that could reach its state; leave out --closed-loop',
    );
}

function refuseSegments({ segments, trajectories, until }: Options, align: number, steps: number): void {
  if (segments === 1) return;
  if (trajectories > 1)
    throw new UserError('USAGE', '--trajectories share the threads already: leave out --segments');
  if (until !== undefined)
    throw new UserError(
      'USAGE',
      '--segments needs to know the end, which --until looks for: leave out one of them',
    );
  const shortest = Math.floor(steps / segments);
  if (shortest < Math.max(1, align))
    throw new UserError(
      'USAGE',
      `--segments ${segments} leaves ${shortest} steps a segment, fewer than the ${align} that align its frame: give at most --segments ${Math.max(1, Math.floor(steps / Math.max(1, align)))}, or more --steps`,
    );
}

const restOf = (drive: Drive, used: number, open: number): number =>
  Number.isFinite(drive.length) ? Math.max(1, drive.length - used) : open;

type Beside = Pick<LyapunovValue, 'twin' | 'covariant' | 'layers' | 'inputToState' | 'baseline'>;
type Found = Omit<LyapunovValue, keyof Beside | 'ensemble' | 'segments'>;

/** What is found by passes of their own, once the spectrum is there. A pass that is stopped leaves null. */
async function beside(
  subject: Subject,
  plain: Found,
  run: SpectrumRun,
  settled: Settled,
  watch: Watch,
): Promise<{ found: Beside; outcome: Outcome }> {
  const found: { -readonly [K in keyof Beside]: Beside[K] } = {
    twin: null,
    covariant: null,
    layers: null,
    inputToState: null,
    baseline: settled.baseline ? meanFieldOf(subject) : null,
  };
  if (run.outcome.kind !== 'complete') return { found, outcome: run.outcome };
  const stopped = (what: string): { found: Beside; outcome: Outcome } => ({
    found,
    outcome: {
      ...interrupted(0, 1, what),
      what: `interrupted in ${what}; the exponents are whole`,
    } as Outcome,
  });
  const twin = await twinEstimate(subject, { ...settled, steps: run.steps }, watch);
  if (twin.stopped) return stopped('the estimate from two trajectories');
  found.twin = agreement(plain, twin);
  if (settled.clv) {
    found.covariant = await covariant(subject, plain, settled, watch);
    if (found.covariant === null && resolved(plain) > 0) return stopped('the covariant vectors');
  }
  if (settled.layerExponents) {
    found.layers = await layerExponents(subject, { ...settled, steps: run.steps }, watch);
    if (found.layers === null) return stopped('the exponents of the layers');
  }
  if (settled.inputExponent) {
    found.inputToState = await inputExponent(subject, settled, run.steps, watch);
    if (found.inputToState === null) return stopped('the reach of inputs');
  }
  return { found, outcome: run.outcome };
}

function agreement(
  { exponents, standardErrors }: Pick<LyapunovValue, 'exponents' | 'standardErrors'>,
  { exponent, standardError, steps }: Awaited<ReturnType<typeof twinEstimate>>,
): Twin {
  const [first, error] = [exponents[0]!, standardErrors[0] ?? null];
  const border = error === null || standardError === null ? null : 3 * Math.hypot(error, standardError);
  const agrees =
    first === exponent
      ? true
      : border === null
        ? null
        : Math.abs(first - exponent) <= Math.max(border, 5 / steps);
  return { exponent, standardError, steps, agrees };
}

/** How many of the leading exponents are finite and resolved: vectors of the others are noise. */
function resolved({ exponents, belowFloor }: Pick<LyapunovValue, 'exponents' | 'belowFloor'>): number {
  const lost = exponents.findIndex((v, i) => !Number.isFinite(v) || belowFloor.includes(i));
  return lost < 0 ? exponents.length : lost;
}

async function covariant(
  subject: Subject,
  plain: Found,
  { warmup, align, reorthonormalise }: Settled,
  watch: Watch,
): Promise<Covariant | null> {
  const count = resolved(plain);
  if (count === 0) return null;
  const every = reorthonormalise === 'auto' ? Math.floor(plain.meanInterval) : reorthonormalise;
  const interval = Math.max(1, Math.min(every, LONGEST_LOOK));
  // Angles are no averages that long runs are needed for: they are taken of what fits into memory.
  // The backward pass turns C over rows beyond those that are looked at: of a drive with an end, at the cost of those.
  const left = subject.drive.length - warmup - align - 3 * interval;
  const relax = Math.min(Math.max(align, 100), Math.floor(Math.min(left, plain.steps) / 4));
  const steps = Math.min(plain.steps, left - relax, interval * mostLooks(subject.system.dimension, count));
  if (steps < interval) return null;
  const unstable = plain.exponents.filter(
    (v, i) => v > band(plain.standardErrors[i] ?? null, plain.steps),
  ).length;
  const found = await covariantVectors(
    subject,
    { warmup, align, relax, steps, count, interval, unstable, leading: COVARIANT_LEADING },
    watch,
  );
  return found && asLists(found, interval, unstable, subject.system.coordinates);
}

/** √N frames and as many R are kept on the way, 3 √N n k numbers in all: looks that fit into 256 MB of them. */
const mostLooks = (n: number, k: number): number => Math.max(64, Math.floor((2 ** 28 / (24 * n * k)) ** 2));

function asLists(
  found: CovariantVectors,
  interval: number,
  unstable: number,
  coordinates: readonly string[],
): Covariant {
  const { exponents, growth, neighbours, hyperbolicity, participation, participationNumber } = found;
  return {
    steps: found.steps,
    interval,
    exponents: Array.from(exponents),
    standardErrors: found.standardErrors,
    growth: {
      deviation: Array.from(growth.deviation),
      least: Array.from(growth.least),
      most: Array.from(growth.most),
    },
    neighbours: { mean: Array.from(neighbours.mean), least: Array.from(neighbours.least) },
    hyperbolicity: hyperbolicity && {
      ...hyperbolicity,
      unstable,
      histogram: Array.from(hyperbolicity.histogram),
    },
    participation: Array.from(participationNumber, (effective, j) => ({
      entries: Array.from(
        { length: participation.rows },
        (_, i) => participation.data[i * participation.cols + j]!,
      ),
      effective,
    })),
    coordinates,
  };
}

async function layerExponents(
  { model, system, drive, initialState }: Subject,
  settled: Settled,
  watch: Watch,
): Promise<LayerExponents[] | null> {
  const found: LayerExponents[] = [];
  for (const [l, orbit] of layerOrbits(model!.layers, { system, drive, initialState }).entries()) {
    const count = Math.min(settled.count, orbit.system.dimension);
    const run = await spectrum(orbit, { ...settled, count, until: undefined }, watch);
    if (run.outcome.kind !== 'complete') return null;
    const order = descending(run.means).slice(0, count);
    const exponents = order.map((i) => run.means[i]!);
    found.push({
      name: model!.layers[l]!.name,
      exponents,
      standardErrors: order.map((i) => run.errors[i]!),
      belowFloor: below(order, run),
      memoryTime: memoryTime(exponents[0]!),
    });
  }
  return found;
}

async function inputExponent(
  subject: Subject,
  { warmup }: Settled,
  steps: number,
  watch: Watch,
): Promise<InputExponent | null> {
  const lags = Math.max(2, Math.min(INPUT_LAGS, Math.floor(steps / 2)));
  const windows = Math.max(1, Math.min(INPUT_WINDOWS, Math.floor(steps / lags)));
  const { logNorms, stopped } = await inputToState(subject, { warmup, lags, windows }, watch);
  if (stopped || logNorms.length === 0) return null;
  const slopes = logNorms.map((logs) => {
    const half = Math.floor(lags / 2);
    const [from, to] = [logs[half - 1]!, logs[lags - 1]!];
    return to === Number.NEGATIVE_INFINITY ? to : (to - from) / (lags - half);
  });
  const at = Array.from({ length: lags }, (_, k) => logNorms.map((logs) => logs[k]! / Math.LN10));
  const exponent = mean(slopes);
  return {
    lags: at.map((_, k) => k + 1),
    log10Norm: at.map(mean),
    log10Spread: windows > 1 ? at.map(deviation) : null,
    exponent,
    standardError: windows > 1 && Number.isFinite(exponent) ? deviation(slopes) / Math.sqrt(windows) : null,
  };
}

/** `longest`: steps of one trajectory, which say how far off a zero exponent is. */
function describe({ mode }: Subject, run: SpectrumRun, { count, dt }: Settled, longest = run.steps): Found {
  const { means, errors, sumRule, steps, intervals, finalState, trace } = run;
  const order = descending(means).slice(0, count);
  const exponents = order.map((i) => means[i]!);
  const standardErrors = order.map((i) => errors[i]!);
  const sum = exponents.reduce((total, v) => total + v, 0);
  const told = summarise(exponents, standardErrors, longest, sumRule !== null);
  return {
    unit: 'nats per step',
    exponents,
    standardErrors,
    belowFloor: below(order, run),
    sum,
    meanLogAbsDet: sumRule?.logAbsDet ?? null,
    sumRuleResidual: sumRule && residual(sumRule),
    checkedSteps: sumRule?.steps ?? null,
    ...told,
    ...errorsOf(told, run, order, standardErrors),
    mode,
    steps,
    meanInterval: intervals === 0 ? 0 : steps / intervals,
    finalState: Array.from(finalState),
    trace: {
      steps: trace.map((point) => point.steps),
      exponents: trace.map((point) => order.slice(0, TRACE_EXPONENTS).map((i) => point.means[i]!)),
    },
    untilReached: run.reached,
    finiteTime: finiteTime(run.batches, order, TRACE_EXPONENTS),
    parallelInTime: parallelInTime(exponents[0]!, told.verdict, longest),
    perTime:
      dt === undefined
        ? null
        : {
            dt,
            exponents: exponents.map((v) => v / dt),
            standardErrors: standardErrors.map((e) => (e === null ? null : e / dt)),
            memoryTime: told.memoryTime * dt,
            predictionHorizon: told.predictionHorizon * dt,
            entropyBound: told.entropyBound / dt,
          },
  };
}

/** 0 where both sums are −∞. */
const residual = ({ growth, logAbsDet }: SumRule): number =>
  growth === logAbsDet ? 0 : Math.abs(growth - logAbsDet);
