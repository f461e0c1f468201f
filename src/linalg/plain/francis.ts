import { equalise, type Range } from './balance.js';

/** Sweeps allowed for one eigenvalue or pair; the usual need is two or three. */
export const MAX_STEPS = 60;

/**
 * Steps without deflation after which a shift from outside the matrix breaks a possible cycle. Not later as well:
 * a defective eigenvalue converges linearly, and each such shift throws it back.
 */
const EXCEPTIONAL = [10, 20];

/**
 * From this step on, an entry as small as a few eps·‖H‖ is dropped even where its neighbours are smaller still. That
 * is within the error of the reduction; before, the stricter local test gives graded matrices their chance. Without
 * it, the rounding that a nilpotent block is made of can be stirred for ever.
 */
const RELAX_FROM = 20;

/** Every so many steps without deflation the block is moved to mean eigenvalue zero and balanced; see `recentre`. */
const RECENTRE_EVERY = 15;

/**
 * Eigenvalues of the Hessenberg matrix in h (row stride ld; triangular outside the range) by implicit double-shift
 * QR, deflating from the bottom until none is left. False when a block ran out of steps: its places hold NaN.
 */
export function francis(
  h: Float64Array,
  n: number,
  ld: number,
  { from, to }: Range,
  re: Float64Array,
  im: Float64Array,
  maxSteps = MAX_STEPS,
): boolean {
  // Inside the range, re holds what has been taken off the diagonal so far.
  for (let i = 0; i < n; i++) re[i] = i < from || i >= to ? h[i * ld + i] : 0;
  im.fill(0);
  const rounding = Number.EPSILON * hessenbergNorm(h, ld, from, to);
  let converged = true;
  let end = to - 1;
  let steps = 0;
  while (end >= from) {
    const negligible = steps < RELAX_FROM ? TINY : (steps / 10) * rounding;
    const start = blockStart(h, ld, from, end, negligible);
    if (start === end) {
      re[end] += h[end * ld + end];
      end--;
      steps = 0;
    } else if (start === end - 1) {
      pair(h, ld, start, re, im);
      end -= 2;
      steps = 0;
    } else if (steps === maxSteps) {
      re.fill(Number.NaN, start, end + 1);
      im.fill(Number.NaN, start, end + 1);
      converged = false;
      end = start - 1;
      steps = 0;
    } else {
      steps++;
      if (steps % RECENTRE_EVERY === 0) recentre(h, ld, start, end, re);
      step(h, ld, start, end, EXCEPTIONAL.includes(steps));
    }
  }
  return converged;
}

/**
 * A cluster of k eigenvalues that rounding split from one defective λ, about eps^(1/k) apart, cannot settle while each
 * sweep adds rounding relative to λ and to large entries above the diagonal. Around their mean, and balanced, the
 * block is as small as the cluster is wide, and so is the rounding.
 */
function recentre(h: Float64Array, ld: number, start: number, end: number, taken: Float64Array): void {
  let mean = 0;
  for (let i = start; i <= end; i++) mean += h[i * ld + i] / (end - start + 1);
  for (let i = start; i <= end; i++) {
    h[i * ld + i] -= mean;
    taken[i] += mean;
  }
  equalise(h, ld, { from: start, to: end + 1 });
}

function hessenbergNorm(h: Float64Array, ld: number, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++)
    for (let j = Math.max(from, i - 1); j < to; j++) sum += h[i * ld + j] * h[i * ld + j];
  return Math.sqrt(sum);
}

/** With entries scaled to 1, products of this and anything else no longer matter, and may not be normal numbers. */
const TINY = 2 ** -960;

/** The first row of the unreduced block that ends at `end`; the negligible entry above it is set to zero. */
function blockStart(h: Float64Array, ld: number, from: number, end: number, negligible: number): number {
  for (let l = end; l > from; l--) {
    const at = l * ld + l;
    const sub = Math.abs(h[at - 1]);
    let size = Math.abs(h[at - ld - 1]) + Math.abs(h[at]);
    if (size === 0) {
      if (l - 1 > from) size += Math.abs(h[at - ld - 2]);
      if (l < end) size += Math.abs(h[at + ld]);
    }
    if (sub <= negligible || (sub <= Number.EPSILON * size && harmless(h, at, ld))) {
      h[at - 1] = 0;
      return l;
    }
  }
  return from;
}

