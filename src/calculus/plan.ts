import type { Cell, CellWeights } from '../cells/index.js';
import { type Block, stateLayout } from '../cells/layout.js';
import { addScaledRows, gemm, gemv, logAbsDet, sumScaledRows } from '../linalg/index.js';
import { type Matrix, rowBlock, zeros } from '../linalg/matrix.js';
import { Buffers } from './buffers.js';
import { type Chain, chain, type Group, groupMatrix, type Source, type Sum, summed } from './chain.js';
import { sumLogAbs } from './elementwise.js';
import { Evaluation } from './evaluation.js';
import { type Forms, linearForms } from './linear-form.js';
import { type Graph, trace } from './trace.js';

/**
 * One column meets the stacked matrices of all gates themselves, and the weights after that; for more it pays to sum the gates
 * first, H² work each.
 */
const NARROW = 1;

/**
 * One layer's equations, traced and made ready to run many times: buffers are laid out once, the affines that act on one
 * source are summed before they meet a block of columns (H² work a gate instead of an H×H×k product a gate), and a dense
 * Jacobian is never formed to multiply by it.
 *
 * `evaluate` takes a step; `linearise` makes ready the derivative there; `jvp`, `vjp`, `jacobian`, `logAbsDet` then read
 * it, until the next `evaluate`.
 */
export class Plan {
  /** State blocks, in state order. */
  readonly blocks: readonly Block[];
  readonly stateSize: number;
  readonly inputSize: number;
  private readonly graph: Graph;
  private readonly evaluation: Evaluation;
  private readonly forms: Forms;
  private readonly chain: Chain;
  /** Groups on the diagonal of ∂F/∂s where its determinant is the product of theirs; null where it has no such form. */
  private readonly triangle: readonly (Group | undefined)[] | null;
  /** Whether a target that is part of the next state is also the source of another. */
  private readonly feedsForward: boolean;
  /** Tangents or cotangents by node, while a product is under way. */
  private readonly flow: (Matrix | null)[] = [];
  private readonly buffers = new Buffers();
  private stamp = 0;

  /** `cut` names quantities whose derivative is left out: J then lacks every path through them. */
  constructor(cell: Cell, weights: CellWeights, cut: readonly string[] = []) {
    this.graph = trace(cell, weights);
    this.blocks = stateLayout(cell, weights);
    this.stateSize = this.blocks.at(-1)!.to;
    this.inputSize = weights.inputSize;
    this.evaluation = new Evaluation(this.graph, this.blocks);
    const held = new Set(cut.flatMap((name) => this.graph.named.get(name) ?? []));
    this.forms = linearForms(this.graph, this.evaluation.tape, held);
    this.chain = chain(this.graph, this.forms, this.evaluation.stacks, this.blocks);
    this.feedsForward = this.chain.targets.some(({ node, block }) => block && this.chain.inner[node]);
    this.triangle = this.triangularForm();
  }

  /** next ← F(state, x). `next` may be `state`. */
  evaluate(state: Float64Array, x: Float64Array, next: Float64Array): void {
    this.evaluation.step(state, x, next);
  }

  /** Numbers that `project` makes of a row of inputs. */
  get projectionSize(): number {
    return this.evaluation.projectionSize;
  }

  /** out ← what steps make of their inputs alone, for the rows of X at once. */
  project(X: Matrix, out: Matrix): void {
    this.evaluation.project(X, out);
  }

  /** `evaluate`, from the row that `project` made of x. */
  evaluateProjected(state: Float64Array, row: Float64Array, next: Float64Array): void {
    this.evaluation.stepProjected(state, row, next);
  }

  /** Numbers that `record` needs. */
  get recordSize(): number {
    return this.evaluation.recordSize;
  }

  /** Writes down what the products of the last step gave. */
  record(row: Float64Array): void {
    this.evaluation.record(row);
  }

  /** The step that `record` wrote down, taken again without its products. */
  evaluateAgain(state: Float64Array, row: Float64Array, next: Float64Array): void {
    this.evaluation.stepAgain(state, row, next);
  }

  /** Where a named quantity is found after each step, and its pre-activation if it is a σ. */
  quantity(name: string): { readonly value: Float64Array; readonly logit: Float64Array | null } {
    const id = this.graph.named.get(name)!;
    const node = this.graph.nodes[id]!;
    const { values } = this.evaluation.tape;
    const sigmoid = node.op === 'unary' && node.f.name === 'sigmoid';
    return { value: values[id]!, logit: sigmoid ? values[node.arg]! : null };
  }

