import type { Box } from '../calculus/interval.js';
import { dot, norm2 } from '../linalg/index.js';
import { type RestMap, withoutLeaky } from './leaky-reduction.js';
import { applyShifted, MATRIX_FREE_FROM, type NewtonStep, newtonStep } from './newton-step.js';
import type { System } from './system.js';

type Vector = Float64Array;

/** Where a descent of q(s) = ½‖F(s) − s‖² ended. */
export interface RestSearch {
  /** `escaped`: left the box for good, towards infinity, where gates saturate and nothing can be told from rest. */
  readonly kind: 'root' | 'minimum' | 'escaped' | 'unconverged';
  readonly state: Float64Array;
  /** ½‖F(s) − s‖². */
  readonly q: number;
}

export interface RestOptions {
  /** A root has q ≤ tolerance. */
  readonly tolerance: number;
  readonly iterations: number;
  /** Where roots that the dynamics can reach lie; a search that is long and far beyond it is given up. */
  readonly box: Box | null;
  /** How far from 0 each entry of the state is looked for at large; absent: not at all. */
  readonly range?: Float64Array;
  /** Whether J is never formed (`newton-step.ts`); absent: where the state is large. */
  readonly matrixFree?: boolean;
}

/**
 * A minimum of q that is no root has (J − I)ᵀ g = 0, up to this share of ‖g‖. So has every point near a line of rest states;
 * but there Newton's step can be trusted, while at a minimum steps fail until the trust radius is small.
 */
const FLAT = 1e-5;
const DISTRUSTED = 1e-3;
const SHRINK = 0.25;
/**
 * A search whose q has not halved in so many iterations, where the gradient is no sign of a minimum near by (a larger share of ‖g‖ than
 * this), creeps along a valley: it would take thousands more to reach what is no root.
 */
const CREEPING = 15;
const STEEP = 1e-3;
/** A search this old that has left the box by its own size again is on its way to infinity, where gates saturate. */
const PATIENCE = 25;

/**
 * Powell's dogleg on g(s) = F(s) − s with the analytic Jacobian: within the trust radius a step is Newton's,
 * −(J − I)⁻¹ g, or bends from steepest descent towards it. It converges quadratically to roots whatever their stability,
 * and descends to a minimum of q where there is no root to reach. M. Powell, in Numerical Methods for Nonlinear Algebraic
 * Equations, ed. P. Rabinowitz (1970); J. Nocedal, S. Wright, Numerical Optimization, §4.1, §11.2.
 */
export function findRest(
  system: RestMap,
  x: Float64Array,
  start: Float64Array,
  options: RestOptions,
): RestSearch {
  const n = system.dimension;
  const matrixFree = isMatrixFree(system, options);
  let s: Float64Array = start.slice();
  let here = residual(system, x, s);
  if (!Number.isFinite(here.q)) return { kind: 'unconverged', state: s, q: here.q };
  let radius = 0.5 * Math.sqrt(n);
  let before = Number.POSITIVE_INFINITY;
  for (let k = 0; k < options.iterations; k++) {
    if (here.q <= options.tolerance) return { kind: 'root', ...polish(system, x, s, here, matrixFree) };
    if (k > PATIENCE && escaped(s, options.box)) return { kind: 'escaped', state: s, q: here.q };
    const model = new LocalModel(system, x, s, here, matrixFree);
    if (k % CREEPING === 0) {
      if (here.q > before / 2 && model.cosine > STEEP) break;
      before = here.q;
    }
    for (;;) {
      const { step, reduction } = model.dogleg(radius);
      const length = norm2(step);
      const trial = s.map((v, i) => v + step[i]!);
      const there = residual(system, x, trial);
      const gain = (here.q - there.q) / reduction;
      if (gain > 0.75 && length > 0.9 * radius) radius *= 2;
      // A step that overflowed has no length to go by.
      else if (!(gain > 0.25)) radius = SHRINK * (length < radius ? length : radius);
      if (gain > 1e-4) {
        s = trial;
        here = there;
        break;
      }
      const scale = 1 + norm2(s);
      if (model.cosine < FLAT && radius < DISTRUSTED * scale) return { kind: 'minimum', state: s, q: here.q };
      if (!(radius >= 1e-14 * scale)) return stalled(model, s, here);
    }
  }
  return { kind: 'unconverged', state: s, q: here.q };
}

