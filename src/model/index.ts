import type { WeightFile } from '../formats/weight-file.js';
import { build, contentsOf, withPath } from './build.js';
import { chooseModule } from './choose-module.js';
import type { Found, ModuleCandidate } from './conventions/convention.js';
import type { Model, ModelOptions } from './model.js';

export type { ModuleCandidate } from './conventions/convention.js';
export { probesOf } from './conventions/onnx.js';
export {
  type InspectedFile,
  type InspectedModule,
  inspectFile,
  type ParametersIf,
  type WeightStatistics,
} from './inspect.js';
export type { Embedding, Layer, Model, ModelOptions, Readout } from './model.js';
export type { Feed, Probe } from './onnx/probes.js';
export { modelSummary } from './summary.js';

/** The recurrent modules of a file, broken ones included. `options.cell` widens the names that are looked for. */
export function listModules(file: WeightFile, options: ModelOptions = {}): ModuleCandidate[] {
  return withPath(file, () => contentsOf(file, options).modules.map(withoutInsides));
}

const withoutInsides = ({ parts: _parts, open: _open, ...candidate }: Found): ModuleCandidate => candidate;

/** The one recurrent module that the options choose, gate by gate, with what was assumed on the way. */
export function readModel(file: WeightFile, options: ModelOptions = {}): Model {
  return withPath(file, () => {
    const contents = contentsOf(file, options);
    return build(contents, chooseModule(contents, options), options);
  });
}
