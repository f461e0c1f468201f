import {
  type Cell,
  type CellWeights,
  gruFlipped,
  gruFlippedResetBefore,
  gruResetAfter,
  gruResetBefore,
  lstm,
  rnnRelu,
  rnnTanh,
} from '../../cells/index.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Linear } from '../linear.js';
import { type Source, shapeText } from '../source.js';
import { type Gate, gateParameters, transposedBlock } from './columns.js';
import type { Convention } from './convention.js';
import { dense, stackModule, type Unit } from './stack.js';
import { inStacks, type LooseLayer } from './stacking.js';
import { matrixOf, rowsOf } from './stored.js';

/**
 * Names that no convention knows, where shapes leave one reading: a recurrent matrix has 3 (GRU) or 4 (LSTM) blocks of
 * its own size, rows as in PyTorch or columns as in Keras, and the input's has as many. A square one is an RNN's if its
 * name says that it is recurrent. Asked only where no convention has found anything.
 */
export const byShape: Convention = {
  name: 'by-shape',
  match: (source) => inStacks(byShape.name, layersOf(source)).map(stackModule),
  linears: (source, owned) => {
    const [layer] = foundIn(source);
    return layer === undefined ? [] : linears(source, owned, layer.columns);
  },
};

/** One layer as its shapes tell it. */
interface FoundLayer {
  readonly name: string;
  readonly input: Tensor;
  readonly recurrent: Tensor;
  /** Of G·H, [2, G·H] or two of G·H: the input's, the recurrent one's. */
  readonly biases: readonly Tensor[];
  readonly family: Family;
  /** Whether blocks are columns, as in Keras; rows otherwise. */
  readonly columns: boolean;
  readonly H: number;
  readonly I: number;
}

interface Family {
  readonly members: readonly [Cell, ...Cell[]];
  /** In PyTorch's order, and in that of Keras. */
  readonly rows: readonly string[];
  readonly columns: readonly string[];
}

const RNN: Family = { members: [rnnTanh, rnnRelu], rows: ['h'], columns: ['h'] };
const FAMILIES: ReadonlyMap<number, Family> = new Map([
  [1, RNN],
  [
    3,
    {
      members: [gruResetAfter, gruResetBefore, gruFlipped, gruFlippedResetBefore],
      rows: ['r', 'z', 'n'],
      columns: ['z', 'r', 'n'],
    },
  ],
  [4, { members: [lstm], rows: ['i', 'f', 'g', 'o'], columns: ['i', 'f', 'g', 'o'] }],
]);

/** Wh, W_hh, U, rec, recurrent, hidden2hidden … at the end of a name, behind whatever else stands there. */
const RECURRENT =
  /(^|[^a-z]|w)(hh|wh|uh?|h2h|hidden_?(to|2)_?hidden|rec|recurrent|state)([^a-z]|$)|recurrent/i;

function layersOf(source: Source): LooseLayer[] {
  return foundIn(source).map((layer) => ({
    name: layer.name,
    kind: `${layer.family.rows.join('')} ${layer.columns}`,
    layer: { forward: unit(layer) },
  }));
}

function foundIn(source: Source): FoundLayer[] {
  return [...groups(source)].flatMap(([name, tensors]) => layerIn(name, tensors) ?? []);
}

/** Tensors that belong together: in one folder of the names, with the same number in their own. */
function groups({ tensors }: Source): Map<string, Tensor[]> {
  const found = new Map<string, Tensor[]>();
  for (const [name, tensor] of tensors) {
    const at = Math.max(name.lastIndexOf('.'), name.lastIndexOf('/'));
    const number = /\d+(?!.*\d)/.exec(name.slice(at + 1))?.[0] ?? '';
    const key = [name.slice(0, Math.max(0, at)), number].filter((part) => part !== '').join('.');
    const group = found.get(key);
    if (group === undefined) found.set(key, [tensor]);
    else group.push(tensor);
  }
  return found;
}

/** The one pair of matrices that can be a layer's; none where there are two or none. */
function layerIn(name: string, tensors: readonly Tensor[]): FoundLayer | undefined {
  const matrices = tensors.filter(
    (tensor) => tensor.shape.length === 2 && tensor.shape.every((n) => n > 0) && !isBias(tensor),
  );
  const pairs = matrices.flatMap((recurrent) =>
    matrices.flatMap((input) => (input === recurrent ? [] : (pairOf(input, recurrent) ?? []))),
  );
  const named = pairs.filter(({ recurrent, input }) => isRecurrent(recurrent) && !isRecurrent(input));
  const [pair, ...others] = pairs.length === 1 && pairs[0]!.family !== RNN ? pairs : named;
  if (pair === undefined || others.length > 0) return undefined;
  return { ...pair, name, biases: biasesOf(tensors, pair) };
}

const leaf = ({ name }: Tensor): string =>
  name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1);

const isRecurrent = (tensor: Tensor): boolean => RECURRENT.test(leaf(tensor));

/** Keras' two rows of biases look like the matrix of two inputs. */
const isBias = (tensor: Tensor): boolean => tensor.shape[0] === 2 && /^b(?![a-z])|bias/i.test(leaf(tensor));

type Pair = Omit<FoundLayer, 'name' | 'biases'>;

