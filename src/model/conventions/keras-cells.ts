import {
  type Activation,
  activation,
  type Cell,
  type CellWeights,
  gruFlipped,
  gruFlippedResetBefore,
  gruResetAfter,
  gruResetBefore,
  lstm,
  parseActivation,
  rnnRelu,
  rnnTanh,
  sigmoid,
  tanh,
} from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Matrix } from '../../linalg/matrix.js';
import { shapeText } from '../source.js';
import { type Gate, gateParameters, transposedBlock } from './columns.js';
import type { CellConfig } from './keras-config.js';
import type { WeightSet } from './keras-weights.js';
import type { Examined, Unit } from './stack.js';
import { matrixShape } from './stored.js';

interface Family {
  readonly members: readonly [Cell, ...Cell[]];
  /** Blocks of columns in Keras' order. */
  readonly gates: readonly string[];
  readonly classes: RegExp;
}

const FAMILIES: readonly Family[] = [
  { members: [rnnTanh, rnnRelu], gates: ['h'], classes: /^SimpleRNN(Cell)?$/ },
  {
    members: [gruResetAfter, gruResetBefore, gruFlipped, gruFlippedResetBefore],
    gates: ['z', 'r', 'n'],
    classes: /^(CuDNN)?GRU(Cell)?(V2)?$/,
  },
  { members: [lstm], gates: ['i', 'f', 'g', 'o'], classes: /^(CuDNN)?LSTM(Cell)?(V2)?$/ },
];

export const isKnownClass = (className: string): boolean =>
  FAMILIES.some(({ classes }) => classes.test(className));

/** Which Keras wrote a file, as hard_sigmoid changed with it. */
export interface Version {
  /** '3.15.1', '2.9.0-tf', 'tfjs-layers 4.22.0'; '' where the file does not say it. */
  readonly text: string;
}

const isKeras3 = ({ text }: Version): boolean => /^([3-9]|\d\d)\./.test(text);

/** A cell with the weights `set` and, where the file has a configuration, what that says. */
export function kerasUnit(
  name: string,
  set: WeightSet,
  said: CellConfig | undefined,
  version: Version,
): Unit {
  return { name, parts: set.parts, examine: () => examine(name, set, said, version) };
}

function examine(name: string, set: WeightSet, said: CellConfig | undefined, version: Version): Examined {
  const kernel = required(name, set, 'kernel');
  const recurrent = required(name, set, 'recurrent_kernel');
  const bias = set.parts.get('bias');
  const { family, H, I } = sizes(kernel, recurrent);
  checkClass(name, said, family);
  checkBias(kernel, recurrent, bias, family, H);
  const columns = family.gates.length * H;
  const isCudnn =
    /^CuDNN/.test(said?.className ?? '') || (H !== 1 && bias?.shape.join() === String(2 * columns));
  const stated = said ? statedCell(name, said, version, bias) : undefined;
  const told = stated ?? toldByBias(family, bias, H, isCudnn);
  return {
    members: family.members,
    ...(told ? { stated: told } : {}),
    gates: family.gates,
    inputSize: I,
    hiddenSize: H,
    hasBiases: bias !== undefined,
    assumed: (label, { cell, options }) => [
      ...supposed(label, said, version, family, options.activation === undefined && !cell),
      ...(family.gates.length === 3 && !told && !cell
        ? [
            `${label}: without biases the file does not say where the reset gate acts; after the product is assumed, --reset before overrides`,
          ]
        : []),
    ],
    weights: (order) => cut({ kernel, recurrent, bias, H, I, order, isCudnn }),
  };
}

function required(name: string, { parts }: WeightSet, part: string): Tensor {
  const tensor = parts.get(part);
  if (tensor !== undefined) return tensor;
  const found = [...parts.keys()].join(', ');
  throw new UserError('CORRUPT', `${name} has no ${part}: tensors are missing. It holds ${found}.`);
}

function sizes(kernel: Tensor, recurrent: Tensor): { family: Family; H: number; I: number } {
  const [H, columns] = matrixShape(recurrent);
  const [I, its] = matrixShape(kernel);
  const family = FAMILIES.find(({ gates }) => gates.length * H === columns);
  if (!family || H === 0) {
    const text = 'an RNN has as many columns as rows, a GRU 3 times, an LSTM 4 times as many';
    throw new UserError('SHAPE', `${recurrent.name} is ${H}×${columns}: ${text}.`);
  }
  if (its !== columns) {
    const text = `expected ${I}×${columns} to fit ${recurrent.name} (${H}×${columns})`;
    throw new UserError('SHAPE', `${kernel.name} is ${I}×${its}, ${text}.`);
  }
  return { family, H, I };
}

function checkClass(name: string, said: CellConfig | undefined, family: Family): void {
  if (said === undefined || family.classes.test(said.className)) return;
  const found = family.members[0].family.toUpperCase();
  throw new UserError(
    'SHAPE',
    `${name} is ${said.className} by the configuration, but its weights have the shapes of ${found}.`,
  );
}

/** [G·H]; of a GRU also [2, 3·H] (input, then recurrent); of CuDNN's layers [2·G·H]. */
function checkBias(
  kernel: Tensor,
  recurrent: Tensor,
  bias: Tensor | undefined,
  { gates }: Family,
  H: number,
): void {
  if (bias === undefined) return;
  const columns = gates.length * H;
  const fitting = [String(columns)];
  if (gates.length === 3) fitting.push(`2,${columns}`);
  if (gates.length >= 3) fitting.push(String(2 * columns));
  if (fitting.includes(bias.shape.join())) return;
  const expected = fitting.map((shape) => `[${shape.replace(',', ', ')}]`).join(' or ');
  const beside = [kernel, recurrent].map(({ name, shape }) => `${name} (${shapeText(shape)})`).join(' and ');
  throw new UserError(
    'SHAPE',
    `${bias.name} is ${shapeText(bias.shape)}, expected ${expected} to fit ${beside}.`,
  );
}

