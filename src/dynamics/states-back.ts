import type { Watch } from '../outcome.js';
import { Feed } from './feed.js';
import type { Linearisation } from './system.js';
import type { Trajectory } from './trajectory.js';

/**
 * The states of an orbit from the last to the first, in memory that grows with the root of their number: every m-th is kept on the
 * way there, and the m between two of them are stepped again when they are asked for (A. Griewank, Optimization Methods and
 * Software 1 (1992), in its plainest form).
 */
export class StatesBack {
  private readonly feed: Feed;
  private readonly stride: number;
  private readonly kept: Float64Array[] = [];
  /** The segment at hand. */
  private segment = -1;
  private readonly states: Float64Array[] = [];
  /** What the steps of the segment left behind, where the system can use it. */
  private readonly records: Float64Array[] = [];

  /** Of steps [first, last): the states from which they are taken. */
  private constructor(
    { system, drive }: Trajectory,
    readonly first: number,
    readonly last: number,
  ) {
    this.feed = new Feed(system, drive);
    this.stride = Math.max(1, Math.ceil(Math.sqrt(last - first)));
  }

  /** Takes the trajectory from where it is, at `first`, to `last`; null where the watch asked to stop. */
  static async along(trajectory: Trajectory, last: number, watch: Watch): Promise<StatesBack | null> {
    const back = new StatesBack(trajectory, trajectory.time, last);
    for (let t = back.first; t < last; t++) {
      if (t % 64 === 0 && (await watch.tick(t, last, 'stepping'))) return null;
      if ((t - back.first) % back.stride === 0) back.kept.push(trajectory.state.slice());
      trajectory.advance();
    }
    return back;
  }

  /** s_t, to read and not to keep. */
  at(t: number): Float64Array {
    const segment = Math.floor((t - this.first) / this.stride);
    if (segment !== this.segment) this.fill(segment);
    return this.states[t - this.first - segment * this.stride]!;
  }

  /** The derivative of step t. */
  linearise(t: number): Linearisation {
    const state = this.at(t);
    const record = this.records[(t - this.first) % this.stride];
    return record ? this.feed.system.recording!.linearise(state, record) : this.feed.linearise(t, state);
  }

  private fill(segment: number): void {
    const from = this.first + segment * this.stride;
    const count = Math.min(this.stride, this.last - from);
    const start = this.kept[segment];
    if (!start) throw new RangeError(`no state at step ${from}`);
    const { recording } = this.feed.system;
    for (let k = 0; k <= count; k++) this.states[k] ??= new Float64Array(start.length);
    this.states[0]!.set(start);
    for (let k = 0; k < count; k++) {
      this.feed.step(from + k, this.states[k]!, this.states[k + 1]!);
      if (!recording) continue;
      this.records[k] ??= new Float64Array(recording.width);
      recording.take(this.records[k]!);
    }
    this.segment = segment;
  }
}
