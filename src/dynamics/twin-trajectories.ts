import { norm2 } from '../linalg/index.js';
import type { Watch } from '../outcome.js';
import { random } from '../random.js';
import { BatchMeans } from './batch-means.js';
import type { Orbit } from './spectrum.js';
import { Trajectory } from './trajectory.js';

/** How far apart the twins are kept: far above rounding, and near enough for the distance to obey the derivative. */
export const DISTANCE = 1e-7;

export interface TwinEstimate {
  /** Mean of ln(distance after a step/distance before), nats per step; −∞ where the twins met to the last bit. */
  readonly exponent: number;
  readonly standardError: number | null;
  readonly steps: number;
  readonly stopped: boolean;
}

/**
 * λ₁ from two trajectories under the same input, pulled back to a fixed distance after every step (G. Benettin, L. Galgani,
 * J.-M. Strelcyn, Phys. Rev. A 14, 1976). It takes no derivative, and so tells on a wrong one.
 */
export async function twinEstimate(
  { system, drive, initialState }: Orbit,
  { warmup, align, steps }: { readonly warmup: number; readonly align: number; readonly steps: number },
  watch: Watch,
): Promise<TwinEstimate> {
  const trajectory = new Trajectory(system, drive, initialState);
  const means = new BatchMeans(1);
  const twin = new Twin(trajectory);
  let stopped = await trajectory.run(warmup, watch, 'warming up');
  for (let k = 0; k < align + steps && !stopped; k++) {
    if (k % 64 === 0) stopped = await watch.tick(k, align + steps, 'two trajectories');
    if (stopped) break;
    const growth = twin.advance();
    if (k >= align) means.add(1, [growth]);
  }
  return {
    exponent: means.steps > 0 ? means.means()[0]! : Number.NaN,
    standardError: means.steps > 0 ? means.standardErrors()[0]! : null,
    steps: means.steps,
    stopped,
  };
}

class Twin {
  private readonly draw = random(0x7717);
  private readonly other: Float64Array;
  private readonly difference: Float64Array;
  private distance: number;

  constructor(private readonly trajectory: Trajectory) {
    const n = trajectory.system.dimension;
    this.other = new Float64Array(n);
    this.difference = Float64Array.from({ length: n }, () => this.draw.normal());
    this.distance = norm2(this.difference);
  }

  /** Both take a step from `DISTANCE` apart; ln of how much farther they then are. */
  advance(): number {
    const { trajectory, other, difference } = this;
    const from = Float64Array.from(trajectory.state);
    for (let i = 0; i < from.length; i++) from[i] = from[i]! + (difference[i]! * DISTANCE) / this.distance;
    // What the difference is after it was added to numbers of another size.
    for (let i = 0; i < from.length; i++) difference[i] = from[i]! - trajectory.state[i]!;
    const before = norm2(difference);
    trajectory.advance();
    trajectory.system.step(from, trajectory.input, other);
    for (let i = 0; i < from.length; i++) difference[i] = other[i]! - trajectory.state[i]!;
    this.distance = norm2(difference);
    const growth = Math.log(this.distance / before);
    if (this.distance === 0) {
      for (let i = 0; i < from.length; i++) difference[i] = this.draw.normal();
      this.distance = norm2(difference);
    }
    return growth;
  }
}
