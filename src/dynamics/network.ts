import { cellAtRest } from '../calculus/at-rest.js';
import { type Box, interval, joinBoxes, sliceBox } from '../calculus/interval.js';
import { Plan } from '../calculus/plan.js';
import { type Block, handedOn, stateSize } from '../cells/layout.js';
import { gemm } from '../linalg/index.js';
import { copy, type Matrix, rowBlock, zeros } from '../linalg/matrix.js';
import type { Layer } from '../model/model.js';
import { solveLayer } from './shifted-solve.js';
import type { Ahead, Linearisation, Part, Recording, System } from './system.js';

/** Where a layer's share of the packed state lies. */
interface Place {
  readonly layer: Layer;
  readonly plan: Plan;
  readonly from: number;
  readonly to: number;
  /** Rows of the block `h`, which the next layer reads, counted from `from`. */
  readonly h: Block;
}

/**
 * A stack of layers as one map: the state is packed layer by layer, block by block (h, then c), and layer l + 1 reads
 * the new h of layer l, so that J is block lower triangular. `cut` names quantities of the cells whose derivative is left out.
 */
export function network(layers: readonly Layer[], cut: readonly string[] = []): System {
  const places = lay(layers, cut);
  const last = places.at(-1)!;
  return new Network(places, last.to, places[0]!.plan.inputSize);
}

function lay(layers: readonly Layer[], cut: readonly string[]): Place[] {
  const places: Place[] = [];
  for (const layer of layers) {
    const plan = new Plan(layer.cell, layer.weights, cut);
    const from = places.at(-1)?.to ?? 0;
    const h = handedOn(layer.cell, layer.weights);
    places.push({ layer, plan, from, to: from + plan.stateSize, h });
  }
  return places;
}

/** Rows of the packed state that the last layer hands on, its h. */
export function outputRows(layers: readonly Layer[]): { from: number; to: number } {
  const last = layers.at(-1)!;
  const below = layers.slice(0, -1).reduce((sum, { cell, weights }) => sum + stateSize(cell, weights), 0);
  const { from, to } = handedOn(last.cell, last.weights);
  return { from: below + from, to: below + to };
}

class Network implements System {
  readonly coordinates: readonly string[];
  readonly leaky: NonNullable<System['leaky']>;
  readonly parts: readonly Part[];
  readonly ahead: Ahead;
  readonly recording: Recording;
  readonly cheapDeterminant: boolean;
  /** null: not asked for yet. */
  private rest: System | undefined | null = null;

  constructor(
    private readonly places: readonly Place[],
    readonly dimension: number,
    readonly inputSize: number,
  ) {
    this.coordinates = places.flatMap(({ layer, plan }) =>
      plan.blocks.flatMap((block) =>
        Array.from({ length: block.to - block.from }, (_, i) => `${layer.name}.${block.name}[${i}]`),
      ),
    );
    this.leaky = places.flatMap(({ layer, plan, from }) =>
      (layer.cell.leaky ?? []).map((name) => {
        const block = plan.blocks.find((one) => one.name === name)!;
        return { from: from + block.from, to: from + block.to };
      }),
    );
    this.parts = places.map(partOf);
    this.ahead = this.aheadBy(places[0]!);
    this.recording = this.recordingOf();
    this.cheapDeterminant = places.every(({ plan }) => plan.determinantIsCheap);
  }

  /** The layers without the gates that only slow the way to rest. */
  get atRest(): System | undefined {
    if (this.rest === null) {
      const cells = this.places.map(({ layer }) => cellAtRest(layer.cell));
      const layers = this.places.map(({ layer }, l) => ({ ...layer, cell: cells[l] ?? layer.cell }));
      this.rest = cells.some((cell) => cell !== null) ? network(layers) : undefined;
    }
    return this.rest;
  }

  step(s: Float64Array, x: Float64Array, next: Float64Array): void {
    const { plan, from, to } = this.places[0]!;
    plan.evaluate(s.subarray(from, to), x, next.subarray(from, to));
    this.climb(s, next);
  }

  private stepProjected(s: Float64Array, row: Float64Array, next: Float64Array): void {
    const { plan, from, to } = this.places[0]!;
    plan.evaluateProjected(s.subarray(from, to), row, next.subarray(from, to));
    this.climb(s, next);
  }

  /** Steps the layers above the first, each fed with the new h of the one below. */
  private climb(s: Float64Array, next: Float64Array): void {
    for (let l = 1; l < this.places.length; l++) {
      const { plan, from, to } = this.places[l]!;
      const below = this.places[l - 1]!;
      const input = next.subarray(below.from + below.h.from, below.from + below.h.to);
      plan.evaluate(s.subarray(from, to), input, next.subarray(from, to));
    }
  }

  linearise(s: Float64Array, x: Float64Array): Linearisation {
    const next = new Float64Array(this.dimension);
    this.step(s, x, next);
    return this.lineariseHere(next);
  }

  private lineariseHere(next: Float64Array): Linearisation {
    for (const { plan } of this.places) plan.linearise();
    return new NetworkLinearisation(this.places, next, this.inputSize);
  }

  private recordingOf(): Recording {
    let width = 0;
    const shares = this.places.map((place) => {
      const from = width;
      width += place.plan.recordSize;
      return { place, of: (row: Float64Array) => row.subarray(from, from + place.plan.recordSize) };
    });
    return {
      width,
      take: (row) => {
        for (const { place, of } of shares) place.plan.record(of(row));
      },
      linearise: (s, row) => {
        const next = new Float64Array(this.dimension);
        for (const { place, of } of shares) {
          const { plan, from, to } = place;
          plan.evaluateAgain(s.subarray(from, to), of(row), next.subarray(from, to));
        }
        return this.lineariseHere(next);
      },
    };
  }

