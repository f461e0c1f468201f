import { type Box, pointBox } from '../src/calculus/interval.js';
import { coverage } from '../src/dynamics/coverage.js';
import { heldRow } from '../src/dynamics/drive.js';
import { type PrincipalPlane, principalPlane } from '../src/dynamics/principal-plane.js';
import { reachableBox } from '../src/dynamics/reachable-box.js';
import type { RestSearch } from '../src/dynamics/rest-point.js';
import { isIsolated, type StabilityAt, stabilityAt } from '../src/dynamics/stability.js';
import { startsFor } from '../src/dynamics/starts.js';
import type { Subject } from '../src/dynamics/subject.js';
import { UserError } from '../src/errors.js';
import { parseNumber } from '../src/numbers.js';
import { flag, integer, number, text, type Values } from '../src/options.js';
import { complete, interrupted, type Watch } from '../src/outcome.js';
import type { Complex } from '../src/result.js';
import { parallel, type RestTask, threadOptions, threadsOf } from '../src/threads/index.js';
import type { Analysis } from './analysis.js';
import { timeConstant } from './jacobian.js';

export type Stability = 'stable' | 'saddle' | 'unstable' | 'marginal' | 'undetermined';

export interface RestPoint {
  readonly kind: 'fixed' | 'slow';
  readonly state: readonly number[];
  /** ½‖F(s) − s‖². */
  readonly q: number;
  /** ‖F(s) − s‖. */
  readonly residual: number;
  readonly spectralRadius: number;
  /** Eigenvalues beyond the unit circle by more than their error; at least so many where stability is undetermined. */
  readonly unstableDimensions: number;
  readonly stability: Stability;
  /** All of them, or the leading ones where `spectrum` says so. */
  readonly eigenvalues: readonly Complex[];
  /** Present for states of 2048 entries or more, of which only leading eigenvalues are computed. */
  readonly spectrum?: 'leading';
  /** Present with `spectrum`: how far the spectral radius may be off, to first order. */
  readonly spectralRadiusError?: number;
  readonly timeConstants: readonly number[];
  /** How many starts ended here. */
  readonly hits: number;
  /** Inside the box that states cannot leave; null where no box is known. */
  readonly reachable: boolean | null;
  /** What the readout says here, where there is one. */
  readonly output?: readonly number[];
  /** Coordinates in the plane of `projection`. */
  readonly projection: readonly [number, number];
}

export interface FixedPointsValue {
  /** Fixed points first, by unstable dimensions and hits; then slow points by q. */
  readonly points: readonly RestPoint[];
  /** The input that was held, or 'closed loop'. */
  readonly input: readonly number[] | 'closed loop';
  readonly starts: number;
  /** Starts that ended at a fixed point inside the reachable box. */
  readonly converged: number;
  /** Starts that ended neither at a root nor at a minimum of q. */
  readonly unconverged: number;
  /** How many of the unconverged ran off beyond the reachable box, where gates saturate. */
  readonly escaped: number;
  /** Starts that ended at a minimum of q that is not a root. */
  readonly slowStarts: number;
  /** Starts that ended at roots beyond the reachable box. */
  readonly outside: number;
  /**
   * Where no box is known: starts that ended at roots that do not stand alone, J − I being singular to rounding. They lie on
   * a continuum, exactly or because saturated gates hold any state in doubles, and are listed only with --all.
   */
  readonly degenerate: number;
  /** Minima of q that are not roots, of which the slowest are listed. */
  readonly slowFound: number;
  /** Fixed points by number of unstable dimensions: byUnstableDimension[d] of them have d. */
  readonly byUnstableDimension: readonly number[];
  readonly coverage: {
    readonly method: 'chao1';
    /** Estimated number of fixed points that the starts did not find (Chao1, bias-corrected). */
    readonly unseen: number;
    readonly seenOnce: number;
    readonly seenTwice: number;
    /** Good–Turing: probability that the next start finds something new, and its standard error. */
    readonly unseenMass: number;
    readonly unseenMassError: number;
    /** At 95 %, only fixed points with a smaller share of the starts than this can have been missed altogether. */
    readonly detectableShare: number;
  };
  /** Principal plane of the visited states, for drawing. */
  readonly projection: {
    /** Share of the visited states' variance along the two axes. */
    readonly explained: readonly [number, number];
    /** Some of the trajectories that the starts were taken from. */
    readonly paths: readonly (readonly (readonly [number, number])[])[];
  };
}

