import { describe, expect, test } from 'vitest';
import { type GatesValue, gates } from '../../analyses/gates.js';
import { cellNamed, cells, gruResetAfter, lstm, rnnTanh } from '../../src/cells/index.js';
import { type Drive, dataDrive, zeroDrive } from '../../src/dynamics/drive.js';
import { network } from '../../src/dynamics/network.js';
import type { Subject } from '../../src/dynamics/subject.js';
import { matrix, zeros } from '../../src/linalg/matrix.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { random } from '../../src/random.js';
import { autonomous, diagonal } from '../oracles.js';

type Vectors = Record<string, number[]>;
type Matrices = Record<string, number[][]>;

/** A layer whose matrices are zero but for those given. */
function layer(cell: typeof lstm, H: number, I: number, vectors: Vectors, matrices: Matrices = {}) {
  const filled = cell.parameters.flatMap((p) =>
    p.kind === 'matrix'
      ? [[p.name, matrices[p.name] ? dense(matrices[p.name]!) : zeros(H, p.cols === 'I' ? I : H)] as const]
      : [],
  );
  return {
    name: 'layer0',
    cell,
    weights: {
      hiddenSize: H,
      inputSize: I,
      matrices: Object.fromEntries(filled),
      vectors: Object.fromEntries(Object.entries(vectors).map(([k, v]) => [k, Float64Array.from(v)])),
    },
  };
}
const dense = (rows: number[][]) => matrix(rows.length, rows[0]!.length, rows.flat());

const driven = (layers: ReturnType<typeof layer>[], drive: Drive): Subject => {
  const system = network(layers);
  const mode = drive.kind === 'data' ? 'driven' : 'autonomous';
  return { system, drive, initialState: new Float64Array(system.dimension), mode, seed: 0 };
};

const run = async (subject: Subject, given: Record<string, unknown> = {}): Promise<GatesValue> =>
  (await gates.run(subject, resolve(gates.options, given), unwatched)).value;

const normalRows = (rows: number, cols: number): Drive => {
  const draw = random(3);
  const values = Float64Array.from({ length: rows * cols }, () => draw.normal());
  return dataDrive({ shape: [rows, cols], values }, cols, 'rows');
};

const logistic = (a: number): number => 1 / (1 + Math.exp(-a));

describe('of an LSTM whose gates are held by their biases', () => {
  const bias = { bx_f: [2, 40, -30, 0], bx_i: [5, -5, 0, 0], bx_o: [0, 0, 0, 0] };
  const value = run(driven([layer(lstm, 4, 1, bias)], zeroDrive(1)), { integrator: 5 });

  test('the time scale is −1/ln σ(b), also where σ(b) rounds to 1', async () => {
    const { timeScales } = (await value).layers[0]!.gates.find(({ name }) => name === 'f')!;
    expect(timeScales!.units[0]).toBeCloseTo(-1 / Math.log(logistic(2)), 10);
    // −ln σ(40) = ln(1 + e^−40) = e^−40 but for the last digit
    expect(timeScales!.units[1]! / Math.exp(40)).toBeCloseTo(1, 12);
    expect(timeScales!.units[2]).toBeCloseTo(1 / 30, 10);
    expect(timeScales!.units[3]).toBeCloseTo(1 / Math.LN2, 12);
    expect(timeScales!.integrators).toEqual([0, 1]);
  });

  test('openness, saturation and gates that are stuck are those of the biases', async () => {
    const [i, , o] = (await value).layers[0]!.gates;
    expect(i!.name).toBe('i');
    expect(i!.mean).toBeCloseTo((logistic(5) + logistic(-5) + 1) / 4, 14);
    expect([i!.shut, i!.open]).toEqual([0.25, 0.25]);
    expect([i!.stuckShut, i!.stuckOpen]).toEqual([1, 1]);
    expect(o!.histogram[20]).toBe(1);
    expect(o!.units.mean).toEqual([0.5, 0.5, 0.5, 0.5]);
    // Two units of i, and of f those with biases 40 and −30.
    expect((await value).saturated).toBeCloseTo(4 / 12, 14);
  });

  test('nothing is said of units where the state is at rest', async () => {
    const { activity } = (await value).layers[0]!;
    expect([activity.dead, activity.redundant, activity.dimension]).toEqual([null, null, null]);
    expect(activity.inputCorrelation).toBeNull();
  });
});