  private aheadBy({ plan }: Place): Ahead {
    return {
      width: plan.projectionSize,
      project: (X, out) => plan.project(X, out),
      step: (s, row, next) => this.stepProjected(s, row, next),
      linearise: (s, row) => {
        const next = new Float64Array(this.dimension);
        this.stepProjected(s, row, next);
        return this.lineariseHere(next);
      },
    };
  }

  bounds(s: Box, x: Box): Box {
    let input = x;
    const next: Box[] = [];
    for (const { layer, plan, from, to } of this.places) {
      const own = sliceBox(s, from, to);
      const state = Object.fromEntries(
        plan.blocks.map((block) => [block.name, sliceBox(own, block.from, block.to)]),
      );
      const image = layer.cell.equations(interval, layer.weights, state, input);
      next.push(...layer.cell.blocks.map((name) => image[name]!));
      input = image.h!;
    }
    return joinBoxes(next);
  }
}

function partOf({ layer, plan, from, to, h }: Place): Part {
  const inState = (block: Block): Block => ({ ...block, from: from + block.from, to: from + block.to });
  return {
    name: layer.name,
    cell: layer.cell.name,
    rows: { from, to },
    blocks: plan.blocks.map(inState),
    output: inState(h),
    quantities: layer.cell.quantities ?? [],
    read: (name) => plan.quantity(name),
  };
}

class NetworkLinearisation implements Linearisation {
  private formed: { state: Matrix; input: Matrix } | undefined;

  constructor(
    private readonly places: readonly Place[],
    readonly next: Float64Array,
    private readonly inputSize: number,
  ) {}

  jvp(V: Matrix, out: Matrix, X?: Matrix): void {
    let input: Matrix | null = X ?? null;
    for (const { plan, from, to, h } of this.places) {
      plan.jvp(rowBlock(V, from, to), input, rowBlock(out, from, to));
      input = rowBlock(out, from + h.from, from + h.to);
    }
  }

  vjp(W: Matrix, outS: Matrix, outX?: Matrix): void {
    // The last layer first: what reaches its input is added to what reaches the h of the layer below.
    let fromAbove: Matrix | null = null;
    for (const { plan, from, to, h } of this.places.toReversed()) {
      let own = rowBlock(W, from, to);
      if (fromAbove) {
        own = { ...own, data: own.data.slice() };
        const { data } = rowBlock(own, h.from, h.to);
        for (let p = 0; p < data.length; p++) data[p] = data[p]! + fromAbove.data[p]!;
      }
      const toInput: Matrix | null = from > 0 ? zeros(plan.inputSize, W.cols) : (outX ?? null);
      plan.vjp(own, rowBlock(outS, from, to), toInput);
      fromAbove = toInput;
    }
  }

  jacobian(): Matrix {
    return copy(this.whole().state);
  }

  inputJacobian(): Matrix {
    return copy(this.whole().input);
  }

  /** Layer l's rows are [∂/∂own state] on the diagonal, and ∂/∂its input times the rows of h of the layer below. */
  private whole(): { state: Matrix; input: Matrix } {
    this.formed ??= this.form();
    return this.formed;
  }

  private form(): { state: Matrix; input: Matrix } {
    const n = this.next.length;
    const width = n + this.inputSize;
    const all = zeros(n, width);
    let below: Matrix | null = null;
    for (const { plan, from, to, h } of this.places) {
      const local = plan.jacobian();
      const own = rowBlock(all, from, to);
      copyColumns(local, 0, own, from, plan.stateSize);
      if (below) gemm(own, columns(local, plan.stateSize, local.cols), below, { beta: 1 });
      else copyColumns(local, plan.stateSize, own, n, this.inputSize);
      below = rowBlock(own, h.from, h.to);
    }
    return { state: columns(all, 0, n), input: columns(all, n, width) };
  }

  /** Block triangular: the determinants of the layers multiply. */
  logAbsDet(): number {
    return this.places.reduce((sum, { plan }) => sum + plan.logAbsDet(), 0);
  }

  /**
   * Layer by layer, since J is block lower triangular: (S_l − I) y_l = b_l − X_l d, with d = (J y)_h = b_h + y_h the change
   * of what the layer below hands on.
   */
  solveShifted(b: Float64Array): Float64Array | null {
    const y = new Float64Array(b.length);
    let below: Float64Array | null = null;
    for (const { plan, from, to, h } of this.places) {
      const local = plan.jacobian();
      const rhs = b.slice(from, to);
      if (below) subtractProduct(rhs, local, plan.stateSize, below);
      const own = solveLayer(local, plan.blocks[0]!.to, rhs);
      if (!own) return null;
      y.set(own, from);
      below = Float64Array.from(own.subarray(h.from, h.to), (v, i) => b[from + h.from + i]! + v);
    }
    return y;
  }
}

/** rhs ← rhs − X d, with X the columns of `local` from `column` on. */
function subtractProduct(rhs: Float64Array, local: Matrix, column: number, d: Float64Array): void {
  for (let i = 0; i < rhs.length; i++) {
    let sum = 0;
    for (let j = 0; j < d.length; j++) sum += local.data[i * local.cols + column + j]! * d[j]!;
    rhs[i] = rhs[i]! - sum;
  }
}

function columns(m: Matrix, from: number, to: number): Matrix {
  const out = zeros(m.rows, to - from);
  copyColumns(m, from, out, 0, to - from);
  return out;
}

function copyColumns(m: Matrix, from: number, into: Matrix, at: number, count: number): void {
  for (let i = 0; i < m.rows; i++) {
    into.data.set(m.data.subarray(i * m.cols + from, i * m.cols + from + count), i * into.cols + at);
  }
}
