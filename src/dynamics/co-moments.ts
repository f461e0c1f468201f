import { gemm } from '../linalg/index.js';
import { type Matrix, zeros } from '../linalg/matrix.js';

/** Rows collected before they are folded in: one product instead of as many outer products. */
const BLOCK = 64;

/**
 * Means, variances and covariances of two vector series, in one pass and in memory that does not grow with it. Blocks are
 * centred by their own means before they are joined, so that nothing cancels (T. Chan, G. Golub, R. LeVeque, The American
 * Statistician 37, 1983).
 */
export class CoMoments {
  count = 0;
  private readonly x: Series;
  private readonly y: Series;
  private readonly products: Matrix;
  private filled = 0;

  /** `others` is how many entries the second series has. */
  constructor(
    xs: number,
    readonly others: number,
  ) {
    const ys = others;
    this.x = new Series(xs);
    this.y = new Series(ys);
    this.products = zeros(xs, ys);
  }

  add(x: Float64Array, y: Float64Array): void {
    this.x.rows.data.set(x, this.filled * x.length);
    this.y.rows.data.set(y, this.filled * y.length);
    if (++this.filled === BLOCK) this.fold();
  }

  private fold(): void {
    const k = this.filled;
    if (k === 0) return;
    // M ← M + M_block + δ_x δ_yᵀ · n k/(n + k)
    const weight = (this.count * k) / (this.count + k);
    const dx = this.x.centre(this.count, k);
    const dy = this.y.centre(this.count, k);
    const { products } = this;
    gemm(products, this.x.block(k), this.y.block(k), { transA: true, beta: 1 });
    for (let i = 0, p = 0; i < dx.length; i++) {
      for (let j = 0; j < dy.length; j++, p++)
        products.data[p] = products.data[p]! + weight * dx[i]! * dy[j]!;
    }
    this.count += k;
    this.filled = 0;
  }

  /** Standard deviations of the first series (divided by n). */
  deviations(): Float64Array {
    this.fold();
    return this.x.squares.map((sum) => Math.sqrt(Math.max(0, sum) / Math.max(1, this.count)));
  }

  covariance(): Matrix {
    this.fold();
    return { ...this.products, data: this.products.data.map((v) => v / Math.max(1, this.count)) };
  }

  /** Pearson's r of x_i and y_j; NaN where one of them did not move beyond rounding. */
  correlation(i: number, j: number): number {
    this.fold();
    if (!this.x.moves(i, this.count) || !this.y.moves(j, this.count)) return Number.NaN;
    const r =
      this.products.data[i * this.products.cols + j]! / Math.sqrt(this.x.squares[i]! * this.y.squares[j]!);
    return Math.max(-1, Math.min(1, r));
  }
}

class Series {
  readonly rows: Matrix;
  /** Σ (v − mean)². */
  readonly squares: Float64Array;
  private readonly mean: Float64Array;

  constructor(length: number) {
    this.rows = zeros(BLOCK, length);
    this.mean = new Float64Array(length);
    this.squares = new Float64Array(length);
  }

  block(k: number): Matrix {
    return { rows: k, cols: this.rows.cols, data: this.rows.data.subarray(0, k * this.rows.cols) };
  }

  /** Takes the block's mean from its k rows, joins it to the mean of the n before, and answers how far the two lay apart. */
  centre(n: number, k: number): Float64Array {
    const { data, cols } = this.rows;
    const apart = new Float64Array(cols);
    for (let j = 0; j < cols; j++) {
      let mean = 0;
      for (let t = 0; t < k; t++) mean += data[t * cols + j]! / k;
      let squares = 0;
      for (let t = 0; t < k; t++) {
        const d = data[t * cols + j]! - mean;
        data[t * cols + j] = d;
        squares += d * d;
      }
      const d = mean - this.mean[j]!;
      apart[j] = d;
      this.squares[j] = this.squares[j]! + squares + d * d * ((n * k) / (n + k));
      this.mean[j] = this.mean[j]! + (d * k) / (n + k);
    }
    return apart;
  }

  moves(i: number, count: number): boolean {
    const rounding = Number.EPSILON * Math.abs(this.mean[i]!);
    return this.squares[i]! > count * 16 * rounding * rounding;
  }
}
