import { UserError } from '../../errors.js';
import type { GraphNode, Program, Tensor } from '../../formats/weight-file.js';
import type { Linear } from '../linear.js';
import type { Layer, ModelOptions } from '../model.js';
import { Folder } from '../onnx/fold.js';
import { bodyOf, loopCell } from '../onnx/loop.js';
import { embeddingBelow, nodeBelow, operatorsText, readoutsAbove } from '../onnx/neighbours.js';
import { type Place, placesIn } from '../onnx/place.js';
import { type Feed, feedsOf, type Probe } from '../onnx/probes.js';
import { isRecurrent, type RecurrentLayer, recurrentLayer } from '../onnx/recurrent.js';
import { chooseCell } from './choose-cell.js';
import {
  type Convention,
  type Direction,
  examined,
  type Found,
  type OpenModule,
  storedNumbers,
} from './convention.js';

/** GRU, LSTM and RNN nodes of a graph: what the tensors mean is what is done with them, whatever they are called. */
export const onnx: Convention = {
  name: 'onnx',
  match: ({ program }) => (program ? stacks(recurrentNodes(program)).map((stack) => foundModule(stack)) : []),
  linears: ({ program }) => {
    if (!program) return [];
    const all = recurrentNodes(program);
    return distinct(
      all.flatMap(({ node, place, folder, input }) => {
        const embedding = embeddingBelow(input, place, folder);
        return [...readoutsAbove(node, place, folder), ...(embedding ? [embedding] : [])];
      }),
    );
  },
  absence: ({ program }) => program && absence(program),
};

/** A node that is a recurrence, and how what it needs is found. */
interface Recurrent {
  readonly node: GraphNode;
  readonly place: Place;
  readonly folder: Folder;
  /** The sequence that it takes; which of its outputs is that of its states; what these begin with. */
  readonly input: string;
  readonly output: number;
  readonly initial: readonly string[];
  layer(): RecurrentLayer;
}

const recurrents = new WeakMap<Program, readonly Recurrent[]>();

/** The recurrent nodes of all graphs, the outermost first, each in the order of its graph. Found once a file. */
function recurrentNodes(program: Program): readonly Recurrent[] {
  let found = recurrents.get(program);
  if (!found) {
    const places = placesIn(program);
    const folder = new Folder(program, places);
    found = places.flatMap((place) =>
      place.graph.nodes.flatMap((node) => asRecurrent(node, place, folder, places) ?? []),
    );
    recurrents.set(program, found);
  }
  return found;
}

/** A node of the recurrent operators, or a Loop or Scan whose body is a cell written out. */
function asRecurrent(
  node: GraphNode,
  place: Place,
  folder: Folder,
  places: readonly Place[],
): Recurrent | undefined {
  const common = { node, place, folder };
  if (isRecurrent(node)) {
    const given = (k: number): string => node.inputs[k] ?? '';
    const initial = node.operator === 'LSTM' ? [given(5), given(6)] : [given(5)];
    return {
      ...common,
      input: given(0),
      output: 0,
      initial,
      layer: () => recurrentLayer(node, place, folder),
    };
  }
  const body = bodyOf(node, places);
  const loop = body && loopCell(node, place, folder, body);
  return loop && { ...common, ...loop, layer: () => loop.layer };
}

/** The nodes of a module, with where their values can be read, and the inputs that the graph wants. */
export function probesOf(
  program: Program,
  module: string,
): { probes: readonly Probe[]; feeds: readonly Feed[] } {
  const stack = stacks(recurrentNodes(program)).find(([first]) => nameOf(first!.node) === module) ?? [];
  const probes = stack.map(
    ({ node, place, input, output, initial, layer }): Probe => ({
      node,
      layer: layer(),
      isOutermost: place.owner === undefined,
      input,
      output: node.outputs[output] ?? '',
      initial,
      lengths: isRecurrent(node) ? (node.inputs[4] ?? '') : '',
    }),
  );
  const [first] = recurrentNodes(program);
  const outermost = placesIn(program)[0]!;
  return { probes, feeds: first ? feedsOf(program, probes, outermost, first.folder) : [] };
}

const nameOf = (node: GraphNode): string => (node.name === '' ? (node.outputs[0] ?? '') : node.name);

