import type { Tensor } from '../../formats/weight-file.js';
import type { Linear } from '../linear.js';
import type { Source } from '../source.js';
import type { Convention } from './convention.js';
import { isKnownClass, kerasUnit, type Version } from './keras-cells.js';
import { type CellConfig, type Node, nodesOf, snake } from './keras-config.js';
import { isRecurrent, layerName, layerPath, setsBelow, type WeightSet, weightSets } from './keras-weights.js';
import { dense, refusedUnit, type Stack, type StackLayer, stackModule, type Unit } from './stack.js';
import { inStacks } from './stacking.js';

/** Layers of Keras 1 to 3 and TF.js, by their configuration where the file has one, else by names and widths. */
export const keras: Convention = {
  name: 'keras',
  match: (source) => stacksOf(source).map(stackModule),
  linears: (source, owned) => {
    const sets = weightSets(source);
    const nodes = configuredNodes(source);
    return sets.flatMap((set) => linear(source, set, nodes, sets, owned) ?? []);
  },
};

const CONVENTION = 'keras';

const configuredNodes = (source: Source): Node[] => nodesOf(source.documents.get('model_config'));

function versionOf(source: Source): Version {
  const said = source.attributes('')?.facts.get('keras_version');
  return { text: typeof said === 'string' ? said : '' };
}

function stacksOf(source: Source): Stack[] {
  const sets = weightSets(source);
  const nodes = configuredNodes(source).filter(({ cells }) => cells.length > 0);
  const used = new Set<WeightSet>();
  const configured = configuredStacks(source, sets, nodes, used);
  const others = sets.filter((set) => isRecurrent(set) && !used.has(set));
  return [...configured, ...bareStacks(source, others)];
}

/** Layers one of which reads the other and nothing else, with the assumptions that come of it. */
function configuredStacks(
  source: Source,
  sets: readonly WeightSet[],
  nodes: readonly Node[],
  used: Set<WeightSet>,
): Stack[] {
  const version = versionOf(source);
  return chains(nodes).map((chain) => ({
    convention: CONVENTION,
    name: chain.map(({ id }) => id).join('+'),
    layers: chain.flatMap((node) => layersOf(node, sets, version, used)),
    assumptions: chain[0]!.config.go_backwards === true ? [backwardsRemark(chain[0]!)] : [],
  }));
}

const backwardsRemark = ({ id }: Node): string =>
  `${id} reads its input from the end (go_backwards): give the drive in that order`;

/** Recurrent nodes in runs: each but the first reads the one before, forward in time, and is alone in that. */
function chains(nodes: readonly Node[]): Node[][] {
  const runs: Node[][] = [];
  for (const node of nodes) {
    const [source, ...others] = node.sources;
    const readers = nodes.filter(({ sources }) => source !== undefined && sources.includes(source));
    const run = runs.find((one) => one.at(-1)!.id === source && !one.at(-1)!.backward);
    const continues = run && others.length === 0 && readers.length === 1 && !node.backward;
    if (continues && node.config.go_backwards !== true) run.push(node);
    else runs.push([node]);
  }
  return runs;
}

function layersOf(
  node: Node,
  sets: readonly WeightSet[],
  version: Version,
  used: Set<WeightSet>,
): StackLayer[] {
  const unit = (cell: CellConfig): Unit => {
    const set = weightsOf(cell, sets);
    if (set) used.add(set);
    return unitOf(node.id, cell, set, version);
  };
  return node.cells.map((cell) => ({
    forward: unit(cell),
    ...(node.backward ? { backward: unit(node.backward) } : {}),
  }));
}

/** By its place in the tree of layers, else by the names on the way to it; in StackedRNNCells by class and rank. */
function weightsOf(cell: CellConfig, sets: readonly WeightSet[]): WeightSet | undefined {
  // Layers without a cell of their own (CuDNN's) keep their variables themselves.
  const places = [cell.path, cell.path.replace(/\/cell$/, '')];
  const inTree = sets.find(({ path }) => places.includes(path));
  if (inTree) return inTree;
  const below = setsBelow(sets, cell.trail).filter(isRecurrent);
  if (cell.rank === undefined) return below[0];
  const word = new RegExp(`^${snake(cell.className)}(_\\d+)?$`);
  return below.filter(({ path }) => word.test(path.slice(path.lastIndexOf('/') + 1)))[cell.rank];
}

