import type { Block } from '../cells/layout.js';
import { gemm, gemv, resident, residentVector, vectorSigmoid, vectorTanh } from '../linalg/index.js';
import { type Matrix, rowBlock, zeros } from '../linalg/matrix.js';
import type { Elementary } from './elementary.js';
import { add, combine, equal, multiply } from './elementwise.js';
import type { Tape } from './linear-form.js';
import { argumentsOf, type Graph, type Node } from './trace.js';

/** All affines of one argument, one above the other: one product serves them all. */
export interface Stack {
  readonly W: Matrix;
  readonly b: Float64Array;
  /** W times the argument, plus b. */
  readonly out: Float64Array;
  /** Where in the stack a matrix of the equations lies, and where an affine. */
  readonly rowsOf: ReadonlyMap<Matrix | number, { readonly from: number; readonly to: number }>;
}

type Affine = Node & { readonly op: 'affine' };
type Located = readonly [id: number, affine: Affine];

/**
 * Steps of a traced cell. Values of all nodes stay where they are until the next step (`tape`); what affines of one
 * argument give lies in one vector, so that a step is one product a state block, and one for the input.
 */
export class Evaluation {
  readonly tape: Tape;
  /** By argument; none where no affine acts on a node. */
  readonly stacks: readonly (Stack | undefined)[];
  private readonly input: number;
  private readonly inputStack: Stack | undefined;
  /** Whether equations look at the input itself, beside its products with matrices. */
  private readonly seesInput: boolean;
  /** Whether the input's products are those of the input in the tape. */
  private current = false;

  constructor(
    private readonly graph: Graph,
    private readonly blocks: readonly Block[],
  ) {
    const { nodes } = graph;
    this.stacks = stacksOf(nodes, this);
    this.tape = {
      values: nodes.map((node, id) => this.valueOf(node, id)),
      slopes: nodes.map((node) => residentVector(this, node.op === 'unary' ? node.length : 0)),
      complements: nodes.map(({ length }) => residentVector(this, length)),
    };
    this.input = nodes.findIndex((node) => node.op === 'input');
    this.inputStack = this.stacks[this.input];
    this.seesInput = nodes.some((node) => node.op !== 'affine' && argumentsOf(node).includes(this.input));
  }

  private valueOf(node: Node, id: number): Float64Array {
    const place = node.op === 'affine' ? this.stacks[node.arg]?.rowsOf.get(id) : undefined;
    if (place && node.op === 'affine') return this.stacks[node.arg]!.out.subarray(place.from, place.to);
    const own = residentVector(this, node.length);
    // Without columns the bias is all there is.
    if (node.op === 'affine' && node.b) own.set(node.b);
    return own;
  }

  /** next ← F(state, x). `next` may be `state`. */
  step(state: Float64Array, x: Float64Array, next: Float64Array): void {
    const own = this.tape.values[this.input]!;
    if (!this.current || !equal(own, x)) {
      own.set(x);
      if (this.inputStack) apply(this.inputStack, own);
      this.current = true;
    }
    this.finish(state, next);
  }

  /** Numbers that `project` makes of a row of inputs. */
  get projectionSize(): number {
    return (this.inputStack?.out.length ?? 0) + (this.seesInput ? this.graph.nodes[this.input]!.length : 0);
  }

  /** out ← all that a step does with its input alone, for many rows at once: W x + b and, if it is looked at, x. */
  project(X: Matrix, out: Matrix): void {
    const { W, b } = this.inputStack ?? { W: zeros(0, X.cols), b: new Float64Array(0) };
    const products = out.cols === W.rows ? out : zeros(X.rows, W.rows);
    for (let t = 0; t < X.rows; t++) products.data.set(b, t * W.rows);
    if (W.rows > 0) gemm(products, X, W, { transB: true, beta: 1 });
    if (products === out) return;
    for (let t = 0; t < X.rows; t++) {
      out.data.set(products.data.subarray(t * W.rows, (t + 1) * W.rows), t * out.cols);
      out.data.set(X.data.subarray(t * X.cols, (t + 1) * X.cols), t * out.cols + W.rows);
    }
  }

  /** The same step from a row of `project`. */
  stepProjected(state: Float64Array, row: Float64Array, next: Float64Array): void {
    const size = this.inputStack?.out.length ?? 0;
    this.inputStack?.out.set(size === row.length ? row : row.subarray(0, size));
    if (this.seesInput) this.tape.values[this.input]!.set(row.subarray(size));
    this.current = false;
    this.finish(state, next);
  }

  /** Numbers that all products of a step give, and its input where equations look at it. */
  get recordSize(): number {
    const products = this.stacks.reduce((sum, stack) => sum + (stack?.out.length ?? 0), 0);
    return products + (this.seesInput ? this.graph.nodes[this.input]!.length : 0);
  }

  /** Writes down what the products of the last step gave. */
  record(row: Float64Array): void {
    let at = 0;
    for (const stack of this.stacks) {
      if (!stack) continue;
      row.set(stack.out, at);
      at += stack.out.length;
    }
    if (this.seesInput) row.set(this.tape.values[this.input]!, at);
  }

