import { frobeniusNorm, gemm, qrInPlace, resident, singularValues, spectralNorm } from '../linalg/index.js';
import { copy, type Matrix, zeros } from '../linalg/matrix.js';
import { random } from '../random.js';
import type { StatesBack } from './states-back.js';
import type { Linearisation } from './system.js';

/**
 * A block of cotangents of s_T on its way back: P ← J_tᵀ P, rescaled as it goes, with its size kept as a logarithm. With the
 * identity at T, P is the transpose of ∂s_T/∂s_t, whole; with fewer columns it is that product in some directions of s_T, n² work
 * a column and step, and its norm is a lower bound.
 */
export class Pullback {
  private P: Matrix;
  private spare: Matrix;
  private scale = 0;
  private sinceRescaled = 0;

  constructor(start: Matrix) {
    this.P = resident(this, start.rows, start.cols);
    this.spare = resident(this, start.rows, start.cols);
    this.P.data.set(start.data);
  }

  get columns(): number {
    return this.P.cols;
  }

  /** One step back. */
  through(here: Linearisation): void {
    here.vjp(this.P, this.spare);
    [this.P, this.spare] = [this.spare, this.P];
    // Steps shrink by a factor of 10⁻²⁰ at the very most before doubles have nothing left of them anyway.
    if (++this.sinceRescaled >= 8) this.rescale();
  }

  /** ln ‖P‖_F; −∞ where nothing is left. */
  logFrobenius(): number {
    this.rescale();
    return this.scale;
  }

  /** ln ‖P‖₂. */
  logSpectral(): number {
    this.rescale();
    return this.scale === Number.NEGATIVE_INFINITY ? this.scale : this.scale + Math.log(spectralNorm(this.P));
  }

  /** ln of the singular values above the rounding floor, descending. */
  logSingular(): number[] {
    this.rescale();
    if (this.scale === Number.NEGATIVE_INFINITY) return [];
    const values = singularValues(this.P);
    const floor = this.P.rows * Number.EPSILON * values[0]!;
    return Array.from(
      values.filter((v) => v > floor),
      (v) => this.scale + Math.log(v),
    );
  }

  /** Divides P by its norm, which `scale` then holds. */
  private rescale(): void {
    if (this.sinceRescaled === 0 && this.scale !== 0) return;
    this.sinceRescaled = 0;
    const norm = frobeniusNorm(this.P);
    this.scale += Math.log(norm);
    if (norm === 0) return;
    const { data } = this.P;
    for (let p = 0; p < data.length; p++) data[p] = data[p]! / norm;
  }

  /**
   * The same in its `columns` leading directions of s_T alone: P V, V the leading right singular vectors, by subspace iteration on
   * PᵀP. `left` is what that leaves out, √(‖P‖_F² − ‖P V‖_F²)/‖P V‖₂.
   */
  narrowed(columns: number): { readonly pullback: Pullback; readonly left: number } {
    this.rescale();
    const { rows, cols } = this.P;
    const V = randomFrame(cols, columns);
    const image = zeros(rows, columns);
    for (let round = 0; round < ROUNDS; round++) {
      gemm(image, this.P, V);
      gemm(V, this.P, image, { transA: true });
      qrInPlace(V);
    }
    gemm(image, this.P, V);
    const kept = frobeniusNorm(image);
    const pullback = new Pullback(image);
    pullback.scale = this.scale + Math.log(kept);
    if (kept === 0) return { pullback, left: 0 };
    const left = Math.sqrt(Math.max(0, 1 - kept * kept)) / spectralNorm(image);
    for (let p = 0; p < pullback.P.data.length; p++) pullback.P.data[p] = image.data[p]! / kept;
    return { pullback, left };
  }
}

const ROUNDS = 12;

/** An orthonormal n × k frame of random directions. */
export function randomFrame(n: number, k: number): Matrix {
  const draw = random(0xf4a3e);
  const frame = zeros(n, Math.min(n, k));
  for (let p = 0; p < frame.data.length; p++) frame.data[p] = draw.normal();
  qrInPlace(frame);
  return frame;
}

/** Steps of a frame between two decompositions. */
const CARRIED = 4;

/**
 * Directions of s_T that the steps before it stretch most: the leading left singular vectors of ∂s_T/∂s_{T−A}, by one round of
 * subspace iteration, J_T … J_{T−A+1} applied to a random frame. A is `steps`.
 */
export function alignedFrame(back: StatesBack, steps: number, columns: number): Matrix {
  const n = back.at(back.first).length;
  let Q = copy(randomFrame(n, columns));
  let spare = zeros(n, Q.cols);
  for (let t = back.last - steps; t < back.last; t++) {
    back.linearise(t).jvp(Q, spare);
    [Q, spare] = [spare, Q];
    if ((back.last - t) % CARRIED === 1) qrInPlace(Q);
  }
  qrInPlace(Q);
  return Q;
}
