import { gemm, Resolvent, spectralNorm } from '../linalg/index.js';
import { copy, type Matrix, zeros } from '../linalg/matrix.js';
import type { Complex } from '../result.js';

export interface Transient {
  /** log10 ‖Jᵏ‖₂ for k = 0 … K; −∞ where the power is zero. */
  readonly log10Norm: readonly number[];
  /** Where the norm still grew at K: it at 2 K, 3 K, … until it fell. */
  readonly beyond: { readonly powers: readonly number[]; readonly log10Norm: readonly number[] };
  /** max ‖Jᵏ‖₂ over all those k, and the k at which it is, to within K where it lies beyond. */
  readonly peak: number;
  readonly peakPower: number;
  /** True where the norm was still growing at the last power: the peak may come later. */
  readonly peakIsLowerBound: boolean;
}

/**
 * Norms of the powers of a matrix: what k like steps make of the worst perturbation. Sizes are kept as logarithms. `decays`: its
 * spectral radius is below 1.
 */
export function transient(J: Matrix, most: number, decays: boolean): Transient {
  const log10Norm = [0];
  let power = copy(J);
  let spare = zeros(J.rows, J.cols);
  let log10Scale = 0;
  /** Divides the power by its norm, which is noted. */
  const note = (into: number[]): boolean => {
    const norm = spectralNorm(power);
    log10Scale += Math.log10(norm);
    into.push(log10Scale);
    if (norm > 0) for (let p = 0; p < power.data.length; p++) power.data[p] = power.data[p]! / norm;
    return norm > 0;
  };
  const times = (by: Matrix): void => {
    gemm(spare, by, power);
    [power, spare] = [spare, power];
  };
  for (let k = 1; k <= most; k++) {
    if (k > 1) times(J);
    if (!note(log10Norm)) break;
  }
  const beyond: { powers: number[]; log10Norm: number[] } = { powers: [], log10Norm: [] };
  const [stride, last] = [copy(power), log10Scale];
  // Where modes grow for good there is no peak to be found.
  for (let k = 2; decays && k <= STRIDES && isGrowing([...log10Norm, ...beyond.log10Norm]); k++) {
    times(stride);
    log10Scale += last;
    beyond.powers.push(k * most);
    if (!note(beyond.log10Norm)) break;
  }
  const all = [...log10Norm, ...beyond.log10Norm];
  const best = all.reduce((found, v, k) => (v > all[found]! ? k : found), 0);
  return {
    log10Norm,
    beyond,
    peak: 10 ** all[best]!,
    peakPower: best < log10Norm.length ? best : beyond.powers[best - log10Norm.length]!,
    peakIsLowerBound: best > 0 && best === all.length - 1,
  };
}

/** Multiples of K that are looked at for the peak. */
const STRIDES = 64;

const isGrowing = (log10Norm: readonly number[]): boolean =>
  log10Norm.length > 1 && log10Norm.at(-1)! > log10Norm.at(-2)!;

export interface Pseudospectrum {
  readonly epsilon: number;
  /** ρ_ε = max |z| over σ_min(zI − J) ≤ ε: how far some perturbation of size ε can move an eigenvalue. At least this. */
  readonly radius: number;
  /** min σ_min(zI − J) over |z| = 1: a perturbation of this size brings an eigenvalue onto the unit circle. At most this. */
  readonly distanceToUnitCircle: number;
  /**
   * Kreiss' constant sup (|z| − 1) ‖(zI − J)⁻¹‖ over |z| > 1: the powers reach at least this norm, and at most e n times it.
   * A lower estimate; 1 at least, ∞ where the spectral radius is above 1.
   */
  readonly kreiss: number;
  /** Where the supremum was met; null where it lies at infinity or K is infinite. */
  readonly kreissAt: Complex | null;
}

/** Angles of a half circle (J is real, so that the other half mirrors it) and radii that are looked at first. */
const ANGLES = 24;
const RADII = 12;
/** Leading eigenvalues whose directions are looked at as well. */
const LEADING = 8;
const NARROWING = 24;
/** |z| − 1 from 1e-3 to 10: nearer, K is decided by the spectral radius; farther, the supremum is 1. */
const NEAREST = Math.log(1e-3);
const FARTHEST = Math.log(10);

/** L. Trefethen, M. Embree, Spectra and Pseudospectra, 2005, §§2, 14–16. A grid over the half plane, narrowed where it is best. */
export function pseudospectrum(J: Matrix, eigenvalues: readonly Complex[], epsilon: number): Pseudospectrum {
  const resolvent = new Resolvent(J);
  const smallest = (r: number, angle: number): number =>
    resolvent.smallestSingularValue(r * Math.cos(angle), r * Math.sin(angle));
  const angles = [
    ...Array.from({ length: ANGLES + 1 }, (_, k) => (Math.PI * k) / ANGLES),
    ...eigenvalues.slice(0, LEADING).map(([re, im]) => Math.abs(Math.atan2(im, re))),
  ];
  const spectralRadius = Math.max(0, ...eigenvalues.map(([re, im]) => Math.hypot(re, im)));
  const onCircle = lowest(angles, (angle) => smallest(1, angle));
  return {
    epsilon,
    radius: radius(smallest, angles, spectralRadius, epsilon, spectralNorm(J)),
    distanceToUnitCircle: onCircle.value,
    ...kreiss(smallest, angles, spectralRadius),
  };
}

