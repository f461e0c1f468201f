import { type Activation, activation, type Cell, type CellParameter } from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { GraphNode, Tensor } from '../../formats/weight-file.js';
import type { Matrix } from '../../linalg/matrix.js';
import { type Constant, elements } from './constant.js';
import {
  add,
  affine,
  type Expression,
  mul,
  parts,
  read,
  scale,
  shift,
  sliceOf,
  subtractFrom,
  textOf,
  UNIT_CLIP,
  unary,
} from './expression.js';
import type { Folder } from './fold.js';
import { isGraph, nodeText, numberOf, numbersOf, type Place } from './place.js';
import type { RecurrentLayer } from './recurrent.js';

/** A Loop or Scan whose body is one step of a recurrence: where its sequence comes from, and which output holds its states. */
export interface LoopCell {
  readonly input: string;
  readonly output: number;
  /** What its states begin with, h first. */
  readonly initial: readonly string[];
  readonly layer: RecurrentLayer;
}

/** Something in the body that is no recurrence as cells have them: the Loop is then none. */
class NoCell extends Error {}

/** Reads the body of a Loop or Scan as equations; undefined where it does something else. The places are those of its file. */
export function loopCell(node: GraphNode, place: Place, folder: Folder, body: Place): LoopCell | undefined {
  try {
    return new BodyReader(node, place, folder, body).read();
  } catch (error) {
    // What is broken in a Loop that is no recurrence is not for us to say.
    if (error instanceof NoCell || error instanceof UserError) return undefined;
    throw error;
  }
}

/** Inputs [from, to) of the node are carried from step to step; `lead` outputs of the body stand before their new values. */
interface Carried {
  readonly from: number;
  readonly to: number;
  readonly lead: number;
}

/** Loop: (iterations, condition, carried …) → (condition, carried …, gathered …). Scan: (carried …, sequences …) → (carried …, gathered …). */
function carriedOf(node: GraphNode): Carried {
  if (node.operator === 'Loop') return { from: 2, to: node.inputs.length, lead: 1 };
  const sequences = numberOf(node, 'num_scan_inputs', 0);
  const moved = ['scan_input_directions', 'scan_output_directions', 'scan_input_axes', 'scan_output_axes'];
  const isPlain = moved.every((key) => (numbersOf(node, key) ?? []).every((v) => v === 0));
  if (sequences !== 1 || !isPlain) throw new NoCell();
  return { from: 0, to: node.inputs.length - 1, lead: 0 };
}

const MAX_DEPTH = 200;
/** Quantities of one step, and numbers in its matrices: far more than a cell has. */
const MAX_QUANTITIES = 2000;
const MAX_ENTRIES = 2 ** 26;
/** Entries of a state of which a part may be taken, by a product with rows of the identity. */
const MAX_SLICED = 4096;
type Value = Expression | Constant;
const isExpression = (value: Value): value is Expression => 'kind' in value;

class BodyReader {
  private readonly values = new Map<string, Value>();
  private readonly states = new Map<string, Expression>();
  private input: { readonly name: string; readonly expression: Expression } | undefined;
  private readonly carried: Carried;
  private depth = 0;
  private entriesMade = 0;

  constructor(
    private readonly node: GraphNode,
    private readonly place: Place,
    private readonly folder: Folder,
    private readonly body: Place,
  ) {
    this.carried = carriedOf(node);
  }

  read(): LoopCell {
    const { graph } = this.body;
    const { from, to, lead } = this.carried;
    const carried = this.node.inputs.slice(from, to).flatMap((given, k) => {
      const name = graph.inputs[from + k]?.name;
      const out = graph.outputs[lead + k];
      const isChanged = name !== undefined && out !== undefined && this.body.behindIdentities(out) !== name;
      return isChanged && given !== '' ? [{ name, out, given }] : [];
    });
    const gathered = graph.outputs.slice(lead + to - from).map((out) => this.body.behindIdentities(out));
    // The state that is handed on is the one whose new value is gathered; a counter is not asked for.
    const shown = carried.find(({ out }) => gathered.includes(this.body.behindIdentities(out)));
    if (!shown) throw new NoCell();
    const H = this.widthOf(shown.out);
    const outputs = new Map<string, Expression>();
    const initial = [shown.given];
    this.states.set(shown.name, { kind: 'state', block: 'h', length: H });
    outputs.set('h', this.expression(shown.out));
    for (const { name, out, given } of carried) {
      if (name === shown.name || !this.states.has(name)) continue;
      outputs.set('c', this.expression(out));
      initial.push(given);
    }
    if (!this.input) throw new NoCell();
    const output = to - from + gathered.indexOf(this.body.behindIdentities(shown.out));
    return { input: this.input.name, output, initial, layer: this.layer(outputs, H) };
  }

