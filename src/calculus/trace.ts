import type { Algebra, Cell, CellWeights } from '../cells/index.js';
import { stateLayout } from '../cells/layout.js';
import type { Matrix } from '../linalg/matrix.js';
import { type Elementary, elementary } from './elementary.js';

/** A node of a traced cell. Arguments are indices of earlier nodes; `length` is how many entries its value has. */
export type Node = { readonly length: number } & (
  | { readonly op: 'state'; readonly block: number }
  | { readonly op: 'input' }
  | { readonly op: 'affine'; readonly W: Matrix; readonly arg: number; readonly b: Float64Array | undefined }
  | { readonly op: 'add' | 'mul'; readonly a: number; readonly b: number }
  | { readonly op: 'mix'; readonly z: number; readonly a: number; readonly b: number }
  | { readonly op: 'scale' | 'shift'; readonly d: Float64Array; readonly arg: number }
  | { readonly op: 'complement'; readonly arg: number }
  | { readonly op: 'unary'; readonly f: Elementary; readonly arg: number }
);

/** A cell's equations as a graph, in the order of evaluation. */
export interface Graph {
  readonly nodes: readonly Node[];
  /** outputs[b] is the node that is the next value of state block b. */
  readonly outputs: readonly number[];
  /** Named quantities → their nodes. */
  readonly named: ReadonlyMap<string, number>;
}

/** A traced quantity: a node, or two that stand one above the other until an affine splits them. */
type Traced = number | { readonly top: number; readonly bottom: number };

/** Reads a cell's equations once and writes down what they do. */
export function trace(cell: Cell, weights: CellWeights): Graph {
  const nodes: Node[] = [];
  const named = new Map<string, number>();
  const push = (node: Node): number => nodes.push(node) - 1;
  const state = Object.fromEntries(
    stateLayout(cell, weights).map(({ name, from, to }, block) => [
      name,
      push({ op: 'state', block, length: to - from }) as Traced,
    ]),
  );
  const x = push({ op: 'input', length: weights.inputSize });
  const next = cell.equations<Traced>(recorder(nodes, named, push), weights, state, x);
  const outputs = cell.blocks.map((name) => single(next[name]!));
  return withoutUnused({ nodes, outputs, named });
}

/** Drops nodes that nothing which is asked for depends on. State and input stay, as their places in the graph are known. */
function withoutUnused({ nodes, outputs, named }: Graph): Graph {
  const used = nodes.map(({ op }) => op === 'state' || op === 'input');
  for (const id of [...outputs, ...named.values()]) used[id] = true;
  for (let id = nodes.length - 1; id >= 0; id--)
    if (used[id]) for (const arg of argumentsOf(nodes[id]!)) used[arg] = true;
  if (!used.includes(false)) return { nodes, outputs, named };
  let kept = 0;
  const moved = used.map((is) => (is ? kept++ : -1));
  const to = (id: number): number => moved[id]!;
  return {
    nodes: nodes.filter((_, id) => used[id]).map((node) => renumbered(node, to)),
    outputs: outputs.map(to),
    named: new Map([...named].map(([name, id]) => [name, to(id)])),
  };
}

/** The nodes that a node is made from. */
export function argumentsOf(node: Node): number[] {
  switch (node.op) {
    case 'state':
    case 'input':
      return [];
    case 'add':
    case 'mul':
      return [node.a, node.b];
    case 'mix':
      return [node.z, node.a, node.b];
    default:
      return [node.arg];
  }
}

function renumbered(node: Node, to: (id: number) => number): Node {
  switch (node.op) {
    case 'state':
    case 'input':
      return node;
    case 'add':
    case 'mul':
      return { ...node, a: to(node.a), b: to(node.b) };
    case 'mix':
      return { ...node, z: to(node.z), a: to(node.a), b: to(node.b) };
    default:
      return { ...node, arg: to(node.arg) };
  }
}

function single(q: Traced): number {
  if (typeof q !== 'number') throw new Error('a stacked quantity may only be the argument of an affine');
  return q;
}

function recorder(
  nodes: readonly Node[],
  named: Map<string, number>,
  push: (node: Node) => number,
): Algebra<Traced> {
  const like = (q: number): number => nodes[q]!.length;
  const binary = (op: 'add' | 'mul') => (a: Traced, b: Traced) =>
    push({ op, a: single(a), b: single(b), length: like(single(a)) });
  const fixed = (op: 'scale' | 'shift') => (d: Float64Array, q: Traced) =>
    push({ op, d, arg: single(q), length: d.length });
  const affine = (W: Matrix, arg: number, b?: Float64Array): number => {
    if (W.cols !== like(arg)) throw new Error(`affine: ${W.rows}×${W.cols} times ${like(arg)} entries`);
    return push({ op: 'affine', W, arg, b, length: W.rows });
  };
  return {
    affine(W, q, b) {
      if (typeof q === 'number') return affine(W, q, b);
      // W [top; bottom] = W_left top + W_right bottom: each half then meets the other affines of its argument.
      const cut = like(q.top);
      const left = affine(columns(W, 0, cut), q.top, b);
      const right = affine(columns(W, cut, W.cols), q.bottom);
      return push({ op: 'add', a: left, b: right, length: W.rows });
    },
    concat: (top, bottom) => ({ top: single(top), bottom: single(bottom) }),
    add: binary('add'),
    mul: binary('mul'),
    scale: fixed('scale'),
    shift: fixed('shift'),
    complement: (q) => push({ op: 'complement', arg: single(q), length: like(single(q)) }),
    mix: (z, a, b) => push({ op: 'mix', z: single(z), a: single(a), b: single(b), length: like(single(z)) }),
    unary: (f, q) => push({ op: 'unary', f: elementary(f), arg: single(q), length: like(single(q)) }),
    named: (name, q) => {
      named.set(name, single(q));
      return q;
    },
  };
}

function columns(W: Matrix, from: number, to: number): Matrix {
  const data = new Float64Array(W.rows * (to - from));
  for (let i = 0; i < W.rows; i++) {
    data.set(W.data.subarray(i * W.cols + from, i * W.cols + to), i * (to - from));
  }
  return { rows: W.rows, cols: to - from, data };
}
