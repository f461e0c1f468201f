import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import type { WeightFile } from '../../src/formats/weight-file.js';
import { inspectFile, listModules, type ModelOptions, readModel } from '../../src/model/index.js';
import {
  field,
  type GraphBytes,
  graphBytes,
  message,
  modelBytes,
  type NodeBytes,
  nodeBytes,
  tensorBytes,
} from '../../src/oracle/onnx-bytes.js';
import { read } from '../formats/build.js';
import { type Case, cases, directionsOf, fileOf, graphOf, H, I, inputs, T } from './onnx-cases.js';
import { hiddenStates, largestDifference } from './stepping.js';

/** What onnxruntime 1.30.0 computed of `cases`; where it is installed, it is asked again. */
const stored: Record<string, { y: number[] }> = JSON.parse(
  readFileSync(new URL('../fixtures/onnx-operators.json', import.meta.url), 'utf8'),
);

// biome-ignore lint/suspicious/noExplicitAny: a package that need not be there
const runtime: any = (() => {
  try {
    return createRequire(import.meta.url)('onnxruntime-node');
  } catch {
    return undefined;
  }
})();

/** The rows of one direction in Y [T, D, 1, H]. */
const rowsOf = (y: ArrayLike<number>, D: number, d: number): number[][] =>
  Array.from({ length: T }, (_, t) => Array.from({ length: H }, (_, i) => y[(t * D + d) * H + i]!));

function outputOf(
  file: WeightFile,
  backward: boolean,
  options: ModelOptions = {},
): readonly (readonly number[])[] {
  const model = readModel(file, options);
  // Y stands beside X: the scan runs from the end, its rows do not.
  return backward ? hiddenStates(model, inputs.toReversed()).toReversed() : hiddenStates(model, inputs);
}

describe.each(cases.map((one, k) => [one.title, one, k] as const))('%s', (title, one, k) => {
  const file = read(`${title}.onnx`, fileOf(one, k));
  const D = directionsOf(one);
  const isReverse = one.attributes?.direction === 'reverse';

  const expectOutput = async (y: ArrayLike<number>): Promise<void> => {
    const ways: readonly ModelOptions[] =
      D === 2 ? [{ direction: 'forward' }, { direction: 'backward' }] : [{}];
    for (const [d, options] of ways.entries()) {
      const ours = outputOf(await file, d === 1 || isReverse, options);
      const scale = Math.max(1, ...Array.from(y, Math.abs));
      expect(largestDifference(ours, rowsOf(y, D, d))).toBeLessThan(1e-6 * scale);
    }
  };

  test('is the cell that its attributes say, with the output of onnxruntime', async () => {
    const model = readModel(await file, D === 2 ? { direction: 'forward' } : {});
    expect(model.layers[0]!.cell.name).toBe(one.cells[0]);
    if (one.cells[1])
      expect(readModel(await file, { direction: 'backward' }).layers[0]!.cell.name).toBe(one.cells[1]);
    expect(model.direction).toBe(isReverse ? 'backward' : 'forward');
    await expectOutput(stored[title]!.y);
  });

  test.runIf(runtime)('has the output of the onnxruntime that is installed', async () => {
    const session = await runtime.InferenceSession.create(fileOf(one, k), { logSeverityLevel: 4 });
    const X = new runtime.Tensor('float32', Float32Array.from(inputs.flat()), [T, 1, I]);
    await expectOutput((await session.run({ X })).Y.data);
  });
});

const gru = cases.find(({ title }) => title === 'GRU, reset after')!;
const plain = graphOf(gru, 20);
const [W, R, B] = ['W', 'R', 'B'];

/** The same GRU with other nodes and tensors around it. */
const around = (changes: Partial<GraphBytes>): GraphBytes => ({ ...plain, ...changes });
const node = (given: Partial<NodeBytes> = {}): Uint8Array =>
  nodeBytes({
    operator: 'GRU',
    name: 'cell',
    inputs: ['X', W!, R!, B!],
    outputs: ['Y'],
    attributes: { hidden_size: H, linear_before_reset: 1 },
    ...given,
  });
