import type { Block } from '../cells/layout.js';
import { resident, sumScaledRows } from '../linalg/index.js';
import { type Matrix, rowBlock } from '../linalg/matrix.js';
import type { Stack } from './evaluation.js';
import type { Forms, Term } from './linear-form.js';
import type { Graph } from './trace.js';

/** A term with a matrix, which is the rows [from, to) of the stack of its source. */
export interface DenseTerm {
  readonly coefficient: Float64Array;
  readonly W: Matrix;
  readonly from: number;
  readonly to: number;
}

/** All terms of one target that act on one source: (Σ diag(coefficient) W) d(source) + diag(diagonal) d(source). */
export interface Group {
  readonly target: Target;
  readonly source: number;
  readonly terms: readonly DenseTerm[];
  readonly diagonal: Float64Array | null;
  /** The sum that the group stands in, from its row `row` on; null without terms. */
  sum: Sum | null;
  row: number;
  /** Its rows of the sum, once that has been formed. */
  part: Matrix | null;
}

/** A node whose derivative is kept as a whole. */
export interface Target {
  readonly node: number;
  readonly length: number;
  /** The first state block that it is the next value of; undefined where it is an inner node. */
  readonly block: Block | undefined;
  readonly groups: Group[];
  /** Whether the product under way has put something here. */
  written: boolean;
}

/** Groups of one source, one above the other in one matrix: one product serves them all. */
export interface Sum {
  readonly groups: readonly Group[];
  readonly rows: number;
  readonly cols: number;
  /** Formed when first asked for. */
  matrix: Matrix | null;
  /** The linearisation that the matrix belongs to. */
  stamp: number;
}

/** Whose derivative others are made from: a state block, the input, or a target. */
export interface Source {
  readonly node: number;
  readonly stack: Stack | undefined;
  /** What is made from it. */
  readonly groups: readonly Group[];
  readonly sums: readonly Sum[];
}

/** The derivative of a step, laid out as targets that are made from sources. */
export interface Chain {
  /** In the order of evaluation. */
  readonly targets: readonly Target[];
  /** State blocks and the input, whose derivatives are given. */
  readonly outer: readonly Source[];
  /** Targets that others are made from, by node. */
  readonly inner: readonly (Source | undefined)[];
}

export function chain(
  graph: Graph,
  forms: Forms,
  stacks: readonly (Stack | undefined)[],
  blocks: readonly Block[],
): Chain {
  const targets = forms.targets.map(({ node, terms }) => {
    const block = blocks[graph.outputs.indexOf(node)];
    const target: Target = { node, length: graph.nodes[node]!.length, block, groups: [], written: false };
    target.groups.push(...groupsOf(target, terms, stacks));
    return target;
  });
  const outer: Source[] = [];
  const inner: (Source | undefined)[] = [];
  graph.nodes.forEach(({ op, length }, node) => {
    const given = op === 'state' || op === 'input';
    const groups = targets.flatMap((target) => target.groups.filter(({ source }) => source === node));
    const dense = groups.filter(({ terms }) => terms.length > 0);
    const sums = (given ? adjoining(dense) : dense.map((group) => [group])).map((of) => sumOf(of, length));
    const source = { node, stack: stacks[node], groups, sums };
    if (given) outer.push(source);
    else if (groups.length > 0) inner[node] = source;
  });
  return { targets, outer, inner };
}

function groupsOf(target: Target, terms: readonly Term[], stacks: readonly (Stack | undefined)[]): Group[] {
  return [...new Set(terms.map(({ source }) => source))].map((source) => {
    const own = terms.filter((term) => term.source === source);
    return {
      target,
      source,
      terms: own.flatMap(({ W, coefficient }) => (W ? [denseTerm(W, coefficient, stacks[source]!)] : [])),
      diagonal: own.find(({ W }) => W === null)?.coefficient ?? null,
      sum: null,
      row: 0,
      part: null,
    };
  });
}

function denseTerm(W: Matrix, coefficient: Float64Array, stack: Stack): DenseTerm {
  const { from, to } = stack.rowsOf.get(W)!;
  return { coefficient, W: rowBlock(stack.W, from, to), from, to };
}

/** Groups whose targets are neighbouring blocks of the next state, taken together: what they give lies in one piece. */
function adjoining(groups: readonly Group[]): Group[][] {
  const together: Group[][] = [];
  for (const group of groups.toSorted(
    (a, b) => (a.target.block?.from ?? -1) - (b.target.block?.from ?? -1),
  )) {
    const last = together.at(-1)?.at(-1)?.target.block;
    if (last && last.to === group.target.block?.from) together.at(-1)!.push(group);
    else together.push([group]);
  }
  return together;
}

function sumOf(groups: readonly Group[], cols: number): Sum {
  let rows = 0;
  const sum: Sum = {
    groups,
    rows: groups.reduce((total, { target }) => total + target.length, 0),
    cols,
    matrix: null,
    stamp: -1,
  };
  for (const group of groups) {
    group.sum = sum;
    group.row = rows;
    rows += group.target.length;
  }
  return sum;
}

/** The matrix of a sum at the linearisation `stamp`: Σ diag(coefficient) W + diag(diagonal), group by group. */
export function summed(sum: Sum, stamp: number): Matrix {
  sum.matrix ??= resident(sum, sum.rows, sum.cols);
  if (sum.stamp === stamp) return sum.matrix;
  for (const group of sum.groups) {
    group.part ??= rowBlock(sum.matrix, group.row, group.row + group.target.length);
    sumScaledRows(group.part, group.terms);
    if (group.diagonal) addToDiagonal(group.part, group.diagonal);
  }
  sum.stamp = stamp;
  return sum.matrix;
}

/** The rows of `summed` that are a group's. */
export function groupMatrix(group: Group, stamp: number): Matrix {
  summed(group.sum!, stamp);
  return group.part!;
}

function addToDiagonal({ cols, data }: Matrix, d: Float64Array): void {
  for (let i = 0, p = 0; i < d.length; i++, p += cols + 1) data[p] = data[p]! + d[i]!;
}
