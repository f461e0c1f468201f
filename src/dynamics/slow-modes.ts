import { type ComplexVector, eigenvalueCondition } from '../linalg/index.js';
import type { Matrix } from '../linalg/matrix.js';
import type { Complex } from '../result.js';

/** A mode a with a' = λ a, a = yᴴ δs / yᴴx; a complex pair is one mode, told by the member with Im λ > 0. */
export interface SlowMode {
  readonly eigenvalue: Complex;
  /** 1/|yᴴx|: to first order, how far λ moves under a change of J, per size of the change. */
  readonly condition: number;
  /** The unit right eigenvector x: what the mode writes, by state entry. Its largest entry is real and positive. */
  readonly right: readonly Complex[];
  /** The unit left eigenvector y, with yᴴx > 0: what the mode reads, by state entry. */
  readonly left: readonly Complex[];
  /** |yᴴ ∂F/∂x_j| / |yᴴx| of each input: how strongly it is pushed. */
  readonly inputGains: readonly number[];
}

/** The `count` modes of largest |λ| that are not 0. Vectors by inverse iteration. `eigenvalues` descend by modulus. */
export function slowModes(J: Matrix, B: Matrix, eigenvalues: readonly Complex[], count: number): SlowMode[] {
  return eigenvalues
    .filter(([re, im]) => im >= 0 && Math.hypot(re, im) > 0)
    .slice(0, count)
    .map((eigenvalue) => mode(J, B, eigenvalue));
}

function mode(J: Matrix, B: Matrix, [re, im]: Complex): SlowMode {
  const { condition, right, left } = eigenvalueCondition(J, re, im);
  const x = turned(right, largest(right));
  const y = turned(left, conjugate(inner(left, x)));
  return {
    eigenvalue: [re, im],
    condition,
    right: pairs(x),
    left: pairs(y),
    inputGains: Array.from({ length: B.cols }, (_, j) => {
      let [sumRe, sumIm] = [0, 0];
      for (let i = 0; i < B.rows; i++) {
        sumRe += y.re[i]! * B.data[i * B.cols + j]!;
        sumIm -= y.im[i]! * B.data[i * B.cols + j]!;
      }
      const size = Math.hypot(sumRe, sumIm);
      return size === 0 ? 0 : size * condition;
    }),
  };
}

const pairs = (v: ComplexVector): Complex[] => Array.from(v.re, (re, i): Complex => [re, v.im[i]!]);

function largest(v: ComplexVector): Complex {
  let best: Complex = [1, 0];
  let size = 0;
  for (let i = 0; i < v.re.length; i++) {
    const here = Math.hypot(v.re[i]!, v.im[i]!);
    // Entries alike to rounding are no reason to prefer a later one.
    if (here > size * (1 + 1e-9)) [size, best] = [here, [v.re[i]!, v.im[i]!]];
  }
  return best;
}

const conjugate = ([re, im]: Complex): Complex => [re, -im];

/** yᴴx. */
function inner(y: ComplexVector, x: ComplexVector): Complex {
  let [re, im] = [0, 0];
  for (let i = 0; i < x.re.length; i++) {
    re += y.re[i]! * x.re[i]! + y.im[i]! * x.im[i]!;
    im += y.re[i]! * x.im[i]! - y.im[i]! * x.re[i]!;
  }
  return [re, im];
}

/** v turned in the complex plane so that `phase` becomes real and positive. */
function turned(v: ComplexVector, [re, im]: Complex): ComplexVector {
  const size = Math.hypot(re, im);
  if (size === 0) return v;
  const [c, s] = [re / size, -im / size];
  return {
    re: v.re.map((a, i) => a * c - v.im[i]! * s),
    im: v.im.map((b, i) => b * c + v.re[i]! * s),
  };
}
