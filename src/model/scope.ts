import { UserError } from '../errors.js';
import type { Direction, ModuleCandidate } from './conventions/convention.js';
import type { ModelOptions } from './model.js';
import { label } from './source.js';

/** Which part of a module is analysed: a causal map, so one direction of it. */
export interface Scope {
  readonly direction: Direction;
  readonly layers: readonly number[];
  readonly assumptions: readonly string[];
}

export function scopeOf(module: ModuleCandidate, options: ModelOptions): Scope {
  const name = label(module.name);
  if (options.direction === 'forward' && module.reversed)
    throw new UserError('USAGE', `--direction forward does not fit ${name}, which runs backward.`);
  if (options.direction === 'backward' && !module.bidirectional && !module.reversed)
    throw new UserError('USAGE', `--direction backward does not fit ${name}, which is not bidirectional.`);
  const direction = options.direction ?? (module.reversed ? 'backward' : 'forward');
  const assumptions: string[] = [];
  if (module.reversed)
    assumptions.push(`${name} runs from the last input to the first, and so does the drive`);
  if (module.bidirectional && options.direction === undefined)
    assumptions.push(
      `${name} is bidirectional: only the forward direction is taken (--direction backward for the other)`,
    );
  if (options.layer !== undefined)
    return { direction, layers: [checkedLayer(module, options.layer)], assumptions };
  if (!module.bidirectional || module.layers === 1)
    return { direction, layers: Array.from({ length: module.layers }, (_, k) => k), assumptions };
  assumptions.push(
    `${name} has ${module.layers} bidirectional layers, and each but the first reads both directions of the one below: only layer 0 is taken (--layer N for another)`,
  );
  return { direction, layers: [0], assumptions };
}

function checkedLayer(module: ModuleCandidate, layer: number): number {
  if (Number.isInteger(layer) && layer >= 0 && layer < module.layers) return layer;
  const range = module.layers === 1 ? 'only layer 0' : `layers 0 to ${module.layers - 1}`;
  throw new UserError('USAGE', `--layer ${layer}: ${label(module.name)} has ${range}.`);
}
