import type { Cell, CellWeights } from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Linear } from '../linear.js';
import type { Layer, ModelOptions } from '../model.js';
import { label } from '../source.js';
import { chooseCell } from './choose-cell.js';
import { type Direction, examined, type Found, type OpenModule, storedNumbers } from './convention.js';
import { gateOrder } from './gate-order.js';

/** One recurrent layer in one direction, as a framework other than PyTorch stores it: its cell is a question of its own. */
export interface Unit {
  /** What the file calls it. */
  readonly name: string;
  readonly parts: ReadonlyMap<string, Tensor>;
  /** Throws a UserError where the shapes of its tensors disagree. */
  examine(): Examined;
}

export interface Examined {
  /** Cells that share its parameters. The first is the framework's own. */
  readonly members: readonly [Cell, ...Cell[]];
  /** What the file says that it is, functions included. */
  readonly stated?: Cell;
  /** The blocks of a matrix in their order; none where the gates are told apart by name. */
  readonly gates: readonly string[];
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly projectionSize?: number;
  readonly hasBiases: boolean;
  /** What is supposed of the layer called `name`, where options do not say it. */
  assumed(name: string, asked: { readonly cell: boolean; readonly options: ModelOptions }): readonly string[];
  weights(order: readonly string[]): CellWeights;
}

/** A layer of a stack: a unit, and another one that reads the input from its end. */
export interface StackLayer {
  readonly forward: Unit;
  readonly backward?: Unit;
}

export interface Stack {
  readonly convention: string;
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly layers: readonly StackLayer[];
  /** What was supposed of the stack as a whole. */
  readonly assumptions?: readonly string[];
}

const unitsOf = ({ layers }: Stack): Unit[] =>
  layers.flatMap(({ forward, backward }) => (backward ? [forward, backward] : [forward]));

/** Layers, each of which reads the one below, as a module. Their cells and widths may differ. */
export function stackModule(stack: Stack): Found {
  const parts = partsOf(stack);
  const common = {
    name: stack.name,
    aliases: stack.aliases ?? [],
    convention: stack.convention,
    bidirectional: stack.layers.some(({ backward }) => backward),
    layers: stack.layers.length,
    parameters: storedNumbers(parts),
    parts,
    notes: [],
  };
  return examined(common, () => {
    const layers = stack.layers.map(({ forward, backward }) => ({
      forward: forward.examine(),
      backward: backward?.examine(),
    }));
    const first = layers[0]!.forward;
    return {
      family: (first.stated ?? first.members[0]).family,
      cell: (first.stated ?? first.members[0]).name,
      inputSize: first.inputSize,
      hiddenSize: first.hiddenSize,
      ...(first.projectionSize === undefined ? {} : { projectionSize: first.projectionSize }),
      hasBiases: layers.some(({ forward }) => forward.hasBiases),
      open: (options) => open(stack, layers, options),
    };
  });
}

function partsOf(stack: Stack): Map<string, Tensor> {
  const several = unitsOf(stack).length > 1;
  return new Map(
    unitsOf(stack).flatMap((unit, k) =>
      [...unit.parts].map(([part, tensor]) => [several ? `${k}/${part}` : part, tensor] as const),
    ),
  );
}

interface Both {
  readonly forward: Examined;
  readonly backward: Examined | undefined;
}

function open(stack: Stack, layers: readonly Both[], options: ModelOptions): OpenModule {
  const name = label(stack.name);
  const chosen = layers.map(({ forward }) => chooseCell(name, forward.members, forward.stated, options));
  const assumed = layers.flatMap(({ forward }, k) =>
    forward.assumed(name, { cell: chosen[k]!.isAsked, options }),
  );
  return {
    cell: chosen[0]!.cell,
    assumptions: [...(stack.assumptions ?? []), ...new Set(assumed)],
    layer: (index, direction) => layer(name, index, layers[index]!, direction, options),
  };
}

function layer(
  name: string,
  index: number,
  { forward, backward }: Both,
  direction: Direction,
  options: ModelOptions,
): Layer {
  const unit = direction === 'backward' ? backward! : forward;
  const { cell } = chooseCell(name, unit.members, unit.stated, options);
  return { name: `layer${index}`, cell, weights: unit.weights(orderOf(name, unit, options)) };
}

/** --gates. */
function orderOf(name: string, { gates }: Examined, { gates: text }: ModelOptions): readonly string[] {
  if (text === undefined) return gates;
  if (gates.length > 1) return gateOrder(text, [...gates].sort(byCanon));
  const why = gates.length === 1 ? 'an RNN has no gates' : 'its gates are told apart by name';
  throw new UserError('USAGE', `--gates ${text} does not fit ${name}: ${why}.`);
}

/** The order in which `gateOrder` knows them. */
const CANON = 'rzifgno';
const byCanon = (a: string, b: string): number => CANON.indexOf(a) - CANON.indexOf(b);

/** A unit that cannot be represented: it is told of, and says why when it is opened. */
export const refusedUnit = (name: string, parts: ReadonlyMap<string, Tensor>, reason: string): Unit => ({
  name,
  parts,
  examine() {
    throw new UserError('UNSUPPORTED', reason);
  },
});

/** A matrix that takes inputs from the left, x W, as one that takes them from the right. */
export function transposed(tensor: Tensor): Tensor {
  const [rows, cols] = tensor.shape as [number, number];
  return {
    name: tensor.name,
    shape: [cols, rows],
    dtype: tensor.dtype,
    values() {
      const stored = tensor.values();
      const out = new Float64Array(rows * cols);
      for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = stored[i * cols + j]!;
      return out;
    },
  };
}

/** A dense layer y = x W + b, [inputs, outputs], as a readout has it. */
export function dense(
  name: string,
  kernel: Tensor,
  bias: Tensor | undefined,
  more: Partial<Linear> = {},
): Linear {
  const [cols, rows] = kernel.shape as [number, number];
  const isBias = bias !== undefined && bias.shape.length === 1 && bias.shape[0] === rows;
  return {
    name,
    weight: transposed(kernel),
    ...(isBias ? { bias } : {}),
    rows,
    cols,
    className: 'Dense',
    ...more,
  };
}
