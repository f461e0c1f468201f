import type { GraphNode, Tensor } from '../../formats/weight-file.js';
import type { Linear } from '../linear.js';
import { type Constant, transpose } from './constant.js';
import type { Folder } from './fold.js';
import { LONGEST_CHAIN, numberOf, type Place, type Producer } from './place.js';
import { isRecurrent } from './recurrent.js';

/** Operators that hand a sequence on as it is, in another layout. */
const RELAYOUTS = new Set([
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Reshape',
  'Flatten',
  'Identity',
  'Cast',
  'Dropout',
]);
/** Those that may leave steps out as well. */
const SELECTIONS = new Set([...RELAYOUTS, 'Slice', 'Gather', 'Split', 'GatherND']);

/** The node whose output, laid out differently, a name is; undefined where something else is done to it on the way. */
function origin(name: string, place: Place): Producer | undefined {
  for (let k = 0; k < LONGEST_CHAIN; k++) {
    const meaning = place.meaningOf(name);
    if (meaning?.kind !== 'node') return undefined;
    if (!RELAYOUTS.has(meaning.node.operator)) return meaning;
    name = meaning.node.inputs[0] ?? '';
    place = meaning.place;
  }
  return undefined;
}

/** The node whose output, laid out differently at most, a recurrent node takes; `isStates` says which outputs are states. */
export function nodeBelow(
  input: string,
  place: Place,
  isStates: (node: GraphNode, output: number) => boolean,
): GraphNode | undefined {
  const found = origin(input, place);
  return found && isStates(found.node, found.output) ? found.node : undefined;
}

/** The table whose rows are a recurrent node's inputs: Gather(table, tokens). */
export function embeddingBelow(input: string, place: Place, folder: Folder): Linear | undefined {
  const found = origin(input, place);
  if (found?.node.operator !== 'Gather' || numberOf(found.node, 'axis', 0) !== 0) return undefined;
  const table = folder.maybe(found.node.inputs[0], found.place);
  if (table?.shape.length !== 2) return undefined;
  const name = found.node.inputs[0]!;
  const [rows, cols] = table.shape as [number, number];
  return { name, weight: named(name, table), rows, cols, className: 'onnx.Embedding' };
}

/** Linear layers that take a recurrent node's states, at all steps or at some, and end the network: its readouts. */
export function readoutsAbove(node: GraphNode, place: Place, folder: Folder): Linear[] {
  const found: Linear[] = [];
  const seen = new Set<string>();
  const open = node.outputs.filter((name) => name !== '');
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name) || seen.size > LONGEST_CHAIN) continue;
    seen.add(name);
    for (const user of place.usersOf(name)) {
      if (SELECTIONS.has(user.operator) && user.inputs[0] === name) open.push(...user.outputs);
      const linear = linearOf(user, name, place, folder);
      if (linear) found.push(linear);
    }
  }
  return found;
}

/** y = W s + b of MatMul (and the Add behind it) or Gemm, if no other matrix acts on y. */
function linearOf(node: GraphNode, state: string, place: Place, folder: Folder): Linear | undefined {
  if (node.inputs[0] !== state || (node.operator !== 'MatMul' && node.operator !== 'Gemm')) return undefined;
  const stored = folder.maybe(node.inputs[1], place);
  if (stored?.shape.length !== 2) return undefined;
  const isGemm = node.operator === 'Gemm';
  // alpha and beta scale, transA turns the states: none is a plain linear layer.
  if (
    isGemm &&
    (numberOf(node, 'alpha', 1) !== 1 || numberOf(node, 'beta', 1) !== 1 || numberOf(node, 'transA', 0) !== 0)
  )
    return undefined;
  const weight = isGemm && numberOf(node, 'transB', 0) !== 0 ? stored : transpose(stored);
  const [rows, cols] = weight.shape as [number, number];
  const added = isGemm
    ? { bias: node.inputs[2], output: node.outputs[0]! }
    : addedTo(node.outputs[0]!, place, folder);
  const bias = vector(folder.maybe(added.bias, place), rows);
  if (feedsMatrix(added.output, place)) return undefined;
  const name = node.inputs[1]!;
  return {
    name: node.name === '' ? name : node.name,
    weight: named(name, weight),
    ...(bias ? { bias: named(added.bias!, bias) } : {}),
    rows,
    cols,
    className: 'onnx.Linear',
  };
}

/** The constant that is added to a value, perhaps after it was laid out differently. */
function addedTo(name: string, place: Place, folder: Folder): { bias?: string; output: string } {
  let output = name;
  for (let k = 0; k < LONGEST_CHAIN; k++) {
    const [user, ...others] = place.usersOf(output);
    if (!user || others.length > 0) break;
    if (user.operator === 'Add') {
      const bias = user.inputs.find((input) => input !== output);
      return folder.maybe(bias, place) ? { bias: bias!, output: user.outputs[0]! } : { output: name };
    }
    if (!RELAYOUTS.has(user.operator) || user.inputs[0] !== output) break;
    output = user.outputs[0]!;
  }
  return { output: name };
}

const vector = (c: Constant | undefined, length: number): Constant | undefined => {
  const isVector = c && c.shape.at(-1) === length && c.shape.slice(0, -1).every((size) => size === 1);
  return isVector ? { ...c, shape: [length], values: () => c.values() } : undefined;
};

const MATRICES = new Set(['MatMul', 'Gemm', 'Conv', 'Einsum']);

/** Whether another matrix acts on a value further on: what makes it is then no readout, but a layer among others. */
function feedsMatrix(name: string, place: Place): boolean {
  const seen = new Set<string>();
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next) || seen.size > LONGEST_CHAIN) continue;
    seen.add(next);
    for (const user of place.usersOf(next)) {
      if (MATRICES.has(user.operator) || isRecurrent(user)) return true;
      open.push(...user.outputs);
    }
  }
  return false;
}

const named = (name: string, c: Constant): Tensor => ({
  name,
  shape: c.shape,
  dtype: c.dtype,
  values: () => c.values(),
});

/** What a graph without recurrent nodes does instead, for the message. */
export function operatorsText(nodes: readonly GraphNode[]): string {
  const counts = new Map<string, number>();
  for (const { operator } of nodes) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1]);
  const shown = most
    .slice(0, 8)
    .map(([operator, count]) => (count === 1 ? operator : `${count} ${operator}`));
  return `${shown.join(', ')}${most.length > 8 ? ', …' : ''}`;
}
