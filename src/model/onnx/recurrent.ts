import {
  type Activation,
  type ActivationName,
  activation,
  type Cell,
  type CellWeights,
  gruResetAfter,
  gruResetBefore,
  lstm,
  lstmCoupled,
  lstmPeephole,
  lstmPeepholeCoupled,
  rnnTanh,
} from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { GraphNode, Tensor } from '../../formats/weight-file.js';
import type { Matrix } from '../../linalg/matrix.js';
import { shapeText } from '../source.js';
import type { Constant } from './constant.js';
import { type Folder, NotConstant } from './fold.js';
import { nodeText, numberOf, numbersOf, type Place, textOf, textsOf } from './place.js';

// https://onnx.ai/onnx/operators: GRU, LSTM, RNN

interface Kind {
  /** Blocks of rows in W, R and B. */
  readonly blocks: readonly string[];
  /** Where the functions of one direction are applied, in the order of the attribute `activations`. */
  readonly places: readonly ('gate' | 'candidate' | 'output')[];
}

const KINDS: Readonly<Record<string, Kind>> = {
  RNN: { blocks: ['h'], places: ['candidate'] },
  GRU: { blocks: ['z', 'r', 'n'], places: ['gate', 'candidate'] },
  LSTM: { blocks: ['i', 'o', 'f', 'g'], places: ['gate', 'candidate', 'output'] },
};

/** Gates that a peephole row belongs to. */
const PEEPHOLES = ['i', 'o', 'f'];

export const isRecurrent = ({ operator }: GraphNode): boolean => Object.hasOwn(KINDS, operator);

/** One recurrent node: its weights as they are found behind its inputs, and the cell of each direction. */
export interface RecurrentLayer {
  readonly hiddenSize: number;
  readonly inputSize: number;
  /** One, or forward and backward. */
  readonly directions: readonly Direction[];
  /** The one direction runs from the last input to the first. */
  readonly isReversed: boolean;
  /** W, R, B, P. */
  readonly parts: ReadonlyMap<string, Tensor>;
  readonly hasBiases: boolean;
  readonly notes: readonly string[];
}

interface Direction {
  readonly cell: Cell;
  weights(): CellWeights;
}

/** Reads a node; a UserError where its weights are not constant, or do not fit one another. */
export function recurrentLayer(node: GraphNode, place: Place, folder: Folder): RecurrentLayer {
  const { blocks } = KINDS[node.operator]!;
  const G = blocks.length;
  const direction = textOf(node, 'direction', 'forward');
  if (!['forward', 'reverse', 'bidirectional'].includes(direction))
    throw new UserError('CORRUPT', `${nodeText(node)} has the direction '${direction}'.`);
  const D = direction === 'bidirectional' ? 2 : 1;
  const input = (name: string, k: number) => weightOf(node, place, folder, name, k);
  const R = input('R', 2);
  const W = input('W', 1);
  if (!W || !R)
    throw new UserError(
      'CORRUPT',
      `${nodeText(node)} has no ${W ? 'R' : 'W'}. The file is damaged; export it again.`,
    );
  const H = R.shape[2] ?? 0;
  const I = W.shape[2] ?? 0;
  checkHiddenSize(node, H, R);
  const B = input('B', 3);
  const P = node.operator === 'LSTM' ? input('P', 7) : undefined;
  expectShape(node, R, [D, G * H, H]);
  expectShape(node, W, [D, G * H, I]);
  if (B) expectShape(node, B, [D, 2 * G * H]);
  if (P) expectShape(node, P, [D, 3 * H]);
  const parts = new Map([W, R, B, P].flatMap((tensor) => (tensor ? [[tensor.part, tensor] as const] : [])));
  return {
    hiddenSize: H,
    inputSize: I,
    isReversed: direction === 'reverse',
    hasBiases: B !== undefined,
    parts,
    notes: [...stateNotes(node, place, folder, H), ...functionNotes(node)],
    directions: Array.from({ length: D }, (_, d) => ({
      cell: cellOf(node, d, P !== undefined),
      weights: () => weightsOf({ W, R, B, P }, blocks, d, H, I),
    })),
  };
}