/** [G·H, I] and [G·H, H], or [I, G·H] and [H, G·H]. */
function pairOf(input: Tensor, recurrent: Tensor): Pair | undefined {
  const [rows, cols] = recurrent.shape as [number, number];
  const H = Math.min(rows, cols);
  const family = FAMILIES.get(Math.max(rows, cols) / H);
  if (family === undefined) return undefined;
  const [height, width] = input.shape as [number, number];
  // Of a square matrix the input's alone tells which way both are stored: as many of its rows or of its columns.
  const asRows = rows >= cols && height === rows;
  const asColumns = cols >= rows && width === cols;
  if (asRows === asColumns) return undefined;
  return { input, recurrent, family, columns: asColumns, H, I: asColumns ? height : width };
}

function biasesOf(tensors: readonly Tensor[], { recurrent }: Pair): Tensor[] {
  const blocks = Math.max(...recurrent.shape);
  const fitting = tensors.filter(
    ({ shape }) =>
      /^(1,)?$|^2,$/.test(
        shape
          .slice(0, -1)
          .map((n) => `${n},`)
          .join(''),
      ) && shape.at(-1) === blocks,
  );
  const whole = fitting.find(({ shape }) => shape.length === 2 && shape[0] === 2);
  if (whole !== undefined) return [whole];
  const vectors = fitting.filter(({ name }) => /b/i.test(name)).slice(0, 2);
  return vectors.length === 2 && isRecurrent(vectors[0]!) && !isRecurrent(vectors[1]!)
    ? vectors.reverse()
    : vectors;
}

function unit(layer: FoundLayer): Unit {
  const { input, recurrent, biases, family, columns, H, I } = layer;
  const parts = new Map([input, recurrent, ...biases].map((tensor) => [tensor.name, tensor]));
  const hasTwo = biases.length === 2 || biases[0]?.shape[0] === 2;
  const [cell, before] = family.members;
  // Keras with one bias resets before the product, and PyTorch always after it.
  const usual = columns && !hasTwo && family.members.length > 2 ? before! : cell;
  const gates = columns ? family.columns : family.rows;
  return {
    name: layer.name,
    parts,
    examine: () => ({
      members: family.members,
      stated: usual,
      gates,
      inputSize: I,
      hiddenSize: H,
      hasBiases: biases.length > 0,
      assumed: (name, { cell: asked, options }) => [
        assumption(name, layer, asked ? undefined : usual, options.gates === undefined),
      ],
      weights: (order) => weights(layer, order),
    }),
  };
}

function assumption(name: string, layer: FoundLayer, usual: Cell | undefined, isOpen: boolean): string {
  const { input, recurrent, columns, family } = layer;
  const gates = columns ? family.columns : family.rows;
  const way = columns ? 'blocks of columns, as in Keras' : 'blocks of rows, as in PyTorch';
  const supposed = [
    ...(isOpen && gates.length > 1 ? [`gates in the order ${gates.join(' ')} (--gates overrides)`] : []),
    ...(usual && family.members.length > 1 ? [`the cell ${usual.name} (--cell overrides)`] : []),
  ];
  const told = `by their shapes alone, ${recurrent.name} (${shapeText(recurrent.shape)}) is taken for the recurrent matrix and ${input.name} (${shapeText(input.shape)}) for the input's, in ${way}`;
  return `${name}: ${[told, ...supposed].join('; ')}`;
}

function weights(
  { input, recurrent, biases, columns, H, I }: FoundLayer,
  order: readonly string[],
): CellWeights {
  const W = matrixOf(input);
  const U = matrixOf(recurrent);
  const blocks = order.length * H;
  const numbers = biases.map((bias) => bias.values());
  const [bx, bh] = numbers[0]?.length === 2 * blocks ? halves(numbers[0]) : numbers;
  const gates = order.map((gate, g): [string, Gate] => [
    gate,
    {
      W: columns ? transposedBlock(W.data, blocks, [0, I], [g * H, H]) : rowsOf(W, g * H, H),
      U: columns ? transposedBlock(U.data, blocks, [0, H], [g * H, H]) : rowsOf(U, g * H, H),
      ...(bx && { bx: bx.slice(g * H, (g + 1) * H) }),
      ...(bh && { bh: bh.slice(g * H, (g + 1) * H) }),
    },
  ]);
  return gateParameters({ hiddenSize: H, inputSize: I }, new Map(gates));
}

const halves = (values: Float64Array): [Float64Array, Float64Array] => [
  values.subarray(0, values.length / 2),
  values.subarray(values.length / 2),
];

/** Other matrices, stored the same way as the recurrent ones, with the bias that their name promises: Wy and by. */
function linears({ tensors }: Source, owned: ReadonlySet<Tensor>, columns: boolean): Linear[] {
  return [...tensors].flatMap(([name, matrix]) => {
    // What PyTorch's names say is asked there.
    if (matrix.shape.length !== 2 || owned.has(matrix) || /(^|\.)(weight|W_\w+)$/.test(name)) return [];
    const bias = tensors.get(biasName(name));
    const own = bias !== undefined && !owned.has(bias) ? bias : undefined;
    return [columns ? dense(name, matrix, own) : inRows(name, matrix, own)];
  });
}

function inRows(name: string, weight: Tensor, bias: Tensor | undefined): Linear {
  const [rows, cols] = weight.shape as [number, number];
  const isBias = bias?.shape.join() === String(rows);
  return { name, weight, ...(isBias ? { bias } : {}), rows, cols, className: '' };
}

const biasName = (name: string): string =>
  name
    .replace(/weights?|kernel/i, 'bias')
    .replace(/(^|[./_])W/, '$1b')
    .replace(/(^|[./_])w/, '$1b');
