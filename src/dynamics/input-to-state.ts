import { frobeniusNorm, spectralNorm } from '../linalg/index.js';
import { zeros } from '../linalg/matrix.js';
import type { Watch } from '../outcome.js';
import type { Orbit } from './spectrum.js';
import { Trajectory } from './trajectory.js';

export interface InputToState {
  /** ln ‖∂s_{t+lag}/∂x_t‖₂ for lag = 1 … L, window by window. */
  readonly logNorms: readonly Float64Array[];
  readonly stopped: boolean;
}

/** How far a change of one input reaches: ∂s_{t+k}/∂x_t = J … J ∂F/∂x from `windows` places, one after the other. */
export async function inputToState(
  { system, drive, initialState }: Orbit,
  { warmup, lags, windows }: { readonly warmup: number; readonly lags: number; readonly windows: number },
  watch: Watch,
): Promise<InputToState> {
  const trajectory = new Trajectory(system, drive, initialState);
  const logNorms: Float64Array[] = [];
  let stopped = await trajectory.run(warmup, watch, 'warming up');
  for (let w = 0; w < windows && !stopped; w++) {
    stopped = await watch.tick(w, windows, 'inputs to states');
    if (!stopped) logNorms.push(oneWindow(trajectory, lags));
  }
  return { logNorms, stopped };
}

function oneWindow(trajectory: Trajectory, lags: number): Float64Array {
  const { system, drive } = trajectory;
  const logs = new Float64Array(lags).fill(Number.NEGATIVE_INFINITY);
  let P = zeros(system.dimension, system.inputSize);
  let spare = zeros(system.dimension, system.inputSize);
  let scale = 0;
  for (let k = 0; k < lags; k++) {
    drive.at(trajectory.time, trajectory.input);
    const here = system.linearise(trajectory.state, trajectory.input);
    if (k === 0) P = here.inputJacobian();
    else {
      here.jvp(P, spare);
      [P, spare] = [spare, P];
    }
    trajectory.accept(here.next);
    const norm = frobeniusNorm(P);
    if (norm === 0) {
      for (let rest = k + 1; rest < lags; rest++) trajectory.advance();
      break;
    }
    scale += Math.log(norm);
    for (let p = 0; p < P.data.length; p++) P.data[p] = P.data[p]! / norm;
    logs[k] = scale + Math.log(spectralNorm(P));
  }
  return logs;
}
