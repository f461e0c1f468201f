import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verify } from '../../src/ask.js';
import type { CellWeights } from '../../src/cells/index.js';
import { lstm } from '../../src/cells/index.js';
import { matrix } from '../../src/linalg/matrix.js';
import { inspectFile, type Model, readModel } from '../../src/model/index.js';
import {
  attributeBytes,
  field,
  graphBytes,
  message,
  modelBytes,
  nodeBytes,
  tensorBytes,
} from '../../src/oracle/onnx-bytes.js';
import { Runtime } from '../../src/oracle/onnxruntime.js';
import { random } from '../../src/random.js';
import { read } from '../formats/build.js';
import { hiddenStates, largestDifference } from './stepping.js';

// Cells that exporters write out in the body of a Loop, with what they must be the same as.

const [H, I, T] = [3, 2, 7];
const runtime = await Runtime.load().catch(() => undefined);
const numbers = (count: number, seed: number): number[] => {
  const draw = random(seed);
  return Array.from({ length: count }, () => Math.fround(0.7 * draw.normal()));
};
const op = (operator: string, inputs: string[], outputs: string[], attributes = {}): Uint8Array =>
  nodeBytes({ operator, inputs, outputs, attributes });
const ints = (name: string, ...values: number[]): Uint8Array => tensorBytes(name, [values.length], values, 7);
const scalar = (name: string, value: number): Uint8Array => tensorBytes(name, [], [value]);

/** A Loop over the rows of X [T, B, I] that carries a counter and `states`, and gathers `h_out`. */
function looped(body: Uint8Array[], states: string[], tensors: Uint8Array[]): Uint8Array {
  const inner = graphBytes({
    nodes: [
      op('Add', ['t', 'one'], ['t_next']),
      op('Gather', ['X', 't'], ['x'], { axis: 0 }),
      ...body,
      op('Identity', ['h_out'], ['gathered']),
      op('Identity', ['go'], ['go_on']),
    ],
    inputs: [
      { name: 'k', shape: [], type: 7 },
      { name: 'go', shape: [], type: 9 },
      { name: 't', shape: [], type: 7 },
      ...states.map((name) => ({ name, shape: [1, H] })),
    ],
    outputs: [
      { name: 'go_on', shape: [], type: 9 },
      { name: 't_next', shape: [], type: 7 },
      ...[...states.map((name) => `${name}_out`), 'gathered'].map((name) => ({ name, shape: [1, H] })),
    ],
  });
  const loop = message(
    ...['T', '', 't0', ...states.map((name) => `${name}0`)].map((name) => field(1, name)),
    ...['t_end', ...states.map((name) => `${name}_end`), 'Y'].map((name) => field(2, name)),
    field(3, 'while'),
    field(4, 'Loop'),
    field(5, message(field(1, 'body'), field(6, inner), field(20, 5))),
  );
  return modelBytes(
    {
      nodes: [loop],
      tensors: [
        tensorBytes('one', [], [1], 7),
        tensorBytes('t0', [], [0], 7),
        tensorBytes('T', [], [T], 7),
        ...tensors,
      ],
      inputs: [
        { name: 'X', shape: [T, 1, I] },
        ...states.map((name) => ({ name: `${name}0`, shape: [1, H] })),
      ],
      outputs: [{ name: 'Y', shape: [T, 1, H] }],
    },
    15,
  );
}

const modelOf = async (bytes: Uint8Array): Promise<Model> => readModel(await read('net.onnx', bytes));
const inputs = Array.from({ length: T }, (_, t) => numbers(I, 50 + t));

/** q W with W [rows, cols]: columns [from, to) as rows of ours. */
const turned = (W: readonly number[], rows: number, cols: number, from: number, to: number) =>
  matrix(
    to - from,
    rows,
    Float64Array.from(
      { length: (to - from) * rows },
      (_, p) => W[(p % rows) * cols + from + Math.floor(p / rows)]!,
    ),
  );

