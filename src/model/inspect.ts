import { type Cell, cellNamed, stateSize } from '../cells/index.js';
import { UserError } from '../errors.js';
import type { WeightFile } from '../formats/weight-file.js';
import { build, type Contents, contentsOf, withPath } from './build.js';
import { chooseModule } from './choose-module.js';
import type { Direction, Found, ModuleCandidate, OpenModule } from './conventions/convention.js';
import type { Layer, ModelOptions } from './model.js';
import { layerStatistics, type WeightStatistics } from './statistics.js';

export type { WeightStatistics } from './statistics.js';

export interface ParametersIf {
  readonly rnn: number;
  readonly gru: number;
  readonly lstm: number;
}

export interface InspectedModule {
  readonly name: string;
  readonly cell: string;
  /** The cell's equations, a line each. */
  readonly formula: readonly string[];
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** Of each layer, where they differ; `hiddenSize` is then that of the first. */
  readonly hiddenSizes?: readonly number[];
  /** Of the whole module: all layers, both directions. */
  readonly stateSize: number;
  readonly parameters: number;
  /** What an RNN, a GRU and an LSTM of the same sizes, layers and directions would have (PyTorch's count, two biases). */
  readonly parametersIf: ParametersIf;
  readonly readout?: string;
  readonly embedding?: string;
  readonly assumptions: readonly string[];
  readonly weights: readonly WeightStatistics[];
}

export interface InspectedFile {
  readonly modules: readonly InspectedModule[];
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: string;
  }[];
  readonly notes: readonly string[];
}

/**
 * What is in a file. All recurrent modules are told of, or the one that `options.module` names; one that cannot be
 * read is listed with the reason. A file without any is no error: its tensors are the answer.
 */
export function inspectFile(file: WeightFile, options: ModelOptions = {}): InspectedFile {
  return withPath(file, () => {
    const contents = contentsOf(file, options);
    const shown = options.module === undefined ? contents.modules : [chooseModule(contents, options)];
    const none =
      shown.length === 0
        ? ['no recurrent module was recognised', ...(contents.absence ? [contents.absence] : [])]
        : [];
    return {
      modules: shown.map((module) => inspectModule(contents, module, options)),
      tensors: [...file.tensors.values()].map(({ name, shape, dtype }) => ({ name, shape, dtype })),
      notes: [...none, ...file.notes],
    };
  });
}

function inspectModule(contents: Contents, module: Found, options: ModelOptions): InspectedModule {
  try {
    const model = build(contents, module, options);
    const opened = module.open(options);
    const layers = layersOf(module, opened);
    const cells = [...new Set(layers.map(({ layer }) => layer.cell))];
    const widths = layers.map(({ layer }) => layer.weights.hiddenSize);
    return {
      ...sizes(module, opened.cell),
      cell: cells.map(({ name }) => name).join('+'),
      formula: cells.flatMap(({ formula }) => formula),
      ...(new Set(widths).size > 1 ? { hiddenSizes: widths } : {}),
      parametersIf: parametersIf(
        layers.map(({ layer }) => layer.weights),
        module.hasBiases,
      ),
      stateSize: layers.reduce((sum, { layer }) => sum + stateSize(layer.cell, layer.weights), 0),
      ...(model.readout ? { readout: model.readout.name } : {}),
      ...(model.embedding ? { embedding: model.embedding.name } : {}),
      assumptions: model.assumptions,
      weights: layers.flatMap(({ layer, name }) => layerStatistics(layer, name)),
    };
  } catch (error) {
    if (!(error instanceof UserError) || contents.modules.length === 1) throw error;
    return { ...sizes(module, cellNamed(module.cell)), assumptions: [error.message], weights: [] };
  }
}

function sizes(module: ModuleCandidate, cell: Cell | undefined) {
  const { name, layers, bidirectional, inputSize, hiddenSize, parameters } = module;
  const directions = bidirectional ? 2 : 1;
  return {
    name,
    cell: cell?.name ?? module.cell,
    formula: cell?.formula ?? [],
    layers,
    bidirectional,
    inputSize,
    hiddenSize,
    stateSize: layers * directions * (cell ? stateSize(cell, module) : 0),
    parameters,
    parametersIf: { rnn: 0, gru: 0, lstm: 0 },
  };
}

/** PyTorch's count: G (H in + H² + 2 H) for each layer and direction, without the 2 H where there are no biases. */
export function parametersIf(
  layers: readonly { readonly inputSize: number; readonly hiddenSize: number }[],
  hasBiases: boolean,
): ParametersIf {
  const block = layers.reduce(
    (sum, { inputSize, hiddenSize: H }) => sum + H * (inputSize + H + (hasBiases ? 2 : 0)),
    0,
  );
  return { rnn: block, gru: 3 * block, lstm: 4 * block };
}

/** All layers in both directions, with the names that tell them apart. */
function layersOf(module: ModuleCandidate, opened: OpenModule): { layer: Layer; name: string }[] {
  const directions: Direction[] = module.bidirectional ? ['forward', 'backward'] : ['forward'];
  return Array.from({ length: module.layers }, (_, index) => index).flatMap((index) =>
    directions.map((direction) => {
      const layer = opened.layer(index, direction);
      return { layer, name: direction === 'forward' ? layer.name : `${layer.name}_reverse` };
    }),
  );
}
