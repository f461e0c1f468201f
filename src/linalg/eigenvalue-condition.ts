import { eigenvalues } from './eig.js';
import type { Matrix } from './matrix.js';
import { frobeniusNorm } from './norm.js';

/** A complex vector. */
export interface ComplexVector {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export interface EigenvalueCondition {
  /** 1 / |yᴴx| ≥ 1; to first order |Δλ| ≤ condition · ‖ΔA‖₂. ∞ when defective to rounding. */
  readonly condition: number;
  /** Unit x with A x = λ x. */
  readonly right: ComplexVector;
  /** Unit y with yᴴ A = λ yᴴ. */
  readonly left: ComplexVector;
}

/** Each round divides the unwanted part by |other − λ| / |shift − λ|; two suffice unless eigenvalues cluster. */
const ROUNDS = 3;

/**
 * How far λ = re + i·im, an eigenvalue of A, moves under a small change of A (Wilkinson, The Algebraic Eigenvalue
 * Problem, ch. 2). Both vectors come from inverse iteration. The left one starts from the right one, so that for
 * a multiple but complete eigenvalue yᴴx is 1/‖Pᴴx‖ with P the spectral projector, never zero by accident.
 */
export function eigenvalueCondition(A: Matrix, re: number, im: number): EigenvalueCondition {
  const n = A.rows;
  if (A.cols !== n || n === 0) throw new RangeError(`eigenvalueCondition: ${n}×${A.cols} is not square`);
  const norm = frobeniusNorm(A);
  const right = start(n);
  const left = start(n);
  if (norm > 0) {
    // Off λ by a rounding error of A, or the first solve could divide by zero.
    const shifted = new ShiftedLu(A, re + Number.EPSILON * norm, im, Number.EPSILON * norm);
    for (let round = 0; round < ROUNDS; round++) {
      shifted.solve(right);
      normalise(right);
    }
    left.re.set(right.re);
    left.im.set(right.im);
    for (let round = 0; round < ROUNDS; round++) {
      shifted.solveAdjoint(left);
      normalise(left);
    }
  }
  const product = Math.hypot(...innerProduct(left, right));
  const condition = Math.max(1, 1 / product);
  return {
    condition: defective(A, re, im, norm, condition) ? Number.POSITIVE_INFINITY : condition,
    right,
    left,
  };
}

/**
 * First-order theory says that rounding in A, ‖ΔA‖ ≈ n·eps·‖A‖, moves λ by condition·‖ΔA‖. Where that reaches the
 * next eigenvalue, a defective matrix lies within rounding. A perturbed double eigenvalue splits by √eps and has
 * condition ~1/√eps, so smaller conditions need no look at the neighbours.
 */
function defective(A: Matrix, re: number, im: number, norm: number, condition: number): boolean {
  const reach = 8 * A.rows * Number.EPSILON * condition;
  if (!(reach < 1)) return true;
  if (reach * condition < 1) return false;
  const all = eigenvalues(A);
  const distances = all.re.map((x, i) => Math.hypot(x - re, all.im[i] - im)).sort();
  return distances.length > 1 && distances[1] <= reach * norm;
}

/** A fixed start with no symmetry for an eigenvector to be orthogonal to. */
function start(n: number): { re: Float64Array; im: Float64Array } {
  const x = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let i = 0; i < n; i++) {
    x.re[i] = 1 + (((i + 1) * Math.SQRT2) % 1);
    x.im[i] = ((i + 1) * Math.E) % 1;
  }
  normalise(x);
  return x;
}

/** To unit length; divided by the largest part first, since a solve may come near the end of the range. */
function normalise(x: { re: Float64Array; im: Float64Array }): void {
  let largest = 0;
  for (let i = 0; i < x.re.length; i++) largest = Math.max(largest, Math.abs(x.re[i]), Math.abs(x.im[i]));
  let sum = 0;
  for (let i = 0; i < x.re.length; i++) {
    x.re[i] /= largest;
    x.im[i] /= largest;
    sum += x.re[i] * x.re[i] + x.im[i] * x.im[i];
  }
  const length = Math.sqrt(sum);
  for (let i = 0; i < x.re.length; i++) {
    x.re[i] /= length;
    x.im[i] /= length;
  }
}

/** yᴴx as [re, im]. */
function innerProduct(y: ComplexVector, x: ComplexVector): [number, number] {
  let re = 0;
  let im = 0;
  for (let i = 0; i < x.re.length; i++) {
    re += y.re[i] * x.re[i] + y.im[i] * x.im[i];
    im += y.re[i] * x.im[i] - y.im[i] * x.re[i];
  }
  return [re, im];
}

