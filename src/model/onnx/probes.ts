import type { GraphInput, GraphNode, Program } from '../../formats/weight-file.js';
import type { Folder } from './fold.js';
import { LONGEST_CHAIN, type Place } from './place.js';
import type { RecurrentLayer } from './recurrent.js';

/** Where a recurrent node takes from and gives to, for whoever runs the graph. */
export interface Probe {
  readonly node: GraphNode;
  readonly layer: RecurrentLayer;
  /** Whether its values can be read in the outermost graph. */
  readonly isOutermost: boolean;
  readonly input: string;
  readonly output: string;
  /** initial_h, initial_c; '' where it starts from 0. */
  readonly initial: readonly string[];
  /** Lengths of the sequences; '' where all have the same. */
  readonly lengths: string;
}

/** An input of the graph, and what it is for. */
export interface Feed extends GraphInput {
  readonly role: 'state' | 'tokens' | 'other';
  /** Rows of the table that tokens choose from. */
  readonly rows?: number;
}

/** The inputs that have to be fed: those that no stored tensor is the default of. */
export function feedsOf(
  program: Program,
  probes: readonly Probe[],
  outermost: Place,
  folder: Folder,
): Feed[] {
  const states = inputsBehind(
    probes.flatMap(({ initial }) => initial),
    outermost,
  );
  return program.inputs
    .filter(({ name }) => !program.tensors.has(name))
    .map((input): Feed => {
      if (states.has(input.name)) return { ...input, role: 'state' };
      const rows = rowsChosenBy(input.name, outermost, folder);
      return rows === undefined ? { ...input, role: 'other' } : { ...input, role: 'tokens', rows };
    });
}

/** The graph's inputs that decide values; what is made of their shapes alone does not count. */
function inputsBehind(names: readonly string[], place: Place): Set<string> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === '' || seen.has(name) || seen.size > LONGEST_CHAIN) continue;
    seen.add(name);
    const meaning = place.meaningOf(name);
    if (meaning?.kind === 'input') found.add(name);
    if (meaning?.kind === 'node' && meaning.node.operator !== 'Shape') open.push(...meaning.node.inputs);
  }
  return found;
}

/** How many rows the table has that an input chooses from, laid out differently at most. */
function rowsChosenBy(name: string, place: Place, folder: Folder): number | undefined {
  const open = [name];
  for (let k = 0; k < LONGEST_CHAIN && open.length > 0; k++) {
    const next = open.pop()!;
    for (const user of place.usersOf(next)) {
      if (user.operator === 'Gather' && user.inputs[1] === next) {
        const table = folder.maybe(user.inputs[0], place);
        if (table?.shape.length === 2) return table.shape[0];
      }
      if (['Cast', 'Transpose', 'Unsqueeze', 'Squeeze', 'Reshape', 'Identity'].includes(user.operator))
        open.push(...user.outputs);
    }
  }
  return undefined;
}
