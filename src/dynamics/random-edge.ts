import type { CellWeights } from '../cells/index.js';
import { frobeniusNorm, gemv } from '../linalg/index.js';
import type { Matrix } from '../linalg/matrix.js';
import type { Layer } from '../model/model.js';
import type { Complex } from '../result.js';
import type { Part } from './system.js';

/** Where the eigenvalues of one layer would end if its recurrent matrices were random and independent of its state. */
export interface RandomEdge {
  readonly layer: string;
  /** a of each recurrent matrix: its entries have variance a²/N. */
  readonly gains: Readonly<Record<string, number>>;
  /** The largest |λ| on the edge. */
  readonly edge: number;
  /** The edge, angle by angle, closed. */
  readonly boundary: readonly Complex[];
}

/** Positive outside the spectrum, at most 0 inside. */
type Outside = (re: number, im: number) => number;

interface Found {
  readonly gains: Readonly<Record<string, number>>;
  readonly centre: number;
  readonly outside: Outside;
}

/** One step of a layer: its own old and new state, block by block, and its gates. */
interface Step {
  readonly part: Part;
  readonly old: Float64Array;
  readonly next: Float64Array;
}

const theories: Readonly<Record<string, (w: CellWeights, step: Step) => Found | null>> = {
  'rnn-tanh': elman,
  gru: (w, step) => gruAfter(w, step),
  'gru-reset-before': (w, step) => gruBefore(w, step),
  lstm: lstmAtRest,
};

/**
 * The edge of ∂(layer's next state)/∂(its state) in the limit of many units, for the gates as the last linearised step had them. null
 * for cells without a formula, and for an LSTM away from rest. K. Krishnamurthy, T. Can, D. Schwab, Phys. Rev. X 12, 011011 (2022).
 */
export function randomEdge(
  layer: Layer,
  part: Part,
  state: Float64Array,
  next: Float64Array,
): RandomEdge | null {
  const { from, to } = part.rows;
  const step = { part, old: state.subarray(from, to), next: next.subarray(from, to) };
  const found = theories[layer.cell.name]?.(layer.weights, step);
  return found ? { layer: layer.name, gains: found.gains, ...traced(found) } : null;
}

/** a² = N times the mean square of the entries. */
const gainOf = (W: Matrix): number => frobeniusNorm(W) / Math.sqrt(W.rows);

function mean(length: number, f: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += f(i) / length;
  return sum;
}

const square = (v: number): number => v * v;

/** J = D W with D = diag(1 − h′²): a disc of radius a ⟨(1 − h′²)²⟩^½. */
function elman({ matrices, hiddenSize }: CellWeights, { next }: Step): Found {
  const a = gainOf(matrices.U_h!);
  const slopes = mean(hiddenSize, (i) => square(1 - square(next[i]!)));
  return {
    gains: { h: a },
    centre: 0,
    outside: (re, im) => 1 - (a * a * slopes) / (re * re + im * im),
  };
}

/** What both forms of the GRU share: z′ (h − n), (1 − z) n′, r, r′ with σ′ = σ(1 − σ), and 1/|λ − z|² of each unit. */
function gruParts({ matrices, hiddenSize: H }: CellWeights, { part, old }: Step) {
  const [r, z, n] = ['r', 'z', 'n'].map((name) => part.read(name).value.slice()) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const gains = { r: gainOf(matrices.U_r!), z: gainOf(matrices.U_z!), n: gainOf(matrices.U_n!) };
  return {
    H,
    gains,
    r,
    update: z.map((v, i) => v * (1 - v) * (old[i]! - n[i]!)),
    candidate: z.map((v, i) => (1 - v) * (1 - square(n[i]!))),
    reset: r.map((v) => v * (1 - v)),
    centre: mean(H, (i) => z[i]!),
    near: (i: number, re: number, im: number) => 1 / (square(re - z[i]!) + im * im),
  };
}

