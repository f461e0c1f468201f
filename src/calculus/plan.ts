import type { Cell, CellWeights } from '../cells/index.js';
import { type Block, stateLayout } from '../cells/layout.js';
import { gemm, gemv, logAbsDet } from '../linalg/index.js';
import { type Matrix, rowBlock, zeros } from '../linalg/matrix.js';
import { type Forms, linearForms, type Tape, type Term } from './linear-form.js';
import { type Graph, trace } from './trace.js';

/** All terms of one target that act on one source: (Σ diag(coefficient) W) d(source) + diag(diagonal) d(source). */
interface Group {
  readonly source: number;
  readonly terms: readonly (Term & { readonly W: Matrix })[];
  readonly diagonal: Float64Array | null;
  /** Σ diag(coefficient) W, formed when first asked for after a step; null without terms. */
  readonly sum: Matrix | null;
  stamp: number;
}

interface Target {
  readonly node: number;
  readonly groups: readonly Group[];
}

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
  private readonly tape: Tape;
  private readonly forms: Forms;
  private readonly targets: readonly Target[];
  private readonly scratch = new Map<number, Matrix>();
  private stamp = 0;

  /** `cut` names quantities whose derivative is left out: J then lacks every path through them. */
  constructor(cell: Cell, weights: CellWeights, cut: readonly string[] = []) {
    this.graph = trace(cell, weights);
    this.blocks = stateLayout(cell, weights);
    this.stateSize = this.blocks.at(-1)!.to;
    this.inputSize = weights.inputSize;
    this.tape = emptyTape(this.graph);
    const { named } = this.graph;
    this.forms = linearForms(this.graph, this.tape, new Set(cut.flatMap((name) => named.get(name) ?? [])));
    this.targets = this.forms.targets.map(({ node, terms }) => ({
      node,
      groups: groupBySource(terms, this.graph),
    }));
  }

  /** next ← F(state, x). `next` may be `state`. */
  evaluate(state: Float64Array, x: Float64Array, next: Float64Array): void {
    const { nodes, outputs } = this.graph;
    for (let id = 0; id < nodes.length; id++) this.evaluateNode(id, state, x);
    for (let b = 0; b < outputs.length; b++) next.set(this.tape.values[outputs[b]!]!, this.blocks[b]!.from);
  }

  private evaluateNode(id: number, state: Float64Array, x: Float64Array): void {
    const node = this.graph.nodes[id]!;
    const { values } = this.tape;
    const out = values[id]!;
    const n = out.length;
    switch (node.op) {
      case 'state':
        for (let i = 0, { from } = this.blocks[node.block]!; i < n; i++) out[i] = state[from + i]!;
        return;
      case 'input':
        out.set(x);
        return;
      case 'affine':
        if (node.b) out.set(node.b);
        else out.fill(0);
        if (node.W.cols > 0) gemv(out, node.W, values[node.arg]!, { beta: 1 });
        return;
      case 'add':
        for (let i = 0, a = values[node.a]!, b = values[node.b]!; i < n; i++) out[i] = a[i]! + b[i]!;
        return;
      case 'mul':
        for (let i = 0, a = values[node.a]!, b = values[node.b]!; i < n; i++) out[i] = a[i]! * b[i]!;
        return;
      case 'mix': {
        const [z, w] = [values[node.z]!, this.complementOf(node.z)];
        for (let i = 0, a = values[node.a]!, b = values[node.b]!; i < n; i++)
          out[i] = w[i]! * a[i]! + z[i]! * b[i]!;
        return;
      }
      case 'scale':
        for (let i = 0, q = values[node.arg]!; i < n; i++) out[i] = node.d[i]! * q[i]!;
        return;
      case 'shift':
        for (let i = 0, q = values[node.arg]!; i < n; i++) out[i] = node.d[i]! + q[i]!;
        return;
      case 'complement':
        out.set(this.complementOf(node.arg));
        return;
      case 'unary': {
        const f = node.f.value;
        for (let i = 0, q = values[node.arg]!; i < n; i++) out[i] = f(q[i]!);
      }
    }
  }

  /** 1 − q; for q = σ(a) as σ(−a), which keeps its digits where σ(a) is next to 1. */
  private complementOf(id: number): Float64Array {
    const node = this.graph.nodes[id]!;
    const out = this.tape.complements[id]!;
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

  /** Where a named quantity is found after each step, and its pre-activation if it is a σ. */
  quantity(name: string): { readonly value: Float64Array; readonly logit: Float64Array | null } {
    const id = this.graph.named.get(name)!;
    const node = this.graph.nodes[id]!;
    const { values } = this.tape;
    const sigmoid = node.op === 'unary' && node.f.name === 'sigmoid';
    return { value: values[id]!, logit: sigmoid ? values[node.arg]! : null };
  }

  /** Makes ready the derivative at the last evaluated point. */
  linearise(): void {
    const { nodes } = this.graph;
    nodes.forEach((node, id) => {
      if (node.op !== 'unary') return;
      const f = node.f.derivative;
      const slope = this.tape.slopes[id]!;
      for (let i = 0, a = this.tape.values[node.arg]!; i < slope.length; i++) slope[i] = f(a[i]!);
    });
    this.forms.update();
    this.stamp++;
  }

  /** out ← (∂F/∂s) V + (∂F/∂x) X, for V of stateSize × k and X of inputSize × k (null: 0). */
  jvp(V: Matrix, X: Matrix | null, out: Matrix): void {
    const tangents = new Map<number, Matrix>();
    for (const target of this.targets) {
      const block = this.graph.outputs.indexOf(target.node);
      const into = block >= 0 ? this.rowsOf(out, block) : this.buffer(target.node, V.cols);
      into.data.fill(0);
      for (const group of target.groups) {
        const from = this.tangentOf(group.source, V, X, tangents);
        if (!from) continue;
        const sum = this.sumOf(group);
        if (sum) gemm(into, sum, from, { beta: 1 });
        if (group.diagonal) addScaledRows(into, group.diagonal, from);
      }
      tangents.set(target.node, into);
    }
    this.graph.outputs.forEach((node, block) => {
      const done = tangents.get(node)!;
      const into = this.rowsOf(out, block);
      if (done.data.byteOffset !== into.data.byteOffset) into.data.set(done.data);
    });
  }

  private tangentOf(source: number, V: Matrix, X: Matrix | null, kept: Map<number, Matrix>): Matrix | null {
    const node = this.graph.nodes[source]!;
    if (node.op === 'state') return this.rowsOf(V, node.block);
    return node.op === 'input' ? X : kept.get(source)!;
  }

  private rowsOf(m: Matrix, block: number): Matrix {
    const { from, to } = this.blocks[block]!;
    return rowBlock(m, from, to);
  }

  /** outS ← (∂F/∂s)ᵀ W, outX ← (∂F/∂x)ᵀ W, for W of stateSize × k. */
  vjp(W: Matrix, outS: Matrix, outX: Matrix | null): void {
    const cotangents = new Map<number, Matrix>();
    for (const { node } of this.targets) {
      const cotangent = this.buffer(node, W.cols);
      cotangent.data.fill(0);
      cotangents.set(node, cotangent);
    }
    this.graph.outputs.forEach((node, block) => {
      addInto(cotangents.get(node)!, this.rowsOf(W, block));
    });
    outS.data.fill(0);
    outX?.data.fill(0);
    for (const target of this.targets.toReversed()) {
      const from = cotangents.get(target.node)!;
      for (const group of target.groups) {
        const into = this.tangentOf(group.source, outS, outX, cotangents);
        if (!into) continue;
        const sum = this.sumOf(group);
        if (sum) gemm(into, sum, from, { transA: true, beta: 1 });
        if (group.diagonal) addScaledRows(into, group.diagonal, from);
      }
    }
  }

  /** [∂F/∂s | ∂F/∂x], of stateSize × (stateSize + inputSize): the tangent of the identity, without multiplying by it. */
  jacobian(): Matrix {
    const width = this.stateSize + this.inputSize;
    const rows = new Map<number, Matrix>();
    for (const target of this.targets) {
      const D = zeros(this.graph.nodes[target.node]!.length, width);
      for (const group of target.groups) {
        const sum = this.sumOf(group);
        const node = this.graph.nodes[group.source]!;
        if (node.op === 'state' || node.op === 'input') {
          addBlock(
            D,
            node.op === 'state' ? this.blocks[node.block]!.from : this.stateSize,
            sum,
            group.diagonal,
          );
        } else {
          const inner = rows.get(group.source)!;
          if (sum) gemm(D, sum, inner, { beta: 1 });
          if (group.diagonal) addScaledRows(D, group.diagonal, inner);
        }
      }
      rows.set(target.node, D);
    }
    const all = zeros(this.stateSize, width);
    this.graph.outputs.forEach((node, block) => {
      all.data.set(rows.get(node)!.data, this.blocks[block]!.from * width);
    });
    return all;
  }

  /** ln|det ∂F/∂s|, −∞ where it is singular to rounding. */
  logAbsDet(): number {
    return this.triangularLogAbsDet() ?? logAbsDet(leadingColumns(this.jacobian(), this.stateSize));
  }

  /**
   * Taking from each output's rows what other outputs contribute leaves the determinant as it is. Where the rest is block
   * triangular, its determinant is the product over the diagonal blocks (LSTM: ln|det J| = Σ ln f + ln|det of the
   * output gate's share|). null where there is no such form.
   */
  private triangularLogAbsDet(): number | null {
    const byBlock = this.graph.outputs.map((node) => this.targets.find((t) => t.node === node)!);
    const direct: Group[][] = [];
    for (const target of byBlock) {
      const rows: Group[] = [];
      for (const group of target.groups) {
        const node = this.graph.nodes[group.source]!;
        if (node.op === 'state') rows[node.block] = group;
        else if (node.op !== 'input' && !this.graph.outputs.includes(group.source)) return null;
      }
      direct.push(rows);
    }
    const above = direct.some((rows, i) => rows.some((group, j) => group && j > i));
    const below = direct.some((rows, i) => rows.some((group, j) => group && j < i));
    if (above && below) return null;
    return direct.reduce((total, rows, i) => total + this.groupLogAbsDet(rows[i]), 0);
  }

  private groupLogAbsDet(group: Group | undefined): number {
    if (!group) return -Infinity;
    if (group.terms.length === 0) return sumLogAbs(group.diagonal!);
    if (group.terms.length === 1 && !group.diagonal) {
      const [term] = group.terms as [Term & { W: Matrix }];
      return sumLogAbs(term.coefficient) + fixedLogAbsDet(term.W);
    }
    const sum = this.sumOf(group)!;
    if (!group.diagonal) return logAbsDet(sum);
    const whole = { rows: sum.rows, cols: sum.cols, data: sum.data.slice() };
    addBlock(whole, 0, null, group.diagonal);
    return logAbsDet(whole);
  }

  private sumOf(group: Group): Matrix | null {
    if (group.sum && group.stamp !== this.stamp) {
      group.sum.data.fill(0);
      for (const { coefficient, W } of group.terms) addScaledRows(group.sum, coefficient, W);
      group.stamp = this.stamp;
    }
    return group.sum;
  }

  private buffer(node: number, cols: number): Matrix {
    let found = this.scratch.get(node);
    if (found?.cols !== cols) {
      found = zeros(this.graph.nodes[node]!.length, cols);
      this.scratch.set(node, found);
    }
    return found;
  }
}

