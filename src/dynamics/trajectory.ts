import type { Outcome, Watch } from '../outcome.js';
import type { Drive } from './drive.js';
import { Feed } from './feed.js';
import type { Linearisation, System } from './system.js';

/** A state that went to NaN or infinity: nothing computed from it would mean anything. */
export class Divergence extends Error {
  constructor(
    readonly step: number,
    readonly coordinate: string,
  ) {
    super(`the state overflowed at step ${step}: ${coordinate} is no longer a finite number`);
    this.name = 'Divergence';
  }

  get outcome(): Outcome {
    return {
      kind: 'failed',
      what: this.message,
      remedy:
        'the state of this network grows without bound here: start nearer to the origin, or look at a shorter run',
    };
  }
}

/** An answer; or, where the state overflowed on the way, no value and why. */
export async function orDivergence<A>(answer: Promise<A>): Promise<A | { value: null; outcome: Outcome }> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Divergence)) throw error;
    return { value: null, outcome: error.outcome };
  }
}

/** An orbit of a driven system, taken one step at a time. */
export class Trajectory {
  /** Rows of the drive consumed so far. */
  time = 0;
  state: Float64Array;
  readonly input: Float64Array;
  private spare: Float64Array;
  private readonly feed: Feed;

  constructor(
    readonly system: System,
    readonly drive: Drive,
    readonly start: Float64Array,
  ) {
    this.state = Float64Array.from(start);
    this.spare = new Float64Array(start.length);
    this.input = new Float64Array(system.inputSize);
    this.feed = new Feed(system, drive);
  }

  /** Reads the next row of the drive into `input` and steps. */
  advance(): void {
    this.feed.read(this.time, this.input);
    this.feed.step(this.time, this.state, this.spare);
    this.accept(this.spare);
  }

  /** The derivative of the step to come; `accept` its `next` to take that step. */
  linearise(): Linearisation {
    return this.feed.linearise(this.time, this.state);
  }

  /** Takes `next`, which came from elsewhere (a linearisation), as the state after this row. */
  accept(next: Float64Array): void {
    [this.spare, this.state] = [this.state, next];
    this.time++;
    for (let i = 0; i < next.length; i++) {
      if (!Number.isFinite(next[i]!)) throw new Divergence(this.time, this.system.coordinates[i]!);
    }
  }

  /** `count` steps; answers whether the watch asked to stop. */
  async run(count: number, watch: Watch, label: string): Promise<boolean> {
    for (let k = 0; k < count; k++) {
      if (k % 64 === 0 && (await watch.tick(k, count, label))) return true;
      this.advance();
    }
    return false;
  }
}
