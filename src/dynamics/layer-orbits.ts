import type { Layer } from '../model/model.js';
import type { Drive } from './drive.js';
import { network, outputRows } from './network.js';
import type { Orbit } from './spectrum.js';
import { Trajectory } from './trajectory.js';

/** A frame that takes an interval again goes back by no more than this. */
const KEPT = 1024;

/**
 * Each layer of a stack as a map of its own, driven by what the layers below hand on. Its exponents are conditional: how two
 * copies of the layer that see the same input come together. J of the stack is block triangular, so that they are the exponents of
 * the stack, layer by layer.
 */
export function layerOrbits(layers: readonly Layer[], { drive, initialState }: Orbit): Orbit[] {
  let from = 0;
  return layers.map((layer, l) => {
    const system = network([layer]);
    const below = layers.slice(0, l);
    const own: Orbit = {
      system,
      drive: l === 0 ? drive : outputsOf(below, { drive, initialState: initialState.slice(0, from) }),
      initialState: initialState.slice(from, from + system.dimension),
    };
    from += system.dimension;
    return own;
  });
}

/** What the layers below hand on at each step, stepped as it is asked for; the last 1024 are kept. */
function outputsOf(
  layers: readonly Layer[],
  { drive, initialState }: Pick<Orbit, 'drive' | 'initialState'>,
): Drive {
  const system = network(layers);
  const rows = outputRows(layers);
  const kept: Float64Array[] = [];
  let trajectory = new Trajectory(system, drive, initialState);
  return {
    kind: 'data',
    spec: `outputs of ${layers.at(-1)!.name}`,
    inputSize: rows.to - rows.from,
    length: drive.length,
    at(t, out) {
      if (t < trajectory.time - KEPT) trajectory = new Trajectory(system, drive, initialState);
      while (trajectory.time <= t) {
        trajectory.advance();
        kept[(trajectory.time - 1) % KEPT] = trajectory.state.slice(rows.from, rows.to);
      }
      out.set(kept[t % KEPT]!);
    },
  };
}