/**
 * Ahues & Tisseur, LAPACK Working Note 122 (1997): dropping h_{l,l−1} leaves also the small eigenvalues of a graded
 * block alone if |h_{l,l−1} h_{l−1,l}| ≤ eps |h_ll| |h_{l−1,l−1} − h_ll|.
 */
function harmless(h: Float64Array, at: number, ld: number): boolean {
  const sub = Math.abs(h[at - 1]);
  const sup = Math.abs(h[at - ld]);
  const here = Math.abs(h[at]);
  const gap = Math.abs(h[at - ld - 1] - h[at]);
  const large = Math.max(here, gap);
  const total = large + Math.max(sub, sup);
  const dropped = Math.min(sub, sup) * (Math.max(sub, sup) / total);
  return dropped <= Math.max(TINY, Number.EPSILON * Math.min(here, gap) * (large / total));
}

/** The eigenvalues re1 ± i·im = re2 ± i·im, or re1 and re2 when im = 0, of the last 2×2 matrix asked about. */
const two = { re1: 0, re2: 0, im: 0 };

/** Eigenvalues of [a b; c d] without cancellation, the one nearer to d in re2. */
function solveTwo(a: number, b: number, c: number, d: number): void {
  const p = (a - d) / 2;
  const scale = Math.max(Math.abs(p), Math.sqrt(Math.abs(b)) * Math.sqrt(Math.abs(c)));
  two.im = 0;
  two.re1 = a;
  two.re2 = d;
  if (scale === 0) return;
  const discriminant = (p / scale) * (p / scale) + (b / scale) * (c / scale);
  const root = scale * Math.sqrt(Math.abs(discriminant));
  if (discriminant < 0) {
    two.re1 = two.re2 = d + p;
    two.im = root;
    return;
  }
  // λ − d solves z² − 2pz − bc = 0: the larger root first, the other from their product.
  const z = p < 0 ? p - root : p + root;
  two.re1 = d + z;
  two.re2 = z === 0 ? d : d - (b / z) * c;
}

function pair(h: Float64Array, ld: number, k: number, re: Float64Array, im: Float64Array): void {
  const at = k * ld + k;
  solveTwo(h[at], h[at + 1], h[at + ld], h[at + ld + 1]);
  re[k] += two.re1;
  re[k + 1] += two.re2;
  im[k] = two.im;
  im[k + 1] = two.im === 0 ? 0 : -two.im;
}

/**
 * Shifts for one sweep: the eigenvalues of the last 2×2 block if complex, else the one nearer to its corner, twice.
 * (Both real ones, such as ±1, would leave some symmetric spectra to converge linearly.)
 */
function chooseShifts(h: Float64Array, ld: number, end: number, exceptional: boolean): void {
  const e = end * ld + end;
  if (exceptional) {
    // From LAPACK's dlahqr: off any symmetry that the matrix could have.
    const size = Math.abs(h[e - 1]) + Math.abs(h[e - ld - 2]);
    const centre = h[e] + 0.75 * size;
    solveTwo(centre, -0.4375 * size, size, centre);
  } else solveTwo(h[e - ld - 1], h[e - ld], h[e - 1], h[e]);
  if (two.im === 0) two.re1 = two.re2;
}

/**
 * One implicit double-shift sweep over rows and columns [start, end]. The first column of (H − aI)(H − bI) needs
 * only a + b and ab, which are real even for a complex pair of shifts. Entries outside the block do not touch
 * its eigenvalues and are left alone.
 */
