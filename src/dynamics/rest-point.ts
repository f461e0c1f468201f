import type { Box } from '../calculus/interval.js';
import { dot, gemv, type Lu, lu, norm2 } from '../linalg/index.js';
import type { Matrix } from '../linalg/matrix.js';
import type { System } from './system.js';

/** Where a descent of q(s) = ½‖F(s) − s‖² ended. */
export interface RestSearch {
  readonly kind: 'root' | 'minimum' | 'unconverged';
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
}

/** A minimum of q that is no root has the gradient (J − I)ᵀ g at right angles to all columns, up to this cosine. */
const FLAT = 1e-5;
const SHRINK = 0.25;
/** A search this old that has left the box by its own size again is on its way to infinity, where gates saturate. */
const PATIENCE = 25;

/**
 * Powell's dogleg on g(s) = F(s) − s with the analytic Jacobian: within the trust radius a step is Newton's,
 * −(J − I)⁻¹ g, or bends from steepest descent towards it. It converges quadratically to roots whatever their stability,
 * and descends to a minimum of q where there is no root to reach. M. Powell, in Numerical Methods for Nonlinear Algebraic
 * Equations, ed. P. Rabinowitz (1970); J. Nocedal, S. Wright, Numerical Optimization, §4.1, §11.2.
 */
export function findRest(
  system: System,
  x: Float64Array,
  start: Float64Array,
  options: RestOptions,
): RestSearch {
  const n = system.dimension;
  let s: Float64Array = start.slice();
  let here = residual(system, x, s);
  if (!Number.isFinite(here.q)) return { kind: 'unconverged', state: s, q: here.q };
  let radius = 0.5 * Math.sqrt(n);
  for (let k = 0; k < options.iterations; k++) {
    const model = new LocalModel(system, x, s, here);
    if (here.q <= options.tolerance) return { kind: 'root', ...polish(system, x, s, here) };
    if (k > PATIENCE && escaped(s, options.box)) break;
    if (model.cosine() < FLAT) return { kind: 'minimum', state: s, q: here.q };
    for (;;) {
      const step = model.dogleg(radius);
      const length = norm2(step);
      const trial = s.map((v, i) => v + step[i]!);
      const there = residual(system, x, trial);
      const gain = (here.q - there.q) / model.reduction(step);
      if (gain > 0.75 && length > 0.9 * radius) radius *= 2;
      else if (!(gain > 0.25)) radius = SHRINK * Math.min(length, radius);
      if (gain > 1e-4) {
        s = trial;
        here = there;
        break;
      }
      if (radius < 1e-14 * (1 + norm2(s))) return stalled(model, s, here);
    }
  }
  return { kind: 'unconverged', state: s, q: here.q };
}

const escaped = (s: Float64Array, box: Box | null): boolean =>
  box !== null && s.some((v, i) => v < 2 * box.lo[i]! - 1 || v > 2 * box.hi[i]! + 1);

/** No step lowers q any more: a minimum, to what rounding lets see, unless the gradient says otherwise. */
const stalled = (model: LocalModel, state: Float64Array, { q }: Residual): RestSearch => ({
  kind: model.cosine() < Math.sqrt(FLAT) ? 'minimum' : 'unconverged',
  state,
  q,
});

interface Residual {
  /** F(s) − s. */
  readonly g: Float64Array;
  readonly q: number;
}

function residual(system: System, x: Float64Array, s: Float64Array): Residual {
  const g = new Float64Array(s.length);
  system.step(s, x, g);
  for (let i = 0; i < g.length; i++) g[i] = g[i]! - s[i]!;
  const q = dot(g, g) / 2;
  return { g, q: Number.isNaN(q) ? Number.POSITIVE_INFINITY : q };
}

/** Newton until the residual no longer falls: rounding level. */
function polish(
  system: System,
  x: Float64Array,
  start: Float64Array,
  at: Residual,
): { state: Float64Array; q: number } {
  let s: Float64Array = start;
  let here = at;
  for (let k = 0; k < 8; k++) {
    const step = newton(shifted(system, x, s), here.g);
    if (!step) break;
    const trial = s.map((v, i) => v + step[i]!);
    const there = residual(system, x, trial);
    if (!(there.q < here.q)) break;
    s = trial;
    here = there;
  }
  return { state: s, q: here.q };
}

/** J − I at s. */
export function shifted(system: System, x: Float64Array, s: Float64Array): Matrix {
  const A = system.linearise(s, x).jacobian();
  for (let i = 0; i < A.rows; i++) A.data[i * A.cols + i] = A.data[i * A.cols + i]! - 1;
  return A;
}

function newton(A: Matrix, g: Float64Array): Float64Array | null {
  const factors: Lu = lu(A);
  if (factors.logAbsDet === Number.NEGATIVE_INFINITY) return null;
  const step = factors.solve(g);
  for (let i = 0; i < step.length; i++) step[i] = -step[i]!;
  return step.every(Number.isFinite) ? step : null;
}

/** g(s + p) ≈ g + A p with A = J − I. */
class LocalModel {
  private readonly A: Matrix;
  private readonly gradient: Float64Array;
  private readonly cauchy: Float64Array;
  private newtonStep: Float64Array | null | undefined;

  constructor(
    system: System,
    x: Float64Array,
    s: Float64Array,
    private readonly at: Residual,
  ) {
    this.A = shifted(system, x, s);
    this.gradient = times(this.A, at.g, true);
    const along = times(this.A, this.gradient, false);
    const t = dot(this.gradient, this.gradient) / dot(along, along);
    this.cauchy = this.gradient.map((v) => -(Number.isFinite(t) ? t : 0) * v);
  }

  /** ‖Aᵀ g‖ / (‖A‖_F ‖g‖). */
  cosine(): number {
    return norm2(this.gradient) / (norm2(this.A.data) * Math.sqrt(2 * this.at.q));
  }

  /** The fall of q that the model promises for a step. */
  reduction(p: Float64Array): number {
    const Ap = times(this.A, p, false);
    let after = 0;
    for (let i = 0; i < Ap.length; i++) after += (this.at.g[i]! + Ap[i]!) ** 2;
    return this.at.q - after / 2;
  }

  dogleg(radius: number): Float64Array {
    const { cauchy } = this;
    const downhill = norm2(cauchy);
    if (this.newtonStep === undefined) this.newtonStep = newton(this.A, this.at.g);
    const full = this.newtonStep;
    if (full && norm2(full) <= radius) return full;
    if (downhill >= radius || !full) return cauchy.map((v) => v * Math.min(1, radius / downhill));
    // From the end of steepest descent towards Newton's point, as far as the radius reaches.
    const bend = full.map((v, i) => v - cauchy[i]!);
    const [a, b, c] = [dot(bend, bend), 2 * dot(cauchy, bend), downhill * downhill - radius * radius];
    const t = (-b + Math.sqrt(Math.max(0, b * b - 4 * a * c))) / (2 * a);
    return cauchy.map((v, i) => v + t * bend[i]!);
  }
}

function times(A: Matrix, p: Float64Array, transposed: boolean): Float64Array {
  const out = new Float64Array(transposed ? A.cols : A.rows);
  gemv(out, A, p, { trans: transposed });
  return out;
}