/** P (A − μI) = L U over the complex numbers; pivots below `floor` are raised to it, as inverse iteration wants. */
class ShiftedLu {
  private readonly n: number;
  private readonly re: Float64Array;
  private readonly im: Float64Array;
  private readonly order: Int32Array;

  constructor(A: Matrix, muRe: number, muIm: number, floor: number) {
    const n = A.rows;
    this.n = n;
    this.re = A.data.slice();
    this.im = new Float64Array(n * n);
    this.order = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      this.re[i * (n + 1)] -= muRe;
      this.im[i * (n + 1)] = -muIm;
      this.order[i] = i;
    }
    for (let p = 0; p < n; p++) this.eliminate(p, floor);
  }

  private eliminate(p: number, floor: number): void {
    const { n, re, im, order } = this;
    const size = (i: number) => Math.abs(re[order[i] * n + p]) + Math.abs(im[order[i] * n + p]);
    let best = p;
    for (let i = p + 1; i < n; i++) if (size(i) > size(best)) best = i;
    const top = order[best];
    order[best] = order[p];
    order[p] = top;
    if (size(p) < floor) {
      re[top * n + p] = floor;
      im[top * n + p] = 0;
    }
    const pr = re[top * n + p];
    const pi = im[top * n + p];
    for (let i = p + 1; i < n; i++) {
      const row = order[i] * n;
      const [fr, fi] = divide(re[row + p], im[row + p], pr, pi);
      re[row + p] = fr;
      im[row + p] = fi;
      if (fr === 0 && fi === 0) continue;
      for (let j = p + 1, s = top * n + p + 1, t = row + p + 1; j < n; j++, s++, t++) {
        re[t] -= fr * re[s] - fi * im[s];
        im[t] -= fr * im[s] + fi * re[s];
      }
    }
  }

  /** x ← (A − μI)⁻¹ x. */
  solve(x: { re: Float64Array; im: Float64Array }): void {
    const { n, re, im, order } = this;
    const br = x.re.slice();
    const bi = x.im.slice();
    for (let i = 0; i < n; i++) {
      const row = order[i] * n;
      let sr = br[order[i]];
      let si = bi[order[i]];
      for (let j = 0; j < i; j++) {
        sr -= re[row + j] * x.re[j] - im[row + j] * x.im[j];
        si -= re[row + j] * x.im[j] + im[row + j] * x.re[j];
      }
      x.re[i] = sr;
      x.im[i] = si;
    }
    for (let i = n - 1; i >= 0; i--) {
      const row = order[i] * n;
      let sr = x.re[i];
      let si = x.im[i];
      for (let j = i + 1; j < n; j++) {
        sr -= re[row + j] * x.re[j] - im[row + j] * x.im[j];
        si -= re[row + j] * x.im[j] + im[row + j] * x.re[j];
      }
      [x.re[i], x.im[i]] = divide(sr, si, re[row + i], im[row + i]);
    }
  }

  /** x ← (A − μI)⁻ᴴ x, by rows of the factors: Uᴴ, then Lᴴ, then the row order undone. */
  solveAdjoint(x: { re: Float64Array; im: Float64Array }): void {
    const { n, re, im, order } = this;
    const zr = x.re;
    const zi = x.im;
    for (let i = 0; i < n; i++) {
      const row = order[i] * n;
      [zr[i], zi[i]] = divide(zr[i], zi[i], re[row + i], -im[row + i]);
      for (let j = i + 1; j < n; j++) {
        zr[j] -= re[row + j] * zr[i] + im[row + j] * zi[i];
        zi[j] -= re[row + j] * zi[i] - im[row + j] * zr[i];
      }
    }
    for (let i = n - 1; i >= 0; i--) {
      const row = order[i] * n;
      for (let j = 0; j < i; j++) {
        zr[j] -= re[row + j] * zr[i] + im[row + j] * zi[i];
        zi[j] -= re[row + j] * zi[i] - im[row + j] * zr[i];
      }
    }
    const yr = zr.slice();
    const yi = zi.slice();
    for (let i = 0; i < n; i++) {
      zr[order[i]] = yr[i];
      zi[order[i]] = yi[i];
    }
  }
}

/** (a + ib) / (c + id) without overflow in between (Smith 1962). */
function divide(a: number, b: number, c: number, d: number): [number, number] {
  if (Math.abs(c) >= Math.abs(d)) {
    const r = d / c;
    const t = c + d * r;
    return [(a + b * r) / t, (b - a * r) / t];
  }
  const r = c / d;
  const t = c * r + d;
  return [(a * r + b) / t, (b * r - a) / t];
}
