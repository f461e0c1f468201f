import { noiseDrive } from '../dynamics/drive.js';
import { type RestOptions, type RestSearch, restSpace, searchRest } from '../dynamics/rest-point.js';
import {
  type Orbit,
  type Part,
  type SegmentRun,
  type SpectrumOptions,
  type SpectrumRun,
  segment,
  spectrum,
} from '../dynamics/spectrum.js';
import type { Watch } from '../outcome.js';

/** What one task of each kind is given, and what it answers: plain data, as both may come from another thread. */
export interface Tasks {
  spectrum: { readonly given: TrajectoryTask; readonly answer: SpectrumRun };
  segment: { readonly given: SegmentTask; readonly answer: SegmentRun };
  /** Answers for as many starts as were searched from. */
  rest: { readonly given: RestTask; readonly answer: readonly RestSearch[] };
}

export type TaskKind = keyof Tasks;

/** One of several independent trajectories. */
export interface TrajectoryTask {
  readonly initialState: Float64Array;
  /** Another seed for a drive of noise; null: the drive as it is. */
  readonly seed: number | null;
  readonly options: SpectrumOptions;
}

/** One of the segments of a long trajectory, from a state on it. */
export interface SegmentTask {
  readonly initialState: Float64Array;
  readonly part: Part;
  readonly options: SpectrumOptions;
}

/** Some of the places to search for rest from. */
export interface RestTask {
  readonly starts: readonly Float64Array[];
  /** The held input. */
  readonly x: Float64Array;
  readonly options: RestOptions;
}

/** Makes ready for tasks of a kind about one subject; what it returns does one. */
type Worker<K extends TaskKind> = (
  orbit: Orbit,
) => (task: Tasks[K]['given'], watch: Watch) => Promise<Tasks[K]['answer']>;

/** Every kind of work that can be handed to another thread. */
export const workers: { readonly [K in TaskKind]: Worker<K> } = {
  spectrum:
    ({ system, drive }) =>
    (task, watch) => {
      const { recipe } = drive;
      const own =
        recipe?.kind === 'noise' && task.seed !== null
          ? noiseDrive(recipe.sigma, recipe.inputSize, task.seed, recipe.spec)
          : drive;
      const orbit = { system, drive: own, initialState: task.initialState };
      return spectrum(orbit, task.options, onlyOf('averaging', watch));
    },
  segment:
    ({ system, drive }) =>
    ({ initialState, part, options }, watch) =>
      segment({ system, drive, initialState }, options, part, watch),
  rest: ({ system }) => {
    const space = restSpace(system);
    return async ({ starts, x, options }, watch) => {
      const found: RestSearch[] = [];
      for (const start of starts) {
        if (await watch.tick(found.length, starts.length, 'searching')) break;
        found.push(searchRest(system, space, x, start, options));
      }
      return found;
    };
  },
};

/** Progress of the part that takes the time; the parts before it count as none. */
const onlyOf = (part: string, watch: Watch): Watch => ({
  tick: (done, total, label) => watch.tick(label === part ? done : 0, total, label),
});