  /** Makes ready the derivative at the last evaluated point. */
  linearise(): void {
    this.evaluation.slopes();
    this.forms.update();
    this.stamp++;
  }

  /** out ← (∂F/∂s) V + (∂F/∂x) X, for V of stateSize × k and X of inputSize × k (null: 0). */
  jvp(V: Matrix, X: Matrix | null, out: Matrix): void {
    const narrow = V.cols <= NARROW;
    const { targets, outer, inner } = this.chain;
    for (const target of targets) target.written = false;
    for (const source of outer) {
      const from = this.given(source.node, V, X);
      this.flow[source.node] = from;
      if (!from) continue;
      if (narrow) this.multiplyStack(source, from);
      else for (const sum of source.sums) this.addProduct(sum, from, out);
    }
    for (const target of targets) {
      const into = target.block
        ? this.rowsOf(out, target.block)
        : this.buffers.at(target.node, target.length, V.cols);
      for (const group of target.groups) {
        const from = this.flow[group.source];
        if (from) this.addGroup(into, group, from, narrow);
      }
      if (!target.written) into.data.fill(0);
      const source = inner[target.node];
      if (!source) continue;
      this.flow[target.node] = into;
      if (narrow) this.multiplyStack(source, into);
    }
    this.graph.outputs.forEach((node, b) => {
      const { block } = targets.find((target) => target.node === node)!;
      if (block !== this.blocks[b]) this.rowsOf(out, this.blocks[b]!).data.set(this.rowsOf(out, block!).data);
    });
  }

  /** What a state block's or the input's tangent is, or where its cotangent goes. */
  private given(node: number, S: Matrix, X: Matrix | null): Matrix | null {
    const of = this.graph.nodes[node]!;
    return of.op === 'state' ? this.rowsOf(S, this.blocks[of.block]!) : X;
  }

  /** All matrices that act on a source, times its tangent. */
  private multiplyStack({ node, stack }: Source, from: Matrix): void {
    if (stack) product(this.stackBuffer(node, stack.W.rows, from.cols), stack.W, from, false, false);
  }

  /** What the groups of a sum give, in one product. It comes first to its targets. */
  private addProduct(sum: Sum, from: Matrix, out: Matrix): void {
    const add = sum.groups.some(({ target }) => target.written);
    const [first] = sum.groups as [Group];
    const into = first.target.block
      ? this.span(out, sum)
      : this.buffers.at(first.target.node, first.target.length, from.cols);
    for (const { target } of sum.groups) {
      if (add && !target.written) this.rowsOf(out, target.block!).data.fill(0);
      target.written = true;
    }
    product(into, summed(sum, this.stamp), from, false, add);
  }

  /** into ← into + what one group gives, unless `addProduct` has brought it. */
  private addGroup(into: Matrix, group: Group, from: Matrix, narrow: boolean): void {
    const { source, target, terms, diagonal, sum } = group;
    if (sum && !narrow) {
      if (this.chain.inner[source]) product(into, summed(sum, this.stamp), from, false, target.written);
      target.written = true;
      return;
    }
    for (const { coefficient, from: row, to } of terms) {
      const Y = this.stackBuffer(source, this.evaluation.stacks[source]!.W.rows, into.cols);
      scaleRows(into, coefficient, rowBlock(Y, row, to), target.written);
      target.written = true;
    }
    if (diagonal) {
      scaleRows(into, diagonal, from, target.written);
      target.written = true;
    }
  }

  /** outS ← (∂F/∂s)ᵀ W, outX ← (∂F/∂x)ᵀ W, for W of stateSize × k. */
  vjp(W: Matrix, outS: Matrix, outX: Matrix | null): void {
    const { targets, outer, inner } = this.chain;
    const all = this.cotangents(W);
    for (const target of targets) {
      this.flow[target.node] = target.block
        ? this.rowsOf(all, target.block)
        : this.buffers.at(target.node, target.length, W.cols);
    }
    for (const target of targets.toReversed()) {
      const source = inner[target.node];
      if (source) this.pull(this.flow[target.node]!, source, all, target.block !== undefined);
    }
    for (const source of outer) {
      const into = this.given(source.node, outS, outX);
      if (into) this.pull(into, source, all, false);
    }
  }

