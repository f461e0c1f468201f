import type { Box } from '../calculus/interval.js';
import { interval, sliceBox } from '../calculus/interval.js';
import { gemm, gemv, logAbsDet } from '../linalg/index.js';
import { type Matrix, rowBlock, zeros } from '../linalg/matrix.js';
import type { Readout } from '../model/model.js';
import { solveShifted } from './shifted-solve.js';
import type { Linearisation, System } from './system.js';

/** out ← C h + d, which it returns. */
export function applyReadout({ weight, bias }: Readout, h: Float64Array, out: Float64Array): Float64Array {
  if (bias) out.set(bias);
  else out.fill(0);
  gemv(out, weight, h, { beta: 1 });
  return out;
}

/**
 * The network fed with its own readout: F(s) = G(s, C h + d), with h the rows [from, to) of s. J + (∂G/∂x) C.
 * It has no input of its own.
 */
export function closedLoop(open: System, readout: Readout, h: { from: number; to: number }): System {
  const C = readout.weight;
  const x = new Float64Array(C.rows);
  const feed = (s: Float64Array): Float64Array => applyReadout(readout, s.subarray(h.from, h.to), x);
  return {
    dimension: open.dimension,
    inputSize: 0,
    coordinates: open.coordinates,
    // The loop is closed through h, so that what is leaky stays so.
    ...(open.leaky && { leaky: open.leaky }),
    ...(open.parts && { parts: open.parts }),
    // At rest the layers hand on what they hold, so that the loop is the same.
    get atRest() {
      return open.atRest && closedLoop(open.atRest, readout, h);
    },
    step: (s, _x, next) => open.step(s, feed(s), next),
    linearise: (s) => new LoopLinearisation(open.linearise(s, feed(s)), C, h),
    ...(open.bounds && {
      bounds: (s: Box) => open.bounds!(s, interval.affine(C, sliceBox(s, h.from, h.to), readout.bias)),
    }),
  };
}

class LoopLinearisation implements Linearisation {
  constructor(
    private readonly open: Linearisation,
    private readonly C: Matrix,
    private readonly h: { from: number; to: number },
  ) {}

  get next(): Float64Array {
    return this.open.next;
  }

  jvp(V: Matrix, out: Matrix): void {
    const X = zeros(this.C.rows, V.cols);
    gemm(X, this.C, rowBlock(V, this.h.from, this.h.to));
    this.open.jvp(V, out, X);
  }

  vjp(W: Matrix, outS: Matrix): void {
    const X = zeros(this.C.rows, W.cols);
    this.open.vjp(W, outS, X);
    gemm(rowBlock(outS, this.h.from, this.h.to), this.C, X, { transA: true, beta: 1 });
  }

  jacobian(): Matrix {
    const J = this.open.jacobian();
    const fed = zeros(J.rows, this.C.cols);
    gemm(fed, this.open.inputJacobian(), this.C);
    for (let i = 0; i < J.rows; i++) {
      for (let j = 0; j < fed.cols; j++) {
        const at = i * J.cols + this.h.from + j;
        J.data[at] = J.data[at]! + fed.data[i * fed.cols + j]!;
      }
    }
    return J;
  }

  inputJacobian(): Matrix {
    return zeros(this.next.length, 0);
  }

  logAbsDet(): number {
    return logAbsDet(this.jacobian());
  }

  solveShifted(b: Float64Array): Float64Array | null {
    return solveShifted(this.jacobian(), b);
  }
}