const op = (
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: NodeBytes['attributes'] = {},
) => nodeBytes({ operator, name: `/${operator}`, inputs, outputs, attributes });
const ints = (name: string, ...values: number[]): Uint8Array => tensorBytes(name, [values.length], values, 7);
const modelOf = (graph: GraphBytes, opset = 18) => read('net.onnx', modelBytes(graph, opset));
const expected = async () => outputOf(await modelOf(plain), false);

const floats = (name: string, shape: readonly number[]): Uint8Array =>
  tensorBytes(
    name,
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) => Math.sin(k)),
  );

/** How W = [1, 3H, I] may come about from `raw`, and with it a value that is wrong if the operator is misread. */
describe('weights are found behind', () => {
  const W3 = Array.from({ length: 3 * H * I }, (_, k) => Math.fround(Math.sin(3 * k)));
  const at = (k: number): number => W3[k]!;
  const direct = async () =>
    outputOf(
      await modelOf(
        around({
          nodes: [node({ inputs: ['X', 'w', R!, B!] })],
          tensors: [...plain.tensors!, tensorBytes('w', [1, 3 * H, I], W3)],
        }),
      ),
      false,
    );
  const transposed = Array.from({ length: 3 * H * I }, (_, k) =>
    at((k % (3 * H)) * I + Math.floor(k / (3 * H))),
  );
  const reversedRows = Array.from({ length: 3 * H * I }, (_, k) =>
    at((3 * H - 1 - Math.floor(k / I)) * I + (k % I)),
  );

  test.each<[string, Uint8Array[], Uint8Array[], number?]>([
    ['Constant', [op('Constant', [], ['w'], { value: tensorBytes('', [1, 3 * H, I], W3) })], []],
    [
      'Identity and Cast',
      [op('Identity', ['raw'], ['a']), op('Cast', ['a'], ['w'], { to: 1 })],
      [tensorBytes('raw', [1, 3 * H, I], W3)],
    ],
    [
      'Transpose',
      [op('Transpose', ['raw'], ['w'], { perm: [2, 1, 0] })],
      [tensorBytes('raw', [I, 3 * H, 1], transposed)],
    ],
    [
      'Transpose without an order',
      [op('Transpose', ['raw'], ['w'])],
      [tensorBytes('raw', [I, 3 * H, 1], transposed)],
    ],
    [
      'Unsqueeze of old',
      [op('Unsqueeze', ['raw'], ['w'], { axes: [0] })],
      [tensorBytes('raw', [3 * H, I], W3)],
      11,
    ],
    [
      'Unsqueeze of today',
      [op('Unsqueeze', ['raw', 'axes'], ['w'])],
      [tensorBytes('raw', [3 * H, I], W3), ints('axes', -3)],
    ],
    [
      'Squeeze',
      [op('Squeeze', ['raw', 'axes'], ['w'])],
      [tensorBytes('raw', [1, 1, 3 * H, I], W3), ints('axes', 1)],
    ],
    [
      'Reshape',
      [op('Reshape', ['raw', 'to'], ['w'])],
      [tensorBytes('raw', [1, 3 * H * I], W3), ints('to', 0, -1, I)],
    ],
    [
      'Slice to the end and beyond',
      [op('Slice', ['raw', 'from', 'to', 'axes'], ['w'])],
      [
        tensorBytes('raw', [1, 3 * H + 2, I], [...Array.from({ length: 2 * I }, () => 7), ...W3]),
        ints('from', 2),
        ints('to', 2 ** 62),
        ints('axes', 1),
      ],
    ],
    [
      'Slice backward',
      [op('Slice', ['raw', 'from', 'to', 'axes', 'by'], ['w'])],
      [
        tensorBytes('raw', [1, 3 * H, I], reversedRows),
        ints('from', -1),
        ints('to', -(2 ** 62)),
        ints('axes', 1),
        ints('by', -1),
      ],
    ],
    [
      'Split and Concat',
      [
        op('Split', ['raw', 'sizes'], ['a', 'b', 'c'], { axis: 1 }),
        op('Concat', ['c', 'a', 'b'], ['w'], { axis: 1 }),
      ],
      [
        tensorBytes('raw', [1, 3 * H, I], [...W3.slice(2 * I), ...W3.slice(0, 2 * I)]),
        ints('sizes', 5, 5, 2),
      ],
    ],
    [
      'Gather of rows',
      [op('Gather', ['raw', 'rows'], ['w'], { axis: 1 })],
      [
        tensorBytes('raw', [1, 3 * H, I], reversedRows),
        ints('rows', ...Array.from({ length: 3 * H }, (_, k) => -1 - k)),
      ],
    ],
    ['Dropout', [op('Dropout', ['raw'], ['w'])], [tensorBytes('raw', [1, 3 * H, I], W3)]],
  ])('%s', async (_, nodes, tensors, opset) => {
    const graph = around({
      nodes: [...nodes, node({ inputs: ['X', 'w', R!, B!] })],
      tensors: [...plain.tensors!, ...tensors],
    });
    expect(largestDifference(outputOf(await modelOf(graph, opset), false), await direct())).toBe(0);
  });

  test('an If whose branches give the same, and one whose condition is known', async () => {
    const branch = (name: string) =>
      graphBytes({ nodes: [op('Identity', [name], ['w'])], outputs: [{ name: 'w' }] });
    const branches = (a: string, b: string): Uint8Array => {
      const graph = (key: string, name: string) =>
        field(5, message(field(1, key), field(6, branch(name)), field(20, 5)));
      return message(
        field(1, 'condition'),
        field(2, 'w'),
        field(4, 'If'),
        graph('then_branch', a),
        graph('else_branch', b),
      );
    };
    const raw = [
      tensorBytes('raw', [1, 3 * H, I], W3),
      tensorBytes('same', [1, 3 * H, I], W3),
      floats('other', [1, 3 * H, I]),
    ];
    const given = (a: string, b: string, tensors: Uint8Array[], inputs = plain.inputs!) =>
      modelOf(
        around({
          nodes: [branches(a, b), node({ inputs: ['X', 'w', R!, B!] })],
          tensors: [...plain.tensors!, ...tensors],
          inputs,
        }),
      );
    const open = [...plain.inputs!, { name: 'condition', shape: [] }];
    expect(outputOf(await given('raw', 'same', raw, open), false)).toEqual(await direct());
    expect(outputOf(await given('raw', 'other', [...raw, ints('condition', 1)]), false)).toEqual(
      await direct(),
    );
    expect(outputOf(await given('other', 'raw', [...raw, ints('condition', 0)]), false)).toEqual(
      await direct(),
    );
    const undecided = await given('raw', 'other', raw, open);
    expect(() => readModel(undecided)).toThrow(
      "W of GRU 'cell' depends on the If of 'w', which is not a constant.",
    );
  });
});

