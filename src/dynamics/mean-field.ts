import { frobeniusNorm, gemv } from '../linalg/index.js';
import type { Subject } from './subject.js';

/** What the theory of large random tanh networks says, for networks as they are initialised: weights independent of the states. */
export interface MeanField {
  /** g: entries of the recurrent matrix have variance g²/N. */
  readonly gain: number;
  /** Variance of what inputs and biases add to the pre-activation. */
  readonly external: number;
  /** Variance of the pre-activation, Δ = g²⟨tanh²⟩ + external. */
  readonly variance: number;
  /** (1/2) ln(g²⟨sech⁴⟩), nats per step. */
  readonly leading: number;
  /** Share of positive exponents. */
  readonly positive: number;
  /** Kaplan–Yorke dimension and entropy (nats per step), per unit. */
  readonly dimension: number;
  readonly entropy: number;
}

const NODES = 2001;
const REACH = 9;
/** z and the weights of Simpson's rule for a standard normal z, which at this spacing is exact to rounding for what is averaged here. */
const nodes = Float64Array.from({ length: NODES }, (_, k) => -REACH + (2 * REACH * k) / (NODES - 1));
const weights = nodes.map((z, k) => {
  const simpson = k === 0 || k === NODES - 1 ? 1 : k % 2 === 1 ? 4 : 2;
  return ((simpson * 2 * REACH) / (3 * (NODES - 1)) / Math.sqrt(2 * Math.PI)) * Math.exp((-z * z) / 2);
});

function gaussianMean(f: (z: number) => number): number {
  let sum = 0;
  for (let k = 0; k < NODES; k++) sum += weights[k]! * f(nodes[k]!);
  return sum;
}

/**
 * x' = J tanh(x) + external, J_ij of variance g²/N, N → ∞: H. Sompolinsky, A. Crisanti, H.-J. Sommers, PRL 61, 259 (1988);
 * R. Engelken, F. Wolf, L. F. Abbott, arXiv 2006.02427. The whole spectrum is that of products of free random matrices:
 * ⟨y s/(1 + y s)⟩ = t with s = sech⁴ gives λ(t) = (1/2) ln(g² t/y) for the fraction t of exponents. Finite networks lie below.
 */
export function meanField(gain: number, external: number): MeanField {
  const variance = fixedVariance(gain, external);
  const deviation = Math.sqrt(variance);
  // sech² from e^−2|x|, which has digits left where 1 − tanh² is 0.
  const fourth = Float64Array.from(nodes, (z) => {
    const e = Math.exp(-2 * Math.abs(deviation * z));
    return ((4 * e) / (1 + e) ** 2) ** 2;
  });
  const fraction = (y: number): number => {
    let sum = 0;
    for (let k = 0; k < NODES; k++) sum += (weights[k]! * y * fourth[k]!) / (1 + y * fourth[k]!);
    return sum;
  };
  let mean = 0;
  for (let k = 0; k < NODES; k++) mean += weights[k]! * fourth[k]!;
  return {
    gain,
    external,
    variance,
    leading: 0.5 * Math.log(gain * gain * mean),
    ...spectrum(gain, fraction),
  };
}

/** Δ by bisection: g²⟨tanh²⟩ + external − Δ is positive below the largest root and negative above it. */
function fixedVariance(gain: number, external: number): number {
  const excess = (d: number): number =>
    gain * gain * gaussianMean((z) => Math.tanh(Math.sqrt(d) * z) ** 2) + external - d;
  let [low, high] = [external === 0 ? 1e-12 : 0, gain * gain + external + 1e-9];
  // Below the onset, without external drive, the network is silent.
  if (excess(low) < 0) return 0;
  for (let round = 0; round < 200 && high - low > 1e-15 * high; round++) {
    const middle = (low + high) / 2;
    if (excess(middle) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const STEP = 0.01;
/** y from here on, where t is next to nothing, to where all exponents that matter have been passed. */
const FROM = -18;
const TO = 60;

/** Along ln y: t grows and λ falls; ∫ λ dt by the trapezoidal rule in t, which is smooth in ln y. */
function spectrum(
  gain: number,
  fraction: (y: number) => number,
): Pick<MeanField, 'positive' | 'dimension' | 'entropy'> {
  const at = (log: number): { t: number; rate: number } => {
    const t = fraction(Math.exp(log));
    return { t, rate: 0.5 * (2 * Math.log(gain) + Math.log(t) - log) };
  };
  let before = at(FROM);
  if (before.rate <= 0) return { positive: 0, dimension: 0, entropy: 0 };
  let sum = before.t * before.rate;
  let positive = 1;
  let entropy: number | null = null;
  for (let log = FROM + STEP; log < TO; log += STEP) {
    const [middle, here] = [at(log - STEP / 2), at(log)];
    const added = simpson(before, middle, here);
    if (entropy === null && here.rate < 0) {
      // λ passes 0 in this step: as good as linear in t over so short a stretch.
      const share = before.rate / (before.rate - here.rate);
      positive = before.t + share * (here.t - before.t);
      entropy = sum + (before.rate * (positive - before.t)) / 2;
    }
    if (sum + added < 0) {
      const width = here.t - before.t;
      return { positive, entropy: entropy!, dimension: before.t + width * (sum / -added) };
    }
    sum += added;
    before = here;
  }
  return { positive, entropy: entropy ?? sum, dimension: 1 };
}

type Point = { readonly t: number; readonly rate: number };

/** ∫ λ dt through three points that are not evenly spaced in t: the parabola's integral. */
function simpson(a: Point, m: Point, b: Point): number {
  const h = b.t - a.t;
  const s = m.t - a.t;
  if (h === 0) return 0;
  const slope = (m.rate - a.rate) / s;
  const bend = ((b.rate - a.rate) / h - slope) / (h - s);
  return h * (a.rate + (slope * h) / 2 + bend * ((h * h) / 3 - (s * h) / 2));
}

/** Rows of the drive that its variance is taken from. */
const LOOK = 1000;

/** The theory for a network that is a single layer of tanh under inputs from outside; null for any other. */
export function meanFieldOf({ model, mode, drive }: Subject): MeanField | null {
  const [layer, ...more] = model?.layers ?? [];
  if (layer?.cell.name !== 'rnn-tanh' || more.length > 0 || mode === 'closed loop') return null;
  const { matrices, vectors, hiddenSize, inputSize } = layer.weights;
  const x = new Float64Array(inputSize);
  const fixed = Float64Array.from(
    { length: hiddenSize },
    (_, i) => (vectors.bx_h?.[i] ?? 0) + (vectors.bh_h?.[i] ?? 0),
  );
  const rows = mode === 'autonomous' ? 1 : Math.min(LOOK, drive.length);
  let external = 0;
  for (let t = 0; t < rows; t++) {
    const added = fixed.slice();
    if (inputSize > 0) {
      drive.at(t, x);
      gemv(added, matrices.W_h!, x, { beta: 1 });
    }
    for (const v of added) external += (v * v) / (hiddenSize * rows);
  }
  return meanField(frobeniusNorm(matrices.U_h!) / Math.sqrt(hiddenSize), external);
}