/** The cell of the configuration, its functions included. */
function statedCell(name: string, { className, config }: CellConfig, version: Version, bias?: Tensor): Cell {
  const of = (key: string, usual: Activation): Activation =>
    Object.hasOwn(config, key) ? functionOf(name, key, config[key], version) : usual;
  const candidate = of('activation', tanh);
  if (/SimpleRNN/.test(className)) return rnnTanh.withFunctions!({ activations: { candidate } });
  // Without the key, the layer is older than the choice: Keras 2.0.
  const gate = of('recurrent_activation', sigmoid);
  if (/LSTM/.test(className))
    return lstm.withFunctions!({ activations: { gate, candidate, output: candidate } });
  const isAfter = /^CuDNN/.test(className) || config.reset_after === true || bias?.shape.length === 2;
  return (isAfter ? gruResetAfter : gruResetBefore).withFunctions!({ activations: { gate, candidate } });
}

/** Keras' names where they are not ours; parameters where its defaults are not ours. */
const FUNCTIONS: Readonly<Record<string, Activation>> = {
  leaky_relu: activation('leaky_relu', 0.2),
  hard_silu: activation('linear'),
};

/** A name, or an object that was serialised: { class_name: 'function', config: 'relu' }, a layer such as LeakyReLU. */
function functionOf(name: string, key: string, value: unknown, version: Version): Activation {
  const text = nameOf(value);
  const known =
    text === 'hard_sigmoid'
      ? hardSigmoid(version)
      : text === 'hard_silu'
        ? undefined
        : (FUNCTIONS[text] ?? parseActivation(text));
  if (known) return known;
  throw new UserError(
    'UNSUPPORTED',
    `${name}: its ${key} is '${text}', a function that rnnscope does not have.`,
  );
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return 'linear';
  if (typeof value === 'string') return value;
  const { config, class_name: className } = value as { config?: unknown; class_name?: unknown };
  if (typeof config === 'string') return config;
  return typeof className === 'string' ? className : JSON.stringify(value).slice(0, 60);
}

/** 0.2 a + 0.5 until Keras 2 and in TF.js, a/6 + 0.5 since Keras 3, both held between 0 and 1. */
const hardSigmoid = (version: Version): Activation =>
  isKeras3(version) ? activation('hard_sigmoid', 1 / 6) : activation('hard_sigmoid');

/** Where no configuration says it, two rows of biases are those of a reset after the product. */
function toldByBias(family: Family, bias: Tensor | undefined, H: number, isCudnn: boolean): Cell | undefined {
  if (family.gates.length !== 3 || bias === undefined) return undefined;
  return bias.shape.length === 2 || (isCudnn && H > 0) ? gruResetAfter : gruResetBefore;
}

function supposed(
  label: string,
  said: CellConfig | undefined,
  version: Version,
  { gates }: Family,
  isOpen: boolean,
): string[] {
  if (said === undefined) {
    if (!isOpen) return [];
    const usual = gates.length === 1 ? 'tanh' : 'sigmoid gates and tanh';
    return [
      `${label}: the file holds no configuration; ${usual} (Keras' defaults) are assumed, --activation overrides`,
    ];
  }
  const usesHard = [said.config.activation, said.config.recurrent_activation].some(
    (value) => nameOf(value) === 'hard_sigmoid',
  );
  if (!usesHard || version.text !== '' || !isOpen) return [];
  return [
    `${label}: the file does not say which Keras wrote it; hard_sigmoid is taken as 0.2 a + 0.5 (before Keras 3)`,
  ];
}

interface Stored {
  readonly kernel: Tensor;
  readonly recurrent: Tensor;
  readonly bias: Tensor | undefined;
  readonly H: number;
  readonly I: number;
  readonly order: readonly string[];
  readonly isCudnn: boolean;
}

/** Cuts the blocks of columns apart, x W and h U becoming W x and U h. */
function cut({ kernel, recurrent, bias, H, I, order, isCudnn }: Stored): CellWeights {
  const [W, U, b] = [kernel.values(), recurrent.values(), bias?.values()];
  const columns = order.length * H;
  const block = isCudnn ? cudnnBlock : transposedBlock;
  const gates = order.map((gate, g): [string, Gate] => {
    const [from, to] = [g * H, (g + 1) * H];
    return [
      gate,
      {
        W: block(W, columns, [0, I], [from, H]),
        U: block(U, columns, [0, H], [from, H]),
        ...(b ? { bx: b.slice(from, to) } : {}),
        ...(b && b.length > columns ? { bh: b.slice(columns + from, columns + to) } : {}),
      },
    ];
  });
  return gateParameters({ hiddenSize: H, inputSize: I }, new Map(gates));
}

/**
 * CuDNN's layers keep recurrent blocks already transposed, and the numbers of input blocks in the order of the transposed
 * matrix: read row by row, a block of either is what it is to be.
 */
function cudnnBlock(
  data: Float64Array,
  columns: number,
  [, rows]: readonly [from: number, count: number],
  [from, H]: readonly [from: number, count: number],
): Matrix {
  const out = new Float64Array(H * rows);
  for (let i = 0; i < rows; i++) out.set(data.subarray(i * columns + from, i * columns + from + H), i * H);
  return { rows: H, cols: rows, data: out };
}
