import { norm2 } from '../linalg/index.js';
import { matrix, zeros } from '../linalg/matrix.js';
import type { Watch } from '../outcome.js';
import type { Drive } from './drive.js';
import type { Part, System } from './system.js';

/** The whole derivative, and what is left of it when the named quantities are held: one after the other, in this order. */
export interface Paths {
  readonly system: System;
  /** Names as the cells have them; `cut[k]` is the system with names 0 … k held. */
  readonly names: readonly string[];
  readonly cut: readonly System[];
}

export interface GateReading {
  readonly part: string;
  readonly name: string;
  readonly role: Part['quantities'][number]['role'];
  /** Of each lag, the mean openness over the units of its block, weighted by the square of the gradient that meets it there. */
  readonly weighted: Float64Array;
}

export interface CotangentPath {
  /** ln ‖(∂s_T/∂s_{T−lag})ᵀ g‖ for lag = 0 … K. */
  readonly logNorm: Float64Array;
  /** shares[p][k]: the part that path p has in the step from lag k to k + 1; they add up to 1. The last path is what no name is on. */
  readonly shares: readonly Float64Array[];
  readonly gates: readonly GateReading[];
  /** ∂ ln‖·‖ at lag k + 1 by a bias added to a gate that keeps, through its own product with the old state alone. */
  readonly biasSlopes: readonly Float64Array[];
  /** Lags that were done. */
  readonly lags: number;
}

/**
 * Pulls one cotangent g of s_T back, g ← J_tᵀ g, and tells of each step by how much it shrank, which paths it took and which gates it
 * met. Paths: J = Σ_p J_p, J_p what the p-th cut takes away, share ⟨J_pᵀ g, Jᵀ g⟩/‖Jᵀ g‖². Sizes are kept as logarithms.
 * `states` are s_{T−K} … s_{T−1}.
 */
export async function cotangentPath(
  paths: Paths,
  drive: Drive,
  states: readonly Float64Array[],
  end: number,
  cotangent: Float64Array,
  watch: Watch,
): Promise<CotangentPath> {
  const { system } = paths;
  const K = states.length;
  const read = readings(system, K);
  const logNorm = new Float64Array(K + 1).fill(Number.NEGATIVE_INFINITY);
  const shares = Array.from({ length: paths.names.length + 1 }, () => new Float64Array(K));
  const biasSlopes = read.keeping.map(() => new Float64Array(K));
  const x = new Float64Array(system.inputSize);
  let g: Float64Array = Float64Array.from(cotangent);
  let log = Math.log(norm2(g));
  logNorm[0] = log;
  let lags = 0;
  for (let k = 0; k < K && log > Number.NEGATIVE_INFINITY; k++) {
    if (k % 16 === 0 && (await watch.tick(k, K, 'following the gradient'))) break;
    scale(g, 1 / norm2(g));
    const state = states[K - 1 - k]!;
    drive.at(end - 1 - k, x);
    const through = [system, ...paths.cut].map((each) => pulled(each, state, x, g));
    const whole = through[0]!;
    const size = norm2(whole);
    read.note(k, g);
    if (size > 0) {
      for (let p = 0; p < shares.length; p++)
        shares[p]![k] = share(through[p]!, through[p + 1], whole) / (size * size);
      read.keeping.forEach((gate, q) => {
        biasSlopes[q]![k] = gate.slope(g, whole) / (size * size);
      });
    }
    log += Math.log(size);
    logNorm[k + 1] = log;
    g = whole;
    lags = k + 1;
  }
  return { logNorm, shares, gates: read.all, biasSlopes, lags };
}

function pulled(system: System, state: Float64Array, x: Float64Array, g: Float64Array): Float64Array {
  const out = zeros(g.length, 1);
  system.linearise(state, x).vjp(matrix(g.length, 1, g), out);
  return out.data;
}

/** ⟨a − b, whole⟩. */
function share(a: Float64Array, b: Float64Array | undefined, whole: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - (b ? b[i]! : 0)) * whole[i]!;
  return sum;
}

const scale = (v: Float64Array, by: number): void => {
  for (let i = 0; i < v.length; i++) v[i] = v[i]! * by;
};

interface Keeping {
  readonly part: string;
  readonly name: string;
  /** ⟨diag(f(1 − f)) g_block, (Jᵀ g)_block⟩: what a bias on f changes in ‖Jᵀ g‖²/2 through f ⊙ old alone. */
  slope(g: Float64Array, whole: Float64Array): number;
}

/** Readers of the gates of all layers, as the last linearised step left them. */
function readings(system: System, lags: number) {
  const gates = (system.parts ?? []).flatMap((part) =>
    part.quantities
      .filter(({ role }) => role !== 'candidate')
      .map((quantity) => ({
        part,
        quantity,
        rows: part.blocks.find(({ name }) => name === quantity.block)!,
        weighted: new Float64Array(lags),
      })),
  );
  const all: GateReading[] = gates.map(({ part, quantity, weighted }) => ({
    part: part.name,
    name: quantity.name,
    role: quantity.role,
    weighted,
  }));
  const keeping: Keeping[] = gates
    .filter(({ quantity }) => quantity.role === 'keep')
    .map(({ part, quantity, rows }) => ({
      part: part.name,
      name: quantity.name,
      slope(g, whole) {
        const { value } = part.read(quantity.name);
        let sum = 0;
        for (let i = rows.from; i < rows.to; i++) {
          const f = value[i - rows.from]!;
          sum += f * (1 - f) * g[i]! * whole[i]!;
        }
        return sum;
      },
    }));
  const note = (k: number, g: Float64Array): void => {
    for (const { part, quantity, rows, weighted } of gates) {
      const { value } = part.read(quantity.name);
      // Behind a projection entries of the state are no units of the gate.
      const alike = value.length === rows.to - rows.from;
      let [sum, weight] = [0, 0];
      for (let i = rows.from; i < rows.to; i++) {
        const square = g[i]! * g[i]!;
        sum += square * value[i - rows.from]!;
        weight += square;
      }
      weighted[k] = alike && weight > 0 ? sum / weight : Number.NaN;
    }
  };
  return { all, keeping, note };
}
