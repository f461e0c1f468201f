import { type Box, contains, cube } from '../calculus/interval.js';
import type { System } from './system.js';

/**
 * A leaky entry's radius is taken this much larger than its bound, so that rounding cannot carry the image out of the box:
 * the nearer 1 the forget gate, the more of it is needed.
 */
const ROOM = [1e-9, 1e-7, 1e-5];

/**
 * A box that states cannot leave and that holds every fixed point with |h| ≤ 1, for one held input; null where interval
 * bounds give none (ReLU, gates that are free of each other).
 *
 * Entries that stay in [−1, 1] (tanh, or a convex combination with one) have radius 1. The others are leaky, as the LSTM's
 * c: |c'| ≤ f̄ |c| + ī ḡ with the largest gate values over the box, hence |c| ≤ ī ḡ / (1 − f̄). Two radii give f̄, and the
 * result is checked: it has to be mapped into itself, with all rounding outward.
 */
export function reachableBox(system: System, input: Box): Box | null {
  if (!system.bounds) return null;
  const n = system.dimension;
  const image = (radius: Float64Array): Box =>
    system.bounds!({ lo: radius.map((r) => -r), hi: radius }, input);
  const size = (box: Box, i: number): number => Math.max(-box.lo[i]!, box.hi[i]!);
  const unit = cube(n, 1);
  const once = image(unit.hi);
  const leaky = Array.from({ length: n }, (_, i) => size(once, i) > 1 + 1e-12);
  if (!leaky.includes(true)) return unit;
  const twice = image(unit.hi.map((r, i) => (leaky[i] ? 2 * r : r)));
  const bound = unit.hi.map((r, i) => {
    if (!leaky[i]) return r;
    const slope = size(twice, i) - size(once, i);
    return slope < 1 ? (size(once, i) - slope) / (1 - slope) : Number.POSITIVE_INFINITY;
  });
  if (!bound.every((r) => Number.isFinite(r) && r >= 0)) return null;
  for (const room of ROOM) {
    const radius = bound.map((r, i) => (leaky[i] ? r * (1 + room) : r));
    const box = { lo: radius.map((r) => -r), hi: radius };
    if (contains(box, image(radius))) return box;
  }
  return null;
}
