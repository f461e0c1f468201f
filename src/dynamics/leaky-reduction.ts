import { type Matrix, zeros } from '../linalg/matrix.js';
import type { Linearisation, System } from './system.js';

/** What a search for rest points asks of a map. */
export interface RestMap {
  readonly dimension: number;
  step(s: Float64Array, x: Float64Array, next: Float64Array): void;
  linearise(s: Float64Array, x: Float64Array): Pick<Linearisation, 'jvp' | 'vjp' | 'solveShifted'>;
}

export interface LeakyReduction extends RestMap {
  /** The whole state that a reduced one stands for. */
  lift(h: Float64Array, x: Float64Array): Float64Array;
  /** The reduced part of a whole state. */
  restrict(s: Float64Array): Float64Array;
}

/** 1 − f below this is taken as this: tanh(c) has long been ±1 there. */
const SMALLEST_LEAK = 1e-12;

/**
 * A map whose leaky entries, c' = f c + a with f and a free of c, are put at rest: c = a/(1 − f), which leaves the other
 * entries, |h| ≤ 1. Rest points of the two are the same, but a forget gate next to 1 makes c large and a search in (h, c)
 * slow, while this one is compact (E. Terzi et al., arXiv 1910.04024, use the same solution for c). null where nothing is leaky.
 */
export function withoutLeaky(system: System): LeakyReduction | null {
  const ranges = system.leaky ?? [];
  if (ranges.length === 0) return null;
  const n = system.dimension;
  const kept = Array.from({ length: n }, (_, i) => i).filter(
    (i) => !ranges.some((r) => i >= r.from && i < r.to),
  );
  const next = new Float64Array(n);
  const leak = new Float64Array(n);

  const lift = (h: Float64Array, x: Float64Array): Float64Array => {
    const s = new Float64Array(n);
    for (let k = 0; k < kept.length; k++) s[kept[k]!] = h[k]!;
    // Layer by layer, since a layer's c acts on the gates of the layers above.
    for (const { from, to } of ranges) {
      system.step(s, x, next);
      const a = next.slice(from, to);
      s.fill(1, from, to);
      system.step(s, x, next);
      for (let i = from; i < to; i++) {
        leak[i] = Math.max(SMALLEST_LEAK, 1 - (next[i]! - a[i - from]!));
        s[i] = a[i - from]! / leak[i]!;
      }
    }
    return s;
  };

  const restrict = (s: Float64Array): Float64Array => Float64Array.from(kept, (i) => s[i]!);
  return {
    dimension: kept.length,
    lift,
    restrict,
    step(h, x, out) {
      system.step(lift(h, x), x, next);
      out.set(restrict(next));
    },
    linearise: (h, x) => new ReducedLinearisation(system.linearise(lift(h, x), x), kept, ranges, leak),
  };
}

/** v_c = f v_c + (what the rest of v does to c'), and the same for cotangents: solved range by range. */
class ReducedLinearisation implements Pick<Linearisation, 'jvp' | 'vjp' | 'solveShifted'> {
  constructor(
    private readonly whole: Linearisation,
    private readonly kept: readonly number[],
    private readonly ranges: NonNullable<System['leaky']>,
    private readonly leak: Float64Array,
  ) {}

  jvp(V: Matrix, out: Matrix): void {
    this.carry(V, out, this.ranges, (from, to) => this.whole.jvp(from, to));
  }

  vjp(W: Matrix, out: Matrix): void {
    this.carry(W, out, this.ranges.toReversed(), (from, to) => this.whole.vjp(from, to));
  }

  solveShifted(b: Float64Array): Float64Array | null {
    const y = this.whole.solveShifted(this.widen({ rows: b.length, cols: 1, data: b }).data);
    return y && Float64Array.from(this.kept, (i) => y[i]!);
  }

  private carry(
    V: Matrix,
    out: Matrix,
    ranges: NonNullable<System['leaky']>,
    apply: (from: Matrix, to: Matrix) => void,
  ): void {
    const k = V.cols;
    const all = this.widen(V);
    const image = zeros(all.rows, k);
    for (const { from, to } of ranges) {
      apply(all, image);
      for (let i = from; i < to; i++) {
        for (let j = 0; j < k; j++) all.data[i * k + j] = image.data[i * k + j]! / this.leak[i]!;
      }
    }
    apply(all, image);
    this.kept.forEach((i, r) => void out.data.set(image.data.subarray(i * k, (i + 1) * k), r * k));
  }

  private widen(V: Matrix): Matrix {
    const all = zeros(this.leak.length, V.cols);
    this.kept.forEach((i, r) => void all.data.set(V.data.subarray(r * V.cols, (r + 1) * V.cols), i * V.cols));
    return all;
  }
}
