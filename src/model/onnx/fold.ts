import { UserError } from '../../errors.js';
import type { Graph, GraphNode, Program } from '../../formats/weight-file.js';
import {
  type Constant,
  cast,
  concat,
  constant,
  elements,
  gather,
  isSame,
  Misfit,
  part,
  reshape,
  slice,
  squeeze,
  transpose,
  unsqueeze,
} from './constant.js';
import { isGraph, isTensor, LONGEST_CHAIN, nodeText, numberOf, numbersOf, type Place } from './place.js';

/** A value was asked for that the network's inputs decide, or an operator that is not followed. */
export class NotConstant extends Error {
  /** 'Conv '/conv1'', 'the input 'x' of the graph'. */
  constructor(readonly culprit: string) {
    super(`it depends on ${culprit}`);
  }
}

/** Names that are followed, one behind another and all together, and numbers that are made on the way. */
const MAX_VISITS = 200_000;
const MAX_ELEMENTS = 2 ** 28;

/**
 * Finds the values of names that do not depend on the network's inputs, through the operators that only rearrange. Each
 * name is found once; nothing is computed that is not asked for.
 */
export class Folder {
  private readonly found = new Map<Place, Map<string, Constant | NotConstant | 'in progress'>>();
  private readonly inner = new Map<Graph, Place>();
  private depth = 0;
  private visits = 0;
  private elements = 0;

  constructor(
    private readonly program: Program,
    places: readonly Place[],
  ) {
    for (const place of places) this.inner.set(place.graph, place);
  }

  /** Throws NotConstant; a UserError where the graph is broken. */
  constant(name: string, place: Place): Constant {
    const known = this.namesOf(place);
    const before = known.get(name);
    if (before === 'in progress')
      throw new UserError(
        'CORRUPT',
        `the value '${name}' of the graph depends on itself. The file is damaged; export it again.`,
      );
    if (before instanceof NotConstant) throw before;
    if (before) return before;
    if (++this.visits > MAX_VISITS || this.depth === LONGEST_CHAIN)
      throw new UserError(
        'LIMIT',
        `the value '${name}' depends on more nodes than are followed (${this.depth === LONGEST_CHAIN ? `${LONGEST_CHAIN} one behind another` : MAX_VISITS}).`,
      );
    known.set(name, 'in progress');
    this.depth++;
    try {
      const value = this.look(name, place);
      known.set(name, value);
      return value;
    } catch (error) {
      if (error instanceof NotConstant) known.set(name, error);
      else known.delete(name);
      throw error;
    } finally {
      this.depth--;
    }
  }

  /** As `constant`; undefined where it is none. */
  maybe(name: string | undefined, place: Place): Constant | undefined {
    if (name === undefined || name === '') return undefined;
    try {
      return this.constant(name, place);
    } catch (error) {
      if (error instanceof NotConstant) return undefined;
      throw error;
    }
  }

  private namesOf(place: Place): Map<string, Constant | NotConstant | 'in progress'> {
    let names = this.found.get(place);
    if (!names) {
      names = new Map();
      this.found.set(place, names);
    }
    return names;
  }

  private look(name: string, place: Place): Constant {
    const meaning = place.meaningOf(name);
    if (!meaning)
      throw new UserError(
        'CORRUPT',
        `nothing in the graph makes '${name}'. The file is damaged; export it again.`,
      );
    if (meaning.kind === 'tensor') {
      // As stored: widened each time, and not kept twice.
      return meaning.tensor;
    }
    if (meaning.kind === 'input') return this.input(name, meaning.input, meaning.place);
    const { node, output } = meaning;
    try {
      return this.counted(name, this.node(node, output, meaning.place));
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      throw new UserError(
        'CORRUPT',
        `${nodeText(node)} cannot be applied: ${error.message}. The file is damaged; export it again.`,
      );
    }
  }

  private counted(name: string, c: Constant): Constant {
    this.elements += elements(c.shape);
    if (this.elements <= MAX_ELEMENTS) return c;
    throw new UserError('LIMIT', `the constants behind '${name}' have more than ${MAX_ELEMENTS} elements.`);
  }

  /** Of a graph in a Loop or Scan: what the node is given, if the body hands on that very value. */
  private input(name: string, input: number, place: Place): Constant {
    const given = place.owner && carriedInto(place, input);
    if (!given)
      throw new NotConstant(
        place.owner ? `'${name}' of the ${place.path}` : `the input '${name}' of the graph`,
      );
    return this.constant(given, place.owner!.place);
  }