function emptyTape({ nodes }: Graph): Tape {
  const vectors = () => nodes.map((node) => new Float64Array(node.length));
  return { values: vectors(), slopes: vectors(), complements: vectors() };
}

function groupBySource(terms: readonly Term[], { nodes }: Graph): Group[] {
  return [...new Set(terms.map((term) => term.source))].map((source) => {
    const own = terms.filter((term) => term.source === source);
    const dense = own.filter((term): term is Term & { W: Matrix } => term.W !== null);
    return {
      source,
      terms: dense,
      diagonal: own.find((term) => term.W === null)?.coefficient ?? null,
      sum: dense.length > 0 ? zeros(dense[0]!.W.rows, nodes[source]!.length) : null,
      stamp: -1,
    };
  });
}

/** into ← into + diag(d) from. */
function addScaledRows(into: Matrix, d: Float64Array, from: Matrix): void {
  const k = into.cols;
  for (let i = 0; i < into.rows; i++) {
    const scale = d[i]!;
    for (let p = i * k, end = p + k; p < end; p++) into.data[p] = into.data[p]! + scale * from.data[p]!;
  }
}

function addInto(into: Matrix, from: Matrix): void {
  for (let p = 0; p < into.data.length; p++) into.data[p] = into.data[p]! + from.data[p]!;
}

/** Adds `sum` and diag(diagonal) to the columns of `into` that start at `column`. */
function addBlock(into: Matrix, column: number, sum: Matrix | null, diagonal: Float64Array | null): void {
  for (let i = 0; i < into.rows; i++) {
    const at = i * into.cols + column;
    if (sum)
      for (let j = 0; j < sum.cols; j++) into.data[at + j] = into.data[at + j]! + sum.data[i * sum.cols + j]!;
    if (diagonal) into.data[at + i] = into.data[at + i]! + diagonal[i]!;
  }
}

function leadingColumns(m: Matrix, cols: number): Matrix {
  if (m.cols === cols) return m;
  const out = zeros(m.rows, cols);
  for (let i = 0; i < m.rows; i++) out.data.set(m.data.subarray(i * m.cols, i * m.cols + cols), i * cols);
  return out;
}

function sumLogAbs(d: Float64Array): number {
  let sum = 0;
  for (const v of d) sum += Math.log(Math.abs(v));
  return sum;
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
