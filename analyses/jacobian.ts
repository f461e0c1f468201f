import { type Drive, requireRows } from '../src/dynamics/drive.js';
import { doubles, requireMemory } from '../src/dynamics/memory.js';
import {
  type Pseudospectrum,
  pseudospectrum,
  type Transient,
  transient,
} from '../src/dynamics/non-normality.js';
import { type RandomEdge, randomEdge } from '../src/dynamics/random-edge.js';
import { type SlowMode, slowModes } from '../src/dynamics/slow-modes.js';
import type { Subject } from '../src/dynamics/subject.js';
import { Divergence, Trajectory } from '../src/dynamics/trajectory.js';
import { UserError } from '../src/errors.js';
import { eigenvalues, frobeniusNorm, singularValues } from '../src/linalg/index.js';
import type { Matrix } from '../src/linalg/matrix.js';
import { flag, integer, number, text, type Values } from '../src/options.js';
import { complete, interrupted, type Watch } from '../src/outcome.js';
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
  /** Henrici's departure itself, sqrt(‖J‖_F² − Σ|λ|²). */
  readonly departure: number;
  /** Descending. */
  readonly singularValues: readonly number[];
  /** What k steps like this one make of the worst perturbation. */
  readonly transient: Transient;
  /** null for states of more than 512 entries. */
  readonly pseudospectrum: Pseudospectrum | null;
  /** The modes of largest |λ|, slowest first where none grows. */
  readonly slowModes: readonly (SlowMode & {
    /** −1/ln|λ|, steps. */
    readonly timeConstant: number;
    /** |C x|: how much of the mode each entry of the readout shows; null without a readout. */
    readonly outputGains: readonly number[] | null;
  })[];
  /** ∂F/∂x: its singular values, descending, and the length of each input's column; null without inputs. */
  readonly inputGains: {
    readonly singularValues: readonly number[];
    readonly perInput: readonly number[];
  } | null;
  /** Eigenvalues at states along the drive, this one first; null where none were asked for or the state is at rest. */
  readonly cloud: {
    /** Rows consumed before each. */
    readonly steps: readonly number[];
    readonly spectralRadius: readonly number[];
    readonly eigenvalues: readonly (readonly Complex[])[];
  } | null;
  /**
   * Of each layer with a theory, where its eigenvalues would end if its recurrent matrices were random with the same gains and knew
   * nothing of the state: for networks as they are initialised. null where it was not asked for.
   */
  readonly baseline: readonly RandomEdge[] | null;
  /** Names of the state entries, in the order of `state`. */
  readonly coordinates: readonly string[];
}

/** J, its eigenvalues and vectors, its powers and resolvents: so many matrices of its size at a time. */
const JACOBIANS = 8;

const options = {
  warmup: integer({ flags: '--warmup <steps>', help: 'steps to take before the derivative', fallback: 0 }),
  matrix: text({ flags: '--matrix <file.npy>', help: 'write ∂F/∂s to this file', fallback: undefined }),
  inputMatrix: text({
    flags: '--input-matrix <file.npy>',
    help: 'write ∂F/∂x to this file',
    fallback: undefined,
  }),
  along: integer({
    flags: '--along <n>',
    help: 'eigenvalues at so many states along the drive',
    fallback: undefined,
    fallbackText: '24 up to 128 state entries, 6 up to 512, 0 beyond',
  }),
  powers: integer({
    flags: '--powers <k>',
    help: 'norms of the powers of the Jacobian up to this one',
    fallback: undefined,
    min: 1,
    fallbackText: '100 up to 128 state entries, fewer beyond, at least 8',
  }),
  modes: integer({
    flags: '--modes <n>',
    help: 'how many slow modes, with what they read and write',
    fallback: 6,
  }),
  baseline: flag({
    flags: '--baseline',
    help: 'beside the eigenvalues, the edge that random matrices of the same gains would have (for networks as initialised)',
  }),
  epsilon: number({
    flags: '--epsilon <size>',
    help: 'size of the perturbations that the pseudospectral radius is about',
    fallback: 0.01,
    above: 0,
  }),
};