type Part = Tensor & { readonly part: string };

function weightOf(node: GraphNode, place: Place, folder: Folder, part: string, k: number): Part | undefined {
  const name = node.inputs[k] ?? '';
  if (name === '') return undefined;
  try {
    const { shape, dtype, values } = folder.constant(name, place);
    return { name: `${part} of ${nodeText(node)}`, part, shape, dtype, values };
  } catch (error) {
    if (!(error instanceof NotConstant)) throw error;
    throw new UserError(
      'UNSUPPORTED',
      `${part} of ${nodeText(node)} depends on ${error.culprit}, which is not a constant. Export the network with its weights inside.`,
    );
  }
}

function checkHiddenSize(node: GraphNode, H: number, R: Tensor): void {
  const said = numberOf(node, 'hidden_size', H);
  if (said === H && H > 0) return;
  throw new UserError(
    'SHAPE',
    `${nodeText(node)} has hidden_size ${said}, but R is ${shapeText(R.shape)}. The file is damaged; export it again.`,
  );
}

function expectShape(node: GraphNode, { name, shape }: Tensor, expected: readonly number[]): void {
  if (shape.join() === expected.join()) return;
  throw new UserError(
    'SHAPE',
    `${name} is ${shapeText(shape)}, expected ${shapeText(expected)} (hidden_size ${numberOf(node, 'hidden_size', 0)}, ${textOf(node, 'direction', 'forward')}).`,
  );
}

/** The first state: of a width that shows what an exporter dropped, or stored with other numbers than 0. */
function stateNotes(node: GraphNode, place: Place, folder: Folder, H: number): string[] {
  return ['initial_h', 'initial_c'].flatMap((part, k) => {
    if (k === 1 && node.operator !== 'LSTM') return [];
    const state: Constant | undefined = folder.maybe(node.inputs[5 + k], place);
    if (!state) return [];
    const width = state.shape.at(-1);
    if (width !== H)
      throw new UserError(
        'CORRUPT',
        `${part} of ${nodeText(node)} has ${width} entries a row, but R has ${H}: an LSTM with a projection, exported without it. Export it from the state_dict instead: torch.save(model.state_dict(), "model.pt").`,
      );
    return state.values().every((v) => v === 0)
      ? []
      : [
          `${nodeText(node)} starts from a stored ${part} that is not 0; here it starts from 0 unless --state says otherwise`,
        ];
  });
}

/** The functions of ONNX, by their names in lower case, and which of alpha and beta they take. */
const FUNCTIONS: Readonly<Record<string, readonly [ActivationName, ...('alpha' | 'beta')[]]>> = {
  sigmoid: ['sigmoid'],
  tanh: ['tanh'],
  relu: ['relu'],
  affine: ['affine', 'alpha', 'beta'],
  leakyrelu: ['leaky_relu', 'alpha'],
  thresholdedrelu: ['thresholded_relu', 'alpha'],
  scaledtanh: ['scaled_tanh', 'alpha', 'beta'],
  hardsigmoid: ['hard_sigmoid', 'alpha', 'beta'],
  elu: ['elu', 'alpha'],
  softsign: ['softsign'],
  softplus: ['softplus'],
};

/** The cell of direction d: its equations by the operator's attributes, its functions by name. */
function cellOf(node: GraphNode, d: number, hasPeepholes: boolean): Cell {
  const { places } = KINDS[node.operator]!;
  const all = functionsOf(node);
  const own = all.slice(d * places.length, (d + 1) * places.length);
  const activations = Object.fromEntries(own.map((f, k) => [places[k]!, f]));
  const clip = doubleOf(numberOf(node, 'clip', 0))!;
  return plainCell(node, hasPeepholes).withFunctions!({
    activations,
    ...(clip > 0 && Number.isFinite(clip) ? { clipGates: clip } : {}),
  });
}

