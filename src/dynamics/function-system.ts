import { gemm, logAbsDet } from '../linalg/index.js';
import { matrix, zeros } from '../linalg/matrix.js';
import { solveShifted } from './shifted-solve.js';
import type { System } from './system.js';

/** A map given by hand: its value and its Jacobian rows. Small systems, textbook maps, flows by an integrator. */
export interface MapDefinition {
  readonly dimension: number;
  step(s: Float64Array): ArrayLike<number>;
  /** rows[i][j] = ∂F_i/∂s_j. */
  jacobian(s: Float64Array): readonly (readonly number[])[];
}

export function functionSystem(map: MapDefinition): System {
  const n = map.dimension;
  return {
    dimension: n,
    inputSize: 0,
    coordinates: Array.from({ length: n }, (_, i) => `s[${i}]`),
    step(s, _x, next) {
      next.set(map.step(s));
    },
    linearise(s) {
      const J = matrix(n, n, map.jacobian(s).flat());
      return {
        next: Float64Array.from(map.step(s)),
        jvp: (V, out) => gemm(out, J, V),
        vjp: (W, outS) => gemm(outS, J, W, { transA: true }),
        jacobian: () => ({ ...J, data: J.data.slice() }),
        inputJacobian: () => zeros(n, 0),
        logAbsDet: () => logAbsDet(J),
        solveShifted: (b) => solveShifted(J, b),
      };
    },
  };
}