  /** Of a state, from the constants that its new value is made of: asked before the state itself can be. */
  private widthOf(out: string): number {
    const open = [this.body.behindIdentities(out)];
    const seen = new Set<string>();
    for (let name = open.shift(); name !== undefined && seen.size < MAX_DEPTH; name = open.shift()) {
      if (seen.has(name)) continue;
      seen.add(name);
      const meaning = this.body.meaningOf(name);
      if (meaning?.kind !== 'node' || meaning.place !== this.body) continue;
      const { operator, inputs } = meaning.node;
      const weight = operator === 'MatMul' ? this.folder.maybe(inputs[1], this.body) : undefined;
      // The product that the state enters has as many rows as the state has entries.
      const isOfState = weight?.shape.length === 2 && this.isCarried(inputs[0] ?? '');
      if (weight && isOfState) return weight.shape[0]!;
      open.push(...inputs);
    }
    throw new NoCell();
  }

  private isCarried(name: string): boolean {
    const meaning = this.body.meaningOf(this.body.behindIdentities(name));
    return meaning?.kind === 'input' && meaning.place === this.body && this.isCarriedAt(meaning.input);
  }

  private isCarriedAt(input: number): boolean {
    return input >= this.carried.from && input < this.carried.to;
  }

  private expression(name: string): Expression {
    const value = this.value(name);
    if (!isExpression(value)) throw new NoCell();
    return value;
  }

  private value(name: string): Value {
    const known = this.values.get(name);
    if (known) return known;
    if (++this.depth > MAX_DEPTH) throw new NoCell();
    const found = this.folder.maybe(name, this.body) ?? this.made(name);
    this.depth--;
    this.values.set(name, found);
    return found;
  }

  private made(name: string): Value {
    const meaning = this.body.meaningOf(name);
    if (meaning?.kind === 'input' && meaning.place === this.body) {
      if (this.isCarriedAt(meaning.input)) return this.state(name);
      return this.node.operator === 'Scan' ? this.rowOf(this.node.inputs[meaning.input] ?? '', name) : fail();
    }
    if (meaning?.kind !== 'node' || meaning.place !== this.body) throw new NoCell();
    return this.applied(meaning.node, meaning.output);
  }

  /** Another state that the first one's equations ask for: the LSTM's c, as wide as h. */
  private state(name: string): Expression {
    const known = this.states.get(name);
    if (known) return known;
    if (this.states.size !== 1) throw new NoCell();
    const [first] = this.states.values();
    const state: Expression = { kind: 'state', block: 'c', length: first!.length };
    this.states.set(name, state);
    return state;
  }

