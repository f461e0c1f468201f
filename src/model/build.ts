import { basename } from 'node:path';
import { handedOn } from '../cells/index.js';
import { UserError } from '../errors.js';
import type { WeightFile } from '../formats/weight-file.js';
import type { Found } from './conventions/convention.js';
import { conventionsFor, lastResort } from './conventions/index.js';
import { withoutCopies } from './copies.js';
import type { Linear } from './linear.js';
import type { Model, ModelOptions } from './model.js';
import { nonFiniteRemarks } from './non-finite.js';
import { precisionRemarks } from './precision.js';
import { findEnds } from './readout.js';
import { scopeOf } from './scope.js';
import { openSource } from './source.js';

/** A weights file and the recurrent modules that its names speak of. */
export interface Contents {
  readonly file: WeightFile;
  /** By all conventions, each set of weights once. */
  readonly modules: readonly Found[];
  /** Matrices that belong to none of them: a readout, an embedding. */
  readonly linears: readonly Linear[];
  /** Why there may be no module, where a convention knows. */
  readonly absence?: string;
}

export function contentsOf(file: WeightFile, options: ModelOptions): Contents {
  const source = openSource(file);
  const byName = conventionsFor(source);
  const named = byName.flatMap((convention) => convention.match(source, options));
  const isUnknown = named.length === 0 && !source.program && options.cell === undefined;
  const conventions = isUnknown ? [...byName, lastResort] : byName;
  const found = isUnknown ? lastResort.match(source, options) : named;
  const recurrent = new Set(found.flatMap(({ parts }) => [...parts.values()]));
  const linears = conventions.flatMap((convention) => convention.linears?.(source, recurrent) ?? []);
  const absence = conventions.flatMap((convention) => convention.absence?.(source) ?? []).join(' ');
  return { file, modules: withoutCopies(found), linears, ...(absence && { absence }) };
}

/** A module as a model: its layers, its readout and embedding, and what was assumed on the way. */
export function build({ file, linears }: Contents, chosen: Found, options: ModelOptions): Model {
  const opened = chosen.open(options);
  const scope = scopeOf(chosen, options);
  const layers = scope.layers.map((index) => opened.layer(index, scope.direction));
  const { inputSize, hiddenSize } = layers[0]!.weights;
  const last = layers.at(-1)!;
  const { from, to } = handedOn(last.cell, last.weights);
  const middle = {
    name: chosen.name,
    inputSize,
    outputSize: to - from,
    bidirectional: chosen.bidirectional,
    hasFirst: scope.layers.includes(0),
    hasLast: scope.layers.includes(chosen.layers - 1),
  };
  const ends = findEnds(linears, middle, options.readout);
  return {
    module: chosen.name,
    direction: scope.direction,
    layers,
    inputSize,
    hiddenSize,
    parameters: chosen.parameters,
    ...(ends.readout ? { readout: ends.readout } : {}),
    ...(ends.embedding ? { embedding: ends.embedding } : {}),
    assumptions: [
      ...opened.assumptions,
      ...scope.assumptions,
      ...ends.assumptions,
      ...chosen.notes,
      ...precisionRemarks(chosen.parts),
      ...nonFiniteRemarks(chosen.parts),
    ],
    source: { path: file.path, sha256: file.sha256, format: file.format },
  };
}

/** Every refusal names the file. */
export function withPath<T>(file: WeightFile, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const name = `${basename(file.path)}: `;
    if (error.message.startsWith(name)) throw error;
    throw new UserError(error.code, name + error.message, { cause: error });
  }
}
