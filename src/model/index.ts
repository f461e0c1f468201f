import { UserError } from '../errors.js';
import type { WeightFile } from '../formats/weight-file.js';
import { chooseModule, withoutCopies } from './choose-module.js';
import type { Found, ModuleCandidate } from './conventions/convention.js';
import { conventions } from './conventions/index.js';
import { linears } from './linear.js';
import type { Model, ModelOptions } from './model.js';
import { nonFiniteRemarks } from './non-finite.js';
import { findEnds } from './readout.js';
import { scopeOf } from './scope.js';
import { openSource, type Source } from './source.js';

export type { ModuleCandidate } from './conventions/convention.js';
export type { Embedding, Layer, Model, ModelOptions, Readout } from './model.js';
export { modelSummary } from './summary.js';

/** The recurrent modules of a file, broken ones included. `options.cell` widens the names that are looked for. */
export function listModules(file: WeightFile, options: ModelOptions = {}): ModuleCandidate[] {
  return withPath(file, () => findModules(openSource(file), options).map(withoutInsides));
}

const withoutInsides = ({ parts: _parts, open: _open, ...candidate }: Found): ModuleCandidate => candidate;

export const findModules = (source: Source, options: ModelOptions): Found[] =>
  withoutCopies(conventions.flatMap((convention) => convention.match(source, options)));

/** The one recurrent module that the options choose, gate by gate, with what was assumed on the way. */
export function readModel(file: WeightFile, options: ModelOptions = {}): Model {
  return withPath(file, () => {
    const source = openSource(file);
    const found = findModules(source, options);
    return build(file, source, found, chooseModule(file, found, options.module), options);
  });
}

export function build(
  file: WeightFile,
  source: Source,
  found: readonly Found[],
  chosen: Found,
  options: ModelOptions,
): Model {
  const opened = chosen.open(options);
  const scope = scopeOf(chosen, options);
  const layers = scope.layers.map((index) => opened.layer(index, scope.direction));
  const { inputSize, hiddenSize } = layers[0]!.weights;
  const owned = new Set(found.flatMap(({ parts }) => [...parts.values()]));
  const ends = findEnds(
    linears(source, owned),
    {
      name: chosen.name,
      inputSize,
      hiddenSize,
      bidirectional: chosen.bidirectional,
      hasFirst: scope.layers.includes(0),
      hasLast: scope.layers.includes(chosen.layers - 1),
    },
    options.readout,
  );
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
    throw new UserError(error.code, `${file.path}: ${error.message}`, { cause: error });
  }
}