describe('an LSTM in a Loop', () => {
  const G = 4 * H;
  const [K, R, B] = [numbers(I * G, 1), numbers(H * G, 2), numbers(G, 3)];
  const gates = [
    op('MatMul', ['x', 'K'], ['xk']),
    op('MatMul', ['h', 'R'], ['hr']),
    op('Add', ['xk', 'hr'], ['sum']),
    op('Add', ['sum', 'B'], ['z']),
    op('Split', ['z', 'sizes'], ['zi', 'zf', 'zg', 'zo'], { axis: 1 }),
  ];
  const body = [
    ...gates,
    op('Sigmoid', ['zi'], ['i']),
    op('Sigmoid', ['zf'], ['f']),
    op('Tanh', ['zg'], ['g']),
    op('Sigmoid', ['zo'], ['o']),
    op('Mul', ['f', 'c'], ['kept']),
    op('Mul', ['i', 'g'], ['written']),
    op('Add', ['kept', 'written'], ['c_out']),
    op('Tanh', ['c_out'], ['shown']),
    op('Mul', ['o', 'shown'], ['h_out']),
  ];
  const tensors = [
    tensorBytes('K', [I, G], K),
    tensorBytes('R', [H, G], R),
    tensorBytes('B', [G], B),
    ints('sizes', H, H, H, H),
  ];

  test('is the LSTM of the same weights, state by state', async () => {
    const model = await modelOf(looped(body, ['h', 'c'], tensors));
    const names = ['i', 'f', 'g', 'o'];
    const weights: CellWeights = {
      hiddenSize: H,
      inputSize: I,
      matrices: Object.fromEntries(
        names.flatMap((g, k) => [
          [`W_${g}`, turned(K, I, G, k * H, (k + 1) * H)],
          [`U_${g}`, turned(R, H, G, k * H, (k + 1) * H)],
        ]),
      ),
      vectors: Object.fromEntries(
        names.map((g, k) => [`bx_${g}`, Float64Array.from(B.slice(k * H, (k + 1) * H))]),
      ),
    };
    const plain: Model = { ...model, layers: [{ name: 'layer0', cell: lstm, weights }] };
    expect(model.layers[0]!.cell.blocks).toEqual(['h', 'c']);
    expect(largestDifference(hiddenStates(model, inputs), hiddenStates(plain, inputs))).toBeLessThan(1e-15);
  });

  test('says its equations, and that they were read from the body', async () => {
    const file = await read('net.onnx', looped(body, ['h', 'c'], tensors));
    const [module] = inspectFile(file).modules;
    expect(module).toMatchObject({
      name: 'while',
      cell: 'graph',
      inputSize: I,
      hiddenSize: H,
      stateSize: 2 * H,
    });
    expect(module!.formula).toEqual([
      'a1 = σ(W1 x + U1 h + b1)',
      'a2 = σ(W2 x + U2 h + b2)',
      'a3 = σ(W3 x + U3 h + b3)',
      'a4 = tanh(W4 x + U4 h + b4)',
      "c' = a2 ⊙ c + a3 ⊙ a4",
      "a5 = tanh(c')",
      "h' = a1 ⊙ a5",
    ]);
    expect(module!.assumptions).toEqual([
      "Loop 'while' is a cell written out: its equations are read from the body",
    ]);
  });

  test('is the same as a Scan', async () => {
    const inner = graphBytes({
      nodes: [...body, op('Identity', ['h_out'], ['gathered'])],
      inputs: ['h', 'c', 'x'].map((name) => ({ name })),
      outputs: ['h_out', 'c_out', 'gathered'].map((name) => ({ name })),
    });
    const scan = (more: Record<string, number | number[]>): Uint8Array =>
      message(
        ...['h0', 'c0', 'X'].map((name) => field(1, name)),
        ...['h_end', 'c_end', 'Y'].map((name) => field(2, name)),
        field(3, 'scan'),
        field(4, 'Scan'),
        field(5, message(field(1, 'body'), field(6, inner), field(20, 5))),
        ...Object.entries({ num_scan_inputs: 1, ...more }).map(([key, value]) =>
          field(5, attributeBytes(key, value)),
        ),
      );
    const file = (more: Record<string, number | number[]> = {}) =>
      modelBytes(
        {
          nodes: [scan(more)],
          tensors,
          inputs: [{ name: 'X', shape: [T, 1, I] }, ...['h0', 'c0'].map((name) => ({ name, shape: [1, H] }))],
          outputs: [{ name: 'Y', shape: [T, 1, H] }],
        },
        15,
      );
    const [scanned, loop] = [await modelOf(file()), await modelOf(looped(body, ['h', 'c'], tensors))];
    expect(hiddenStates(scanned, inputs)).toEqual(hiddenStates(loop, inputs));
    await expect(modelOf(file({ scan_input_directions: [1] }))).rejects.toThrow(/no GRU, LSTM or RNN node/);
  });

  test.runIf(runtime)('has the states that onnxruntime gives', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rnnscope-loop-'));
    try {
      writeFileSync(join(folder, 'loop.onnx'), looped(body, ['h', 'c'], tensors));
      const { value } = await verify(join(folder, 'loop.onnx'));
      expect(value).toMatchObject({ agrees: true, compared: T * H });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('is none where the rows of the input are not taken one after another', async () => {
    const forward = looped(body, ['h', 'c'], tensors);
    const text = Buffer.from(forward).toString('latin1');
    // The counter begins with 1, or grows by 2.
    for (const name of ['t0', 'one']) {
      const at = text.indexOf(`${name}J\b`) + name.length + 2;
      expect(at).toBeGreaterThan(10);
      const bytes = Buffer.from(forward);
      bytes[at]! += 1;
      await expect(modelOf(bytes)).rejects.toThrow(/A cell may be written out/);
    }
  });

  test('is none where its body does what cells do not', async () => {
    for (const [index, strange] of [
      // A mean over the batch, a function that is not known, weights that change.
      [body.length - 1, op('ReduceMean', ['shown'], ['h_out'])],
      [5, op('Erf', ['zi'], ['i'])],
      [1, op('MatMul', ['h', 'c'], ['hr'])],
    ] as const) {
      const bytes = looped(body.with(index, strange), ['h', 'c'], tensors);
      await expect(modelOf(bytes)).rejects.toThrow(/A cell may be written out in the body of its Loop/);
    }
  });
});

describe('what a body does entry by entry is read exactly:', () => {
  const weights = [tensorBytes('K', [I, H], numbers(I * H, 4)), tensorBytes('R', [H, H], numbers(H * H, 5))];
  const sum = [
    op('MatMul', ['x', 'K'], ['xk']),
    op('MatMul', ['h', 'R'], ['hr']),
    op('Add', ['xk', 'hr'], ['a']),
  ];
  const written = (q: readonly number[], f: (a: number, i: number) => number) => q.map(f);
  /** h' = f(x K + h R), h. */
  const plain = (f: (a: number, i: number, h: readonly number[]) => number) => {
    const [K, R] = [numbers(I * H, 4), numbers(H * H, 5)];
    let h = new Array<number>(H).fill(0);
    return inputs.map((x) => {
      const a = Array.from(
        { length: H },
        (_, i) =>
          x.reduce((s, v, j) => s + v * K[j * H + i]!, 0) + h.reduce((s, v, j) => s + v * R[j * H + i]!, 0),
      );
      h = written(a, (v, i) => f(v, i, h));
      return h;
    });
  };
  const vector = [0.3, -0.2, 0.9].map(Math.fround);
  const sigma = (a: number): number => 1 / (1 + Math.exp(-a));

  test.each<[string, Uint8Array[], Uint8Array[], (a: number, i: number, h: readonly number[]) => number]>([
    [
      'numbers and vectors that are added and multiplied',
      [op('Mul', ['a', 'v'], ['b']), op('Sub', ['b', 's'], ['c']), op('Tanh', ['c'], ['h_out'])],
      [tensorBytes('v', [H], vector), scalar('s', 0.25)],
      (a, i) => Math.tanh(a * vector[i]! - 0.25),
    ],
    [
      'a number less a quantity',
      [op('Sub', ['s', 'a'], ['b']), op('Tanh', ['b'], ['h_out'])],
      [scalar('s', 0.25)],
      (a) => Math.tanh(0.25 - a),
    ],
    [
      'Min and Max as a hard sigmoid',
      [op('Min', ['a', 'u'], ['b']), op('Max', ['b', 'z'], ['h_out'])],
      [scalar('u', 1), scalar('z', 0)],
      (a) => Math.max(0, Math.min(1, a)),
    ],
    [
      'Max alone as ReLU',
      [op('Max', ['a', 'z'], ['b']), op('Mul', ['b', 's'], ['h_out'])],
      [scalar('z', 0), scalar('s', 0.5)],
      (a) => Math.max(0, a) / 2,
    ],
    [
      'Clip on both sides',
      [op('Clip', ['a', 'l', 'm'], ['h_out'])],
      [scalar('l', -0.5), scalar('m', 0.5)],
      (a) => Math.max(-0.5, Math.min(0.5, a)),
    ],
    [
      'HardSigmoid with its numbers',
      [op('HardSigmoid', ['a'], ['h_out'], { alpha: 0.25, beta: 0.5 })],
      [],
      (a) => Math.max(0, Math.min(1, a / 4 + 0.5)),
    ],
    [
      'a gate and its complement',
      [
        op('Sigmoid', ['a'], ['z']),
        op('Sub', ['s', 'z'], ['rest']),
        op('Tanh', ['a'], ['n']),
        op('Mul', ['rest', 'n'], ['p']),
        op('Mul', ['z', 'h'], ['q']),
        op('Add', ['p', 'q'], ['h_out']),
      ],
      [scalar('s', 1)],
      (a, i, h) => (1 - sigma(a)) * Math.tanh(a) + sigma(a) * h[i]!,
    ],
  ])('%s', async (_, nodes, tensors, f) => {
    const model = await modelOf(looped([...sum, ...nodes], ['h'], [...weights, ...tensors]));
    expect(largestDifference(hiddenStates(model, inputs), plain(f))).toBeLessThan(1e-14);
  });

  test('a mixture is one operation, which bounds keep between its ends', async () => {
    const nodes = [
      op('Sigmoid', ['a'], ['z']),
      op('Sub', ['s', 'z'], ['rest']),
      op('Tanh', ['a'], ['n']),
      op('Mul', ['rest', 'n'], ['p']),
      op('Mul', ['z', 'h'], ['q']),
      op('Add', ['p', 'q'], ['h_out']),
    ];
    const { layers } = await modelOf(looped([...sum, ...nodes], ['h'], [...weights, scalar('s', 1)]));
    expect(layers[0]!.cell.formula.at(-1)).toBe("h' = (1 − a2) ⊙ a3 + a2 ⊙ h");
  });
});

test('a body that doubles what it has, over and over, is given up and not followed for ever', async () => {
  const doubling = Array.from({ length: 60 }, (_, k) => op('Add', [`v${k}`, `v${k}`], [`v${k + 1}`]));
  const body = [
    op('MatMul', ['x', 'K'], ['xk']),
    op('MatMul', ['h', 'R'], ['hr']),
    op('Add', ['xk', 'hr'], ['v0']),
    ...doubling,
    op('Split', ['v60', 'sizes'], ['p', 'q'], { axis: 1 }),
    op('Tanh', ['p'], ['h_out']),
  ];
  const start = performance.now();
  const tensors = [
    tensorBytes('K', [I, 2 * H], numbers(2 * I * H, 4)),
    tensorBytes('R', [H, 2 * H], numbers(2 * H * H, 5)),
    ints('sizes', H, H),
  ];
  const model = await modelOf(looped(body, ['h'], tensors));
  expect(model.layers[0]!.cell.formula.join('').length).toBeLessThan(10_000);
  expect(performance.now() - start).toBeLessThan(1000);
});