type Smallest = (r: number, angle: number) => number;

/** The least value over some angles, narrowed between the neighbours of the best. */
function lowest(angles: readonly number[], f: (angle: number) => number): { at: number; value: number } {
  const sorted = [...angles].sort((a, b) => a - b);
  const values = sorted.map(f);
  const best = values.reduce((found, v, k) => (v < values[found]! ? k : found), 0);
  const [from, to] = [sorted[Math.max(0, best - 1)]!, sorted[Math.min(sorted.length - 1, best + 1)]!];
  const narrowed = golden(from, to, f);
  return narrowed.value < values[best]! ? narrowed : { at: sorted[best]!, value: values[best]! };
}

/** Golden-section search (J. Kiefer, Proc. AMS 4, 1953) for a minimum in [from, to]. */
function golden(from: number, to: number, f: (x: number) => number): { at: number; value: number } {
  const share = (Math.sqrt(5) - 1) / 2;
  let [a, b] = [from, to];
  let [c, d] = [b - share * (b - a), a + share * (b - a)];
  let [fc, fd] = [f(c), f(d)];
  for (let round = 0; round < NARROWING; round++) {
    if (fc < fd) {
      [b, d, fd] = [d, c, fc];
      c = b - share * (b - a);
      fc = f(c);
    } else {
      [a, c, fc] = [c, d, fd];
      d = a + share * (b - a);
      fd = f(d);
    }
  }
  return fc < fd ? { at: c, value: fc } : { at: d, value: fd };
}

function kreiss(
  smallest: Smallest,
  angles: readonly number[],
  spectralRadius: number,
): Pick<Pseudospectrum, 'kreiss' | 'kreissAt'> {
  if (spectralRadius > 1) return { kreiss: Number.POSITIVE_INFINITY, kreissAt: null };
  // The reciprocal, σ_min/(|z| − 1), is what is made small.
  const inverse = (log: number, angle: number): number => smallest(1 + Math.exp(log), angle) / Math.exp(log);
  let best = { log: FARTHEST, angle: 0, value: Number.POSITIVE_INFINITY };
  const step = (FARTHEST - NEAREST) / (RADII - 1);
  for (let k = 0; k < RADII; k++) {
    const log = NEAREST + k * step;
    for (const angle of angles) {
      const value = inverse(log, angle);
      if (value < best.value) best = { log, angle, value };
    }
  }
  for (let round = 0; round < 2; round++) {
    const { angle } = best;
    const outward = golden(best.log - step, Math.min(FARTHEST, best.log + step), (log) =>
      inverse(log, angle),
    );
    if (outward.value < best.value) best = { ...best, log: outward.at, value: outward.value };
    const { log } = best;
    const reach = Math.PI / ANGLES;
    const around = golden(angle - reach, angle + reach, (a) => inverse(log, a));
    if (around.value < best.value) best = { ...best, angle: around.at, value: around.value };
  }
  // As |z| → ∞ the quotient tends to 1 from whichever side.
  if (best.value >= 1) return { kreiss: 1, kreissAt: null };
  const r = 1 + Math.exp(best.log);
  return { kreiss: 1 / best.value, kreissAt: [r * Math.cos(best.angle), r * Math.sin(best.angle)] };
}

/** Angle by angle, the radius is pushed out as far as σ_min stays below ε; it cannot pass ‖J‖ + ε. */
function radius(
  smallest: Smallest,
  angles: readonly number[],
  spectralRadius: number,
  epsilon: number,
  norm: number,
): number {
  // A disc of radius ε about every eigenvalue belongs to the set.
  let reached = spectralRadius + epsilon;
  const push = (angle: number): boolean => {
    if (smallest(reached, angle) > epsilon) return false;
    let [inside, outside] = [reached, norm + epsilon];
    for (let round = 0; round < NARROWING && outside - inside > 1e-6 * outside; round++) {
      const middle = (inside + outside) / 2;
      if (smallest(middle, angle) <= epsilon) inside = middle;
      else outside = middle;
    }
    reached = inside;
    return true;
  };
  let best = angles[0]!;
  for (const angle of angles) if (push(angle)) best = angle;
  for (let reach = Math.PI / ANGLES / 2; reach > 1e-3; reach /= 2)
    for (const angle of [best - reach, best + reach]) if (push(angle)) best = angle;
  return reached;
}
