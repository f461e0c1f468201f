import type { Graph, GraphAttribute, GraphNode, Tensor } from '../../formats/weight-file.js';

/** A node's output, and where the node stands. */
export interface Producer {
  readonly node: GraphNode;
  readonly output: number;
  readonly place: Place;
}

/** What a name means where it is used. */
export type Meaning =
  | { readonly kind: 'tensor'; readonly tensor: Tensor }
  | ({ readonly kind: 'node' } & Producer)
  | { readonly kind: 'input'; readonly input: number; readonly place: Place };

/** Nodes that are followed one behind another. */
export const LONGEST_CHAIN = 500;

/** A graph where it stands: the outermost one, or one in an attribute of a node (the branches of an If, the body of a Loop). */
export class Place {
  private readonly producers = new Map<string, { node: GraphNode; output: number }>();
  private readonly inputs = new Map<string, number>();
  private users: Map<string, GraphNode[]> | undefined;

  constructor(
    readonly graph: Graph,
    /** The node that the graph belongs to, and under which attribute. */
    readonly owner?: { readonly node: GraphNode; readonly attribute: string; readonly place: Place },
  ) {
    for (const node of graph.nodes)
      node.outputs.forEach((name, output) => void this.producers.set(name, { node, output }));
    graph.inputs.forEach(({ name }, k) => void this.inputs.set(name, k));
  }

  /** In the innermost graph first, then outward. A stored tensor is the default of an input of the same name. */
  meaningOf(name: string): Meaning | undefined {
    for (let place: Place | undefined = this; place; place = place.owner?.place) {
      const tensor = place.graph.tensors.get(name);
      if (tensor) return { kind: 'tensor', tensor };
      const producer = place.producers.get(name);
      if (producer) return { kind: 'node', ...producer, place };
      const input = place.inputs.get(name);
      if (input !== undefined) return { kind: 'input', input, place };
    }
    return undefined;
  }

  /** The name behind any number of Identity nodes of this graph. */
  behindIdentities(name: string): string {
    for (let k = 0; k < LONGEST_CHAIN; k++) {
      const producer = this.producers.get(name);
      if (producer?.node.operator !== 'Identity') break;
      name = producer.node.inputs[0] ?? '';
    }
    return name;
  }

  /** The nodes of this graph that a value goes into. */
  usersOf(name: string): readonly GraphNode[] {
    if (!this.users) {
      this.users = new Map();
      for (const node of this.graph.nodes) {
        for (const input of new Set(node.inputs)) {
          const before = this.users.get(input);
          if (before) before.push(node);
          else this.users.set(input, [node]);
        }
      }
    }
    return this.users.get(name) ?? [];
  }

  /** 'then_branch of If_1', '' for the outermost graph. */
  get path(): string {
    if (!this.owner) return '';
    const { node, attribute, place } = this.owner;
    const outer = place.path;
    return `${attribute} of ${nodeText(node)}${outer === '' ? '' : `, ${outer}`}`;
  }
}

/** This graph and all those in it, the outer ones first. */
export function placesIn(graph: Graph): Place[] {
  const found = [new Place(graph)];
  // `found` grows while it is gone through.
  for (const place of found) {
    for (const node of place.graph.nodes) {
      for (const [attribute, value] of node.attributes)
        for (const inner of graphsOf(value)) found.push(new Place(inner, { node, attribute, place }));
    }
  }
  return found;
}

const graphsOf = (value: GraphAttribute): readonly Graph[] => {
  if (typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.filter(isGraph);
  return isGraph(value) ? [value] : [];
};

export const isGraph = (value: unknown): value is Graph =>
  typeof value === 'object' && value !== null && 'nodes' in value;

export const isTensor = (value: unknown): value is Tensor =>
  typeof value === 'object' && value !== null && 'dtype' in value;

export const nodeText = ({ operator, name, outputs }: GraphNode): string =>
  name === '' ? `the ${operator} of '${outputs[0] ?? ''}'` : `${operator} '${name}'`;

// Attributes, with the default where one is absent.

export const numberOf = (node: GraphNode, key: string, fallback: number): number => {
  const value = node.attributes.get(key);
  return typeof value === 'number' ? value : fallback;
};

export const textOf = (node: GraphNode, key: string, fallback: string): string => {
  const value = node.attributes.get(key);
  return typeof value === 'string' ? value : fallback;
};

export const numbersOf = (node: GraphNode, key: string): readonly number[] | undefined => {
  const value = node.attributes.get(key);
  return Array.isArray(value) && value.every((one) => typeof one === 'number') ? value : undefined;
};

export const textsOf = (node: GraphNode, key: string): readonly string[] | undefined => {
  const value = node.attributes.get(key);
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined;
};