  /** The cotangents of the next state, free to be added to where that is needed. */
  private cotangents(W: Matrix): Matrix {
    const { outputs, nodes } = this.graph;
    const twins = outputs.some((node, b) => outputs.indexOf(node) !== b);
    if (!this.feedsForward && !twins) return W;
    const all = this.buffers.at(2 * nodes.length, W.rows, W.cols);
    all.data.set(W.data);
    outputs.forEach((node, b) => {
      const first = outputs.indexOf(node);
      if (first !== b) addInto(this.rowsOf(all, this.blocks[first]!), this.rowsOf(W, this.blocks[b]!));
    });
    return all;
  }

  /** into ← (into, if there is something) + Σ groupᵀ · the cotangents of what is made from the source. */
  private pull(into: Matrix, source: Source, all: Matrix, something: boolean): void {
    const narrow = into.cols <= NARROW;
    let add = something;
    if (narrow && source.stack && source.sums.length > 0) {
      product(into, source.stack.W, this.weighted(source, source.stack.W.rows, into.cols), true, add);
      add = true;
    }
    for (const sum of narrow ? [] : source.sums) {
      const [{ target }] = sum.groups as [Group];
      const from = target.block ? this.span(all, sum) : this.flow[target.node]!;
      product(into, summed(sum, this.stamp), from, true, add);
      add = true;
    }
    for (const { target, diagonal, sum } of source.groups) {
      if (!diagonal || (sum && !narrow)) continue;
      scaleRows(into, diagonal, this.flow[target.node]!, add);
      add = true;
    }
    if (!add) into.data.fill(0);
  }

  /** For each matrix in the source's stack, Σ coefficient ⊙ the cotangents of the terms that it stands in. */
  private weighted({ node, groups }: Source, rows: number, cols: number): Matrix {
    const Z = this.stackBuffer(node, rows, cols);
    Z.data.fill(0);
    for (const { target, terms } of groups) {
      for (const { coefficient, from, to } of terms)
        scaleRows(rowBlock(Z, from, to), coefficient, this.flow[target.node]!, true);
    }
    return Z;
  }

  /** [∂F/∂s | ∂F/∂x], of stateSize × (stateSize + inputSize): the tangent of the identity, without multiplying by it. */
  jacobian(): Matrix {
    const width = this.stateSize + this.inputSize;
    const rows = new Map<number, Matrix>();
    for (const target of this.chain.targets) {
      const D = zeros(target.length, width);
      for (const group of target.groups) {
        const node = this.graph.nodes[group.source]!;
        if (node.op === 'state') addBlock(D, this.blocks[node.block]!.from, group, this.stamp);
        else if (node.op === 'input') addBlock(D, this.stateSize, group, this.stamp);
        else if (group.sum) gemm(D, groupMatrix(group, this.stamp), rows.get(group.source)!, { beta: 1 });
        else scaleRows(D, group.diagonal!, rows.get(group.source)!, true);
      }
      rows.set(target.node, D);
    }
    const { outputs } = this.graph;
    if (outputs.length === 1) return rows.get(outputs[0]!)!;
    const all = zeros(this.stateSize, width);
    outputs.forEach((node, block) => {
      all.data.set(rows.get(node)!.data, this.blocks[block]!.from * width);
    });
    return all;
  }

  /** ln|det ∂F/∂s|, −∞ where it is singular to rounding. */
  logAbsDet(): number {
    if (!this.triangle) return logAbsDet(leadingColumns(this.jacobian(), this.stateSize));
    return this.triangle.reduce((total, group) => total + this.groupLogAbsDet(group), 0);
  }

  /** Whether `logAbsDet` takes a handful of sums, and no factorisation. */
  get determinantIsCheap(): boolean {
    return (
      this.triangle?.every((group) => !group || isScaledMatrix(group) || group.terms.length === 0) ?? false
    );
  }

