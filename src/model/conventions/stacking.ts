import { UserError } from '../../errors.js';
import type { Stack, StackLayer } from './stack.js';

/** A recurrent layer of a file that does not say what feeds what. */
export interface LooseLayer {
  readonly name: string;
  /** Layers of one kind come in their order; that of layers of different kinds is not known. */
  readonly kind: string;
  readonly layer: StackLayer;
  /** What had to be supposed of it. */
  readonly remark?: string;
}

interface Sized extends LooseLayer {
  readonly index: number;
  readonly takes: number;
  readonly gives: number;
}

/** More would take too long to try, and says nothing any more. */
const MOST = 12;

/** Which layers stand on which, as far as their widths tell. */
export function inStacks(convention: string, layers: readonly LooseLayer[]): Stack[] {
  const sized = layers.flatMap((layer, index) => sizeOf(layer, index) ?? []);
  const runs: (readonly Sized[])[] = [];
  const kinds = byKind(sized);
  const orders = kinds.length > 1 && sized.length <= MOST ? fitting(sized) : [];
  if (orders.length === 1) runs.push(orders[0]!);
  else if (kinds.length === 1) runs.push(...fittingRuns(sized));
  const stacked = new Set(runs.flat().map(({ index }) => index));
  const alone = layers.flatMap((layer, index) =>
    stacked.has(index) ? [] : [{ first: index, run: [layer] }],
  );
  const all = [...runs.map((run) => ({ first: Math.min(...run.map(({ index }) => index)), run })), ...alone];
  return all.sort((a, b) => a.first - b.first).map(({ run }) => stackOf(convention, run));
}

/** Undefined of a layer in two directions, which nothing can be stacked on, and of one that cannot be read. */
function sizeOf(loose: LooseLayer, index: number): Sized | undefined {
  if (loose.layer.backward) return undefined;
  try {
    const { inputSize, hiddenSize, projectionSize } = loose.layer.forward.examine();
    return { ...loose, index, takes: inputSize, gives: projectionSize ?? hiddenSize };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

const byKind = (layers: readonly Sized[]): Sized[][] => {
  const kinds = new Map<string, Sized[]>();
  for (const one of layers) kinds.set(one.kind, [...(kinds.get(one.kind) ?? []), one]);
  return [...kinds.values()];
};

/** Neighbours in the file whose widths fit. */
function fittingRuns(layers: readonly Sized[]): Sized[][] {
  const runs: Sized[][] = [];
  for (const one of layers) {
    const run = runs.at(-1);
    if (run && run.at(-1)!.gives === one.takes) run.push(one);
    else runs.push([one]);
  }
  return runs;
}

/** The orders of all layers in which each fits on the one before; two at most, as more are no better than two. */
function fitting(layers: readonly Sized[]): Sized[][] {
  const found: Sized[][] = [];
  const extend = (order: readonly Sized[], queues: readonly (readonly Sized[])[]): void => {
    if (found.length > 1) return;
    if (order.length === layers.length) found.push([...order]);
    queues.forEach(([next, ...rest], k) => {
      if (next && (order.length === 0 || order.at(-1)!.gives === next.takes))
        extend([...order, next], queues.with(k, rest));
    });
  };
  extend([], byKind(layers));
  return found;
}

function stackOf(convention: string, run: readonly LooseLayer[]): Stack {
  const names = [...new Set(run.map(({ name }) => name))];
  const remark = `${names.join(', ')} are taken as a stack in this order, as their widths fit: the file does not say what feeds what (--layer N takes one alone)`;
  return {
    convention,
    name: names.join('+'),
    layers: run.map(({ layer }) => layer),
    assumptions: [...(run.length > 1 ? [remark] : []), ...run.flatMap((one) => one.remark ?? [])],
  };
}