/** Nodes that take the states of one another, and nothing else, as the layers of one module. */
function stacks(nodes: readonly Recurrent[]): Recurrent[][] {
  const found: Recurrent[][] = [];
  const isStates = (node: GraphNode, output: number): boolean =>
    nodes.some((one) => one.node === node && one.output === output);
  for (const one of nodes) {
    const below = nodeBelow(one.input, one.place, isStates);
    const stack = found.find(
      (members) => members.at(-1)!.node === below && isAlike(members[0]!.node, one.node),
    );
    if (stack) stack.push(one);
    else found.push([one]);
  }
  return found;
}

/** Layers may differ in size and kind, not in the way they run. */
const isAlike = (a: GraphNode, b: GraphNode): boolean =>
  (a.attributes.get('direction') ?? 'forward') === (b.attributes.get('direction') ?? 'forward');

function foundModule(stack: readonly Recurrent[]): Found {
  const { node, place } = stack[0]!;
  const parts = new Map<string, Tensor>();
  const notes: string[] = [];
  const common = {
    name: nameOf(node),
    aliases: [],
    convention: onnx.name,
    bidirectional: node.attributes.get('direction') === 'bidirectional',
    ...(node.attributes.get('direction') === 'reverse' ? { reversed: true as const } : {}),
    layers: stack.length,
    parts,
    notes,
  };
  if (place.path !== '') notes.push(`${common.name} stands in the ${place.path}`);
  const found = examined({ ...common, parameters: 0 }, () => {
    const layers = stack.map((one) => one.layer());
    layers.forEach((layer, k) => {
      for (const [part, tensor] of layer.parts)
        parts.set(stack.length > 1 ? `layer${k}.${part}` : part, tensor);
      notes.push(...layer.notes);
    });
    const first = layers[0]!;
    const { cell } = first.directions[0]!;
    return {
      family: cell.family,
      cell: cell.name,
      inputSize: first.inputSize,
      hiddenSize: first.hiddenSize,
      hasBiases: first.hasBiases,
      open: (options) => open(common.name, layers, options),
    };
  });
  return { ...found, parameters: storedNumbers(parts) };
}

function open(name: string, layers: readonly RecurrentLayer[], options: ModelOptions): OpenModule {
  if (options.gates !== undefined)
    throw new UserError(
      'USAGE',
      `--gates ${options.gates} does not fit ${name}: ONNX fixes the order of the blocks.`,
    );
  const cellOf = (layer: RecurrentLayer, direction: Direction) => {
    const { cell } = wayOf(layer, direction);
    return chooseCell(name, [cell], cell, options).cell;
  };
  return {
    cell: cellOf(layers[0]!, options.direction ?? 'forward'),
    assumptions: [],
    layer: (index, direction): Layer => ({
      name: `layer${index}`,
      cell: cellOf(layers[index]!, direction),
      weights: wayOf(layers[index]!, direction).weights(),
    }),
  };
}

/** A layer of one direction has that one, whichever way it runs. */
const wayOf = ({ directions }: RecurrentLayer, direction: Direction) =>
  directions[direction === 'backward' ? directions.length - 1 : 0]!;

/** By the weight: a readout behind two branches is one. */
const distinct = (all: readonly Linear[]): Linear[] =>
  all.filter(({ weight }, k) => all.findIndex((other) => other.weight.name === weight.name) === k);

/** Why a graph may hold no recurrent node, and what to do. */
function absence(program: Program): string {
  const nodes = placesIn(program).flatMap(({ graph }) => graph.nodes);
  const said = `Its graph has no GRU, LSTM or RNN node; it has ${operatorsText(nodes)}.`;
  const called = nodes.find(({ operator }) =>
    program.functions.get(operator)?.some((inner) => isRecurrent(inner)),
  );
  if (called)
    return `${said} The function ${called.operator} hides one: export again with functions inlined.`;
  const quantised = nodes.find(({ operator }) => /LSTM|GRU|RNN/.test(operator));
  if (quantised)
    return `${said} ${quantised.operator} is an operator of its own, whose equations are not known here.`;
  const has = (pattern: RegExp) => nodes.some(({ operator }) => pattern.test(operator));
  const remedy =
    'export it with PyTorch’s older exporter (torch.onnx.export(…, dynamo=False)), or give the state_dict or the Keras file';
  const isCell = has(/^(Tanh|Relu|Sigmoid|HardSigmoid|Softsign)$/) && has(/^(MatMul|Gemm)$/);
  if (isCell && has(/^(Loop|Scan)$/))
    return `${said} A cell may be written out in the body of its Loop: ${remedy}.`;
  if (isCell) return `${said} A cell may be unrolled into these: ${remedy}.`;
  return said;
}