/** A map with the same rest points as a system that is easier to search, and the way there and back. */
export interface RestSpace {
  readonly map: RestMap;
  restrict(s: Float64Array): Float64Array;
  lift(s: Float64Array, x: Float64Array): Float64Array;
}

/**
 * Where a system is searched: without the gates that only slow the way (the GRU's z, `System.atRest`), and with leaky entries
 * (the LSTM's c) put at rest.
 */
export function restSpace(system: System): RestSpace {
  const ungated = system.atRest ?? system;
  const reduction = withoutLeaky(ungated);
  if (reduction) return { map: reduction, restrict: reduction.restrict, lift: reduction.lift };
  return { map: ungated, restrict: (s) => s, lift: (s) => s };
}

/**
 * A search of a whole system: in its rest space by descent and, where that creeps, by Newton's steps at large. What is found is then brought
 * to a root of the system itself, or down to the minimum of q that lies there.
 */
export function searchRest(
  system: System,
  { map, restrict, lift }: RestSpace,
  x: Float64Array,
  start: Float64Array,
  options: RestOptions,
): RestSearch {
  const { box, range } = options;
  const own = { ...options, box: box && { lo: restrict(box.lo), hi: restrict(box.hi) } };
  let found = findRest(map, x, restrict(start), own);
  if (found.kind === 'unconverged' && range) found = wander(map, x, found, restrict(range), own);
  const state = lift(found.state, x);
  if (map === system || found.kind === 'escaped' || found.kind === 'unconverged') return { ...found, state };
  return findRest(system, x, state, options);
}

/** Steps of Newton's method at large, in turns: as long as they come, then of at most this size for each of √n. */
const WANDERING = 50;
const FREE = 20;
const BOUND = 0.1;

/**
 * Newton's method that need not descend, kept within the range where starts are drawn. Where q has many minima that are no roots, as in
 * networks with sharp gates, descent ends in one of them nearly always; steps that leave them behind come upon the neighbourhood of a root
 * within a few dozen, from where they converge.
 */
function wander(
  map: RestMap,
  x: Float64Array,
  from: RestSearch,
  range: Float64Array,
  options: RestOptions,
): RestSearch {
  const matrixFree = isMatrixFree(map, options);
  let s = from.state;
  for (let k = 0; k < WANDERING; k++) {
    const here = residual(map, x, s);
    if (here.q <= options.tolerance) return { kind: 'root', ...polish(map, x, s, here, matrixFree) };
    const step = Number.isFinite(here.q) ? newtonStep(map.linearise(s, x), here.g, matrixFree)?.y : null;
    if (!step) break;
    const longest = k < FREE ? Number.POSITIVE_INFINITY : BOUND * Math.sqrt(s.length);
    const share = Math.min(1, longest / norm2(step));
    s = s.map((v, i) => Math.max(-range[i]!, Math.min(range[i]!, v - share * step[i]!)));
  }
  return from;
}

const isMatrixFree = ({ dimension }: RestMap, { matrixFree }: RestOptions): boolean =>
  matrixFree ?? dimension >= MATRIX_FREE_FROM;

const escaped = (s: Float64Array, box: Box | null): boolean =>
  box !== null && s.some((v, i) => v < 2 * box.lo[i]! - 1 || v > 2 * box.hi[i]! + 1);

/** No step lowers q any more: a minimum, to what rounding lets see, unless the gradient says otherwise. */
const stalled = (model: LocalModel, state: Float64Array, { q }: Residual): RestSearch => ({
  kind: model.cosine < Math.sqrt(FLAT) ? 'minimum' : 'unconverged',
  state,
  q,
});

interface Residual {
  /** F(s) − s. */
  readonly g: Float64Array;
  readonly q: number;
}

