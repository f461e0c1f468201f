import type { Box } from '../src/calculus/interval.js';
import { type Drive, isHeld } from '../src/dynamics/drive.js';
import { reachableBox } from '../src/dynamics/reachable-box.js';
import type { Subject } from '../src/dynamics/subject.js';
import { orDivergence } from '../src/dynamics/trajectory.js';
import { envelope } from '../src/envelope.js';
import { counted, show, showPowerOfTen } from '../src/numbers.js';
import { integer, type OptionTable, type Values } from '../src/options.js';
import { complete, type Outcome, type Watch } from '../src/outcome.js';
import type { AnalysisResult } from '../src/result.js';
import { threadOptions } from '../src/threads/index.js';
import type { Analysis, Answer } from './analysis.js';
import { type FixedPointsValue, fixedPoints } from './fixed-points.js';
import { type GatesValue, gates } from './gates.js';
import { type GradientsValue, gradients } from './gradients.js';
import { jacobian } from './jacobian.js';
import { type LyapunovValue, lyapunov } from './lyapunov.js';

export interface Finding {
  readonly question: string;
  readonly answer: string;
  readonly level: 'good' | 'warn' | 'bad' | 'unknown';
  readonly evidence: string;
}

export interface DiagnoseValue {
  readonly verdicts: readonly Finding[];
  /** Analysis name → its whole envelope. */
  readonly results: Readonly<Record<string, AnalysisResult>>;
}

/** Spectra and searches of large states cost n³ a step: by default only the leading exponents, and fewer starts. */
const WHOLE_SPECTRUM = 128;
const LEADING = 32;
const starts = integer({
  flags: '--starts <n>',
  help: 'fixed points: how many places to search from',
  fallback: undefined,
  min: 1,
  fallbackText: '1024 up to 64 state entries, fewer beyond',
});
const count = integer({
  flags: '--count <k>',
  help: 'Lyapunov exponents, the largest first',
  fallback: undefined,
  min: 1,
  fallbackText: 'all up to 128 state entries, 32 beyond',
});

const options = {
  warmup: lyapunov.options.warmup,
  align: lyapunov.options.align,
  steps: lyapunov.options.steps,
  count,
  lags: gradients.options.lags,
  length: gradients.options.length,
  threshold: gradients.options.threshold,
  windows: gradients.options.windows,
  starts,
  unique: fixedPoints.options.unique,
  constant: fixedPoints.options.constant,
  ...threadOptions,
};

type Options = Values<typeof options>;

/** Everything that applies, with verdicts in plain words. */
export const diagnose: Analysis<typeof options, DiagnoseValue> = {
  name: 'diagnose',
  summary: 'all of the above that apply, with verdicts and one report',
  options,
  async run(subject, given, watch) {
    const settled = settle(subject, given);
    const results: Record<string, AnalysisResult> = {};
    const verdicts: Finding[] = [boundedness(subject)];
    const part = async <T extends OptionTable, V>(analysis: Analysis<T, V>, chosen: Partial<Values<T>>) => {
      const own = defaults(analysis.options, chosen);
      const answer: Answer<T, V | null> = await orDivergence(
        analysis.run(subject, own, labelled(watch, analysis.name)),
      );
      // How many threads there were is said once, for the whole.
      const result = envelope(analysis.name, subject, withoutThreads(own), answer);
      results[analysis.name] = result as AnalysisResult;
      return result;
    };
    const { warmup, align, steps, lags, length, threshold, windows, unique, constant, threads } = settled;
    let outcome = worse(
      complete,
      (await part(jacobian, { warmup: firstRows(subject.drive, warmup) })).outcome,
    );
    const spectrum = await part(lyapunov, { warmup, align, steps, count: settled.count });
    verdicts.push(separation(spectrum));
    outcome = worse(outcome, spectrum.outcome);
    if (outcome.kind !== 'partial') {
      const flow = await part(gradients, { lags, length, threshold, windows });
      verdicts.push(gradientFlow(flow));
      outcome = worse(outcome, flow.outcome);
    }
    if (outcome.kind !== 'partial' && hasGates(subject)) {
      const gating = await part(gates, { warmup, steps });
      verdicts.push(stuck(gating));
      outcome = worse(outcome, gating.outcome);
    }
    if (outcome.kind !== 'partial') {
      const rest = await part(fixedPoints, { starts: settled.starts, unique, constant, threads });
      verdicts.push(resting(rest));
      outcome = worse(outcome, rest.outcome);
    }
    return { value: { verdicts, results }, outcome, settled };
  },
};

function settle({ system }: Subject, given: Options): Options & { count: number; starts: number } {
  const n = system.dimension;
  return {
    ...given,
    count: given.count ?? (n <= WHOLE_SPECTRUM ? n : LEADING),
    starts: given.starts ?? (n <= 64 ? 1024 : Math.max(64, Math.floor(1024 * (64 / n) ** 2))),
  };
}

const firstRows = (drive: Drive, warmup: number | undefined): number =>
  Math.min(warmup ?? 200, Number.isFinite(drive.length) ? drive.length - 1 : Number.POSITIVE_INFINITY);

