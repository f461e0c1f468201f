import { hessenbergInPlace } from './hessenberg.js';
import { copy, type Matrix } from './matrix.js';

const MOST_ROUNDS = 40;
/** The square of the estimate changes by less than this: the estimate itself is then off by far less than a per cent. */
const SETTLED = 1e-4;

/**
 * σ_min(zI − A), the reciprocal of ‖(zI − A)⁻¹‖₂, for many z: L. Trefethen, M. Embree, Spectra and Pseudospectra, 2005, §39. A is
 * brought to Hessenberg form once, which leaves singular values as they are; each z then costs n² rather than n³.
 */
export class Resolvent {
  private readonly n: number;
  private readonly H: Float64Array;
  private readonly re: Float64Array;
  private readonly im: Float64Array;

  constructor(A: Matrix) {
    const n = A.rows;
    if (A.cols !== n) throw new RangeError(`Resolvent: ${n}×${A.cols} is not square`);
    this.n = n;
    const H = copy(A);
    hessenbergInPlace(H);
    this.H = H.data;
    this.re = new Float64Array(n * n);
    this.im = new Float64Array(n * n);
  }

  /** σ_min(zI − A) by inverse iteration: never too small, and by far less than a per cent too large; 0 at an eigenvalue. */
  smallestSingularValue(zRe: number, zIm: number): number {
    this.triangularise(zRe, zIm);
    const { n } = this;
    const xr = Float64Array.from({ length: n }, (_, i) => 1 + (((i + 1) * Math.SQRT2) % 1));
    const xi = Float64Array.from({ length: n }, (_, i) => ((i + 1) * Math.E) % 1);
    normalise(xr, xi);
    let before = 0;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      // ‖R⁻ᴴ x‖² is the Rayleigh quotient of (RᴴR)⁻¹ at the unit vector x: at most 1/σ_min².
      this.solveAdjoint(xr, xi);
      const quotient = squares(xr, xi);
      if (!Number.isFinite(quotient)) return 0;
      if (Math.abs(quotient - before) <= SETTLED * quotient) return 1 / Math.sqrt(quotient);
      before = quotient;
      this.solve(xr, xi);
      if (!Number.isFinite(normalise(xr, xi))) return 0;
    }
    return 1 / Math.sqrt(before);
  }

  /** zI − H = Q R by Givens rotations, one a row: a Hessenberg matrix has a single subdiagonal. */
  private triangularise(zRe: number, zIm: number): void {
    const { n, H, re, im } = this;
    for (let p = 0; p < n * n; p++) re[p] = -H[p];
    im.fill(0);
    for (let i = 0; i < n; i++) {
      re[i * (n + 1)] += zRe;
      im[i * (n + 1)] += zIm;
    }
    for (let k = 0; k + 1 < n; k++) this.rotate(k);
  }

  /** Rows k and k + 1 ← [c̄ s̄; −s c] of them, with c and s from the column that is to be emptied. */
  private rotate(k: number): void {
    const { n, re, im } = this;
    const top = k * (n + 1);
    const low = top + n;
    const length = Math.hypot(re[top], im[top], re[low], im[low]);
    if (length === 0) return;
    const [cr, ci, sr, si] = [re[top] / length, im[top] / length, re[low] / length, im[low] / length];
    for (let j = 0; j < n - k; j++) {
      const [ar, ai, br, bi] = [re[top + j], im[top + j], re[low + j], im[low + j]];
      re[top + j] = cr * ar + ci * ai + sr * br + si * bi;
      im[top + j] = cr * ai - ci * ar + sr * bi - si * br;
      re[low + j] = cr * br - ci * bi - sr * ar + si * ai;
      im[low + j] = cr * bi + ci * br - sr * ai - si * ar;
    }
  }

  /** x ← R⁻¹ x. */
  private solve(xr: Float64Array, xi: Float64Array): void {
    const { n, re, im } = this;
    for (let i = n - 1; i >= 0; i--) {
      const row = i * n;
      let [sr, si] = [xr[i], xi[i]];
      for (let j = i + 1; j < n; j++) {
        sr -= re[row + j] * xr[j] - im[row + j] * xi[j];
        si -= re[row + j] * xi[j] + im[row + j] * xr[j];
      }
      const size = re[row + i] ** 2 + im[row + i] ** 2;
      xr[i] = (sr * re[row + i] + si * im[row + i]) / size;
      xi[i] = (si * re[row + i] - sr * im[row + i]) / size;
    }
  }

  /** x ← R⁻ᴴ x, along the rows of R. */
  private solveAdjoint(xr: Float64Array, xi: Float64Array): void {
    const { n, re, im } = this;
    for (let i = 0; i < n; i++) {
      const row = i * n;
      const size = re[row + i] ** 2 + im[row + i] ** 2;
      const sr = (xr[i] * re[row + i] - xi[i] * im[row + i]) / size;
      const si = (xi[i] * re[row + i] + xr[i] * im[row + i]) / size;
      xr[i] = sr;
      xi[i] = si;
      for (let j = i + 1; j < n; j++) {
        xr[j] -= re[row + j] * sr + im[row + j] * si;
        xi[j] -= re[row + j] * si - im[row + j] * sr;
      }
    }
  }
}

const squares = (xr: Float64Array, xi: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < xr.length; i++) sum += xr[i] * xr[i] + xi[i] * xi[i];
  return sum;
};

/** To unit length; answers the length before. */
function normalise(xr: Float64Array, xi: Float64Array): number {
  const length = Math.sqrt(squares(xr, xi));
  for (let i = 0; i < xr.length; i++) {
    xr[i] /= length;
    xi[i] /= length;
  }
  return length;
}
