import {
  type Cell,
  gruResetBefore,
  lstm,
  lstmPeephole,
  lstmPeepholeProjected,
  lstmProjected,
  rnnRelu,
  rnnTanh,
} from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Source } from '../source.js';
import { shapeText } from '../source.js';
import { checkShape, gateParameters, transposedBlock } from './columns.js';
import type { Convention } from './convention.js';
import { type Examined, refusedUnit, stackModule, type Unit } from './stack.js';
import { inStacks, type LooseLayer } from './stacking.js';
import { matrixShape } from './stored.js';

/**
 * Cells of TensorFlow 1 (tf.nn.rnn_cell): one kernel [I + H, blocks] whose rows are those of the input and then those of the
 * state, the blocks of an LSTM i j f o, those of a GRU's gates r u.
 */
export const tensorflow: Convention = {
  name: 'tensorflow',
  match: (source) => inStacks('tensorflow', layersOf(source)).map(stackModule),
};

interface TensorflowCell {
  readonly path: string;
  /** 'kernel', 'gates/kernel', 'w_f_diag' … */
  readonly parts: Map<string, Tensor>;
}

/** Kernels and biases were once called weights and biases. */
const NAME =
  /^(?<path>(?:.*\/)?[^/]*(?:gru|lstm|rnn)[^/]*)\/(?<part>(?:(?:gates|candidate|projection)\/)?(?:kernel|bias|weights|biases)|w_[ifo]_diag|(?:input|transform|forget|output|state)\/(?:gamma|beta)|recurrent_kernel)(?::0)?$/;

function cellsOf({ tensors }: Source): TensorflowCell[] {
  const cells = new Map<string, TensorflowCell>();
  for (const [name, tensor] of tensors) {
    const { path, part } = NAME.exec(name)?.groups ?? {};
    if (path === undefined) continue;
    const cell = cells.get(path) ?? { path, parts: new Map() };
    cell.parts.set(part!.replace(/weights$/, 'kernel').replace(/biases$/, 'bias'), tensor);
    cells.set(path, cell);
  }
  return [...cells.values()]
    .filter(({ parts }) => !parts.has('recurrent_kernel'))
    .sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
}

