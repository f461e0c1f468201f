import { requireRows } from '../src/dynamics/drive.js';
import { Trajectory } from '../src/dynamics/trajectory.js';
import { UserError } from '../src/errors.js';
import { eigenvalues, frobeniusNorm, spectralNorm } from '../src/linalg/index.js';
import type { Matrix } from '../src/linalg/matrix.js';
import { integer, text } from '../src/options.js';
import { complete, interrupted } from '../src/outcome.js';
import type { Complex } from '../src/result.js';
import type { Analysis } from './analysis.js';

export interface JacobianValue {
  /** The point: state, input, and F(state, input). */
  readonly state: readonly number[];
  readonly input: readonly number[];
  readonly next: readonly number[];
  readonly spectralRadius: number;
  readonly spectralNorm: number;
  readonly frobeniusNorm: number;
  /** ln|det ∂F/∂s|; −∞ where it is singular to rounding. */
  readonly logAbsDet: number;
  /** Descending by modulus. */
  readonly eigenvalues: readonly Complex[];
  /** −1/ln|λ| steps, in the order of the eigenvalues; Infinity at |λ| = 1, negative where a mode grows. */
  readonly timeConstants: readonly number[];
  /** Henrici's departure from normality, sqrt(‖J‖_F² − Σ|λ|²) / ‖J‖_F: 0 is normal. */
  readonly nonNormality: number;
}

const options = {
  warmup: integer({ flags: '--warmup <steps>', help: 'steps to take before the derivative', fallback: 0 }),
  matrix: text({ flags: '--matrix <file.npy>', help: 'write ∂F/∂s to this file', fallback: undefined }),
  inputMatrix: text({
    flags: '--input-matrix <file.npy>',
    help: 'write ∂F/∂x to this file',
    fallback: undefined,
  }),
};

/** The derivative of one step at one state and input: J[i][j] = ∂F_i/∂s_j. */
export const jacobian: Analysis<typeof options, JacobianValue> = {
  name: 'jacobian',
  summary: 'how does one step bend state space at a state and an input',
  options,
  async run({ system, drive, initialState }, { warmup }, watch) {
    requireRows(drive, warmup + 1, `jacobian after ${warmup} steps`);
    const trajectory = new Trajectory(system, drive, initialState);
    const stopped = await trajectory.run(warmup, watch, 'stepping');
    const state = Float64Array.from(trajectory.state);
    drive.at(trajectory.time, trajectory.input);
    const here = system.linearise(state, trajectory.input);
    const J = here.jacobian();
    if (!J.data.every(Number.isFinite)) {
      throw new UserError(
        'CORRUPT',
        'the Jacobian has entries that are not finite: look for NaN or infinite weights with inspect',
      );
    }
    const value = {
      state: Array.from(state),
      input: Array.from(trajectory.input),
      next: Array.from(here.next),
      logAbsDet: here.logAbsDet(),
      ...spectrum(J),
    };
    return {
      value,
      outcome: stopped ? interrupted(trajectory.time, warmup, 'steps of --warmup') : complete,
      arrays: { matrix: J, inputMatrix: here.inputJacobian() },
    };
  },
};

function spectrum(J: Matrix) {
  const { re, im } = eigenvalues(J);
  const moduli = Array.from(re, (v, i) => Math.hypot(v, im[i]!));
  const norm = frobeniusNorm(J);
  const squares = moduli.reduce((sum, m) => sum + m * m, 0);
  return {
    spectralRadius: moduli[0] ?? 0,
    spectralNorm: spectralNorm(J),
    frobeniusNorm: norm,
    eigenvalues: Array.from(re, (v, i): Complex => [v, im[i]!]),
    timeConstants: moduli.map(timeConstant),
    nonNormality: norm === 0 ? 0 : Math.sqrt(Math.max(0, norm * norm - squares)) / norm,
  };
}

/** −1/ln|λ| steps: how long the mode takes to fall by a factor e. 0 at λ = 0, Infinity at |λ| = 1, negative where it grows. */
export const timeConstant = (modulus: number): number =>
  modulus === 1 ? Number.POSITIVE_INFINITY : modulus === 0 ? 0 : -1 / Math.log(modulus);
