import { dot, KrylovSpace, norm2, type Operator, orthogonalise, type RitzValue } from '../linalg/index.js';
import { zeros } from '../linalg/matrix.js';
import { type Random, random } from '../random.js';
import type { Complex } from '../result.js';
import { newtonStep } from './newton-step.js';
import type { StabilityAt } from './stability.js';
import type { System } from './system.js';

/** Dimensions of a Krylov space at which it is asked whether it says enough. */
const WIDTHS = [32, 64, 128, 256];
/** Unstable directions that are taken out one space after the other. */
const MOST_UNSTABLE = 128;
/** An unstable value is taken out once it is this exact, for what is left is that of J only as far as it is. */
const EXACT = 1e-8;
/** Newton's estimate of the distance to a root falls short by the root's multiplicity; up to this is allowed for. */
const MULTIPLICITY = 4;

/**
 * Stability from leading eigenvalues, by products with J alone. Arnoldi's method finds the outermost eigenvalues first: once a
 * value is inside the unit circle by more than its error, and all that lie further out are outside by more than theirs, these
 * are the unstable ones. They are taken out and the rest is asked again from another random vector, as one Krylov space holds
 * a multiple eigenvalue once, until no unstable one is left. What 256 dimensions do not settle is undetermined.
 */
export function leadingStability(
  system: System,
  x: Float64Array,
  s: Float64Array,
  residual: number,
): StabilityAt {
  const n = s.length;
  const draw = random(n, 0xa2401d1);
  const blur = displacement(system, x, s, residual, draw);
  const here = system.linearise(s, x);
  const apply: Operator = (v, out) => here.jvp(column(v), column(out));
  const taken: Float64Array[] = [];
  const values: Complex[] = [];
  let furthest = { modulus: -1, error: Number.POSITIVE_INFINITY };
  for (;;) {
    const look = lookAt(apply, normal(n, draw), taken, blur);
    const unstable = values.length;
    values.push(
      ...(look.kind === 'unstable' ? look.outside : [...look.outside, ...look.inside]).flatMap(pairOf),
    );
    const first = look.outside[0] ?? look.inside[0];
    if (first && Math.hypot(first.re, first.im) > furthest.modulus)
      furthest = { modulus: Math.hypot(first.re, first.im), error: first.error };
    const radiusError = furthest.error;
    const descending = values.toSorted((a, b) => Math.hypot(...b) - Math.hypot(...a));
    if (look.kind === 'settled')
      return { eigenvalues: descending, radiusError, unstable, marginal: false, leading: 'settled' };
    if (look.kind === 'undetermined') {
      const sure = unstable + look.outside.flatMap(pairOf).length;
      return {
        eigenvalues: descending,
        radiusError,
        unstable: sure,
        marginal: look.marginal,
        leading: 'undetermined',
      };
    }
    for (const { vectors } of look.outside) for (const u of vectors) extend(taken, u);
    if (taken.length >= n || taken.length > MOST_UNSTABLE) {
      const leading = taken.length >= n ? 'settled' : 'undetermined';
      return { eigenvalues: descending, radiusError, unstable: values.length, marginal: false, leading };
    }
  }
}

interface Look {
  readonly kind: 'settled' | 'unstable' | 'undetermined';
  readonly outside: readonly RitzValue[];
  readonly inside: readonly RitzValue[];
  readonly marginal: boolean;
}

/** Values of J without what was taken out: unstable ones that are exact enough to be taken out too, or none. */
function lookAt(apply: Operator, start: Float64Array, taken: readonly Float64Array[], blur: number): Look {
  const space = new KrylovSpace(apply, start, taken);
  let look: Look = { kind: 'undetermined', outside: [], inside: [], marginal: false };
  for (const width of WIDTHS) {
    space.widen(width);
    look = read(space, blur);
    if (look.kind === 'unstable' || look.marginal || space.closed) break;
    // Inside is known long before where: the spectral radius and the slowest decay are read off this value.
    if (look.kind === 'settled' && look.inside[0]!.error < EXACT) break;
  }
  return look;
}

function read(space: KrylovSpace, blur: number): Look {
  const outside: RitzValue[] = [];
  for (const value of space.values()) {
    const excess = Math.hypot(value.re, value.im) - 1;
    const own = value.condition * blur;
    if (excess < -(value.error + own)) {
      if (outside.length === 0) return { kind: 'settled', outside, inside: [value], marginal: false };
      return { kind: 'unstable', outside, inside: [value], marginal: false };
    }
    if (!(excess > value.error + own && value.error < EXACT)) {
      const kind = outside.length > 0 ? 'unstable' : 'undetermined';
      // What is blurred by the distance to the root will not be told from 1 in a wider space either.
      return { kind, outside, inside: [], marginal: value.error < EXACT && Math.abs(excess) <= own };
    }
    outside.push(value);
  }
  return { kind: outside.length > 0 ? 'unstable' : 'undetermined', outside, inside: [], marginal: false };
}

const column = (data: Float64Array) => ({ rows: data.length, cols: 1, data });

const normal = (n: number, draw: Random): Float64Array =>
  Float64Array.from({ length: n }, () => draw.normal());

const pairOf = ({ re, im }: RitzValue): Complex[] =>
  im === 0
    ? [[re, 0]]
    : [
        [re, im],
        [re, -im],
      ];

function extend(basis: Float64Array[], u: Float64Array): void {
  const w = u.slice();
  const { length, before } = orthogonalise(w, basis);
  if (length > EXACT * before) basis.push(w.map((v) => v / length));
}

/** Probes of a matrix: E‖A v‖² = ‖A‖_F² for standard normal v. */
const PROBES = 4;

/** n ε ‖J‖ and how much J may differ between s and the root that it stands for, as in `stability.ts`, from products alone. */
function displacement(
  system: System,
  x: Float64Array,
  s: Float64Array,
  residual: number,
  draw: Random,
): number {
  const n = s.length;
  const probes = { rows: n, cols: PROBES, data: normal(n * PROBES, draw) };
  const image = (at: Float64Array): Float64Array => {
    const out = zeros(n, PROBES);
    system.linearise(at, x).jvp(probes, out);
    return out.data;
  };
  const J = image(s);
  const rounding = (n * Number.EPSILON * norm2(J)) / Math.sqrt(PROBES);
  if (residual === 0) return rounding;
  const g = new Float64Array(n);
  system.step(s, x, g);
  for (let i = 0; i < n; i++) g[i] = g[i]! - s[i]!;
  const size = norm2(g);
  if (size === 0) return rounding;
  const newton = newtonStep(system.linearise(s, x), g, true);
  if (!newton?.left || Math.sqrt(dot(newton.left, newton.left)) > size / 2) return Number.POSITIVE_INFINITY;
  const distance = MULTIPLICITY * norm2(newton.y);
  const h = Math.max(distance, 1e-6);
  const moved = image(s.map((v, i) => v + ((i % 2 === 0 ? 1 : -1) * h) / Math.sqrt(n)));
  const change = norm2(moved.map((v, i) => v - J[i]!)) / Math.sqrt(PROBES);
  return rounding + (change / h) * distance;
}