const defaults = <T extends OptionTable>(table: T, chosen: Partial<Values<T>>): Values<T> =>
  Object.fromEntries(
    Object.entries(table).map(([key, row]) => [key, chosen[key] ?? row.fallback]),
  ) as Values<T>;

const withoutThreads = <V extends object>(own: V): V =>
  'threads' in own ? { ...own, threads: undefined } : own;

const labelled = (watch: Watch, name: string): Watch => ({
  tick: (done, total, label) => watch.tick(done, total, `${name}: ${label ?? ''}`),
});

/** The first thing that went wrong is what the whole is said to be. */
const worse = (a: Outcome, b: Outcome): Outcome => (a.kind === 'complete' ? b : a);

/** Can the state blow up? An interval enclosure answers for all inputs in the range of the drive. */
function boundedness({ system, drive, mode }: Subject): Finding {
  const question = 'Can its state blow up?';
  const range = inputRange(drive);
  const box = reachableBox(system, range);
  if (!box) {
    return {
      question,
      answer: 'not settled: no bound on the state was found',
      level: 'unknown',
      evidence: 'interval bounds of one step do not close on themselves for this recurrence',
    };
  }
  const most = box.hi.reduce((a, b) => Math.max(a, b), 0);
  const seen =
    isHeld(drive) || Number.isFinite(drive.length) ? 'the drive' : `the drive’s first ${LOOK} rows`;
  const inputs =
    mode === 'closed loop' ? 'fed with its own readout' : `for inputs within the range of ${seen}`;
  return {
    question,
    answer: `no: once |h| ≤ 1, no entry of the state can exceed ${show(most)} in size${most > LOOSE ? ' (a loose bound)' : ''}, ${inputs}`,
    level: 'good',
    evidence: 'an interval enclosure of one step, rounded outward, is mapped into itself',
  };
}

/** A bound beyond this says that the state is bounded, and little of how large it gets. */
const LOOSE = 100;
/** Rows of a drive without end that its range is taken from. */
const LOOK = 10_000;

/** Smallest and largest value of each input over the drive, or over its beginning where it has no end. */
function inputRange(drive: Drive): Box {
  const rows = isHeld(drive) ? 1 : Number.isFinite(drive.length) ? drive.length : LOOK;
  const row = new Float64Array(drive.inputSize);
  const lo = new Float64Array(drive.inputSize).fill(Number.POSITIVE_INFINITY);
  const hi = new Float64Array(drive.inputSize).fill(Number.NEGATIVE_INFINITY);
  for (let t = 0; t < rows; t++) {
    drive.at(t, row);
    for (let i = 0; i < row.length; i++) {
      lo[i] = Math.min(lo[i]!, row[i]!);
      hi[i] = Math.max(hi[i]!, row[i]!);
    }
  }
  return { lo, hi };
}

const plusMinus = (v: number, error: number | null): string =>
  `${show(v)}${error === null ? '' : ` ± ${show(error, 1)}`}`;

function separation({ value, outcome }: AnalysisResult<LyapunovValue | null>): Finding {
  const question = value?.mode === 'driven' ? 'Does it forget small differences?' : 'Is its motion stable?';
  if (!value) return unanswered(question, outcome);
  const first = value.exponents[0]!;
  const evidence = `λ₁ = ${plusMinus(first, value.standardErrors[0] ?? null)} nats per step over ${counted(value.steps, 'step')}, ${value.mode}`;
  if (outcome.kind === 'failed')
    return { question, answer: `no: ${outcome.what}`, level: 'bad', evidence: outcome.remedy };
  switch (value.verdict) {
    case 'stable':
      return {
        question,
        answer: `yes: nearby trajectories merge, by a factor e every ${show(value.memoryTime)} steps`,
        level: 'good',
        evidence,
      };
    case 'chaotic':
      return {
        question,
        answer: `no: chaotic, a small difference doubles every ${show(value.predictionHorizon)} steps`,
        level: value.mode === 'driven' ? 'bad' : 'warn',
        evidence,
      };
    case 'marginal':
      return {
        question,
        answer: 'on the edge: differences neither grow nor fade within the error',
        level: 'warn',
        evidence,
      };
    case 'undetermined':
      return {
        question,
        answer: 'undetermined: the error bar straddles zero; more steps would tell',
        level: 'unknown',
        evidence,
      };
  }
}

const unanswered = (question: string, outcome: Outcome): Finding => ({
  question,
  answer: outcome.kind === 'complete' ? 'no answer' : `no answer: ${outcome.what}`,
  level: 'unknown',
  evidence: outcome.kind === 'complete' ? '' : outcome.remedy,
});