/** A GRU in the body of a Loop that carries its weights along, as tf2onnx writes cells. */
const looped = (handsOn: string): GraphBytes => {
  const body = graphBytes({
    nodes: [
      op('Identity', ['w_in'], ['w_same']),
      op('Neg', ['w_in'], ['w_else']),
      node({ inputs: ['X', 'w_in', R!, B!], outputs: ['y'] }),
    ],
    inputs: ['i', 'go', 'w_in'].map((name) => ({ name })),
    outputs: ['go', handsOn, 'y'].map((name) => ({ name })),
  });
  const loop = message(
    ...['', '', W!].map((name) => field(1, name)),
    ...['w_out', 'ys'].map((name) => field(2, name)),
    field(3, 'loop'),
    field(4, 'Loop'),
    field(5, message(field(1, 'body'), field(6, body), field(20, 5))),
  );
  return around({ nodes: [loop] });
};

test('a value that the body of a Loop hands on unchanged is the one that the Loop is given', async () => {
  const file = await modelOf(looped('w_same'));
  expect(outputOf(file, false)).toEqual(await expected());
  expect(readModel(file).assumptions).toEqual(["cell stands in the body of Loop 'loop'"]);
  const changed = await modelOf(looped('w_else'));
  expect(() => readModel(changed)).toThrow(
    "W of GRU 'cell' depends on 'w_in' of the body of Loop 'loop', which is not a constant.",
  );
});

