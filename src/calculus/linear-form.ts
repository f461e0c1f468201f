import type { Matrix } from '../linalg/matrix.js';
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

const ones = (length: number): Float64Array => new Float64Array(length).fill(1);

/** `cut`: nodes that are held where they are, as if nothing before them could move them. */
export function linearForms(graph: Graph, tape: Tape, cut: ReadonlySet<number> = new Set()): Forms {
  const kept = keptNodes(graph);
  const updates: (() => void)[] = [];
  const forms: Term[][] = [];
  const seen = (id: number): Term[] =>
    cut.has(id)
      ? []
      : isSource(graph.nodes[id]!) || kept.has(id)
        ? [{ source: id, W: null, coefficient: ones(graph.nodes[id]!.length) }]
        : forms[id]!;
  graph.nodes.forEach((node, id) => {
    forms[id] = form(node, id, seen, tape, updates);
  });
  return {
    targets: [...kept].sort((a, b) => a - b).map((node) => ({ node, terms: forms[node]! })),
    update: () => {
      for (const update of updates) update();
    },
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

function form(
  node: Node,
  id: number,
  seen: (id: number) => Term[],
  tape: Tape,
  updates: (() => void)[],
): Term[] {
  const { values, slopes, complements } = tape;
  /** Terms of the arguments with their weights merged by (source, W); each weight is read when the step is taken. */
  const combine = (
    ...parts: { of: number; by: Float64Array | null; minus?: Float64Array; sign?: -1 }[]
  ): Term[] => {
    const merged: Term[] = [];
    for (const part of parts) {
      for (const term of seen(part.of)) {
        const twin = merged.findIndex((t) => t.source === term.source && t.W === term.W);
        const coefficient = new Float64Array(node.length);
        updates.push(accumulate(coefficient, merged[twin]?.coefficient, term.coefficient, part));
        const next = { source: term.source, W: term.W, coefficient };
        if (twin >= 0) merged[twin] = next;
        else merged.push(next);
      }
    }
    return merged;
  };
  switch (node.op) {
    case 'state':
    case 'input':
      return [{ source: id, W: null, coefficient: ones(node.length) }];
    case 'affine':
      return node.W.cols === 0 ? [] : [{ source: node.arg, W: node.W, coefficient: ones(node.length) }];
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
      return combine({ of: node.arg, by: node.d });
    case 'shift':
      return seen(node.arg);
    case 'complement':
      return combine({ of: node.arg, by: null, sign: -1 });
    case 'unary':
      return combine({ of: node.arg, by: slopes[id]! });
  }
}

/** out ← previous + sign · (by − minus) ⊙ coefficient. */
function accumulate(
  out: Float64Array,
  previous: Float64Array | undefined,
  coefficient: Float64Array,
  { by, minus, sign = 1 }: { by: Float64Array | null; minus?: Float64Array; sign?: 1 | -1 },
): () => void {
  return () => {
    for (let i = 0; i < out.length; i++) {
      const weight = by ? (minus ? by[i]! - minus[i]! : by[i]!) : 1;
      out[i] = (previous ? previous[i]! : 0) + sign * weight * coefficient[i]!;
    }
  };
}