type Options = Values<typeof options>;

/** Norms of powers, resolvents and further spectra cost n³ each or more: by default fewer of them for large states. */
const SMALL = 128;
const LARGEST_RESOLVENT = 512;
/** Rows that the states along a drive without end are spread over. */
const SPREAD = 1000;

function settle({ system, drive }: Subject, given: Options): Options & { along: number; powers: number } {
  const n = system.dimension;
  const left = Number.isFinite(drive.length) ? drive.length - given.warmup : Number.POSITIVE_INFINITY;
  return {
    ...given,
    along: Math.min(given.along ?? (n <= SMALL ? 24 : n <= LARGEST_RESOLVENT ? 6 : 0), left),
    powers: given.powers ?? Math.max(8, Math.min(100, Math.floor(100 * (SMALL / n) ** 3))),
  };
}

/** The derivative of one step at one state and input: J[i][j] = ∂F_i/∂s_j. */
export const jacobian: Analysis<typeof options, JacobianValue> = {
  name: 'jacobian',
  summary: 'how does one step bend state space at a state and an input',
  options,
  async run(subject, given, watch) {
    const { system, drive, initialState } = subject;
    const { warmup } = given;
    requireRows(drive, warmup + 1, `jacobian after ${warmup} steps`);
    requireMemory(
      doubles(JACOBIANS * system.dimension * (system.dimension + system.inputSize)),
      `the Jacobian of ${system.dimension} state entries and what is found of it`,
      'look at a layer alone with --layer, or ask lyapunov --count 8 or gradients, which do not form it',
    );
    const trajectory = new Trajectory(system, drive, initialState);
    const settled = settle(subject, given);
    let stopped = await trajectory.run(warmup, watch, 'stepping');
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
    const B = here.inputJacobian();
    const baseline = given.baseline ? edges(subject, state, here.next) : null;
    const point = {
      state: Array.from(state),
      input: Array.from(trajectory.input),
      next: Array.from(here.next),
      logAbsDet: here.logAbsDet(),
      coordinates: system.coordinates,
    };
    const outcome = stopped ? interrupted(trajectory.time, warmup, 'steps of --warmup') : complete;
    const own = spectrum(J);
    const found = await alongDrive(trajectory, own, settled.along, watch);
    stopped ||= found.stopped;
    const value = {
      ...point,
      ...own,
      transient: transient(J, settled.powers, own.spectralRadius < 1),
      pseudospectrum:
        system.dimension > LARGEST_RESOLVENT ? null : pseudospectrum(J, own.eigenvalues, given.epsilon),
      slowModes: slowModes(J, B, own.eigenvalues, given.modes).map((mode) => ({
        ...mode,
        timeConstant: timeConstant(modulus(mode.eigenvalue)),
        outputGains: shown(mode.right, subject.output),
      })),
      inputGains: system.inputSize === 0 ? null : inputGains(B),
      cloud: found.cloud,
      baseline,
    };
    return {
      value,
      outcome:
        outcome.kind === 'complete' && found.stopped
          ? interrupted(found.cloud?.steps.length ?? 0, settled.along, 'states along the drive')
          : outcome,
      settled,
      arrays: { matrix: J, inputMatrix: B },
    };
  },
};

const edges = ({ system, model }: Subject, state: Float64Array, next: Float64Array): RandomEdge[] =>
  (system.parts ?? []).flatMap((part, l) => {
    const layer = model?.layers[l];
    return (layer && randomEdge(layer, part, state, next)) ?? [];
  });

const modulus = ([re, im]: Complex): number => Math.hypot(re, im);

function pairsOf(J: Matrix): Complex[] {
  const { re, im } = eigenvalues(J);
  return Array.from(re, (v, i): Complex => [v, im[i]!]);
}