  /** The step that was written down, from the same state, without its products. */
  stepAgain(state: Float64Array, row: Float64Array, next: Float64Array): void {
    let at = 0;
    for (const stack of this.stacks) {
      if (!stack) continue;
      stack.out.set(row.subarray(at, at + stack.out.length));
      at += stack.out.length;
    }
    if (this.seesInput) this.tape.values[this.input]!.set(row.subarray(at));
    this.current = false;
    this.finish(state, next, false);
  }

  private finish(state: Float64Array, next: Float64Array, products = true): void {
    const { nodes, outputs } = this.graph;
    const { values } = this.tape;
    for (let id = 0; id < nodes.length; id++) {
      this.evaluate(nodes[id]!, id, state);
      const own = products && id !== this.input ? this.stacks[id] : undefined;
      if (own) apply(own, values[id]!);
    }
    for (let b = 0; b < outputs.length; b++) next.set(values[outputs[b]!]!, this.blocks[b]!.from);
  }

  private evaluate(node: Node, id: number, state: Float64Array): void {
    const { values } = this.tape;
    const out = values[id]!;
    switch (node.op) {
      case 'state': {
        const { from } = this.blocks[node.block]!;
        for (let i = 0; i < out.length; i++) out[i] = state[from + i]!;
        break;
      }
      case 'input':
      case 'affine':
        // Found with the input, and with the stack of its argument.
        break;
      case 'add':
        add(out, values[node.a]!, values[node.b]!);
        break;
      case 'mul':
        multiply(out, values[node.a]!, values[node.b]!);
        break;
      case 'mix':
        combine(out, this.complementOf(node.z), values[node.a]!, values[node.z]!, values[node.b]!);
        break;
      case 'scale':
        multiply(out, node.d, values[node.arg]!);
        break;
      case 'shift':
        add(out, node.d, values[node.arg]!);
        break;
      case 'complement':
        out.set(this.complementOf(node.arg));
        break;
      case 'unary':
        this.apply(node.f, id, values[node.arg]!, out);
    }
  }

  /** out ← f(a). With σ and tanh come what is derived from the same exponential. */
  private apply(f: Elementary, id: number, a: Float64Array, out: Float64Array): void {
    const slope = this.tape.slopes[id]!;
    if (f.name === 'sigmoid') vectorSigmoid(out, a, this.tape.complements[id]!, slope);
    else if (f.name === 'tanh') vectorTanh(out, a, slope);
    else for (let i = 0; i < out.length; i++) out[i] = f.value(a[i]!);
  }

  /** 1 − q; for q = σ(a) as σ(−a), which keeps its digits where σ(a) is next to 1. */
  private complementOf(id: number): Float64Array {
    const node = this.graph.nodes[id]!;
    const out = this.tape.complements[id]!;
    if (node.op === 'unary' && node.f.name === 'sigmoid') return out;
    if (node.op === 'unary' && node.f.complement) {
      const { complement } = node.f;
      const a = this.tape.values[node.arg]!;
      for (let i = 0; i < out.length; i++) out[i] = complement(a[i]!);
    } else {
      const q = this.tape.values[id]!;
      for (let i = 0; i < out.length; i++) out[i] = 1 - q[i]!;
    }
    return out;
  }

  /** Brings the derivatives of the unary nodes up to date with the last step. */
  slopes(): void {
    const { nodes } = this.graph;
    for (let id = 0; id < nodes.length; id++) {
      const node = nodes[id]!;
      if (node.op !== 'unary' || node.f.name === 'sigmoid' || node.f.name === 'tanh') continue;
      const f = node.f.derivative;
      const slope = this.tape.slopes[id]!;
      for (let i = 0, a = this.tape.values[node.arg]!; i < slope.length; i++) slope[i] = f(a[i]!);
    }
  }
}

/** Affines without columns are their bias, and in no stack. */
function stacksOf(nodes: readonly Node[], owner: object): (Stack | undefined)[] {
  const affines = nodes.flatMap((node, id): Located[] =>
    node.op === 'affine' && node.W.cols > 0 ? [[id, node]] : [],
  );
  return nodes.map((_, arg) => {
    const members = affines.filter(([, affine]) => affine.arg === arg);
    return members.length > 0 ? stackOf(members, owner) : undefined;
  });
}

function stackOf(members: readonly Located[], owner: object): Stack {
  const height = members.reduce((sum, [, { W }]) => sum + W.rows, 0);
  const W = resident(owner, height, members[0]![1].W.cols);
  const b = residentVector(owner, height);
  const rowsOf = new Map<Matrix | number, { from: number; to: number }>();
  let from = 0;
  for (const [id, affine] of members) {
    const place = { from, to: from + affine.W.rows };
    rowBlock(W, place.from, place.to).data.set(affine.W.data);
    if (affine.b) b.set(affine.b, from);
    rowsOf.set(id, place).set(affine.W, place);
    from = place.to;
  }
  return { W, b, out: residentVector(owner, height), rowsOf };
}

/** out ← W q + b. */
function apply({ W, b, out }: Stack, q: Float64Array): void {
  out.set(b);
  gemv(out, W, q, { beta: 1 });
}