  private node(node: GraphNode, output: number, place: Place): Constant {
    const input = (k: number): Constant => this.constant(node.inputs[k] ?? '', place);
    const has = (k: number): boolean => (node.inputs[k] ?? '') !== '';
    /** Whole numbers that are an input in newer versions and an attribute in older ones. */
    const listed = (k: number, key: string): readonly number[] | undefined =>
      has(k) ? [...input(k).values()] : numbersOf(node, key);
    switch (node.operator) {
      case 'Constant':
        return constantOf(node);
      case 'Identity':
        return input(0);
      case 'Dropout':
        if (output === 0 && (!has(2) || input(2).values()[0] === 0)) return input(0);
        break;
      case 'Cast':
        return cast(input(0), numberOf(node, 'to', 0));
      case 'Transpose':
        return transpose(input(0), numbersOf(node, 'perm'));
      case 'Reshape':
        return reshape(input(0), listed(1, 'shape') ?? [], numberOf(node, 'allowzero', 0) !== 0);
      case 'Unsqueeze':
        return unsqueeze(input(0), listed(1, 'axes') ?? []);
      case 'Squeeze':
        return squeeze(input(0), listed(1, 'axes'));
      case 'Slice':
        return slice(input(0), {
          starts: listed(1, 'starts') ?? [],
          ends: listed(2, 'ends') ?? [],
          axes: listed(3, 'axes'),
          steps: listed(4, 'steps'),
        });
      case 'Concat':
        return concat(
          node.inputs.map((_, k) => input(k)),
          numberOf(node, 'axis', this.program.opset < 4 ? 1 : Number.NaN),
        );
      case 'Split': {
        const axis = numberOf(node, 'axis', 0);
        const whole = input(0);
        return part(whole, axis, listed(1, 'split') ?? evenly(whole, axis, node), output);
      }
      case 'Gather':
        return gather(input(0), input(1), numberOf(node, 'axis', 0));
      case 'If':
        return this.branch(node, output, place);
      case 'Loop':
      case 'Scan':
        return this.carried(node, output, place);
    }
    throw new NotConstant(nodeText(node));
  }

  /** The branch that is taken, or what both give. */
  private branch(node: GraphNode, output: number, place: Place): Constant {
    const of = (key: string): Constant => {
      const graph = node.attributes.get(key);
      const name = isGraph(graph) ? graph.outputs[output] : undefined;
      if (!isGraph(graph) || name === undefined) throw new Misfit(`it has no ${key}`);
      return this.constant(name, this.inner.get(graph)!);
    };
    const condition = this.maybe(node.inputs[0], place);
    if (condition) return of(condition.values()[0] === 0 ? 'else_branch' : 'then_branch');
    const [a, b] = [of('then_branch'), of('else_branch')];
    if (isSame(a, b)) return a;
    throw new NotConstant(nodeText(node));
  }

  /** An output of a Loop or Scan whose body hands a value on as it was given. */
  private carried(node: GraphNode, output: number, place: Place): Constant {
    const body = node.attributes.get('body');
    const inner = isGraph(body) ? this.inner.get(body) : undefined;
    const given = inner && carriedInto(inner, output + (node.operator === 'Loop' ? 2 : 0));
    if (!given) throw new NotConstant(nodeText(node));
    return this.constant(given, place);
  }
}

/**
 * Which input of a Loop or Scan is carried unchanged into an input of its body. Loop: the body takes (iteration, condition,
 * carried …) and gives (condition, carried …, scanned …). Scan: states first, then slices of sequences.
 */
function carriedInto(body: Place, input: number): string | undefined {
  const { graph } = body;
  const { node } = body.owner!;
  const [before, lead] = node.operator === 'Loop' ? [2, 1] : [0, 0];
  if (node.operator !== 'Loop' && node.operator !== 'Scan') return undefined;
  const states =
    node.operator === 'Loop' ? node.inputs.length : node.inputs.length - numberOf(node, 'num_scan_inputs', 0);
  if (input < before || input >= states) return undefined;
  const name = graph.inputs[input]?.name;
  const out = graph.outputs[input - before + lead];
  if (name === undefined || out === undefined || body.behindIdentities(out) !== name) return undefined;
  return node.inputs[input] || undefined;
}

function constantOf(node: GraphNode): Constant {
  const value = node.attributes.get('value');
  if (isTensor(value)) return value;
  for (const [key, dtype] of [
    ['value_float', 'f32'],
    ['value_int', 'i64'],
  ] as const) {
    const one = node.attributes.get(key);
    if (typeof one === 'number') return constant([], dtype, () => Float64Array.of(one));
    const several = numbersOf(node, `${key}s`);
    if (several) return constant([several.length], dtype, () => Float64Array.from(several));
  }
  throw new NotConstant(`${nodeText(node)}, which holds no numbers that are read`);
}

/** Sizes of a Split that says none: equal ones, of which the last may be smaller. */
function evenly({ shape }: Constant, axis: number, node: GraphNode): number[] {
  const count = numberOf(node, 'num_outputs', node.outputs.length);
  const whole = shape[axis < 0 ? axis + shape.length : axis] ?? 0;
  if (!(count >= 1 && count <= node.outputs.length)) throw new Misfit(`${count} parts`);
  const size = Math.ceil(whole / count);
  return Array.from({ length: count }, (_, k) => Math.max(0, Math.min(size, whole - k * size)));
}
