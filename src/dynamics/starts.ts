import type { Box } from '../calculus/interval.js';
import { type Random, random } from '../random.js';
import { type Drive, isHeld, later, noiseDrive } from './drive.js';
import { meanState } from './principal-plane.js';
import type { Subject } from './subject.js';
import { Trajectory } from './trajectory.js';

/** Where searches begin, and the states that they were made from. */
export interface Starts {
  /** The next place to begin: made one at a time, so that a search of many can be watched and stopped. */
  readonly next: () => Float64Array;
  readonly visited: readonly Float64Array[];
  /** How far from 0 each entry is looked for. */
  readonly range: Float64Array;
  /** The same states, run by run. */
  readonly runs: readonly (readonly Float64Array[])[];
}

const RUNS = 16;
const RUN_STEPS = 256;
/** A run of a map without bounds is left once an entry is beyond this: it is on its way to infinity. */
const FAR = 1e3;
/** Noise is added at these multiples of each coordinate's standard deviation over the visited states. */
const SCALES = [0.1, 0.3, 1];

/**
 * Starts for a search of rest points. States are visited under the drive, or under noise where the input is held, and from
 * several first states. A start is then, in turn: a visited state with noise at one of several scales; a random mixture of
 * a few visited states (saddles lie between attractors); a point whose coordinates come from different visited states; a
 * point of the whole range, uniform.
 */
export function startsFor(subject: Subject, x: Float64Array, box: Box | null): Starts {
  const draw = random(subject.seed, 0x57a27);
  const runs = visit(subject, x, draw);
  const visited = runs.flat();
  const spread = deviations(visited);
  const range = ranges(visited, box);
  const pick = (): Float64Array => visited[draw.below(visited.length)]!;
  const kinds = [
    () => {
      const scale = SCALES[draw.below(SCALES.length)]!;
      return pick().map((v, i) => v + scale * spread[i]! * draw.normal());
    },
    () => mixture(pick, draw),
    () => spread.map((d, i) => pick()[i]! + 0.1 * d * draw.normal()),
    () => range.map((r) => r * (2 * draw.uniform() - 1)),
  ];
  let made = 0;
  return { next: () => kinds[made++ % kinds.length]!(), visited, range, runs };
}

/** How far from 0 each coordinate is drawn: as far as the box allows, but not beyond twice what was visited, or 1. */
const ranges = (visited: readonly Float64Array[], box: Box | null): Float64Array =>
  visited[0]!.map((_, i) => {
    const most = visited.reduce((m, s) => Math.max(m, Math.abs(s[i]!)), 0);
    return Math.min(box ? box.hi[i]! : Number.POSITIVE_INFINITY, Math.max(1, 2 * most));
  });

function visit(
  { system, drive, initialState, seed }: Subject,
  x: Float64Array,
  draw: Random,
): Float64Array[][] {
  return Array.from({ length: RUNS }, (_, run) => {
    const scale = run === 0 ? 0 : run % 2 === 1 ? 0.5 : 1;
    const start = initialState.map((v) => v + scale * draw.normal());
    const visited = run === 0 ? [Float64Array.from(initialState)] : [];
    const trajectory = new Trajectory(system, driveOf(drive, system.inputSize, run, x, seed), start);
    const steps = Math.min(RUN_STEPS, trajectory.drive.length);
    for (let t = 0; t < steps && trajectory.state.every((v) => Math.abs(v) < FAR); t++) {
      trajectory.advance();
      visited.push(trajectory.state.slice());
    }
    return visited;
  });
}

/** The user's drive from different rows on; noise around the held input where there is none. */
function driveOf(drive: Drive, inputSize: number, run: number, x: Float64Array, seed: number): Drive {
  if (!isHeld(drive)) {
    const from = Number.isFinite(drive.length) ? Math.floor((run * drive.length) / RUNS) : run * RUN_STEPS;
    return later(drive, from);
  }
  const noise = noiseDrive(run % 4 === 0 ? 0 : 1, inputSize, seed + run, 'noise');
  const { recipe: _recipe, ...own } = noise;
  return {
    ...own,
    at(t, out) {
      noise.at(t, out);
      for (let i = 0; i < out.length; i++) out[i] = out[i]! + x[i]!;
    },
  };
}

/** A convex combination of two to four visited states. */
function mixture(pick: () => Float64Array, draw: Random): Float64Array {
  const parts = Array.from({ length: 2 + draw.below(3) }, () => ({
    state: pick(),
    weight: -Math.log(1 - draw.uniform()),
  }));
  const total = parts.reduce((sum, part) => sum + part.weight, 0);
  return parts[0]!.state.map((_, i) =>
    parts.reduce((sum, { state, weight }) => sum + (weight / total) * state[i]!, 0),
  );
}

function deviations(states: readonly Float64Array[]): Float64Array {
  const mean = meanState(states);
  const squares = new Float64Array(mean.length);
  for (const s of states)
    for (let i = 0; i < mean.length; i++) squares[i] = squares[i]! + (s[i]! - mean[i]!) ** 2;
  return squares.map((v) => Math.sqrt(v / states.length));
}