/** Minima of q beyond these are counted, not listed. */
const MOST_SLOW = 50;
/** Trajectories that are drawn. */
const PATHS = 4;
/** Steps of Newton or of the trust region. Searches that arrive need a few dozen; the rest run off to infinity. */
const ITERATIONS = 120;

const options = {
  starts: integer({ flags: '--starts <n>', help: 'how many places to search from', fallback: 1024, min: 1 }),
  tolerance: number({
    flags: '--tolerance <q>',
    help: 'a fixed point has ½‖F(s) − s‖² up to this',
    fallback: 1e-24,
    above: 0,
  }),
  unique: number({
    flags: '--unique <distance>',
    help: 'roots nearer than this are one',
    fallback: 1e-5,
    above: 0,
  }),
  constant: text({
    flags: '--constant <values>',
    help: 'the held input: one number for all, or one each, with commas',
    fallback: undefined,
    fallbackText: 'the input of a drive that is constant, otherwise 0',
  }),
  all: flag({
    flags: '--all',
    help: 'list roots beyond the reachable box, and those that do not stand alone, too',
  }),
  ...threadOptions,
};

type Options = Values<typeof options>;

/** States where F(s) = s for a held input, and minima of ½‖F(s) − s‖² that are no roots (D. Sussillo, O. Barak, 2013). */
export const fixedPoints: Analysis<typeof options, FixedPointsValue> = {
  name: 'fixed-points',
  summary: 'where does the network rest or nearly rest, and how stable is it there',
  options,
  async run(subject, given, watch) {
    const x = heldInput(subject, given.constant);
    const box = reachableBox(subject.system, pointBox(x));
    const { next, visited, range, runs } = startsFor(subject, x, box);
    const finds = new Finds(given.unique);
    const limits = { tolerance: given.tolerance, iterations: ITERATIONS, box, range };
    const done = await search(subject, next, { x, options: limits }, given, finds, watch);
    const outcome = done < given.starts ? interrupted(done, given.starts, 'starts') : complete;
    return { value: summarise(subject, x, box, principalPlane(visited), runs, finds, done, given), outcome };
  },
};

function heldInput({ system, drive }: Subject, constant: string | undefined): Float64Array {
  const x = new Float64Array(system.inputSize);
  if (constant === undefined) return heldRow(drive) ?? x;
  const values = constant.split(',').map(parseNumber);
  if (!values.every(Number.isFinite) || (values.length !== 1 && values.length !== x.length)) {
    throw new UserError(
      'USAGE',
      `--constant takes one number or ${x.length} with commas (the network's inputs), not '${constant}'`,
    );
  }
  return x.map((_, i) => values[values.length === 1 ? 0 : i]!);
}

/** Searches that one thread does before it asks for more. */
const CHUNK = 8;
/** Starts that are made ready at a time. */
const ROUND = 1024;

/** Searches from `starts` places, in rounds; answers how many were done. */
async function search(
  subject: Subject,
  next: () => Float64Array,
  task: Omit<RestTask, 'starts'>,
  given: Options,
  finds: Finds,
  watch: Watch,
): Promise<number> {
  let done = 0;
  while (done < given.starts) {
    const count = Math.min(ROUND, given.starts - done);
    const starts = Array.from({ length: count }, next);
    const tasks = Array.from({ length: Math.ceil(count / CHUNK) }, (_, k) => ({
      ...task,
      starts: starts.slice(k * CHUNK, (k + 1) * CHUNK),
    }));
    const before = done;
    const job = {
      kind: 'rest' as const,
      tasks,
      threads: threadsOf(given),
      unitsPerTask: CHUNK,
      label: 'searching',
    };
    const answers = await parallel(subject, job, {
      tick: (n, _total, label) => watch.tick(before + n, given.starts, label),
    });
    const found = answers.flatMap((answer) => answer ?? []);
    for (const one of found) finds.add(one);
    done += found.length;
    if (found.length < count) break;
  }
  return done;
}

interface Find {
  readonly kind: 'root' | 'minimum';
  state: Float64Array;
  q: number;
  hits: number;
}

/** Distinct ends of searches, with how often each was reached. */
class Finds {
  readonly found: Find[] = [];
  unconverged = 0;
  escaped = 0;

  constructor(private readonly distance: number) {}

  add({ kind, state, q }: RestSearch): void {
    if (kind === 'unconverged' || kind === 'escaped') {
      this.unconverged++;
      if (kind === 'escaped') this.escaped++;
      return;
    }
    const twin = this.found.find((f) => f.kind === kind && near(f.state, state, this.reach(kind)));
    if (!twin) {
      this.found.push({ kind, state, q, hits: 1 });
      return;
    }
    twin.hits++;
    if (q < twin.q) [twin.state, twin.q] = [state, q];
  }

