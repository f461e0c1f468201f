import { eigenvalueCondition, eigenvalues, frobeniusNorm, lu } from '../linalg/index.js';
import type { Matrix } from '../linalg/matrix.js';
import type { Complex } from '../result.js';
import { leadingStability } from './leading-stability.js';
import { minusIdentity } from './shifted-solve.js';
import type { System } from './system.js';

export interface StabilityAt {
  /** Descending by modulus. */
  readonly eigenvalues: readonly Complex[];
  /** How many lie outside the unit circle by more than their error. */
  readonly unstable: number;
  /** Whether some lie on it within their error. */
  readonly marginal: boolean;
  /** Present where only leading eigenvalues are known: whether they settle the count (`leading-stability.ts`). */
  readonly leading?: 'settled' | 'undetermined';
  /** Present with `leading`: how far the largest modulus may be off, to first order. */
  readonly radiusError?: number;
}

/** All eigenvalues of a larger J take many seconds a point. */
const LEADING_FROM = 2048;

/** Only eigenvalues this near to the unit circle can be within their error of it. */
const NEAR = 1e-2;

/**
 * Eigenvalues of J at a rest point. One is on the unit circle as far as can be told when ||λ| − 1| is below
 * κ(λ) (n ε ‖J‖ + L ‖(J − I)⁻¹‖ ‖F(s) − s‖): the rounding of J and the distance to the true root, through which L, a
 * Lipschitz constant of J, moves it. κ(λ) = 1/|yᴴ x| is the eigenvalue's condition (J. Wilkinson, 1965).
 */
export function stabilityAt(system: System, x: Float64Array, s: Float64Array, residual: number): StabilityAt {
  if (system.dimension >= LEADING_FROM) return leadingStability(system, x, s, residual);
  const J = system.linearise(s, x).jacobian();
  const { re, im } = eigenvalues(J);
  const pairs = Array.from(re, (v, i): Complex => [v, im[i]!]);
  const excess = pairs.map(([a, b]) => Math.hypot(a, b) - 1);
  const norm = frobeniusNorm(J);
  let blur: number | undefined;
  const error = (i: number): number => {
    if (Math.abs(excess[i]!) > NEAR) return 0;
    blur ??= J.rows * Number.EPSILON * norm + displacement(system, x, s, residual);
    return blur * eigenvalueCondition(J, re[i]!, im[i]!).condition;
  };
  const errors = excess.map((_, i) => error(i));
  return {
    eigenvalues: pairs,
    unstable: excess.filter((v, i) => v > errors[i]!).length,
    marginal: excess.some((v, i) => Math.abs(v) <= errors[i]!),
  };
}

/** Newton's estimate of the distance to a root falls short by the root's multiplicity; up to this is allowed for. */
const MULTIPLICITY = 4;

/** How much J may differ between s and the root that it stands for: L ‖(J − I)⁻¹‖ ‖F(s) − s‖. */
function displacement(system: System, x: Float64Array, s: Float64Array, residual: number): number {
  if (residual === 0) return 0;
  const A = shifted(system, x, s);
  const factors = lu(A);
  const norm = frobeniusNorm(A);
  const inverse = 1 / (factors.reciprocalCondition() * norm);
  const distance = MULTIPLICITY * inverse * residual;
  if (!Number.isFinite(distance)) return Number.POSITIVE_INFINITY;
  // L from differences both ways, at the larger of the distance asked about and what rounding resolves.
  const h = Math.max(distance, 1e-6);
  const change = (by: number): number => {
    const moved = s.map((v, i) => v + ((i % 2 === 0 ? 1 : -1) * by) / Math.sqrt(s.length));
    const B = shifted(system, x, moved);
    return frobeniusNorm({ ...B, data: B.data.map((v, i) => v - A.data[i]!) });
  };
  return (Math.max(change(h), change(-h)) / h) * distance;
}

/**
 * Whether a root stands alone as far as doubles can tell: J − I is regular. Where it is not, F(s) = s holds along a
 * continuum, exactly (an integrator) or by rounding (gates saturated at 1, far out).
 */
export const isIsolated = (system: System, x: Float64Array, s: Float64Array): boolean =>
  lu(shifted(system, x, s)).reciprocalCondition() > system.dimension * Number.EPSILON;

/** J − I at s. */
const shifted = (system: System, x: Float64Array, s: Float64Array): Matrix =>
  minusIdentity(system.linearise(s, x).jacobian());
