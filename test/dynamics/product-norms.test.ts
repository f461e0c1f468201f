import { describe, expect, test } from 'vitest';
import { gruResetAfter, lstm } from '../../src/cells/index.js';
import { noiseDrive, zeroDrive } from '../../src/dynamics/drive.js';
import { network } from '../../src/dynamics/network.js';
import {
  type ProductMethod,
  type ProductNorms,
  productMethod,
  productNorms,
  toldLags,
} from '../../src/dynamics/product-norms.js';
import { Pullback } from '../../src/dynamics/pullback.js';
import { StatesBack } from '../../src/dynamics/states-back.js';
import type { System } from '../../src/dynamics/system.js';
import { Trajectory } from '../../src/dynamics/trajectory.js';
import { gemm, spectralNorm } from '../../src/linalg/index.js';
import { identity, zeros } from '../../src/linalg/matrix.js';
import { unwatched } from '../../src/outcome.js';
import { random } from '../../src/random.js';
import { diagonal } from '../oracles.js';
import { normals, randomLayer } from './helpers.js';

const inputs = 2;
const drive = noiseDrive(0.5, inputs, 1, 'noise');

async function norms(system: System, method: ProductMethod, lags: number, end = lags): Promise<ProductNorms> {
  const given = system.inputSize === 0 ? zeroDrive(0) : drive;
  const trajectory = new Trajectory(system, given, new Float64Array(system.dimension).fill(0.1));
  await trajectory.run(end - lags, unwatched, '');
  const back = (await StatesBack.along(trajectory, end, unwatched))!;
  const told = toldLags(lags, lags);
  return productNorms(system.dimension, back, method, told, unwatched, false);
}

const exact = (lags: number): ProductMethod => ({ kind: 'exact', columns: 0, exactLags: lags });
const block = (columns: number, exactLags: number): ProductMethod => ({ kind: 'block', columns, exactLags });
const gru = network([randomLayer(gruResetAfter, { hidden: 24, inputs }, 1, { gain: 2 })]);
const stack = network([
  randomLayer(lstm, { hidden: 12, inputs }, 2, { gain: 2 }),
  randomLayer(lstm, { hidden: 10, inputs: 12 }, 3, { gain: 2 }),
]);

describe('states taken backwards', () => {
  test('are those of the way there, to the last byte, and few are kept', async () => {
    const steps = 1000;
    const forward: number[][] = [];
    const orbit = new Trajectory(gru, drive, normals(24, random(1)));
    const again = new Trajectory(gru, drive, orbit.start);
    for (let t = 0; t < steps; t++) {
      forward.push(Array.from(orbit.state));
      orbit.advance();
    }
    const back = (await StatesBack.along(again, steps, unwatched))!;
    for (const t of [999, 998, 500, 32, 31, 1, 0]) expect(Array.from(back.at(t))).toEqual(forward[t]);
    expect(Array.from(again.state)).toEqual(Array.from(orbit.state));
    const { kept } = back as unknown as { kept: Float64Array[] };
    expect(kept.length).toBeLessThanOrEqual(32);
  });

  test('may begin after the start, and have no others', async () => {
    const orbit = new Trajectory(gru, drive, normals(24, random(1)));
    await orbit.run(100, unwatched, '');
    const there = Array.from(orbit.state);
    const back = (await StatesBack.along(orbit, 140, unwatched))!;
    expect([back.first, back.last]).toEqual([100, 140]);
    expect(Array.from(back.at(100))).toEqual(there);
    expect(() => back.at(99)).toThrow(RangeError);
  });
});

