import { bidiagonalByBisection } from '../reference.js';
import { reflectFromLeft, reflectFromRight, reflector } from './householder.js';

/**
 * Overwrites the m×n block a (m ≥ n, row stride ld) and returns the diagonal d and superdiagonal e of UᵀAV, an
 * upper bidiagonal matrix with the same singular values. Golub & Van Loan, Matrix Computations, 4th ed.,
 * Alg. 5.4.2.
 */
export function bidiagonalise(
  a: Float64Array,
  m: number,
  n: number,
  ld: number,
  d: Float64Array,
  e: Float64Array,
): void {
  for (let k = 0; k < n; k++) {
    const at = k * ld + k;
    const left = reflector(a, at, ld, m - k);
    d[k] = a[at];
    if (k + 1 === n) break;
    if (left !== 0) reflectFromLeft(a, at, at + 1, ld, m - k, n - k - 1, left);
    const right = reflector(a, at + 1, 1, n - k - 1);
    e[k] = a[at + 1];
    if (right !== 0) reflectFromRight(a, at + 1, 1, at + 1 + ld, ld, m - k - 1, n - k - 1, right);
  }
}

/** QR sweeps allowed for each singular value; two or three are usual. */
const MAX_SWEEPS = 40;

/**
 * Singular values of the upper bidiagonal matrix with diagonal d and superdiagonal e (both overwritten), in d,
 * descending. Implicit QR, with the zero shift where a shift would spoil small values: Demmel & Kahan, Accurate
 * singular values of bidiagonal matrices, SIAM J. Sci. Stat. Comput. 11 (1990). Should the sweeps run out,
 * bisection, which cannot fail, finds the values of the block that is left.
 */
export function bidiagonalSingularValues(
  d: Float64Array,
  e: Float64Array,
  n: number,
  maxSweeps = MAX_SWEEPS,
): void {
  let end = n - 1;
  let sweeps = 0;
  while (end > 0) {
    const start = blockStart(d, e, end);
    if (start === end) {
      end--;
      sweeps = 0;
    } else if (sweeps === maxSweeps) {
      const rest = bidiagonalByBisection(d.subarray(start, end + 1), e.subarray(start, end));
      d.set(rest, start);
      end = start - 1;
      sweeps = 0;
    } else {
      // The sweep pushes what is small downwards: turn a block round that has it the other way.
      if (sweeps === 0 && Math.abs(d[start]) < Math.abs(d[end])) reverse(d, e, start, end);
      sweeps++;
      sweep(d, e, start, end);
    }
  }
  for (let i = 0; i < n; i++) d[i] = Math.abs(d[i]);
  d.subarray(0, n).sort().reverse();
}

/** The first row of the unreduced block that ends at `end`. */
function blockStart(d: Float64Array, e: Float64Array, end: number): number {
  for (let l = end; l > 0; l--)
    if (!(Math.abs(e[l - 1]) > Number.EPSILON * 0.5 * (Math.abs(d[l - 1]) + Math.abs(d[l])))) {
      e[l - 1] = 0;
      return l;
    }
  return 0;
}

/** The flipped transpose has the same singular values. */
function reverse(d: Float64Array, e: Float64Array, start: number, end: number): void {
  d.subarray(start, end + 1).reverse();
  e.subarray(start, end).reverse();
}

function sweep(d: Float64Array, e: Float64Array, start: number, end: number): void {
  const shift = smallerOfTwo(d[end - 1], e[end - 1], d[end]);
  // A shift far below the first entry changes nothing; one far above divides by (nearly) zero, and the zero shift
  // takes such an entry to the end at once.
  const first = Math.abs(d[start]);
  const small = Math.min(shift, first);
  if (small > Math.sqrt(Number.EPSILON) * Math.max(shift, first)) shiftedSweep(d, e, start, end, shift);
  else zeroShiftSweep(d, e, start, end);
}

function shiftedSweep(d: Float64Array, e: Float64Array, start: number, end: number, shift: number): void {
  let f = (Math.abs(d[start]) - shift) * ((d[start] < 0 ? -1 : 1) + shift / d[start]);
  let g = e[start];
  for (let i = start; i < end; i++) {
    let r = Math.sqrt(f * f + g * g);
    let c = r === 0 ? 1 : f / r;
    let s = r === 0 ? 0 : g / r;
    if (i > start) e[i - 1] = r;
    f = c * d[i] + s * e[i];
    e[i] = c * e[i] - s * d[i];
    g = s * d[i + 1];
    d[i + 1] *= c;
    r = Math.sqrt(f * f + g * g);
    c = r === 0 ? 1 : f / r;
    s = r === 0 ? 0 : g / r;
    d[i] = r;
    f = c * e[i] + s * d[i + 1];
    d[i + 1] = c * d[i + 1] - s * e[i];
    if (i + 1 < end) {
      g = s * e[i + 1];
      e[i + 1] *= c;
    }
  }
  e[end - 1] = f;
}

/** Keeps every value to high relative accuracy, and takes a zero on the diagonal to the end in one go. */
function zeroShiftSweep(d: Float64Array, e: Float64Array, start: number, end: number): void {
  let c = 1;
  let oldC = 1;
  let oldS = 0;
  for (let i = start; i < end; i++) {
    const f = d[i] * c;
    let r = Math.sqrt(f * f + e[i] * e[i]);
    c = r === 0 ? 1 : f / r;
    const s = r === 0 ? 0 : e[i] / r;
    if (i > start) e[i - 1] = oldS * r;
    const p = oldC * r;
    const q = d[i + 1] * s;
    r = Math.sqrt(p * p + q * q);
    oldC = r === 0 ? 1 : p / r;
    oldS = r === 0 ? 0 : q / r;
    d[i] = r;
  }
  const h = d[end] * c;
  e[end - 1] = h * oldS;
  d[end] = h * oldC;
}

/** The smaller singular value of [f g; 0 h]: |fh| / σ_max, with both from the sides' lengths. */
function smallerOfTwo(f: number, g: number, h: number): number {
  // σ_max ± σ_min = √((|f| ± |h|)² + g²)
  const a = Math.abs(f);
  const b = Math.abs(h);
  const largest = (Math.hypot(a + b, g) + Math.hypot(a - b, g)) / 2;
  return largest === 0 ? 0 : (Math.min(a, b) / largest) * Math.max(a, b);
}