  /**
   * Taking from each output's rows what other outputs contribute leaves the determinant as it is. Where the rest is block
   * triangular, its determinant is the product over the diagonal blocks (LSTM: ln|det J| = Σ ln f + ln|det of the
   * output gate's share|). null where there is no such form.
   */
  private triangularForm(): (Group | undefined)[] | null {
    const { nodes, outputs } = this.graph;
    const direct = outputs.map((output) => {
      const rows: (Group | undefined)[] = [];
      for (const group of this.chain.targets.find(({ node }) => node === output)!.groups) {
        const node = nodes[group.source]!;
        if (node.op === 'state') rows[node.block] = group;
        else if (node.op !== 'input' && !outputs.includes(group.source)) return null;
      }
      return rows;
    });
    if (direct.some((rows) => rows === null)) return null;
    const above = direct.some((rows, i) => rows!.some((group, j) => group && j > i));
    const below = direct.some((rows, i) => rows!.some((group, j) => group && j < i));
    return above && below ? null : direct.map((rows, i) => rows![i]);
  }

  private groupLogAbsDet(group: Group | undefined): number {
    if (!group) return -Infinity;
    if (group.terms.length === 0) return sumLogAbs(group.diagonal!);
    if (isScaledMatrix(group)) {
      const [{ coefficient, W }] = group.terms as [Group['terms'][number]];
      return sumLogAbs(coefficient) + fixedLogAbsDet(W);
    }
    return logAbsDet(groupMatrix(group, this.stamp));
  }

  private rowsOf(m: Matrix, { from, to }: Block): Matrix {
    return rowBlock(m, from, to);
  }

  /** The rows of the blocks that the groups of a sum belong to. */
  private span(m: Matrix, { groups }: Sum): Matrix {
    return rowBlock(m, groups[0]!.target.block!.from, groups.at(-1)!.target.block!.to);
  }

  private stackBuffer(node: number, rows: number, cols: number): Matrix {
    return this.buffers.at(this.graph.nodes.length + node, rows, cols);
  }
}

/** into ← (into, if something is to be added to) + op(A) B. */
function product(into: Matrix, A: Matrix, B: Matrix, transA: boolean, add: boolean): void {
  const beta = add ? 1 : 0;
  if (B.cols === 1) gemv(into.data, A, B.data, { trans: transA, beta });
  else gemm(into, A, B, { transA, beta });
}

/** From so many numbers on, kernels are faster than what it costs to call them. */
const WORTH_CALLING = 1024;

/** into ← (into, if something is to be added to) + diag(d) from. */
function scaleRows(into: Matrix, d: Float64Array, from: Matrix, add: boolean): void {
  if (into.data.length >= WORTH_CALLING) {
    if (add) addScaledRows(into, d, from);
    else sumScaledRows(into, [{ coefficient: d, W: from }]);
    return;
  }
  const k = into.cols;
  for (let i = 0; i < into.rows; i++) {
    const scale = d[i]!;
    const end = (i + 1) * k;
    if (add) for (let p = i * k; p < end; p++) into.data[p] = into.data[p]! + scale * from.data[p]!;
    else for (let p = i * k; p < end; p++) into.data[p] = scale * from.data[p]!;
  }
}

function addInto(into: Matrix, from: Matrix): void {
  for (let p = 0; p < into.data.length; p++) into.data[p] = into.data[p]! + from.data[p]!;
}

/** Adds a group's matrix to the columns of `into` that start at `column`. */
function addBlock(into: Matrix, column: number, group: Group, stamp: number): void {
  const sum = group.sum && groupMatrix(group, stamp);
  for (let i = 0; i < into.rows; i++) {
    const at = i * into.cols + column;
    if (sum)
      for (let j = 0; j < sum.cols; j++) into.data[at + j] = into.data[at + j]! + sum.data[i * sum.cols + j]!;
    else into.data[at + i] = into.data[at + i]! + group.diagonal![i]!;
  }
}

/** diag(a) W, whose determinant needs that of W but once. */
const isScaledMatrix = ({ terms, diagonal }: Group): boolean => terms.length === 1 && !diagonal;

function leadingColumns(m: Matrix, cols: number): Matrix {
  if (m.cols === cols) return m;
  const out = zeros(m.rows, cols);
  for (let i = 0; i < m.rows; i++) out.data.set(m.data.subarray(i * m.cols, i * m.cols + cols), i * cols);
  return out;
}

const determinants = new WeakMap<Matrix, number>();

/** ln|det W| of a weight matrix, found once. */
function fixedLogAbsDet(W: Matrix): number {
  let found = determinants.get(W);
  if (found === undefined) {
    found = logAbsDet(W);
    determinants.set(W, found);
  }
  return found;
}