  private applied(node: GraphNode, output: number): Value {
    const one = (k: number): Value => this.value(node.inputs[k] ?? '');
    const fixed = (k: number): readonly number[] | undefined => {
      const c = this.folder.maybe(node.inputs[k], this.body);
      return c && [...c.values()];
    };
    switch (node.operator) {
      case 'Identity':
      case 'Cast':
      case 'Squeeze':
      case 'Unsqueeze':
        return one(0);
      case 'Gather':
        return this.inputAt(node);
      case 'MatMul':
        return this.product(this.expression(node.inputs[0]!), one(1), false);
      case 'Gemm': {
        const isPlain =
          numberOf(node, 'alpha', 1) === 1 &&
          numberOf(node, 'beta', 1) === 1 &&
          numberOf(node, 'transA', 0) === 0;
        if (!isPlain) throw new NoCell();
        const whole = this.product(
          this.expression(node.inputs[0]!),
          one(1),
          numberOf(node, 'transB', 0) !== 0,
        );
        return node.inputs[2] ? this.sum(whole, one(2)) : whole;
      }
      case 'Add':
        return this.sum(one(0), one(1));
      case 'Sub':
        return this.difference(one(0), one(1));
      case 'Neg':
        return scale(Float64Array.of(-1), this.expression(node.inputs[0]!));
      case 'Mul':
        return this.times(one(0), one(1));
      case 'Split': {
        const whole = this.expression(node.inputs[0]!);
        this.checkAxis(numberOf(node, 'axis', 0));
        const sizes =
          fixed(1) ?? numbersOf(node, 'split') ?? node.outputs.map(() => whole.length / node.outputs.length);
        if (sizes.reduce((sum, size) => sum + size, 0) !== whole.length) throw new NoCell();
        const from = sizes.slice(0, output).reduce((sum, size) => sum + size, 0);
        return this.entries(whole, from, from + sizes[output]!);
      }
      case 'Max':
      case 'Min':
      case 'Clip':
        return this.clipped(node);
      default:
        return unary(functionOf(node), this.expression(node.inputs[0]!));
    }
  }

  /** Row t of a sequence from outside the Loop, in step t. */
  private inputAt(node: GraphNode): Expression {
    const name = node.inputs[0] ?? '';
    const meaning = this.body.meaningOf(name);
    const isOutside = meaning && !(meaning.kind !== 'tensor' && meaning.place === this.body);
    const isSequence = isOutside && numberOf(node, 'axis', 0) === 0 && !this.folder.maybe(name, this.place);
    if (!isSequence || !this.isCounter(node.inputs[1] ?? '')) throw new NoCell();
    return this.rowOf(name, node.outputs[0]!);
  }

  /** The input, whose width is known by the first matrix that acts on it. */
  private rowOf(sequence: string, row: string): Expression {
    if (this.input && this.input.name !== sequence) throw new NoCell();
    const user = this.body
      .usersOf(row)
      .find(({ operator, inputs }) => (operator === 'MatMul' || operator === 'Gemm') && inputs[0] === row);
    const weight = this.folder.maybe(user?.inputs[1], this.body);
    if (!user || weight?.shape.length !== 2) throw new NoCell();
    const isTurned = user.operator === 'Gemm' && numberOf(user, 'transB', 0) !== 0;
    this.input ??= {
      name: sequence,
      expression: { kind: 'input', length: weight.shape[isTurned ? 1 : 0]! },
    };
    return this.input.expression;
  }

  /** The number of the step: the Loop's own, or one that begins with 0 and grows by 1. */
  private isCounter(index: string): boolean {
    let name = index;
    let meaning = this.body.meaningOf(name);
    for (let k = 0; k < MAX_DEPTH && meaning?.kind === 'node'; k++) {
      if (!['Identity', 'Cast', 'Squeeze', 'Unsqueeze'].includes(meaning.node.operator)) return false;
      name = meaning.node.inputs[0] ?? '';
      meaning = this.body.meaningOf(name);
    }
    if (meaning?.kind !== 'input' || meaning.place !== this.body) return false;
    if (meaning.input < this.carried.from) return meaning.input === 0;
    const { from, lead } = this.carried;
    const first = this.folder.maybe(this.node.inputs[meaning.input], this.place);
    const next = this.body.meaningOf(
      this.body.behindIdentities(this.body.graph.outputs[meaning.input - from + lead] ?? ''),
    );
    if (next?.kind !== 'node' || next.node.operator !== 'Add' || !isAll(first, 0)) return false;
    const [a, b] = next.node.inputs;
    const step = a === name ? b : b === name ? a : undefined;
    return isAll(this.folder.maybe(step, this.body), 1);
  }

