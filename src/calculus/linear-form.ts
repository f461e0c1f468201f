import { residentVector } from '../linalg/index.js';
import type { Matrix } from '../linalg/matrix.js';
import { add, multiply, negate, subtract } from './elementwise.js';
import type { Graph, Node } from './trace.js';

/**
 * The derivative of a node, as a sum of terms diag(coefficient) · W · d(source), W = I where it is null. Which terms there
 * are is settled once; only the coefficients change from step to step.
 *
 * Sources are the state blocks, the input, and nodes whose own derivative is kept as a whole: those that an affine acts
 * on (reset-before GRU) and outputs that another output is made from (the LSTM's c'), so that a product with W is done
 * once and not once a path.
 */
export interface Term {
  readonly source: number;
  readonly W: Matrix | null;
  readonly coefficient: Float64Array;
}

/** What a step has left behind: values of all nodes, derivatives of unary ones, complements 1 − σ(a) = σ(−a). */
export interface Tape {
  readonly values: readonly Float64Array[];
  readonly slopes: readonly Float64Array[];
  readonly complements: readonly Float64Array[];
}

export interface Forms {
  /** Nodes whose derivative is kept as a whole, in the order of evaluation, with their terms. */
  readonly targets: readonly { readonly node: number; readonly terms: readonly Term[] }[];
  /** Brings all coefficients up to date with the tape. */
  update(): void;
}

/** `cut`: nodes that are held where they are, as if nothing before them could move them. */
export function linearForms(graph: Graph, tape: Tape, cut: ReadonlySet<number> = new Set()): Forms {
  const kept = keptNodes(graph);
  const weights = new Weights();
  const forms: Term[][] = [];
  const seen = (id: number): Term[] =>
    cut.has(id)
      ? []
      : isSource(graph.nodes[id]!) || kept.has(id)
        ? [{ source: id, W: null, coefficient: weights.one(graph.nodes[id]!.length) }]
        : forms[id]!;
  graph.nodes.forEach((node, id) => {
    forms[id] = form(node, id, seen, tape, weights);
  });
  return {
    targets: [...kept].sort((a, b) => a - b).map((node) => ({ node, terms: forms[node]! })),
    update: () => weights.update(),
  };
}

const isSource = (node: Node): boolean => node.op === 'state' || node.op === 'input';

/** Outputs, and whatever an affine acts on that is neither state nor input. */
function keptNodes(graph: Graph): Set<number> {
  const kept = new Set(graph.outputs);
  for (const node of graph.nodes) {
    if (node.op === 'affine' && !isSource(graph.nodes[node.arg]!)) kept.add(node.arg);
  }
  return kept;
}

/** An argument with its weight: by − minus, or 1 where `by` is null. */
interface Part {
  readonly of: number;
  readonly by: Float64Array | null;
  readonly minus?: Float64Array;
  readonly sign?: -1;
}

function form(node: Node, id: number, seen: (id: number) => Term[], tape: Tape, weights: Weights): Term[] {
  const { values, slopes, complements } = tape;
  /** Terms of the arguments with their weights merged by (source, W). */
  const combine = (...parts: Part[]): Term[] => {
    const merged: Term[] = [];
    for (const part of parts) {
      for (const { source, W, coefficient } of seen(part.of)) {
        const twin = merged.findIndex((t) => t.source === source && t.W === W);
        const weighted = weights.times(coefficient, part);
        if (twin < 0) merged.push({ source, W, coefficient: weighted });
        else merged[twin] = { source, W, coefficient: weights.plus(merged[twin]!.coefficient, weighted) };
      }
    }
    return merged;
  };
  switch (node.op) {
    case 'state':
    case 'input':
      return [{ source: id, W: null, coefficient: weights.one(node.length) }];
    case 'affine':
      return node.W.cols === 0
        ? []
        : [{ source: node.arg, W: node.W, coefficient: weights.one(node.length) }];
    case 'add':
      return combine({ of: node.a, by: null }, { of: node.b, by: null });
    case 'mul':
      return combine({ of: node.a, by: values[node.b]! }, { of: node.b, by: values[node.a]! });
    case 'mix':
      // d[(1 − z) a + z b] = (b − a) dz + (1 − z) da + z db
      return combine(
        { of: node.z, by: values[node.b]!, minus: values[node.a]! },
        { of: node.a, by: complements[node.z]! },
        { of: node.b, by: values[node.z]! },
      );
    case 'scale':
      return combine({ of: node.arg, by: weights.fixed(node.d) });
    case 'shift':
      return seen(node.arg);
    case 'complement':
      return combine({ of: node.arg, by: null, sign: -1 });
    case 'unary':
      return combine({ of: node.arg, by: slopes[id]! });
  }
}

/**
 * Coefficients as vectors that are found once a step: the same product of the same factors is one vector, whichever terms
 * it stands before, and 1 times a vector is the vector.
 */
class Weights {
  private readonly updates: (() => void)[] = [];
  private readonly ones = new Map<number, Float64Array>();
  private readonly known: { key: readonly unknown[]; out: Float64Array }[] = [];

  one(length: number): Float64Array {
    let found = this.ones.get(length);
    if (!found) {
      found = residentVector(this, length).fill(1);
      this.ones.set(length, found);
    }
    return found;
  }

  /** A vector of the equations. */
  fixed(d: Float64Array): Float64Array {
    const own = residentVector(this, d.length);
    own.set(d);
    return own;
  }

  /** sign · (by − minus) ⊙ coefficient. */
  times(coefficient: Float64Array, { by, minus, sign }: Omit<Part, 'of'>): Float64Array {
    if (sign) {
      const positive = this.times(coefficient, minus ? { by, minus } : { by });
      return this.found([positive, '−'], (out) => negate(out, positive));
    }
    if (!by) return coefficient;
    const weight = minus ? this.found([by, minus, '−'], (out) => subtract(out, by, minus)) : by;
    if (coefficient === this.ones.get(coefficient.length)) return weight;
    return this.found([weight, coefficient, '⊙'], (out) => multiply(out, weight, coefficient));
  }

  plus(a: Float64Array, b: Float64Array): Float64Array {
    return this.found([a, b, '+'], (out) => add(out, a, b));
  }

  update(): void {
    for (const update of this.updates) update();
  }

  private found(key: readonly [Float64Array, ...unknown[]], find: (out: Float64Array) => void): Float64Array {
    const twin = this.known.find(
      (one) => one.key.length === key.length && one.key.every((k, i) => k === key[i]),
    );
    if (twin) return twin.out;
    const out = residentVector(this, key[0].length);
    this.known.push({ key, out });
    this.updates.push(() => find(out));
    return out;
  }
}