function layersOf(source: Source): LooseLayer[] {
  const cells = cellsOf(source);
  return cells.flatMap((cell) => {
    const forward = unitOf(cell);
    if (!forward || /\/bw\//.test(cell.path)) return [];
    const twin = cells.find(({ path }) => path !== cell.path && path === cell.path.replace('/fw/', '/bw/'));
    const backward = twin && unitOf(twin);
    const kind = cell.path.replace(/\/cell_\d+(?=\/)/g, '');
    return [{ name: cell.path, kind, layer: { forward, ...(backward ? { backward } : {}) } }];
  });
}

function unitOf({ path: name, parts }: TensorflowCell): Unit | undefined {
  if (parts.has('gates/kernel') && parts.has('candidate/kernel'))
    return { name, parts, examine: () => examineGru(parts) };
  const kernel = parts.get('kernel');
  const cell = name.slice(name.lastIndexOf('/') + 1);
  if (kernel?.shape.length !== 2) return undefined;
  if ([...parts.keys()].some((part) => /gamma|beta/.test(part)))
    return refusedUnit(
      name,
      parts,
      `${name} is an LSTM with layer normalisation, of which there are two kinds that differ in what is normalised and kept; rnnscope has equations for neither.`,
    );
  // A dense layer may be called lstm_output.
  if (/(^|_)lstm(_\w+)?_cell(_\d+)?$/.test(cell))
    return { name, parts, examine: () => examineLstm(name, parts) };
  return /(^|_)rnn_cell(_\d+)?$/.test(cell) ? { name, parts, examine: () => examineRnn(parts) } : undefined;
}

/** The state's rows come behind those of the input; H from the columns. */
function inputRows(kernel: Tensor, state: number): number {
  const [rows] = matrixShape(kernel);
  if (rows >= state) return rows - state;
  const text = `is ${shapeText(kernel.shape)}: expected at least ${state} rows, one for each entry of the state`;
  throw new UserError('SHAPE', `${kernel.name} ${text}.`);
}

function block(
  kernel: Tensor,
  columns: number,
  rows: readonly [number, number],
  column: number,
  width: number,
) {
  return transposedBlock(kernel.values(), columns, rows, [column, width]);
}

const hasBiases = (parts: ReadonlyMap<string, Tensor>): boolean =>
  [...parts.keys()].some((part) => part.endsWith('bias'));

const functionsRemark = (label: string, text: string): string =>
  `${label}: the file does not name its functions; ${text} (TensorFlow's defaults) are assumed, --activation overrides`;

function examineGru(parts: ReadonlyMap<string, Tensor>): Examined {
  const [gates, candidate] = [parts.get('gates/kernel')!, parts.get('candidate/kernel')!];
  const [rows, H] = matrixShape(candidate);
  const I = inputRows(candidate, H);
  const why = `to fit ${candidate.name}`;
  checkShape(gates, [rows, 2 * H], why);
  const [gateBias, candidateBias] = [parts.get('gates/bias'), parts.get('candidate/bias')];
  if (gateBias) checkShape(gateBias, [2 * H], why);
  if (candidateBias) checkShape(candidateBias, [H], why);
  const sizes = { hiddenSize: H, inputSize: I };
  const gate = (kernel: Tensor, columns: number, bias: Tensor | undefined, column: number) => {
    const bx = bias?.values().slice(column, column + H);
    return {
      W: block(kernel, columns, [0, I], column, H),
      U: block(kernel, columns, [I, H], column, H),
      ...(bx ? { bx } : {}),
    };
  };
  return {
    members: [gruResetBefore],
    stated: gruResetBefore,
    gates: [],
    ...sizes,
    hasBiases: hasBiases(parts),
    assumed: (label, { cell, options }) =>
      cell || options.activation ? [] : [functionsRemark(label, 'sigmoid gates and tanh')],
    weights: () =>
      gateParameters(
        sizes,
        new Map([
          ['r', gate(gates, 2 * H, gateBias, 0)],
          ['z', gate(gates, 2 * H, gateBias, H)],
          ['n', gate(candidate, H, candidateBias, 0)],
        ]),
      ),
  };
}

function examineLstm(name: string, parts: ReadonlyMap<string, Tensor>): Examined {
  const [kernel, bias, projection] = ['kernel', 'bias', 'projection/kernel'].map((part) => parts.get(part));
  const [, columns] = matrixShape(kernel!);
  const H = columns / 4;
  if (!Number.isInteger(H) || H === 0)
    throw new UserError(
      'SHAPE',
      `${kernel!.name} is ${shapeText(kernel!.shape)}: expected four blocks of columns.`,
    );
  const why = `to fit ${kernel!.name}`;
  const P = projection && matrixShape(projection)[1];
  if (projection) checkShape(projection, [H, P!], why);
  if (bias) checkShape(bias, [columns], why);
  const peepholes = ['i', 'f', 'o'].filter((g) => parts.has(`w_${g}_diag`));
  for (const g of peepholes) checkShape(parts.get(`w_${g}_diag`)!, [H], why);
  const I = inputRows(kernel!, P ?? H);
  const cell = lstmOf(peepholes.length === 3, projection !== undefined);
  // Made to be like CuDNN's, which adds nothing.
  const forgetBias = /cudnn/.test(name) ? 0 : 1;
  const sizes = { hiddenSize: H, inputSize: I, ...(P === undefined ? {} : { projectionSize: P }) };
  return {
    members: [cell],
    stated: cell,
    gates: ['i', 'g', 'f', 'o'],
    ...sizes,
    hasBiases: bias !== undefined,
    assumed: (label, { options }) => [
      ...(options.activation ? [] : [functionsRemark(label, 'sigmoid gates and tanh')]),
      ...(forgetBias ? [forgetRemark(label)] : []),
    ],
    weights: (order) => {
      const W = new Map(
        order.map((g, k) => {
          const bx = bias ? bias.values().slice(k * H, (k + 1) * H) : new Float64Array(H);
          if (g === 'f') for (let i = 0; i < H; i++) bx[i]! += forgetBias;
          const gate = {
            W: block(kernel!, columns, [0, I], k * H, H),
            U: block(kernel!, columns, [I, P ?? H], k * H, H),
          };
          return [g, bias || (g === 'f' && forgetBias) ? { ...gate, bx } : gate];
        }),
      );
      const weights = gateParameters(sizes, W);
      const vectors: Record<string, Float64Array> = { ...weights.vectors };
      for (const g of peepholes) vectors[`p_${g}`] = parts.get(`w_${g}_diag`)!.values().slice();
      const matrices = projection
        ? { ...weights.matrices, W_hr: block(projection, P!, [0, H], 0, P!) }
        : weights.matrices;
      return { ...weights, ...sizes, matrices, vectors };
    },
  };
}

const lstmOf = (peephole: boolean, projected: boolean): Cell => {
  if (peephole) return projected ? lstmPeepholeProjected : lstmPeephole;
  return projected ? lstmProjected : lstm;
};

export const forgetRemark = (label: string): string =>
  `${label}: 1 is added to the forget gate's bias, as the framework does when it runs (its default; the file does not hold it)`;

function examineRnn(parts: ReadonlyMap<string, Tensor>): Examined {
  const kernel = parts.get('kernel')!;
  const bias = parts.get('bias');
  const [, H] = matrixShape(kernel);
  const I = inputRows(kernel, H);
  if (bias) checkShape(bias, [H], `to fit ${kernel.name}`);
  const sizes = { hiddenSize: H, inputSize: I };
  return {
    members: [rnnTanh, rnnRelu],
    stated: rnnTanh,
    gates: ['h'],
    ...sizes,
    hasBiases: bias !== undefined,
    assumed: (label, { cell, options }) =>
      cell || options.activation ? [] : [functionsRemark(label, 'tanh')],
    weights: () =>
      gateParameters(
        sizes,
        new Map([
          [
            'h',
            {
              W: block(kernel, H, [0, I], 0, H),
              U: block(kernel, H, [I, H], 0, H),
              ...(bias ? { bx: bias.values().slice() } : {}),
            },
          ],
        ]),
      ),
  };
}