  /** q W, or q Wᵀ: rows of the graph are columns of ours. */
  private product(q: Expression, weight: Value, isTurned: boolean): Expression {
    if (isExpression(weight) || weight.shape.length !== 2) throw new NoCell();
    const [r, c] = weight.shape as [number, number];
    this.entriesMade += r * c;
    if (this.entriesMade > MAX_ENTRIES) throw new NoCell();
    const data = weight.values();
    const W: Matrix = isTurned
      ? { rows: r, cols: c, data }
      : { rows: c, cols: r, data: Float64Array.from(data, (_, p) => data[(p % r) * c + Math.floor(p / r)]!) };
    if (W.cols !== q.length) throw new NoCell();
    return affine(W, q);
  }

  private sum(a: Value, b: Value): Expression {
    if (isExpression(a) && isExpression(b)) return a.length === b.length ? add(a, b) : fail();
    if (isExpression(a)) return shift(this.fitting(b, a), a);
    return isExpression(b) ? shift(this.fitting(a, b), b) : fail();
  }

  private difference(a: Value, b: Value): Expression {
    if (!isExpression(b))
      return isExpression(a)
        ? shift(
            this.fitting(b, a).map((v) => -v),
            a,
          )
        : fail();
    if (!isExpression(a)) return subtractFrom(this.fitting(a, b), b);
    return add(a, scale(Float64Array.of(-1), b));
  }

  private times(a: Value, b: Value): Expression {
    if (isExpression(a) && isExpression(b)) return a.length === b.length ? mul(a, b) : fail();
    if (isExpression(a)) return scale(this.fitting(b, a), a);
    return isExpression(b) ? scale(this.fitting(a, b), b) : fail();
  }

  /** A constant that goes with every entry: one number, or as many as there are. */
  private fitting(c: Value, q: Expression): Float64Array {
    if (isExpression(c)) return fail();
    const count = elements(c.shape);
    const isRow = count === 1 || (count === q.length && c.shape.at(-1) === count);
    return isRow ? Float64Array.from(c.values()) : fail();
  }

  private entries(q: Expression, from: number, to: number): Expression {
    const isSound =
      Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= q.length;
    return isSound && q.length <= MAX_SLICED ? sliceOf(q, from, to) : fail();
  }

  private checkAxis(axis: number): void {
    if (axis !== -1 && axis !== 1) throw new NoCell();
  }

  /** Max(q, 0) is ReLU; Max(Min(q, 1), 0), its other order and Clip(q, 0, 1) hold q between 0 and 1. */
  private clipped(node: GraphNode): Expression {
    const bound = (k: number, key: string): number | undefined => {
      const c = this.folder.maybe(node.inputs[k], this.body);
      return c && elements(c.shape) === 1 ? c.values()[0] : numberOf(node, key, Number.NaN);
    };
    if (node.operator === 'Clip') {
      const [least, most] = [bound(1, 'min')!, bound(2, 'max')!];
      return unary(between(least, most), this.expression(node.inputs[0]!));
    }
    const isMax = node.operator === 'Max';
    const outer = this.bounded(node);
    const inner = this.body.meaningOf(outer.name);
    if (
      inner?.kind === 'node' &&
      inner.node.operator === (isMax ? 'Min' : 'Max') &&
      inner.place === this.body
    ) {
      const other = this.bounded(inner.node);
      const [least, most] = isMax ? [outer.bound, other.bound] : [other.bound, outer.bound];
      return unary(between(least, most), this.expression(other.name));
    }
    return isMax && outer.bound === 0 ? unary(activation('relu'), this.expression(outer.name)) : fail();
  }

  private bounded(node: GraphNode): { name: string; bound: number } {
    for (const [k, other] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const c = this.folder.maybe(node.inputs[k], this.body);
      if (c && elements(c.shape) === 1) return { name: node.inputs[other] ?? '', bound: c.values()[0]! };
    }
    return fail();
  }

