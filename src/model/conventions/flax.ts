import {
  type Cell,
  gruResetAfter,
  lstm,
  mguNoReset,
  mguReset,
  rnnRelu,
  rnnResidual,
  rnnTanh,
} from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Linear } from '../linear.js';
import type { Source } from '../source.js';
import { checkShape, type Gate, gateParameters, transposedBlock } from './columns.js';
import type { Convention } from './convention.js';
import { dense, type Examined, refusedUnit, type Stack, stackModule, type Unit } from './stack.js';
import { inStacks, type LooseLayer } from './stacking.js';
import { matrixShape } from './stored.js';

/** Cells of Flax linen, a Dense a gate, and of Flax nnx, whose gates are blocks of columns. */
export const flax: Convention = {
  name: 'flax',
  match: (source) => stacksOf(source).map(stackModule),
  linears: denseLayers,
};

/** [PATH/]ir/kernel, [PATH.]dense_h.bias …; nnx appends /value, and writes if_ for if. */
const NAME =
  /^(?:(?<path>.*)[./])?(?<sub>i[rznifgo]?_?|h[rznifgo]?|dense_[ih]|ih|hh)[./](?<part>kernel|bias)(?:[./](?:raw_)?value)?$/;

/** The parts of one cell: 'ir/kernel', 'dense_h/bias' … */
interface FlaxCell {
  readonly path: string;
  readonly parts: Map<string, Tensor>;
}

function cellsOf({ tensors }: Source): FlaxCell[] {
  const cells = new Map<string, FlaxCell>();
  for (const [name, tensor] of tensors) {
    const { path = '', sub, part } = NAME.exec(name)?.groups ?? {};
    if (!sub) continue;
    const cell = cells.get(path) ?? { path, parts: new Map() };
    cell.parts.set(`${sub.replace('_', sub.startsWith('dense') ? '_' : '')}/${part}`, tensor);
    cells.set(path, cell);
  }
  return [...cells.values()];
}

interface Kind {
  /** Those that a cell of linen has to have as Dense layers i… and h… */
  readonly gates: readonly string[];
  readonly members: readonly [Cell, ...Cell[]];
}

const KINDS: readonly Kind[] = [
  { gates: ['i', 'f', 'g', 'o'], members: [lstm] },
  { gates: ['r', 'z', 'n'], members: [gruResetAfter] },
  { gates: ['f', 'n'], members: [mguReset, mguNoReset] },
  { gates: [''], members: [rnnTanh, rnnRelu, rnnResidual] },
];

/** Of nnx's cells the number of blocks tells the kind, in this order. */
const BLOCKS: readonly Kind[] = [KINDS[3]!, KINDS[1]!, KINDS[0]!];

const has = ({ parts }: FlaxCell, gate: string): boolean =>
  parts.has(`i${gate}/kernel`) && parts.has(`h${gate}/kernel`);

function unitOf(cell: FlaxCell): Unit | undefined {
  const name = cell.path;
  const { parts } = cell;
  if ((parts.get('ih/kernel')?.shape.length ?? 0) > 2)
    return refusedUnit(
      name,
      parts,
      `${name} is a ConvLSTMCell, whose kernels are convolutions: rnnscope has no equations for it.`,
    );
  if (parts.has('dense_i/kernel') && parts.has('dense_h/kernel'))
    return { name, parts, examine: () => examineBlocks(parts) };
  const kind = KINDS.find(({ gates }) => gates.every((gate) => has(cell, gate)));
  return kind && { name, parts, examine: () => examineGates(parts, kind) };
}

/** linen: [in, H] and [H, H] for each gate. */
function examineGates(parts: ReadonlyMap<string, Tensor>, { gates, members }: Kind): Examined {
  const [H] = matrixShape(parts.get(`h${gates[0]}/kernel`)!);
  const [I] = matrixShape(parts.get(`i${gates[0]}/kernel`)!);
  for (const gate of gates)
    for (const [side, rows] of [
      ['i', I],
      ['h', H],
    ] as const) {
      const why = `to fit ${parts.get(`h${gates[0]}/kernel`)!.name}`;
      checkShape(parts.get(`${side}${gate}/kernel`)!, [rows, H], why);
      const bias = parts.get(`${side}${gate}/bias`);
      if (bias) checkShape(bias, [H], why);
    }
  const sizes = { hiddenSize: H, inputSize: I };
  const whole = (tensor: Tensor, rows: number) => transposedBlock(tensor.values(), H, [0, rows], [0, H]);
  const vector = (part: string) => parts.get(part)?.values().slice();
  return {
    ...common(members, parts),
    ...sizes,
    gates: gates.length === 1 ? ['h'] : [],
    weights: () =>
      gateParameters(
        sizes,
        new Map(
          gates.map((gate) => [
            gate || 'h',
            gateOf(
              whole(parts.get(`i${gate}/kernel`)!, I),
              whole(parts.get(`h${gate}/kernel`)!, H),
              vector(`i${gate}/bias`),
              vector(`h${gate}/bias`),
            ),
          ]),
        ),
      ),
  };
}

const gateOf = (
  W: Gate['W'],
  U: Gate['U'],
  bx: Float64Array | undefined,
  bh: Float64Array | undefined,
): Gate => ({ W, U, ...(bx ? { bx } : {}), ...(bh ? { bh } : {}) });