describe('of a GRU whose units only follow the input', () => {
  // n = tanh(W x) with z held at σ(−3); units 0 and 1 follow x₁, with opposite signs, unit 2 follows x₀, unit 3 nothing.
  const weights = {
    W_n: [
      [0, 0.01],
      [0, -0.01],
      [0.01, 0],
      [0, 0],
    ],
  };
  const subject = driven(
    [layer(gruResetAfter, 4, 2, { bx_z: [-3, -3, -3, -3] }, weights)],
    normalRows(4000, 2),
  );

  test('units that mirror one another are redundant, and one that does not move is dead', async () => {
    const { activity } = (await run(subject)).layers[0]!;
    expect(activity.redundant).toEqual([[0, 1]]);
    expect(activity.dead).toEqual([3]);
  });

  test('the directions used are those of the variances: 2 v along one, v along the other', async () => {
    const { activity } = (await run(subject)).layers[0]!;
    const [, v, w] = activity.deviation.map((d) => d * d) as [number, number, number];
    expect(activity.dimension).toBeCloseTo((2 * v + w) ** 2 / (4 * v * v + w * w), 2);
    expect(activity.dimension).toBeCloseTo(9 / 5, 1);
  });

  test('each unit is told which input it follows, and how', async () => {
    // h′ = (1 − z) n + z h, a filter of white noise: r = sqrt(1 − z²).
    const { input, r } = (await run(subject)).layers[0]!.activity.inputCorrelation!;
    const expected = Math.sqrt(1 - logistic(-3) ** 2);
    expect(input.slice(0, 3)).toEqual([1, 1, 0]);
    expect(r[0]).toBeCloseTo(expected, 2);
    expect(r[1]).toBeCloseTo(-expected, 2);
    expect(r[3]).toBeNull();
  });
});

test('a gate that follows the input is told so with its sign', async () => {
  const follows = layer(gruResetAfter, 1, 2, {}, { W_z: [[-0.01, 0]] });
  const [, z] = (await run(driven([follows], normalRows(2000, 2)))).layers[0]!.gates;
  expect(z!.inputCorrelation!.input).toEqual([0]);
  expect(z!.inputCorrelation!.r[0]).toBeCloseTo(-1, 3);
  expect(z!.timeScales!.units[0]).toBeCloseTo(1 / Math.LN2, 2);
});

test('a stack is told layer by layer, and the trace stays short however long the run', async () => {
  const stack = [layer(lstm, 2, 1, { bx_f: [0, 0] }), { ...layer(gruResetAfter, 3, 2, {}), name: 'layer1' }];
  const value = await run(driven(stack, zeroDrive(1)), { steps: 20_001 });
  expect(value.layers.map(({ name, units, gates }) => [name, units, gates.length])).toEqual([
    ['layer0', 2, 3],
    ['layer1', 3, 2],
  ]);
  expect(value.layers[0]!.trace.steps.length).toBeLessThanOrEqual(200);
  expect(value.layers[0]!.trace.steps.at(-1)).toBe(20_001);
});

test('a cell without gates and a map that is no network have none', async () => {
  const plain = await run(driven([layer(rnnTanh, 2, 1, {})], zeroDrive(1)), { steps: 10 });
  expect(plain.layers[0]!.gates).toEqual([]);
  expect(plain.saturated).toBeNull();
  expect((await run(autonomous(diagonal([0.5]), [1]), { steps: 10 })).layers).toEqual([]);
});

test('a run that is stopped reports the steps it has', async () => {
  let ticks = 0;
  const watch = { tick: () => ++ticks > 5 };
  const subject = driven([layer(lstm, 2, 1, {})], zeroDrive(1));
  const { value, outcome } = await gates.run(subject, resolve(gates.options, { warmup: 0 }), watch);
  expect(outcome.kind).toBe('partial');
  expect(value.steps).toBe(5 * 64);
});

test('a gate that writes and leaves the rest has the time scale of the rest: −1/ln(1 − σ(b))', async () => {
  const flipped =
    cellNamed('gru-flipped') ?? cells.find((cell) => cell.quantities?.some((q) => q.keepsRest))!;
  const [gate] = flipped.quantities!.filter((q) => q.keepsRest);
  const held = layer(flipped, 2, 1, { [`bx_${gate!.name}`]: [-4, -45] });
  const value = await run(driven([held], zeroDrive(1)), { steps: 50 });
  const { timeScales } = value.layers[0]!.gates.find(({ name }) => name === gate!.name)!;
  expect(timeScales!.units[0]).toBeCloseTo(-1 / Math.log(1 - logistic(-4)), 8);
  expect(timeScales!.units[1]! / Math.exp(45)).toBeCloseTo(1, 10);
});

test('a projected layer has as many gates as units, and is told by what it hands on', async () => {
  const cell = cellNamed('lstm-projected')!;
  const system = network([projectedLayer(cell)]);
  const subject: Subject = {
    ...driven([layer(lstm, 2, 1, {})], normalRows(300, 2)),
    system,
    initialState: new Float64Array(system.dimension),
  };
  const value = await run(subject);
  expect(value.layers[0]!.gates[0]!.units.mean).toHaveLength(5);
  expect(value.layers[0]!.activity.deviation).toHaveLength(3);
});

function projectedLayer(cell: typeof lstm) {
  const draw = random(8);
  const size = { H: 5, I: 2, P: 3, 'H+I': 7 } as Record<string, number>;
  const normals = (n: number) => Float64Array.from({ length: n }, () => draw.normal());
  const matrices: Record<string, ReturnType<typeof zeros>> = {};
  const vectors: Record<string, Float64Array> = {};
  for (const p of cell.parameters) {
    const rows = size[p.rows]!;
    if (p.kind === 'vector') vectors[p.name] = normals(rows);
    else matrices[p.name] = matrix(rows, size[p.cols!]!, normals(rows * size[p.cols!]!));
  }
  return {
    name: 'layer0',
    cell,
    weights: { hiddenSize: 5, inputSize: 2, projectionSize: 3, matrices, vectors },
  };
}
