import { type GraphBytes, modelBytes, nodeBytes, tensorBytes } from '../../src/oracle/onnx-bytes.js';
import { random } from '../../src/random.js';

/** A recurrent node with random weights, and how it is set up. */
export interface Case {
  readonly title: string;
  readonly operator: 'GRU' | 'LSTM' | 'RNN';
  readonly attributes?: Readonly<Record<string, number | string | readonly number[] | readonly string[]>>;
  readonly peepholes?: true;
  readonly biases?: false;
  /** The cell that it has to be, forward; and backward where that differs. */
  readonly cells: readonly string[];
}

const HARD = 'HardSigmoid';
const functions = (name: string, cell: string, alpha?: number, beta?: number): Case => ({
  title: `RNN of ${[name, alpha, beta].filter((v) => v !== undefined).join(' ')}`,
  operator: 'RNN',
  attributes: {
    activations: [name],
    ...(alpha !== undefined && { activation_alpha: [alpha] }),
    ...(beta !== undefined && { activation_beta: [beta] }),
  },
  cells: [cell],
});

export const cases: readonly Case[] = [
  { title: 'RNN', operator: 'RNN', cells: ['rnn-tanh'] },
  functions('Relu', 'rnn-relu'),
  functions('Sigmoid', 'rnn(sigmoid)'),
  functions('Affine', 'rnn(affine(0.5,0.1))', 0.5, 0.1),
  functions('LeakyRelu', 'rnn(leaky_relu)'),
  functions('LeakyRelu', 'rnn(leaky_relu(0.2))', 0.2),
  functions('ThresholdedRelu', 'rnn(thresholded_relu(0.3))', 0.3),
  functions('ScaledTanh', 'rnn(scaled_tanh(1.7159,0.6))', 1.7159, 0.6),
  functions(HARD, 'rnn(hard_sigmoid)'),
  functions(HARD, 'rnn(hard_sigmoid(0.3,0.4))', 0.3, 0.4),
  functions('Elu', 'rnn(elu)'),
  functions('Elu', 'rnn(elu(0.4))', 0.4),
  functions('Softsign', 'rnn(softsign)'),
  functions('Softplus', 'rnn(softplus)'),
  { title: 'RNN clipped', operator: 'RNN', attributes: { clip: 0.4 }, cells: ['rnn-tanh(clip_gates=0.4)'] },
  { title: 'RNN in reverse', operator: 'RNN', attributes: { direction: 'reverse' }, cells: ['rnn-tanh'] },
  {
    title: 'RNN with two functions',
    operator: 'RNN',
    attributes: {
      direction: 'bidirectional',
      activations: ['Affine', 'Elu'],
      activation_alpha: [0.5, 0.3],
      activation_beta: [0.1],
    },
    cells: ['rnn(affine(0.5,0.1))', 'rnn(elu(0.3))'],
  },
  { title: 'GRU, reset before', operator: 'GRU', cells: ['gru-reset-before'] },
  { title: 'GRU, reset after', operator: 'GRU', attributes: { linear_before_reset: 1 }, cells: ['gru'] },
  { title: 'GRU without biases', operator: 'GRU', biases: false, cells: ['gru-reset-before'] },
  {
    title: 'GRU with hard gates',
    operator: 'GRU',
    attributes: { linear_before_reset: 1, activations: [HARD, 'Softsign'] },
    cells: ['gru(hard_sigmoid,softsign)'],
  },
  {
    title: 'GRU clipped, reset before',
    operator: 'GRU',
    attributes: { clip: 0.3 },
    cells: ['gru-reset-before(clip_gates=0.3)'],
  },
  {
    title: 'GRU clipped, reset after',
    operator: 'GRU',
    attributes: { clip: 0.3, linear_before_reset: 1 },
    cells: ['gru(clip_gates=0.3)'],
  },
  {
    title: 'GRU both ways',
    operator: 'GRU',
    attributes: {
      direction: 'bidirectional',
      activations: [HARD, 'Tanh', 'Sigmoid', 'Elu'],
      activation_alpha: [0.25, 0.7],
      activation_beta: [0.4],
    },
    cells: ['gru-reset-before(hard_sigmoid(0.25,0.4),tanh)', 'gru-reset-before(sigmoid,elu(0.7))'],
  },
  { title: 'LSTM', operator: 'LSTM', cells: ['lstm'] },
  { title: 'LSTM in reverse', operator: 'LSTM', attributes: { direction: 'reverse' }, cells: ['lstm'] },
  { title: 'LSTM both ways', operator: 'LSTM', attributes: { direction: 'bidirectional' }, cells: ['lstm'] },
  { title: 'LSTM with peepholes', operator: 'LSTM', peepholes: true, cells: ['lstm-peephole'] },
  { title: 'LSTM coupled', operator: 'LSTM', attributes: { input_forget: 1 }, cells: ['lstm-coupled'] },
  {
    title: 'LSTM coupled, with peepholes, both ways',
    operator: 'LSTM',
    attributes: { input_forget: 1, direction: 'bidirectional' },
    peepholes: true,
    cells: ['lstm-peephole-coupled'],
  },
  {
    title: 'LSTM clipped, with peepholes',
    operator: 'LSTM',
    attributes: { clip: 0.3 },
    peepholes: true,
    cells: ['lstm-peephole(clip_gates=0.3)'],
  },
  {
    title: 'LSTM with other functions',
    operator: 'LSTM',
    attributes: {
      activations: [HARD, 'Softsign', 'ScaledTanh'],
      activation_alpha: [0.2, 1.7],
      activation_beta: [0.5, 0.6],
    },
    cells: ['lstm(hard_sigmoid,softsign,scaled_tanh(1.7,0.6))'],
  },
];