describe('norms of the product of many Jacobians', () => {
  test('of a diagonal map are powers of its entries, in a block as well', async () => {
    const map = diagonal([0.5, 0.999, 0.1, 0.9, 1e-3, 0.2]);
    for (const method of [exact(5000), block(2, 0), block(2, 50)]) {
      const { lags, logSpectral } = await norms(map, method, 5000);
      expect(lags).toHaveLength(5001);
      // From the start, the block is turned to the longest direction by the 300 steps before T.
      expect(Math.abs(logSpectral.at(-1)! - 5000 * Math.log(0.999))).toBeLessThan(1e-9);
    }
  });

  test('of a map that erases everything end at −∞, and stay there', async () => {
    for (const method of [exact(40), block(1, 10), block(1, 0)]) {
      const { logSpectral, logFrobenius } = await norms(diagonal([0, 0]), method, 40);
      expect(new Set([...logSpectral.slice(1), ...logFrobenius.slice(1)])).toEqual(new Set([-Infinity]));
    }
  });

  test.each([
    ['a GRU', gru],
    ['two LSTMs', stack],
  ])('of %s are those of the dense product', async (_name, system) => {
    const n = system.dimension;
    const lags = 30;
    const { logSpectral } = await norms(system, exact(lags), lags);
    const orbit = new Trajectory(system, drive, new Float64Array(n).fill(0.1));
    const jacobians = Array.from({ length: lags }, () => {
      const here = orbit.linearise();
      const J = here.jacobian();
      orbit.accept(here.next);
      return J;
    });
    let P = identity(n);
    jacobians.toReversed().forEach((J, k) => {
      const next = zeros(n, n);
      gemm(next, P, J);
      P = next;
      expect(Math.abs(logSpectral[k + 1]! - Math.log(spectralNorm(P)))).toBeLessThan(1e-10);
    });
  });

  test.each([
    ['a GRU', gru],
    ['two LSTMs', stack],
  ])(
    'of %s in a block are never above the exact ones, and off by no more than what was left out',
    async (_name, system) => {
      const lags = 600;
      const whole = await norms(system, exact(lags), lags, 700);
      for (const method of [block(4, 100), block(8, 20)]) {
        const { logSpectral, leftOut } = await norms(system, method, lags, 700);
        const most = Math.log(Math.hypot(1, leftOut!));
        logSpectral.forEach((v, k) => {
          expect(whole.logSpectral[k]! - v).toBeGreaterThan(-1e-9);
          expect(whole.logSpectral[k]! - v).toBeLessThan(most + 1e-9);
        });
      }
      // Turned by the steps before T alone: right to rounding once the leading direction leads.
      const { logSpectral, leftOut } = await norms(system, block(8, 0), lags, 700);
      expect(leftOut).toBeNull();
      expect(Math.abs(logSpectral[lags]! - whole.logSpectral[lags]!)).toBeLessThan(1e-6);
      logSpectral.forEach((v, k) => void expect(v).toBeLessThan(whole.logSpectral[k]! + 1e-9));
    },
  );

  test('is narrowed to its leading directions', () => {
    const P = new Pullback({ rows: 3, cols: 3, data: Float64Array.of(8, 0, 0, 0, 2, 0, 0, 0, 1) });
    const { pullback, left } = P.narrowed(1);
    expect(pullback.logSpectral()).toBeCloseTo(Math.log(8), 12);
    expect(left).toBeCloseTo(Math.sqrt(5) / 8, 12);
  });
});

describe('the method', () => {
  test('is exact while that takes little, starts exactly in small networks, and is what was asked for', () => {
    expect(productMethod(384, 300, undefined)).toEqual({ kind: 'exact', columns: 384, exactLags: 300 });
    expect(productMethod(256, 1e6, undefined)).toEqual({ kind: 'block', columns: 4, exactLags: 256 });
    expect(productMethod(2048, 1000, undefined)).toEqual({ kind: 'block', columns: 8, exactLags: 0 });
    expect(productMethod(2048, 1000, 'exact').kind).toBe('exact');
    expect(productMethod(64, 10, 'block')).toEqual({ kind: 'block', columns: 4, exactLags: 10 });
  });

  test('tells every lag of an ordinary horizon, and some thousands of a long one', () => {
    expect(toldLags(300, 100)).toEqual(Array.from({ length: 300 }, (_, k) => k + 1));
    const told = toldLags(1_000_000, 123_457);
    expect(told.length).toBeLessThan(32_800);
    expect(told.slice(0, 16_384)).toEqual(Array.from({ length: 16_384 }, (_, k) => k + 1));
    expect(told).toContain(123_457);
    expect(told.at(-1)).toBe(1_000_000);
  });
});