describe('weights that are not constants are refused, and what decides them is named:', () => {
  test.each<[string, Partial<GraphBytes>, string, NodeBytes['inputs']?]>([
    [
      'an input',
      { inputs: [...plain.inputs!, { name: 'w', shape: [1, 12, 3] }] },
      "depends on the input 'w' of the graph, which is not a constant. Export the network with its weights inside.",
    ],
    [
      'an operator',
      { nodes: [op('Conv', [W!, R!], ['w']), node({ inputs: ['X', 'w', R!, B!] })] },
      "W of GRU 'cell' depends on Conv '/Conv', which is not a constant.",
    ],
    [
      'itself',
      { nodes: [op('Identity', ['w'], ['w']), node({ inputs: ['X', 'w', R!, B!] })] },
      "the value 'w' of the graph depends on itself",
    ],
    ['nothing', { nodes: [node({ inputs: ['X', 'w', R!, B!] })] }, "nothing in the graph makes 'w'"],
    [
      'an operator that does not fit',
      {
        nodes: [
          op('Squeeze', [W!], ['a'], { axes: [1] }),
          op('Squeeze', ['a'], ['w'], { axes: [1] }),
          node({ inputs: ['X', 'w', R!, B!] }),
        ],
      },
      "Squeeze '/Squeeze' cannot be applied: the axes [1] of [1,12,3]",
    ],
  ])('%s', async (_, changes, text) => {
    const file = await modelOf(around({ nodes: [node({ inputs: ['X', 'w', R!, B!] })], ...changes }));
    expect(() => readModel(file)).toThrow(text);
  });

  test('a chain that does not end is cut off', async () => {
    const chain = Array.from({ length: 5000 }, (_, k) =>
      op('Identity', [k === 0 ? W! : `v${k}`], [`v${k + 1}`]),
    );
    const file = await modelOf(around({ nodes: [...chain, node({ inputs: ['X', 'v5000', R!, B!] })] }));
    expect(() => readModel(file)).toThrow('depends on more nodes than are followed (500 one behind another)');
  });

  test('a constant that doubles is not made', async () => {
    const doubling = Array.from({ length: 40 }, (_, k) =>
      op('Concat', [k === 0 ? W! : `v${k}`, k === 0 ? W! : `v${k}`], [`v${k + 1}`], { axis: 1 }),
    );
    const file = await modelOf(around({ nodes: [...doubling, node({ inputs: ['X', 'v40', R!, B!] })] }));
    expect(() => readModel(file)).toThrow(/have more than 268435456 elements/);
  });
});

test('shapes that do not fit each other are refused with what was expected', async () => {
  const broken = (name: string, shape: number[]) =>
    modelOf(
      around({
        tensors: [...plain.tensors!, floats('other', shape)],
        nodes: [node({ inputs: ['X', W!, R!, B!].map((own) => (own === name ? 'other' : own)) })],
      }),
    );
  const wrong = await broken(W!, [1, 9, 3]);
  expect(() => readModel(wrong)).toThrow(
    "W of GRU 'cell' is 1×9×3, expected 1×12×3 (hidden_size 4, forward).",
  );
  const bias = await broken(B!, [1, 12]);
  expect(() => readModel(bias)).toThrow("B of GRU 'cell' is 1×12, expected 1×24");
  const size = await modelOf(around({ nodes: [node({ attributes: { hidden_size: 9 } })] }));
  expect(() => readModel(size)).toThrow("GRU 'cell' has hidden_size 9, but R is 1×12×4.");
});