function unitOf(name: string, cell: CellConfig, set: WeightSet | undefined, version: Version): Unit {
  if (set === undefined) {
    const reason = `${name}: the configuration has this layer (${cell.className}), but its weights are missing.`;
    return refusedUnit(name, new Map(), reason);
  }
  if (isConvolution(set) || /^Conv/.test(cell.className)) return convolution(name, set, cell.className);
  if (isKnownClass(cell.className)) return kerasUnit(name, set, cell, version);
  const reason = `${name}: its cell is of the class ${cell.className}, whose equations rnnscope does not know.`;
  return refusedUnit(name, set.parts, reason);
}

const isConvolution = ({ parts }: WeightSet): boolean => (parts.get('kernel')?.shape.length ?? 0) > 2;

function convolution(name: string, set: WeightSet, className = 'ConvLSTM'): Unit {
  const shape = set.parts.get('kernel')?.shape.join('×');
  const reason = `${name} is a ${className}: its kernel (${shape}) is a convolution, which rnnscope has no equations for.`;
  return refusedUnit(name, set.parts, reason);
}

/** Cells of a file without a configuration. */
function bareStacks(source: Source, sets: readonly WeightSet[]): Stack[] {
  const version = versionOf(source);
  const loose = sets.flatMap((set) => {
    const path = layerPath(set.path);
    const [parent, way] = directionOf(path);
    const name = layerName(source, parent);
    const unit = (of: WeightSet): Unit =>
      isConvolution(of) ? convolution(name, of) : kerasUnit(name, of, undefined, version);
    if (way === undefined) return [{ name, kind: kindOf(set), layer: { forward: unit(set) } }];
    if (way === 'backward') return [];
    const twin = sets.find((other) => directionOf(layerPath(other.path)).join() === `${parent},backward`);
    return [
      { name, kind: kindOf(set), layer: { forward: unit(set), ...(twin ? { backward: unit(twin) } : {}) } },
    ];
  });
  return inStacks(CONVENTION, loose);
}

/** Layers are numbered class by class: 'gru_1' is a 'gru'. */
const kindOf = ({ path }: WeightSet): string =>
  layerPath(path)
    .replace(/^.*\//, '')
    .replace(/_?\d+$/, '');

/** 'bidirectional' and 'forward' of 'bidirectional/forward_layer' and 'bidirectional/forward_gru'. */
function directionOf(path: string): [parent: string, way?: string] {
  const [, parent, way] = /^(.+)\/(forward|backward)_[^/]*$/.exec(path) ?? [];
  return parent === undefined ? [path] : [parent, way!];
}

/** A Dense or an Embedding layer, and what it stands between where there is a configuration. */
function linear(
  source: Source,
  set: WeightSet,
  nodes: readonly Node[],
  sets: readonly WeightSet[],
  owned: ReadonlySet<Tensor>,
): Linear | undefined {
  const table = set.parts.get('embeddings');
  const kernel = set.parts.get('kernel');
  const matrix = table ?? kernel;
  if (matrix?.shape.length !== 2 || owned.has(matrix) || isRecurrent(set)) return undefined;
  const node = nodes.find((one) => one.cells.length === 0 && nodeSet(one, sets) === set);
  const name = node?.id ?? layerName(source, set.path);
  const word = set.path.slice(set.path.lastIndexOf('/') + 1);
  const isEmbedding =
    table !== undefined || node?.className === 'Embedding' || /^embedding(_\d+)?$/.test(word);
  if (!isEmbedding) return dense(name, matrix, set.parts.get('bias'), node ? around(node, nodes) : {});
  const [rows, cols] = matrix.shape as [number, number];
  return { name, weight: matrix, rows, cols, className: 'Embedding' };
}

const nodeSet = (node: Node, sets: readonly WeightSet[]): WeightSet | undefined =>
  sets.find(({ path }) => path === node.path) ?? setsBelow(sets, node.trail)[0];

/** The module or layer that a dense layer reads, the one that reads it, and the function that it applies. */
function around(node: Node, nodes: readonly Node[]): Partial<Linear> {
  const recurrent = nodes.filter(({ cells }) => cells.length > 0);
  const run = chains(recurrent).find((chain) => node.sources.includes(chain.at(-1)!.id));
  const readers = nodes.filter(({ sources }) => sources.includes(node.id));
  const next = readers.find(({ className }) => className === 'Dense');
  const activation = node.config.activation;
  return {
    reads: run ? run.map(({ id }) => id).join('+') : node.sources.join(', '),
    ...(next ? { feeds: next.id } : {}),
    ...(typeof activation === 'string' && activation !== 'linear' ? { activation } : {}),
  };
}