function plainCell(node: GraphNode, hasPeepholes: boolean): Cell {
  if (node.operator === 'RNN') return rnnTanh;
  if (node.operator === 'GRU')
    return numberOf(node, 'linear_before_reset', 0) === 0 ? gruResetBefore : gruResetAfter;
  const isCoupled = numberOf(node, 'input_forget', 0) !== 0;
  if (hasPeepholes) return isCoupled ? lstmPeepholeCoupled : lstmPeephole;
  return isCoupled ? lstmCoupled : lstm;
}

/** The functions of all directions; alpha and beta are used up by those that take them, one after another. */
function functionsOf(node: GraphNode): Activation[] {
  const values = {
    alpha: [...(numbersOf(node, 'activation_alpha') ?? [])],
    beta: [...(numbersOf(node, 'activation_beta') ?? [])],
  };
  return (textsOf(node, 'activations') ?? []).map((given) => {
    const [name, ...takes] = FUNCTIONS[given.toLowerCase()] ?? [];
    if (!name)
      throw new UserError(
        'UNSUPPORTED',
        `${nodeText(node)} applies the function '${given}', which ONNX does not have.`,
      );
    return activation(name, ...takes.map((key) => doubleOf(values[key].shift())!));
  });
}

/** Functions whose usual α and β onnxruntime takes to be 0, where ONNX has the values of `activations.ts`. */
const DISPUTED = new Set(['affine', 'thresholdedrelu', 'scaledtanh']);

function functionNotes(node: GraphNode): string[] {
  const given = textsOf(node, 'activations') ?? [];
  const takers = given.filter((name) => (FUNCTIONS[name.toLowerCase()]?.length ?? 0) > 1).length;
  if ((numbersOf(node, 'activation_alpha')?.length ?? 0) >= takers) return [];
  return given
    .filter((name) => DISPUTED.has(name.toLowerCase()))
    .map((name) => `${nodeText(node)} leaves out α of ${name}: ONNX's default is taken, onnxruntime takes 0`);
}

/** What a float32 was before it was rounded: 0.2 and not 0.20000000298, a sixth. */
function doubleOf(v: number | undefined): number | undefined {
  if (v === undefined) return undefined;
  const candidates = [Number(v.toPrecision(6)), 1 / Math.round(1 / v)];
  return candidates.find((short) => Math.fround(short) === v) ?? v;
}

interface Stored {
  readonly W: Tensor;
  readonly R: Tensor;
  readonly B: Tensor | undefined;
  readonly P: Tensor | undefined;
}

/** Cuts the blocks of one direction apart. B holds the biases of W, then those of R; P has rows i, o, f. */
function weightsOf(
  { W, R, B, P }: Stored,
  blocks: readonly string[],
  d: number,
  H: number,
  I: number,
): CellWeights {
  const matrices: Record<string, Matrix> = {};
  const vectors: Record<string, Float64Array> = {};
  const G = blocks.length;
  // Widened once, and let go with the last block.
  const [w, r, b, p] = [W, R, B, P].map((tensor) => tensor?.values());
  const rows = (data: Float64Array, block: number, cols: number): Matrix => {
    const from = (d * G + block) * H * cols;
    return { rows: H, cols, data: data.slice(from, from + H * cols) };
  };
  blocks.forEach((gate, block) => {
    matrices[`W_${gate}`] = rows(w!, block, I);
    matrices[`U_${gate}`] = rows(r!, block, H);
    if (!b) return;
    const at = (2 * d * G + block) * H;
    vectors[`bx_${gate}`] = b.slice(at, at + H);
    vectors[`bh_${gate}`] = b.slice(at + G * H, at + (G + 1) * H);
  });
  PEEPHOLES.forEach((gate, k) => {
    if (p) vectors[`p_${gate}`] = p.slice((3 * d + k) * H, (3 * d + k + 1) * H);
  });
  return { hiddenSize: H, inputSize: I, matrices, vectors };
}