function gradientFlow({ value, outcome }: AnalysisResult<GradientsValue | null>): Finding {
  const question = 'Do its gradients vanish?';
  if (!value) return unanswered(question, outcome);
  const { lag, log10 } = value.atLength;
  const size =
    log10 > 0
      ? `the gradient is ${showPowerOfTen(log10)} times as large`
      : `${showPowerOfTen(log10)} of the gradient is left`;
  const left = `after ${counted(lag, 'step')} ${size}`;
  const reach = value.horizonIsLowerBound
    ? `it stays above ${show(value.threshold)} for at least ${counted(value.horizon, 'step')}`
    : `it falls below ${show(value.threshold)} after ${counted(value.horizon, 'step')}`;
  const evidence = `${reach}; rate ${plusMinus(value.rate, value.rateError)} nats per step`;
  switch (value.verdict) {
    case 'vanishing':
      return { question, answer: `yes: ${left}: vanishing`, level: 'bad', evidence };
    case 'exploding':
      return {
        question,
        answer: `no, they explode: ${left}`,
        level: 'bad',
        evidence,
      };
    case 'preserved':
      return { question, answer: `no: ${left}: preserved${trend(value)}`, level: 'good', evidence };
    case 'undetermined':
      return { question, answer: `undetermined: ${left}`, level: 'unknown', evidence };
  }
}

const hasGates = ({ system }: Subject): boolean =>
  (system.parts ?? []).some(({ quantities }) => quantities.some(({ role }) => role !== 'candidate'));

/** Below the first share of stuck gates nothing is said against them; beyond the second most cannot do their work. */
const SOME_STUCK = 0.1;
const MOST_STUCK = 0.5;

function stuck({ value, outcome }: AnalysisResult<GatesValue | null>): Finding {
  const question = 'Are its gates stuck?';
  if (!value || value.saturated === null) return unanswered(question, outcome);
  const all = value.layers.flatMap(({ gates }) =>
    gates.map((gate) => ({ ...gate, count: gate.units.mean.length })),
  );
  const still = all.reduce((sum, gate) => sum + gate.stuckShut + gate.stuckOpen, 0);
  const total = all.reduce((sum, gate) => sum + gate.count, 0);
  const held = value.layers.flatMap(({ name, gates }) =>
    gates.flatMap(({ name: gate, timeScales }) =>
      timeScales
        ? [`${gate} of ${name} holds on for ${show(timeScales.quantiles[2]!)} steps at the median`]
        : [],
    ),
  );
  const evidence = [
    `${show(100 * value.saturated, 2)} % of all readings over ${counted(value.steps, 'step')} are below 0.05 or above 0.95`,
    ...held,
  ].join('; ');
  if (value.layers.every(({ activity }) => activity.dead === null)) {
    const answer =
      'cannot be told: the state is at rest, where no gate moves; --drive gives them something to do';
    return { question, answer, level: 'unknown', evidence };
  }
  const share = `${still} of ${total} are saturated on one side at 99 % of the steps`;
  if (still < SOME_STUCK * total) return { question, answer: `no: ${share}`, level: 'good', evidence };
  if (still < MOST_STUCK * total) return { question, answer: `some: ${share}`, level: 'warn', evidence };
  return { question, answer: `most: ${share}`, level: 'bad', evidence };
}

/** The input that was held while the search went on. */
function held(input: FixedPointsValue['input']): string {
  if (input === 'closed loop' || input.length === 0) return '';
  if (input.some((v) => v !== input[0]))
    return input.length > 4 ? ' with the input held' : ` at input ${input.map((v) => show(v)).join(', ')}`;
  return input[0] === 0 ? ' at zero input' : ` at input ${show(input[0]!)}`;
}

/** What the long lags say of a gradient that is neither gone nor out of hand at the length asked about. */
function trend({ rate, rateError }: GradientsValue): string {
  if (rateError === null || Math.abs(rate) <= 3 * rateError) return '';
  return rate > 0 ? ' so far, but growing' : ' so far, though fading';
}

function resting({ value, outcome }: AnalysisResult<FixedPointsValue | null>): Finding {
  const question = `Where does it rest${value ? held(value.input) : ''}?`;
  if (!value) return unanswered(question, outcome);
  const fixed = value.points.filter((p) => p.kind === 'fixed' && p.reachable !== false);
  const stable = fixed.filter((p) => p.stability === 'stable').length;
  const slow = value.slowFound > 0 ? `, ${counted(value.slowFound, 'slow point')}` : '';
  const ranOff = value.escaped > 0 ? ` (${value.escaped} ran off to where gates saturate)` : '';
  // Where nothing was found there is nothing to estimate from.
  const unseen = fixed.length > 0 ? `; ${show(value.coverage.unseen, 2)} estimated unseen (Chao1)` : '';
  const evidence =
    `${value.starts} starts: ${value.converged} at fixed points, ${value.slowStarts} at slow points, ${value.unconverged} unconverged${ranOff}, ` +
    `${value.outside} at roots beyond the reachable box${unseen}`;
  const found = `${counted(fixed.length, 'fixed point')} (${stable} stable)${slow}`;
  if (fixed.length === 0)
    return { question, answer: `no fixed point was found${slow}`, level: 'unknown', evidence };
  return {
    question,
    answer: stable > 1 ? `${found}: it can hold one of ${stable} states` : found,
    level: value.coverage.unseen < 1 ? 'good' : 'warn',
    evidence,
  };
}
