import { describe, expect, test } from 'vitest';
import { step as plainStep } from '../../src/calculus/value.js';
import { gruResetAfter, lstm, rnnTanh } from '../../src/cells/index.js';
import { closedLoop } from '../../src/dynamics/closed-loop.js';
import { dataDrive, zeroDrive } from '../../src/dynamics/drive.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { network, outputRows } from '../../src/dynamics/network.js';
import { Divergence, orDivergence, Trajectory } from '../../src/dynamics/trajectory.js';
import { matrix } from '../../src/linalg/matrix.js';
import { unwatched } from '../../src/outcome.js';
import { random } from '../../src/random.js';
import { line, normals, randomWeights, step } from './helpers.js';

const layers = [
  { name: 'layer0', cell: gruResetAfter, weights: randomWeights(gruResetAfter, { hidden: 3, inputs: 2 }, 1) },
  { name: 'layer1', cell: lstm, weights: randomWeights(lstm, { hidden: 4, inputs: 3 }, 2) },
  { name: 'layer2', cell: rnnTanh, weights: randomWeights(rnnTanh, { hidden: 2, inputs: 4 }, 3) },
];
const stack = network(layers);
const start = normals(stack.dimension, random(4), 0.5);

describe('a stack of layers', () => {
  test('packs its state layer by layer, h then c, and names each entry', () => {
    expect(stack.dimension).toBe(3 + 8 + 2);
    expect(stack.coordinates.slice(2, 8)).toEqual([
      'layer0.h[2]',
      'layer1.h[0]',
      'layer1.h[1]',
      'layer1.h[2]',
      'layer1.h[3]',
      'layer1.c[0]',
    ]);
    expect(outputRows(layers)).toEqual({ from: 11, to: 13 });
    expect(outputRows(layers.slice(0, 2))).toEqual({ from: 3, to: 7 });
  });

  test('steps as its layers do one after the other, each reading the new h of the one below', () => {
    const x = normals(2, random(5));
    const gru = plainStep(gruResetAfter, layers[0]!.weights, { h: start.slice(0, 3) }, x);
    const memory = { h: start.slice(3, 7), c: start.slice(7, 11) };
    const second = plainStep(lstm, layers[1]!.weights, memory, gru.h!);
    const third = plainStep(rnnTanh, layers[2]!.weights, { h: start.slice(11) }, second.h!);
    const byHand = [...gru.h!, ...second.h!, ...second.c!, ...third.h!];
    step(stack, start, x).forEach((v, i) => void expect(v).toBeCloseTo(byHand[i]!, 14));
  });
});

describe('a closed loop', () => {
  const readout = {
    name: 'out',
    weight: matrix(2, 2, normals(4, random(6))),
    bias: Float64Array.of(0.1, -0.2),
  };

  test('moves as the open network does under its own readouts', () => {
    const loop = closedLoop(stack, readout, outputRows(layers));
    expect(loop.inputSize).toBe(0);
    let [fed, open] = [start, start];
    for (let t = 0; t < 50; t++) {
      const h = open.slice(11);
      const W = readout.weight.data;
      const x = Float64Array.of(W[0]! * h[0]! + W[1]! * h[1]! + 0.1, W[2]! * h[0]! + W[3]! * h[1]! - 0.2);
      open = step(stack, open, x);
      fed = step(loop, fed);
      fed.forEach((v, i) => void expect(v).toBeCloseTo(open[i]!, 12));
    }
  });

  test('does not carry the last readout into a loop without a bias', () => {
    const loop = closedLoop(stack, { name: 'out', weight: readout.weight }, outputRows(layers));
    const once = step(loop, start);
    step(
      loop,
      start.map((v) => 5 * v),
    );
    expect(step(loop, start)).toEqual(once);
  });
});

describe('a trajectory', () => {
  test('consumes one row a step and leaves its first state as it was', () => {
    const sum = functionSystem({ dimension: 1, step: ([s]) => [s! + 1], jacobian: () => [[1]] });
    const first = Float64Array.of(10);
    const orbit = new Trajectory(sum, zeroDrive(0), first);
    for (let t = 0; t < 5; t++) orbit.advance();
    expect([orbit.time, orbit.state[0], first[0]]).toEqual([5, 15, 10]);
  });

  test('shows each row of the drive to the map, in order', async () => {
    const drive = dataDrive({ shape: [3, 2], values: Float64Array.of(1, 2, 3, 4, 5, 6) }, 2, 'x');
    const orbit = new Trajectory(network(layers.slice(0, 1)), drive, new Float64Array(3));
    const seen: number[][] = [];
    for (let t = 0; t < 3; t++) {
      orbit.advance();
      seen.push(Array.from(orbit.input));
    }
    expect(seen).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  });

  test('that overflows says at which step and in which coordinate', () => {
    const map = functionSystem({
      dimension: 2,
      step: ([x, y]) => [x! / 2, y! * y!],
      jacobian: ([, y]) => [
        [0.5, 0],
        [0, 2 * y!],
      ],
    });
    // 2^(2^t) leaves the doubles, which end at 2^1024, at t = 10.
    const orbit = new Trajectory(map, zeroDrive(0), Float64Array.of(1, 2));
    const run = orbit.run(100, unwatched, '');
    return expect(run).rejects.toMatchObject({ name: 'Divergence', step: 10, coordinate: 's[1]' });
  });

  test('that overflows answers a question with no value and a failure', async () => {
    const orbit = new Trajectory(
      line(
        (x) => x * x,
        (x) => 2 * x,
      ),
      zeroDrive(0),
      Float64Array.of(2),
    );
    const answer = await orDivergence(orbit.run(100, unwatched, ''));
    expect(answer).toMatchObject({ value: null, outcome: { kind: 'failed' } });
    await expect(orDivergence(Promise.reject(new TypeError('other')))).rejects.toThrow('other');
    expect(new Divergence(3, 'h[1]').outcome).toMatchObject({ kind: 'failed' });
  });

  test('stops where the watch says so', async () => {
    const orbit = new Trajectory(
      line(
        (x) => x,
        () => 1,
      ),
      zeroDrive(0),
      Float64Array.of(1),
    );
    const watch = { tick: (done: number) => done >= 128 };
    expect(await orbit.run(1000, watch, '')).toBe(true);
    expect(orbit.time).toBe(128);
  });
});