/** Eigenvalues at `count` states from here on, spread over what is left of the drive. A state at rest has only these. */
async function alongDrive(
  trajectory: Trajectory,
  { eigenvalues }: { readonly eigenvalues: readonly Complex[] },
  count: number,
  watch: Watch,
): Promise<{ cloud: JacobianValue['cloud']; stopped: boolean }> {
  const { system, drive } = trajectory;
  const stride = strideOf(drive, trajectory.time, count);
  const steps = [trajectory.time];
  const all = [eigenvalues];
  let moved = false;
  let stopped = false;
  try {
    while (steps.length < count && !stopped) {
      const before = Float64Array.from(trajectory.state);
      stopped = await trajectory.run(stride, watch, 'stepping');
      if (!stopped) stopped = await watch.tick(steps.length, count, 'eigenvalues along the drive');
      if (stopped) break;
      moved ||= before.some((v, i) => Math.abs(v - trajectory.state[i]!) > REST * Math.max(1, Math.abs(v)));
      drive.at(trajectory.time, trajectory.input);
      const J = system.linearise(trajectory.state, trajectory.input).jacobian();
      if (!J.data.every(Number.isFinite)) break;
      all.push(pairsOf(J));
      steps.push(trajectory.time);
    }
  } catch (error) {
    // A state that overflows later on takes nothing from the derivative here.
    if (!(error instanceof Divergence)) throw error;
  }
  const spectralRadius = all.map((spectrum) => (spectrum[0] ? modulus(spectrum[0]) : 0));
  const cloud = count > 0 && moved ? { steps, spectralRadius, eigenvalues: all } : null;
  return { cloud, stopped };
}

/** A state that moves less than this between two looks is at rest. */
const REST = 1e-9;

const strideOf = (drive: Drive, from: number, count: number): number =>
  Math.max(
    1,
    Math.floor((Number.isFinite(drive.length) ? drive.length - 1 - from : SPREAD) / Math.max(1, count - 1)),
  );

/** |C x| of each output, C taken from the readout as it acts on states. */
function shown(right: readonly Complex[], output: Subject['output']): number[] | null {
  if (!output) return null;
  const part = (k: 0 | 1): Float64Array => output(Float64Array.from(right, (v) => v[k]));
  const [re, im, offset] = [part(0), part(1), output(new Float64Array(right.length))];
  return Array.from(offset, (d, i) => Math.hypot(re[i]! - d, im[i]! - d));
}

function inputGains(B: Matrix): NonNullable<JacobianValue['inputGains']> {
  const perInput = new Array<number>(B.cols).fill(0);
  for (let p = 0; p < B.data.length; p++) perInput[p % B.cols]! += B.data[p]! ** 2;
  return { singularValues: Array.from(singularValues(B)), perInput: perInput.map(Math.sqrt) };
}

function spectrum(J: Matrix) {
  const pairs = pairsOf(J);
  const moduli = pairs.map(modulus);
  const stretches = Array.from(singularValues(J));
  const norm = frobeniusNorm(J);
  const squares = moduli.reduce((sum, m) => sum + m * m, 0);
  const departure = Math.sqrt(Math.max(0, norm * norm - squares));
  return {
    spectralRadius: moduli[0] ?? 0,
    spectralNorm: stretches[0] ?? 0,
    frobeniusNorm: norm,
    eigenvalues: pairs,
    singularValues: stretches,
    timeConstants: moduli.map(timeConstant),
    departure,
    nonNormality: norm === 0 ? 0 : departure / norm,
  };
}

/** −1/ln|λ| steps: how long the mode takes to fall by a factor e. 0 at λ = 0, Infinity at |λ| = 1, negative where it grows. */
export const timeConstant = (modulus: number): number =>
  modulus === 1 ? Number.POSITIVE_INFINITY : modulus === 0 ? 0 : -1 / Math.log(modulus);
