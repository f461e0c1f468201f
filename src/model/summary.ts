import type { ModelSummary } from '../result.js';
import type { Model } from './model.js';

/** What every result says of its network. `stateSize` is that of the map that was analysed. */
export const modelSummary = (model: Model, stateSize: number): ModelSummary => ({
  ...model.source,
  module: model.module,
  cell: [...new Set(model.layers.map(({ cell }) => cell.name))].join('+'),
  layers: model.layers.length,
  hiddenSize: model.hiddenSize,
  inputSize: model.inputSize,
  stateSize,
  parameters: model.parameters,
  assumptions: model.assumptions,
});