  /** Minima are located to the square root of what roots are. */
  private reach(kind: Find['kind']): number {
    return kind === 'root' ? this.distance : Math.sqrt(this.distance);
  }
}

function near(a: Float64Array, b: Float64Array, distance: number): boolean {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    sum += (a[i]! - b[i]!) ** 2;
    if (sum > distance * distance) return false;
  }
  return true;
}

function summarise(
  subject: Subject,
  x: Float64Array,
  box: Box | null,
  plane: PrincipalPlane,
  runs: readonly (readonly Float64Array[])[],
  finds: Finds,
  starts: number,
  { all }: Options,
): FixedPointsValue {
  const roots = finds.found.filter((f) => f.kind === 'root');
  const bounded = roots.filter((f) => within(box, f.state) !== false);
  const inside = box ? bounded : bounded.filter((f) => isIsolated(subject.system, x, f.state));
  const slow = finds.found.filter((f) => f.kind === 'minimum').sort((a, b) => a.q - b.q);
  const describe = (f: Find): RestPoint => describePoint(subject, x, box, f, plane.project);
  const fixed = inside.map(describe);
  const others = all ? roots.filter((f) => !inside.includes(f)).map(describe) : [];
  fixed.sort((a, b) => a.unstableDimensions - b.unstableDimensions || b.hits - a.hits);
  const count = (list: readonly Find[]): number => list.reduce((sum, f) => sum + f.hits, 0);
  const found = coverage(
    inside.map((f) => f.hits),
    starts,
  );
  return {
    points: [...fixed, ...others, ...slow.slice(0, MOST_SLOW).map(describe)],
    input: subject.mode === 'closed loop' ? 'closed loop' : Array.from(x),
    starts,
    converged: count(inside),
    unconverged: finds.unconverged,
    escaped: finds.escaped,
    slowStarts: count(slow),
    outside: count(roots) - count(bounded),
    degenerate: count(bounded) - count(inside),
    slowFound: slow.length,
    byUnstableDimension: histogram(fixed.map((p) => p.unstableDimensions)),
    coverage: {
      method: 'chao1',
      unseen: found.chao1BiasCorrected - found.seen,
      seenOnce: found.seenOnce,
      seenTwice: found.seenTwice,
      unseenMass: found.unseenMass,
      unseenMassError: found.unseenMassError,
      detectableShare: found.detectableShare,
    },
    projection: {
      explained: plane.explained,
      paths: runs.slice(0, PATHS).map((run) => run.map(plane.project)),
    },
  };
}

function histogram(values: readonly number[]): number[] {
  const counts = new Array<number>(Math.max(-1, ...values) + 1).fill(0);
  for (const v of values) counts[v]!++;
  return counts;
}

/** null where no box is known. */
function within(box: Box | null, s: Float64Array): boolean | null {
  const slack = 1e-9;
  return box && s.every((v, i) => v >= box.lo[i]! - slack && v <= box.hi[i]! + slack);
}

function describePoint(
  { system, output }: Subject,
  x: Float64Array,
  box: Box | null,
  { kind, state, q, hits }: Find,
  project: (s: Float64Array) => [number, number],
): RestPoint {
  const residual = Math.sqrt(2 * q);
  const stability = stabilityAt(system, x, state, kind === 'root' ? residual : 0);
  const { eigenvalues, unstable } = stability;
  const moduli = eigenvalues.map(([re, im]) => Math.hypot(re, im));
  return {
    kind: kind === 'root' ? 'fixed' : 'slow',
    state: Array.from(state),
    q,
    residual,
    spectralRadius: moduli[0] ?? 0,
    unstableDimensions: unstable,
    stability: nameOf(stability),
    eigenvalues,
    ...(stability.leading && {
      spectrum: 'leading' as const,
      spectralRadiusError: stability.radiusError ?? Number.POSITIVE_INFINITY,
    }),
    timeConstants: moduli.map(timeConstant),
    hits,
    reachable: within(box, state),
    ...(output && { output: Array.from(output(state)) }),
    projection: project(state),
  };
}

function nameOf({ eigenvalues, unstable, marginal, leading }: StabilityAt): Stability {
  if (leading === 'undetermined') return 'undetermined';
  if (marginal) return 'marginal';
  if (unstable === 0) return 'stable';
  return unstable === eigenvalues.length ? 'unstable' : 'saddle';
}
