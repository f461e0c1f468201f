import { eigenvalues } from './eig.js';
import { eigenvalueCondition } from './eigenvalue-condition.js';
import type { Operator } from './gmres.js';
import { type Matrix, zeros } from './matrix.js';
import { axpy, dot, norm2 } from './vector.js';

/** A Ritz value of A and how far it may be from an eigenvalue. */
export interface RitzValue {
  readonly re: number;
  readonly im: number;
  /** κ ‖A u − λ u‖, κ being the value's condition in the Krylov space: an estimate to first order. */
  readonly error: number;
  readonly condition: number;
  /** u: one vector where λ is real, its real and imaginary part where it is not. */
  readonly vectors: readonly Float64Array[];
}

/** w ← w minus its share along orthonormal vectors, twice, as once may leave rounding of a long w. */
export function orthogonalise(
  w: Float64Array,
  basis: readonly Float64Array[],
): { column: Float64Array; length: number; before: number } {
  const column = new Float64Array(basis.length);
  const before = norm2(w);
  for (let round = 0; round < 2; round++) {
    for (let j = 0; j < basis.length; j++) {
      const share = dot(basis[j], w);
      column[j] += share;
      axpy(w, -share, basis[j]);
    }
  }
  return { column, length: norm2(w), before };
}

/**
 * A Krylov space of A that can be widened: A V = V H + h v eᵀ with orthonormal V and Hessenberg H, whose eigenvalues (Ritz
 * values) approach the outermost of A first. Vectors in `without` are left out: it works on (I − U Uᵀ) A, whose eigenvalues
 * are those of A but for the ones that belong to the invariant space of U. W. Arnoldi, Quart. Appl. Math. 9 (1951);
 * Y. Saad, Numerical Methods for Large Eigenvalue Problems (2011), ch. 6.
 */
export class KrylovSpace {
  private readonly basis: Float64Array[];
  private readonly columns: Float64Array[] = [];
  private remainder = 0;

  constructor(
    private readonly apply: Operator,
    start: Float64Array,
    private readonly without: readonly Float64Array[] = [],
  ) {
    const first = start.slice();
    const { length } = orthogonalise(first, without);
    this.basis = length > 0 ? [first.map((v) => v / length)] : [];
  }

  get dimension(): number {
    return this.columns.length;
  }

  /** Whether A maps the space into itself, to rounding: it cannot be widened, and its values are exact. */
  get closed(): boolean {
    return this.basis.length <= this.columns.length;
  }

  widen(dimension: number): void {
    while (this.dimension < dimension && !this.closed) {
      const w = new Float64Array(this.basis[0].length);
      this.apply(this.basis[this.dimension], w);
      orthogonalise(w, this.without);
      const { column, length, before } = orthogonalise(w, this.basis);
      if (!Number.isFinite(length)) throw new RangeError('KrylovSpace: a product is not finite');
      this.columns.push(Float64Array.of(...column, length));
      this.remainder = length;
      const full = this.basis.length + this.without.length >= w.length;
      if (!full && length > w.length * Number.EPSILON * before) this.basis.push(w.map((v) => v / length));
    }
  }

  /** Ritz values by modulus, descending, one at a time: what is not looked at costs nothing. Of a pair the one with im > 0. */
  *values(): Generator<RitzValue> {
    const H = this.hessenberg();
    const { re, im } = eigenvalues(H);
    for (let i = 0; i < re.length; i++) if (im[i] >= 0) yield this.value(H, re[i], im[i]);
  }

  private value(H: Matrix, re: number, im: number): RitzValue {
    const { condition, right } = eigenvalueCondition(H, re, im);
    const last = H.rows - 1;
    const error = condition * this.remainder * Math.hypot(right.re[last], right.im[last]);
    const parts = im === 0 ? [largest(right.re, right.im)] : [right.re, right.im];
    return { re, im, error, condition, vectors: parts.map((y) => this.combine(y)) };
  }

  private hessenberg(): Matrix {
    const m = this.dimension;
    const H = zeros(m, m);
    this.columns.forEach((column, j) => {
      for (let i = 0; i <= Math.min(j + 1, m - 1); i++) H.data[i * m + j] = column[i];
    });
    return H;
  }

  private combine(y: Float64Array): Float64Array {
    const u = new Float64Array(this.basis[0].length);
    for (let j = 0; j < y.length; j++) axpy(u, y[j], this.basis[j]);
    return u;
  }
}

/** A real eigenvector is found up to a complex factor. */
const largest = (re: Float64Array, im: Float64Array): Float64Array => (norm2(re) >= norm2(im) ? re : im);