function residual(system: RestMap, x: Float64Array, s: Float64Array): Residual {
  const g = new Float64Array(s.length);
  system.step(s, x, g);
  for (let i = 0; i < g.length; i++) g[i] = g[i]! - s[i]!;
  const q = dot(g, g) / 2;
  return { g, q: Number.isNaN(q) ? Number.POSITIVE_INFINITY : q };
}

/** Newton until the residual no longer falls: rounding level. */
function polish(
  system: RestMap,
  x: Float64Array,
  start: Float64Array,
  at: Residual,
  matrixFree: boolean,
): { state: Float64Array; q: number } {
  let s: Float64Array = start;
  let here = at;
  for (let k = 0; k < 8; k++) {
    const step = newtonStep(system.linearise(s, x), here.g, matrixFree)?.y;
    if (!step) break;
    const trial = s.map((v, i) => v - step[i]!);
    const there = residual(system, x, trial);
    if (!(there.q < here.q)) break;
    s = trial;
    here = there;
  }
  return { state: s, q: here.q };
}

/**
 * g(s + p) ≈ g + A p with A = J − I, read off the derivative at once: Newton's step −A⁻¹ g, steepest descent's −t Aᵀ g,
 * and what A makes of them. Every step taken is a combination of the two.
 */
class LocalModel {
  /** ‖Aᵀ g‖ / (√n ‖g‖), √n being the size of I. */
  readonly cosine: number;
  private readonly cauchy: Vector;
  private readonly cauchyImage: Vector;
  private readonly newton: Vector | null;
  /** g + A p for Newton's step p, where it is not 0 to rounding. */
  private readonly newtonLeft: Vector | null;

  constructor(
    system: RestMap,
    x: Vector,
    s: Vector,
    private readonly at: Residual,
    matrixFree: boolean,
  ) {
    const here = system.linearise(s, x);
    const gradient = applyShifted(at.g, (V, out) => here.vjp(V, out));
    const along = applyShifted(gradient, (V, out) => here.jvp(V, out));
    const t = dot(gradient, gradient) / dot(along, along);
    this.cauchy = gradient.map((v) => -(Number.isFinite(t) ? t : 0) * v);
    this.cauchyImage = along.map((v) => -(Number.isFinite(t) ? t : 0) * v);
    const newton: NewtonStep | null = newtonStep(here, at.g, matrixFree);
    this.newton = newton?.y.map((v) => -v) ?? null;
    this.newtonLeft = newton?.left ?? null;
    this.cosine = norm2(gradient) / Math.sqrt(s.length * 2 * at.q);
  }

  /** The step for a radius, and the fall of q that the model promises for it. */
  dogleg(radius: number): { step: Vector; reduction: number } {
    const [a, b] = this.shares(radius);
    const step = this.cauchy.map((v, i) => a * v + (b === 0 ? 0 : b * this.newton![i]!));
    let after = 0;
    // A maps Newton's step to −g, but for what is left of it.
    for (let i = 0; i < step.length; i++) {
      const left = this.newtonLeft ? b * this.newtonLeft[i]! : 0;
      after += ((1 - b) * this.at.g[i]! + a * this.cauchyImage[i]! + left) ** 2;
    }
    return { step, reduction: this.at.q - after / 2 };
  }

  /** How much of steepest descent and of Newton's step a step of this length is made of. */
  private shares(radius: number): [number, number] {
    const { cauchy, newton } = this;
    const downhill = norm2(cauchy);
    if (newton && norm2(newton) <= radius) return [0, 1];
    if (downhill >= radius || !newton) return [Math.min(1, radius / downhill), 0];
    // From the end of steepest descent towards Newton's point, as far as the radius reaches.
    const bend = newton.map((v, i) => v - cauchy[i]!);
    const [a, b, c] = [dot(bend, bend), 2 * dot(cauchy, bend), downhill * downhill - radius * radius];
    const t = (-b + Math.sqrt(Math.max(0, b * b - 4 * a * c))) / (2 * a);
    return [1 - t, t];
  }
}