export const [I, H, T] = [3, 4, 6];
const GATES = { GRU: 3, LSTM: 4, RNN: 1 };

const single = (count: number, seed: number, scale: number): number[] => {
  const draw = random(seed, 0x0bb);
  return Array.from({ length: count }, () => Math.fround(scale * draw.normal()));
};

/** The same inputs for all, T rows. */
export const inputs: readonly (readonly number[])[] = Array.from({ length: T }, (_, t) =>
  single(I, 1000 + t, 1),
);

export const directionsOf = ({ attributes }: Case): 1 | 2 =>
  attributes?.direction === 'bidirectional' ? 2 : 1;

/** The case as a file: X [T, 1, I] → Y [T, D, 1, H]. `seed` is its place in the list. */
export function graphOf(one: Case, seed: number): GraphBytes {
  const [D, G] = [directionsOf(one), GATES[one.operator]];
  const tensor = (name: string, shape: readonly number[], k: number) =>
    tensorBytes(
      name,
      shape,
      single(
        shape.reduce((a, b) => a * b),
        10 * seed + k,
        0.7,
      ),
    );
  const hasBiases = one.biases !== false;
  return {
    nodes: [
      nodeBytes({
        operator: one.operator,
        name: 'cell',
        inputs: [
          'X',
          'W',
          'R',
          ...(hasBiases || one.peepholes ? [hasBiases ? 'B' : ''] : []),
          ...(one.peepholes ? ['', '', '', 'P'] : []),
        ],
        outputs: ['Y'],
        attributes: { hidden_size: H, ...one.attributes },
      }),
    ],
    tensors: [
      tensor('W', [D, G * H, I], 1),
      tensor('R', [D, G * H, H], 2),
      ...(hasBiases ? [tensor('B', [D, 2 * G * H], 3)] : []),
      ...(one.peepholes ? [tensor('P', [D, 3 * H], 4)] : []),
    ],
    inputs: [{ name: 'X', shape: ['T', 1, I] }],
    outputs: [{ name: 'Y', shape: ['T', D, 1, H] }],
  };
}

export const fileOf = (one: Case, seed: number): Uint8Array => modelBytes(graphOf(one, seed), 14);