function step(h: Float64Array, ld: number, start: number, end: number, exceptional: boolean): void {
  chooseShifts(h, ld, end, exceptional);
  const { re1, re2, im } = two;
  // The lowest row at which the sweep may begin: two small subdiagonals in a row decouple what is above.
  let m = end - 2;
  let x = 0;
  let y = 0;
  let z = 0;
  for (; m >= start; m--) {
    const at = m * ld + m;
    const h21 = h[at + ld];
    const h32 = h[at + 2 * ld + 1];
    const hmm = h[at];
    const scale = Math.abs(hmm - re2) + im + Math.abs(h21);
    const t = h21 / scale;
    x = (hmm - re1) * ((hmm - re2) / scale) + im * (im / scale) + t * h[at + 1];
    y = t * (hmm + h[at + ld + 1] - re1 - re2);
    z = t * h32;
    const size = Math.abs(x) + Math.abs(y) + Math.abs(z);
    if (size !== 0) {
      x /= size;
      y /= size;
      z /= size;
    }
    if (m === start) break;
    const left = Math.abs(h[at - 1]) * (Math.abs(y) + Math.abs(z));
    const right = Math.abs(x) * (Math.abs(h[at - ld - 1]) + Math.abs(hmm) + Math.abs(h[at + ld + 1]));
    if (left <= Number.EPSILON * right) break;
  }
  for (let k = m; k < end; k++) {
    const three = k + 2 <= end;
    if (k > m) {
      const at = k * ld + k - 1;
      x = h[at];
      y = h[at + ld];
      z = three ? h[at + 2 * ld] : 0;
    }
    const size = Math.abs(x) + Math.abs(y) + Math.abs(z);
    if (size === 0) continue;
    x /= size;
    y /= size;
    z /= size;
    const length = Math.sqrt(x * x + y * y + z * z);
    const beta = x < 0 ? length : -length;
    const tau = (beta - x) / beta;
    const v1 = y / (x - beta);
    const v2 = z / (x - beta);
    if (k > m) {
      const at = k * ld + k - 1;
      h[at] = beta * size;
      h[at + ld] = 0;
      if (three) h[at + 2 * ld] = 0;
    } else if (m > start) h[k * ld + k - 1] *= 1 - tau;
    if (three) reflectThree(h, ld, k, start, end, tau, v1, v2);
    else reflectTwo(h, ld, k, start, end, tau, v1);
  }
}

/** H ← P H P on rows and columns k, k+1, k+2, P = I − τ (1, v1, v2)(1, v1, v2)ᵀ. */
function reflectThree(
  h: Float64Array,
  ld: number,
  k: number,
  start: number,
  end: number,
  tau: number,
  v1: number,
  v2: number,
): void {
  const t1 = tau * v1;
  const t2 = tau * v2;
  const r0 = k * ld;
  const r1 = r0 + ld;
  const r2 = r1 + ld;
  for (let j = k; j <= end; j++) {
    const a = h[r0 + j];
    const b = h[r1 + j];
    const c = h[r2 + j];
    const s = a + v1 * b + v2 * c;
    h[r0 + j] = a - s * tau;
    h[r1 + j] = b - s * t1;
    h[r2 + j] = c - s * t2;
  }
  const last = Math.min(k + 3, end) * ld + k;
  for (let p = start * ld + k; p <= last; p += ld) {
    const a = h[p];
    const b = h[p + 1];
    const c = h[p + 2];
    const s = a + v1 * b + v2 * c;
    h[p] = a - s * tau;
    h[p + 1] = b - s * t1;
    h[p + 2] = c - s * t2;
  }
}

function reflectTwo(
  h: Float64Array,
  ld: number,
  k: number,
  start: number,
  end: number,
  tau: number,
  v1: number,
): void {
  const t1 = tau * v1;
  const r0 = k * ld;
  const r1 = r0 + ld;
  for (let j = k; j <= end; j++) {
    const a = h[r0 + j];
    const b = h[r1 + j];
    const s = a + v1 * b;
    h[r0 + j] = a - s * tau;
    h[r1 + j] = b - s * t1;
  }
  for (let p = start * ld + k; p <= end * ld + k; p += ld) {
    const a = h[p];
    const b = h[p + 1];
    const s = a + v1 * b;
    h[p] = a - s * tau;
    h[p + 1] = b - s * t1;
  }
}
