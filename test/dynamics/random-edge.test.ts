import { describe, expect, test } from 'vitest';
import type { Cell } from '../../src/cells/index.js';
import { gruResetAfter, gruResetBefore, lstm, rnnTanh } from '../../src/cells/index.js';
import { network } from '../../src/dynamics/network.js';
import { randomEdge } from '../../src/dynamics/random-edge.js';
import { eigenvalues } from '../../src/linalg/index.js';
import { type Matrix, matrix, zeros } from '../../src/linalg/matrix.js';
import { random } from '../../src/random.js';

const N = 300;

/** A layer with Gaussian recurrent matrices of the given gains, no biases, no inputs. */
function layer(cell: Cell, gains: Record<string, number>) {
  const draw = random(4);
  const matrices: Record<string, Matrix> = {};
  for (const p of cell.parameters) {
    if (p.kind !== 'matrix' || p.optional) continue;
    const gain = gains[p.name.slice(2)] ?? 0;
    matrices[p.name] =
      p.cols === 'I'
        ? zeros(N, 0)
        : matrix(
            N,
            N,
            Float64Array.from({ length: N * N }, () => (gain * draw.normal()) / Math.sqrt(N)),
          );
  }
  return { name: 'layer0', cell, weights: { hiddenSize: N, inputSize: 0, matrices, vectors: {} } };
}

/** Predicted edge over the largest |λ| that there is, at a state that knows nothing of the weights. */
function compare(cell: Cell, gains: Record<string, number>, size: number): number {
  const one = layer(cell, gains);
  const system = network([one]);
  const draw = random(9);
  const state = Float64Array.from({ length: system.dimension }, () => size * (2 * draw.uniform() - 1));
  const here = system.linearise(state, new Float64Array(0));
  const { re, im } = eigenvalues(here.jacobian());
  return randomEdge(one, system.parts![0]!, state, here.next)!.edge / Math.hypot(re[0]!, im[0]!);
}

describe('the edge of a random network', () => {
  // Shared theory, §2.15: within 7 % of the largest eigenvalue at N = 400, mostly 4.
  test.each([
    ['an Elman network', rnnTanh, { h: 1.5 }, 0.5],
    ['a GRU, reset after', gruResetAfter, { r: 2, z: 2, n: 3 }, 0.8],
    ['a GRU, reset before', gruResetBefore, { r: 2, z: 2, n: 3 }, 0.8],
    ['a GRU, reset before, with a strong update gate', gruResetBefore, { r: 1, z: 5, n: 1 }, 0.9],
    ['a GRU at rest', gruResetAfter, { r: 1, z: 1, n: 2.5 }, 0],
    ['an LSTM at rest', lstm, { i: 1, f: 1, g: 2, o: 1 }, 0],
  ])('%s, is near its largest eigenvalue', (_name, cell, gains, size) => {
    expect(Math.abs(compare(cell, gains, size) - 1)).toBeLessThan(0.07);
  });

  test.each([
    ['a GRU', gruResetAfter, { r: 1, z: 1, n: 2 }],
    ['a GRU, reset before', gruResetBefore, { r: 1, z: 1, n: 2 }],
  ])('of %s with zero biases at h = 0 is 1/2 + a/4, a disc about 1/2', (_name, cell, gains) => {
    const one = layer(cell, gains);
    const system = network([one]);
    const state = new Float64Array(N);
    const here = system.linearise(state, new Float64Array(0));
    const { edge, boundary, gains: found } = randomEdge(one, system.parts![0]!, state, here.next)!;
    expect(edge).toBeCloseTo(0.5 + found.n! / 4, 8);
    for (const [re, im] of boundary) expect(Math.hypot(re - 0.5, im)).toBeCloseTo(found.n! / 4, 8);
  });

  test('of an LSTM away from rest is not known', () => {
    const one = layer(lstm, { i: 1, f: 1, g: 2, o: 1 });
    const system = network([one]);
    const state = new Float64Array(2 * N).fill(0.3);
    const here = system.linearise(state, new Float64Array(0));
    expect(randomEdge(one, system.parts![0]!, state, here.next)).toBeNull();
  });
});