test('a function that ONNX does not have is refused by name', async () => {
  const file = await modelOf(
    around({ nodes: [node({ attributes: { hidden_size: H, activations: ['Sigmoid', 'Swish'] } })] }),
  );
  expect(() => readModel(file)).toThrow("GRU 'cell' applies the function 'Swish', which ONNX does not have.");
});

test('a parameter that the standard and onnxruntime fill in differently is said', async () => {
  const attributes = {
    hidden_size: H,
    linear_before_reset: 1,
    activations: ['HardSigmoid', 'ThresholdedRelu'],
  };
  const model = readModel(await modelOf(around({ nodes: [node({ attributes })] })));
  expect(model.layers[0]!.cell.name).toBe('gru(hard_sigmoid,thresholded_relu)');
  expect(model.assumptions).toEqual([
    "GRU 'cell' leaves out α of ThresholdedRelu: ONNX's default is taken, onnxruntime takes 0",
  ]);
});

test('a first state that is stored and not 0 is said', async () => {
  const file = await modelOf(
    around({
      tensors: [...plain.tensors!, floats('h0', [1, 1, H])],
      nodes: [node({ inputs: ['X', W!, R!, B!, '', 'h0'] })],
    }),
  );
  expect(readModel(file).assumptions).toEqual([
    "GRU 'cell' starts from a stored initial_h that is not 0; here it starts from 0 unless --state says otherwise",
  ]);
});

test('the same weights in two places are one module, other weights are another', async () => {
  const twice = await modelOf(around({ nodes: [node(), node({ name: 'again', outputs: ['Z'] })] }));
  expect(listModules(twice)).toMatchObject([{ name: 'cell', aliases: ['again'] }]);
  const two = await modelOf(
    around({
      tensors: [...plain.tensors!, floats('other', [1, 12, 3])],
      nodes: [node(), node({ name: 'again', inputs: ['X', 'other', R!, B!], outputs: ['Z'] })],
    }),
  );
  expect(() => readModel(two)).toThrow('holds 2 recurrent modules: cell (gru, 3 → 4), again (gru, 3 → 4).');
});