  /** The equations as a cell, their constants as its parameters. */
  private layer(outputs: ReadonlyMap<string, Expression>, H: number): RecurrentLayer {
    const order = parts([...outputs.values()]);
    if (order.length > MAX_QUANTITIES) throw new NoCell();
    const names = new Map<Expression, string>();
    const matrices: Record<string, Matrix> = {};
    const vectors: Record<string, Float64Array> = {};
    const parameters: CellParameter[] = [];
    for (const e of order) {
      if (e.kind === 'affine') {
        const isInput = e.of.kind === 'input';
        const letter = isInput ? 'W' : 'U';
        const name = `${letter}${Object.keys(matrices).filter((one) => one.startsWith(letter)).length + 1}`;
        names.set(e, name);
        matrices[name] = e.W;
        parameters.push({ name, kind: 'matrix', rows: 'H', cols: isInput ? 'I' : 'H' });
      } else if (e.kind === 'scale' || e.kind === 'shift') {
        const name = `b${Object.keys(vectors).length + 1}`;
        names.set(e, name);
        vectors[name] = e.d;
        parameters.push({ name, kind: 'vector', rows: 'H' });
      }
    }
    if (order.some(({ kind, length }) => kind !== 'input' && length !== H)) throw new NoCell();
    const I = this.input!.expression.length;
    const blocks = [...outputs.keys()];
    const cell: Cell = {
      name: 'graph',
      family: 'other',
      summary: `the body of ${nodeText(this.node)}, read from the graph`,
      formula: textOf(order, names, outputs),
      blocks,
      parameters,
      equations(op, w, s, x) {
        const values = read(order, names, op, w, s, x);
        return Object.fromEntries([...outputs].map(([block, e]) => [block, values.get(e)!]));
      },
    };
    const weights = { hiddenSize: H, inputSize: I, matrices, vectors };
    return {
      hiddenSize: H,
      inputSize: I,
      isReversed: false,
      hasBiases: Object.keys(vectors).length > 0,
      parts: partsOf(nodeText(this.node), matrices, vectors),
      notes: [`${nodeText(this.node)} is a cell written out: its equations are read from the body`],
      directions: [{ cell, weights: () => weights }],
    };
  }
}

const isAll = (c: Constant | undefined, value: number): boolean =>
  c !== undefined && elements(c.shape) === 1 && c.values()[0] === value;

const fail = (): never => {
  throw new NoCell();
};

function between(least: number, most: number): Activation {
  if (least === 0 && most === 1) return UNIT_CLIP;
  return least === -most && most > 0 ? activation('clip', most) : fail();
}

const FUNCTIONS: Readonly<Record<string, (node: GraphNode) => Activation>> = {
  Sigmoid: () => activation('sigmoid'),
  Tanh: () => activation('tanh'),
  Relu: () => activation('relu'),
  Softsign: () => activation('softsign'),
  Softplus: () => activation('softplus'),
  Exp: () => activation('exponential'),
  Selu: (node) => (node.attributes.size === 0 ? activation('selu') : fail()),
  Elu: (node) => activation('elu', numberOf(node, 'alpha', 1)),
  LeakyRelu: (node) => activation('leaky_relu', numberOf(node, 'alpha', 0.01)),
  HardSigmoid: (node) =>
    activation('hard_sigmoid', numberOf(node, 'alpha', 0.2), numberOf(node, 'beta', 0.5)),
};

const functionOf = (node: GraphNode): Activation =>
  Object.hasOwn(FUNCTIONS, node.operator) ? FUNCTIONS[node.operator]!(node) : fail();

function partsOf(
  where: string,
  matrices: Readonly<Record<string, Matrix>>,
  vectors: Readonly<Record<string, Float64Array>>,
): ReadonlyMap<string, Tensor> {
  const tensor = (name: string, shape: readonly number[], data: Float64Array): [string, Tensor] => [
    name,
    { name: `${name} of ${where}`, shape, dtype: 'f32', values: () => data },
  ];
  return new Map([
    ...Object.entries(matrices).map(([name, { rows, cols, data }]) => tensor(name, [rows, cols], data)),
    ...Object.entries(vectors).map(([name, data]) => tensor(name, [data.length], data)),
  ]);
}

/** The body of a Loop or Scan as a place of its own. */
export const bodyOf = (node: GraphNode, places: readonly Place[]): Place | undefined => {
  if (node.operator !== 'Loop' && node.operator !== 'Scan') return undefined;
  const body = node.attributes.get('body');
  return isGraph(body) ? places.find(({ graph }) => graph === body) : undefined;
};