/** 1 = ⟨[a_z² (z′(h − n))² + a_n² ((1 − z) n′ r)² + a_r² ((1 − z) n′ q r′)²]/|λ − z|²⟩, q = U_n h + bh_n. */
function gruAfter(w: CellWeights, step: Step): Found {
  const { H, gains, r, update, candidate, reset, centre, near } = gruParts(w, step);
  const q = w.vectors.bh_n ? Float64Array.from(w.vectors.bh_n) : new Float64Array(H);
  gemv(q, w.matrices.U_n!, Float64Array.from(step.old), { beta: 1 });
  const power = update.map(
    (v, i) =>
      square(gains.z * v) +
      square(gains.n * candidate[i]! * r[i]!) +
      square(gains.r * candidate[i]! * q[i]! * reset[i]!),
  );
  return { gains, centre, outside: (re, im) => 1 - mean(H, (i) => power[i]! * near(i, re, im)) };
}

/**
 * (1 − P)(1 − Q_r) = Q (P_r + c): P of z′(h − n), Q of (1 − z) n′, each over |λ − z|², the index r for a factor r² more, and
 * c = a_r² ⟨(h r′)²⟩.
 */
function gruBefore(w: CellWeights, step: Step): Found {
  const { H, gains, r, update, candidate, reset, centre, near } = gruParts(w, step);
  const c = square(gains.r) * mean(H, (i) => square(step.old[i]! * reset[i]!));
  const outside: Outside = (re, im) => {
    let [P, Pr, Q, Qr] = [0, 0, 0, 0];
    for (let i = 0; i < H; i++) {
      const p = (square(gains.z * update[i]!) * near(i, re, im)) / H;
      const s = (square(gains.n * candidate[i]!) * near(i, re, im)) / H;
      P += p;
      Pr += p * square(r[i]!);
      Q += s;
      Qr += s * square(r[i]!);
    }
    // Inside, where P or Q_r alone exceeds 1, the product of the two brackets can be positive again.
    return P >= 1 || Qr >= 1 ? -1 : (1 - P) * (1 - Qr) - Q * (Pr + c);
  };
  return { gains, centre, outside };
}

/** An LSTM that holds nothing this small is at rest. */
const AT_REST = 1e-3;

/** At h = c = 0 and g = 0 only the candidate acts: λ = f + i o g′ · (eigenvalues of U_g), 1 = a_g² ⟨(i o)²/|λ − f|²⟩. */
function lstmAtRest({ matrices, hiddenSize: H }: CellWeights, { part, old, next }: Step): Found | null {
  const largest = (s: Float64Array): number => s.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  if (Math.max(largest(old), largest(next)) > AT_REST) return null;
  const [i, f, o] = ['i', 'f', 'o'].map((name) => part.read(name).value.slice()) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const a = gainOf(matrices.U_g!);
  return {
    gains: { g: a },
    centre: mean(H, (k) => f[k]!),
    outside: (re, im) => 1 - mean(H, (k) => square(a * i[k]! * o[k]!) / (square(re - f[k]!) + im * im)),
  };
}

const ANGLES = 72;
const RADII = 200;
const NARROWING = 40;

/** Along each ray from the centre inward, the first place that is no longer outside. */
function traced({ centre, outside }: Found): Pick<RandomEdge, 'edge' | 'boundary'> {
  const boundary = Array.from({ length: ANGLES + 1 }, (_, k): Complex => {
    const [c, s] = [Math.cos((2 * Math.PI * k) / ANGLES), Math.sin((2 * Math.PI * k) / ANGLES)];
    const at = (radius: number): number => outside(centre + radius * c, radius * s);
    let far = 1;
    while (at(far) <= 0 && far < 1e6) far *= 2;
    let near = far;
    for (let j = 0; j < RADII && at(near) > 0; j++) {
      far = near;
      near *= 0.95;
    }
    for (let round = 0; round < NARROWING; round++) {
      const middle = (near + far) / 2;
      if (at(middle) > 0) far = middle;
      else near = middle;
    }
    return [centre + far * c, far * s];
  });
  return { edge: Math.max(...boundary.map(([re, im]) => Math.hypot(re, im))), boundary };
}
