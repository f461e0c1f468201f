import { dot, gemm, gemv, norm2 } from '../linalg/index.js';
import { zeros } from '../linalg/matrix.js';

export interface PrincipalPlane {
  /** Share of the variance along each of the two axes. */
  readonly explained: readonly [number, number];
  readonly project: (s: Float64Array) => [number, number];
}

/** The mean of the states and their two directions of largest variance, by power iteration with XᵀX of the centred rows X. */
export function principalPlane(states: readonly Float64Array[]): PrincipalPlane {
  const n = states[0]?.length ?? 0;
  const mean = meanState(states);
  const centred = states.map((s) => s.map((v, i) => v - mean[i]!));
  const total = centred.reduce((sum, s) => sum + dot(s, s), 0);
  const times = scatter(centred, n);
  const first = leading(times, largest(centred, n));
  const rest = (v: Float64Array): Float64Array => without(v, first.axis);
  const second = leading((v) => rest(times(rest(v))), largest(centred.map(rest), n));
  const share = (variance: number): number => (total > 0 ? variance / total : 0);
  return {
    explained: [share(first.variance), share(second.variance)],
    project: (s) => {
      const d = s.map((v, i) => v - mean[i]!);
      return [dot(d, first.axis), dot(d, second.axis)];
    },
  };
}

/** The mean of each coordinate. */
export function meanState(states: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(states[0]?.length ?? 0);
  for (const s of states) for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + s[i]! / states.length;
  return mean;
}

const ITERATIONS = 200;

type Product = (v: Float64Array) => Float64Array;

/** v → Xᵀ X v; with XᵀX at hand where that is the smaller. */
function scatter(rows: readonly Float64Array[], n: number): Product {
  const X = zeros(rows.length, n);
  rows.forEach((row, k) => void X.data.set(row, k * n));
  if (n > rows.length) {
    return (v) => {
      const weights = new Float64Array(rows.length);
      gemv(weights, X, v);
      const out = new Float64Array(n);
      gemv(out, X, weights, { trans: true });
      return out;
    };
  }
  const S = zeros(n, n);
  gemm(S, X, X, { transA: true });
  return (v) => {
    const out = new Float64Array(n);
    gemv(out, S, v);
    return out;
  };
}

const largest = (rows: readonly Float64Array[], n: number): Float64Array =>
  rows.reduce((best, row) => (norm2(row) > norm2(best) ? row : best), new Float64Array(n));

function leading(times: Product, start: Float64Array): { axis: Float64Array; variance: number } {
  let axis = start;
  let variance = 0;
  for (let k = 0; k < ITERATIONS; k++) {
    const length = norm2(axis);
    if (length === 0) return { axis, variance: 0 };
    const unit = axis.map((v) => v / length);
    const next = times(unit);
    axis = unit;
    const grown = norm2(next);
    if (Math.abs(grown - variance) <= 1e-12 * grown) return { axis, variance: grown };
    variance = grown;
    axis = next;
  }
  const length = norm2(axis);
  return { axis: length > 0 ? axis.map((v) => v / length) : axis, variance };
}

const without = (s: Float64Array, axis: Float64Array): Float64Array => {
  const along = dot(s, axis);
  return s.map((v, i) => v - along * axis[i]!);
};
