/** Reading of a Keras network's configuration: which layers it has, where their weights are, and what feeds what. */

type Json = Readonly<Record<string, unknown>>;

/** A recurrent cell of the configuration. */
export interface CellConfig {
  /** 'GRU', 'LSTMCell', 'CuDNNGRU' … */
  readonly className: string;
  readonly config: Json;
  /** Place of its weights in the tree of layers: 'layers/gru_1/cell'. */
  readonly path: string;
  /** Names on the way to it: ['sub', 'inner']. */
  readonly trail: readonly string[];
  /** Its place among the cells of its class, in StackedRNNCells. */
  readonly rank?: number;
}

/** A layer that computes something, with nested models taken apart. */
export interface Node {
  /** Names joined by slashes, 'sub/inner'; unique. */
  readonly id: string;
  readonly className: string;
  readonly config: Json;
  readonly path: string;
  readonly trail: readonly string[];
  /** Nodes whose output it reads. */
  readonly sources: readonly string[];
  /** The cells of a recurrent layer, one reading the other. */
  readonly cells: readonly CellConfig[];
  /** The cell that reads the input from its end, in a Bidirectional layer. */
  readonly backward?: CellConfig;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const at = (object: unknown, key: string): unknown =>
  isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;

const textAt = (object: unknown, key: string): string => {
  const value = at(object, key);
  return typeof value === 'string' ? value : '';
};

/** 'MyPackage>GRU' is registered under a name of its own. */
const classOf = (layer: unknown): string => textAt(layer, 'class_name').replace(/^.*>/, '');

const configOf = (layer: unknown): Json => {
  const config = at(layer, 'config');
  return isObject(config) ? config : {};
};

/** Layers that do nothing when a trained network runs. */
const TRANSPARENT =
  /^(InputLayer|Dropout|SpatialDropout\dD|GaussianNoise|GaussianDropout|AlphaDropout|ActivityRegularization|Masking|Identity)$/;
const RECURRENT = /^(CuDNN)?(GRU|LSTM|SimpleRNN)$|RNN$|^Conv\w*LSTM|LSTM$|GRU$/;
const MODELS = /^(Sequential|Functional|Model)$/;

/** All nodes of a network in the order of its configuration; none where this is no configuration. */
export function nodesOf(model: unknown): Node[] {
  const nodes: Node[] = [];
  if (layersOf(model).length > 0) walkModel(model, { path: '', trail: [] }, [], nodes);
  return nodes;
}

interface Place {
  /** Of the model in the tree of layers; '' is the root. */
  readonly path: string;
  readonly trail: readonly string[];
}

/** Sequential models were once a bare list. */
function layersOf(model: unknown): readonly unknown[] {
  const config = at(model, 'config');
  const layers = Array.isArray(config) ? config : at(config, 'layers');
  return Array.isArray(layers) ? layers : [];
}

/** Adds the nodes of a model that reads `entry`; answers whose output is the model's. */
function walkModel(model: unknown, place: Place, entry: readonly string[], nodes: Node[]): readonly string[] {
  const counts = new Map<string, number>();
  const exits = new Map<string, readonly string[]>();
  let previous = entry;
  for (const layer of layersOf(model)) {
    const name = textAt(configOf(layer), 'name') || textAt(layer, 'name');
    const fed = inboundNames(layer);
    const sources = fed === undefined ? previous : fed.flatMap((one) => exits.get(one) ?? []);
    const folder = `${place.path === '' ? '' : `${place.path}/`}layers/${numbered(counts, classOf(layer))}`;
    const isInput = classOf(layer) === 'InputLayer';
    const inner = { path: folder, trail: [...place.trail, name] };
    previous = isInput ? entry : walkLayer(layer, inner, sources, nodes);
    exits.set(name, previous);
  }
  const last = outputNames(model).flatMap((name) => exits.get(name) ?? []);
  return last.length > 0 ? last : previous;
}

/** 'gru', 'gru_1' …: layers are numbered class by class. */
function numbered(counts: Map<string, number>, className: string): string {
  const word = snake(className);
  const count = counts.get(word) ?? 0;
  counts.set(word, count + 1);
  return count === 0 ? word : `${word}_${count}`;
}

/** 'SimpleRNN' → 'simple_rnn', as keras.src.utils.naming has it. */
export const snake = (name: string): string =>
  name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

/** Names of the layers that a layer of a functional model reads; undefined in a sequential one, which reads the one before. */
function inboundNames(layer: unknown): string[] | undefined {
  const inbound = at(layer, 'inbound_nodes');
  if (!Array.isArray(inbound)) return undefined;
  const names: string[] = [];
  collectNames(inbound[0], names);
  // Of a recurrent layer the first is its input, the others are states to begin with.
  return RECURRENT.test(classOf(layer)) || classOf(layer) === 'Bidirectional' ? names.slice(0, 1) : names;
}

/** Keras 3: { keras_history: [name, node, index] }; before: [name, node, index, {}]. */
function collectNames(value: unknown, names: string[]): void {
  if (Array.isArray(value)) {
    const [name, node, index] = value;
    if (typeof name === 'string' && typeof node === 'number' && typeof index === 'number') names.push(name);
    else for (const inner of value) collectNames(inner, names);
  } else if (isObject(value)) for (const inner of Object.values(value)) collectNames(inner, names);
}

function outputNames(model: unknown): string[] {
  const names: string[] = [];
  collectNames(at(configOf(model), 'output_layers'), names);
  return names;
}

function walkLayer(
  layer: unknown,
  place: Place,
  sources: readonly string[],
  nodes: Node[],
): readonly string[] {
  const className = classOf(layer);
  if (TRANSPARENT.test(className)) return sources;
  if (MODELS.test(className) || layersOf(layer).length > 0) return walkModel(layer, place, sources, nodes);
  const node = nodeOf(layer, place, sources);
  nodes.push(node);
  return [node.id];
}

function nodeOf(layer: unknown, place: Place, sources: readonly string[]): Node {
  const [className, config] = [classOf(layer), configOf(layer)];
  const common = { id: place.trail.join('/'), ...place, className, config, sources };
  if (className === 'TimeDistributed') return unwrapped(common);
  if (className === 'Bidirectional') return { ...common, ...directions(config, place) };
  if (className === 'RNN') return { ...common, cells: cellsOf(config, place) };
  if (!RECURRENT.test(className)) return { ...common, cells: [] };
  return { ...common, cells: [{ className, config, path: `${place.path}/cell`, trail: place.trail }] };
}

type Bare = Omit<Node, 'cells' | 'backward'>;

function unwrapped(node: Bare): Node {
  const inner = at(node.config, 'layer');
  const config = configOf(inner);
  return {
    ...node,
    className: classOf(inner),
    config,
    path: `${node.path}/layer`,
    trail: [...node.trail, textAt(config, 'name')],
    cells: [],
  };
}

function directions(config: Json, place: Place): Pick<Node, 'cells' | 'backward'> {
  const one = (layer: unknown, prefix: 'forward' | 'backward'): CellConfig => {
    const inner = configOf(layer);
    const name = textAt(inner, 'name');
    const full = name.startsWith(`${prefix}_`) ? name : `${prefix}_${name}`;
    return {
      className: classOf(layer),
      config: inner,
      path: `${place.path}/${prefix}_layer/cell`,
      trail: [...place.trail, full],
    };
  };
  const layer = at(config, 'layer');
  return { cells: [one(layer, 'forward')], backward: one(at(config, 'backward_layer') ?? layer, 'backward') };
}

/** RNN(cell) and RNN(StackedRNNCells(cells)). */
function cellsOf(config: Json, place: Place): CellConfig[] {
  const cell = at(config, 'cell');
  const inside = at(configOf(cell), 'cells');
  if (!Array.isArray(inside))
    return [
      { className: classOf(cell), config: configOf(cell), path: `${place.path}/cell`, trail: place.trail },
    ];
  const counts = new Map<string, number>();
  return inside.map((one) => {
    const className = classOf(one);
    const rank = counts.get(snake(className)) ?? 0;
    const path = `${place.path}/cell/cells/${numbered(counts, className)}`;
    return { className, config: configOf(one), path, trail: place.trail, rank };
  });
}