/** nnx: dense_i [in, G·H] and dense_h [H, G·H]. */
function examineBlocks(parts: ReadonlyMap<string, Tensor>): Examined {
  const [input, recurrent] = [parts.get('dense_i/kernel')!, parts.get('dense_h/kernel')!];
  const [H, columns] = matrixShape(recurrent);
  const [I] = matrixShape(input);
  const kind = BLOCKS.find(({ gates }) => gates.length * H === columns);
  if (!kind || H === 0)
    throw new UserError(
      'SHAPE',
      `${recurrent.name} is ${H}×${columns}: a SimpleCell has as many columns as rows, a GRUCell 3 times, an OptimizedLSTMCell 4 times as many.`,
    );
  const why = `to fit ${recurrent.name}`;
  checkShape(input, [I, columns], why);
  const [bx, bh] = ['dense_i/bias', 'dense_h/bias'].map((part) => parts.get(part));
  for (const bias of [bx, bh]) if (bias) checkShape(bias, [columns], why);
  const sizes = { hiddenSize: H, inputSize: I };
  const gates = kind.gates.map((gate) => gate || 'h');
  const block = (tensor: Tensor, rows: number, g: number) =>
    transposedBlock(tensor.values(), columns, [0, rows], [g * H, H]);
  const slice = (tensor: Tensor | undefined, g: number) => tensor?.values().slice(g * H, (g + 1) * H);
  return {
    ...common(kind.members, parts),
    ...sizes,
    gates,
    weights: (order) =>
      gateParameters(
        sizes,
        new Map(
          order.map((gate, g) => [
            gate,
            gateOf(block(input, I, g), block(recurrent, H, g), slice(bx, g), slice(bh, g)),
          ]),
        ),
      ),
  };
}

/** What the names tell, and what they leave to be supposed. */
function common(
  members: readonly [Cell, ...Cell[]],
  parts: ReadonlyMap<string, Tensor>,
): Pick<Examined, 'members' | 'stated' | 'hasBiases' | 'assumed'> {
  const isMgu = members[0] === mguReset;
  // A product that f does not act on needs no bias of its own, and Flax gives it none.
  const stated = isMgu && !parts.has('hn/bias') ? mguNoReset : members[0];
  return {
    members,
    stated,
    hasBiases: [...parts.keys()].some((part) => part.endsWith('/bias')),
    assumed: (label, asked) => [
      ...(asked.options.activation === undefined && !asked.cell ? [functionsRemark(label, members[0])] : []),
      ...(members.includes(rnnResidual) && !asked.cell
        ? [
            `${label}: the file does not say whether the cell adds its state (residual=True); it is taken not to, --cell rnn-residual overrides`,
          ]
        : []),
    ],
  };
}

const functionsRemark = (label: string, cell: Cell): string =>
  `${label}: the file does not name its functions; ${cell === rnnTanh ? 'tanh' : 'sigmoid gates and tanh'} (Flax's defaults) are assumed, --activation overrides`;

function stacksOf(source: Source): Stack[] {
  const loose = cellsOf(source).flatMap((cell) => {
    const unit = unitOf(cell);
    return unit ? [{ name: unit.name, kind: kindOf(unit.name), layer: { forward: unit } }] : [];
  });
  return inStacks('flax', inPairs(loose));
}

/** 'GRUCell_10' is a 'GRUCell': Flax numbers the modules of each class. */
const kindOf = (path: string): string => path.replace(/^.*[./]/, '').replace(/_\d+$/, '');

/**
 * Two cells in a row of one class and shape, neither of which can read the other, are the directions of a Bidirectional: its
 * own name is not in the file.
 */
function inPairs(cells: readonly LooseLayer[]): LooseLayer[] {
  const out: LooseLayer[] = [];
  for (const cell of cells) {
    const before = out.at(-1);
    if (before && !before.layer.backward && arePair(before, cell)) out[out.length - 1] = pair(before, cell);
    else out.push(cell);
  }
  return out;
}

function arePair(a: LooseLayer, b: LooseLayer): boolean {
  if (a.kind !== b.kind) return false;
  const [first, second] = [a, b].map((one) => sizesOf(one.layer.forward));
  if (!first || !second || first.inputSize === first.hiddenSize) return false;
  return first.inputSize === second.inputSize && first.hiddenSize === second.hiddenSize;
}

function sizesOf(unit: Unit): Examined | undefined {
  try {
    return unit.examine();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

const pair = (a: LooseLayer, b: LooseLayer): LooseLayer => ({
  name: `${a.name}+${b.name}`,
  kind: a.kind,
  layer: { forward: a.layer.forward, backward: b.layer.forward },
  remark: `${a.name} and ${b.name} have one shape, and neither can read the other: they are taken for the two directions of a Bidirectional`,
});

/** Dense layers and embeddings whose names are joined by dots; those joined by slashes are Keras' as well. */
function denseLayers(source: Source, owned: ReadonlySet<Tensor>): Linear[] {
  const out: Linear[] = [];
  for (const [name, tensor] of source.tensors) {
    const [, path, part] = /^(?:(.*)[./])?(kernel|embedding)(?:[./](?:raw_)?value)?$/.exec(name) ?? [];
    if (part === undefined || tensor.shape.length !== 2 || owned.has(tensor)) continue;
    if (part === 'embedding') {
      const [rows, cols] = tensor.shape as [number, number];
      out.push({ name: path ?? '', weight: tensor, rows, cols, className: 'Embedding' });
    } else if (!name.endsWith('/kernel'))
      out.push(dense(path ?? '', tensor, source.tensors.get(name.replace('kernel', 'bias'))));
  }
  return out;
}