describe('what stands around a node:', () => {
  const H2 = [floats('W2', [1, 12, H]), ...plain.tensors!];
  const second = (name: string) => node({ name: 'second', inputs: [name, 'W2', R!, B!], outputs: ['Z'] });

  test('a node that takes the states of another is its second layer', async () => {
    const file = await modelOf(
      around({
        tensors: [...H2, ints('one', 1)],
        nodes: [node(), op('Squeeze', ['Y', 'one'], ['y']), second('y')],
      }),
    );
    expect(listModules(file)).toMatchObject([{ name: 'cell', layers: 2 }]);
  });

  test('layers may differ in kind and size', async () => {
    const lstm = nodeBytes({
      operator: 'LSTM',
      name: 'upper',
      inputs: ['y', 'W3', 'R3'],
      outputs: ['Z'],
      attributes: { hidden_size: 2 },
    });
    const tensors = [...plain.tensors!, ints('one', 1), floats('W3', [1, 8, H]), floats('R3', [1, 8, 2])];
    const file = await modelOf(
      around({ tensors, nodes: [node(), op('Squeeze', ['Y', 'one'], ['y']), lstm] }),
    );
    const model = readModel(file);
    expect(model.layers.map(({ cell, weights }) => [cell.name, weights.hiddenSize])).toEqual([
      ['gru', H],
      ['lstm', 2],
    ]);
    expect(inspectFile(file).modules).toMatchObject([{ name: 'cell', layers: 2, stateSize: H + 4 }]);
  });

  test('a node that takes something that was made of them is a module of its own', async () => {
    const file = await modelOf(
      around({
        tensors: [...H2, ints('one', 1)],
        nodes: [node(), op('Squeeze', ['Y', 'one'], ['y']), op('Relu', ['y'], ['y2']), second('y2')],
      }),
    );
    expect(listModules(file).map(({ name }) => name)).toEqual(['cell', 'second']);
  });

  const readout = (nodes: Uint8Array[], tensors: Uint8Array[] = []) =>
    modelOf(
      around({
        tensors: [...plain.tensors!, ints('one', 1), ...tensors],
        nodes: [node(), op('Squeeze', ['Y', 'one'], ['y']), ...nodes],
      }),
    );

  test('MatMul and Add behind the states are the readout', async () => {
    const tensors = [floats('C', [H, 2]), floats('d', [2])];
    const model = readModel(
      await readout([op('MatMul', ['y', 'C'], ['a']), op('Add', ['d', 'a'], ['b'])], tensors),
    );
    expect([model.readout?.name, model.readout?.weight.rows, model.readout?.weight.cols]).toEqual([
      '/MatMul',
      2,
      H,
    ]);
    expect(model.readout!.weight.data[1]).toBeCloseTo(Math.sin(2), 6);
    expect([...model.readout!.bias!].map((v) => v.toFixed(6))).toEqual(['0.000000', '0.841471']);
  });

  test('so is a Gemm, with its matrix either way', async () => {
    const model = readModel(
      await readout(
        [op('Gemm', ['y', 'C', 'd'], ['b'], { transB: 1 })],
        [floats('C', [2, H]), floats('d', [2])],
      ),
    );
    expect([model.readout?.weight.rows, model.readout?.bias?.length]).toEqual([2, 2]);
    expect(model.readout!.weight.data[1]).toBeCloseTo(Math.sin(1), 6);
  });

  test('a matrix that feeds another one is no readout', async () => {
    const tensors = [floats('C', [H, 5]), floats('D', [5, 2])];
    const model = readModel(
      await readout(
        [op('MatMul', ['y', 'C'], ['a']), op('Relu', ['a'], ['b']), op('MatMul', ['b', 'D'], ['c'])],
        tensors,
      ),
    );
    expect(model.readout).toBe(undefined);
  });

  test('a Gather in front is the embedding of tokens', async () => {
    const file = await modelOf(
      around({
        tensors: [...plain.tensors!, floats('table', [11, I])],
        inputs: [{ name: 'ids', shape: ['T', 1] }],
        nodes: [op('Gather', ['table', 'ids'], ['x']), node({ inputs: ['x', W!, R!, B!] })],
      }),
    );
    const { embedding } = readModel(file);
    expect([embedding?.name, embedding?.weight.rows, embedding?.weight.cols]).toEqual(['table', 11, I]);
  });
});

test('a graph without a recurrent node is told what it does instead, and what to do', async () => {
  const unrolled = await modelOf(
    around({ nodes: [op('MatMul', ['X', W!], ['a']), op('Tanh', ['a'], ['Y'])] }),
  );
  expect(() => readModel(unrolled)).toThrow(
    'net.onnx: holds no recurrent module that rnnscope knows. Its graph has no GRU, LSTM or RNN node; it has MatMul, Tanh. A cell may be unrolled into these: export it with',
  );
  const other = await modelOf(around({ nodes: [op('Relu', ['X'], ['Y'])] }));
  expect(() => readModel(other)).toThrow('it has Relu.');
});

test('options that the graph leaves no room for are refused, functions may be exchanged', async () => {
  const file = await modelOf(plain);
  expect(() => readModel(file, { gates: 'rzn' })).toThrow('ONNX fixes the order of the blocks');
  expect(() => readModel(file, { direction: 'backward' })).toThrow('is not bidirectional');
  expect(readModel(file, { activation: 'gate=hard_sigmoid' }).layers[0]!.cell.name).toBe(
    'gru(hard_sigmoid,tanh)',
  );
});

test('every case names its cell', () => {
  for (const { cells } of cases as readonly Case[]) expect(cells.length).toBeGreaterThan(0);
});
