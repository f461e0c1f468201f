import { describe, expect, test } from 'vitest';
import { type Cell, gruResetAfter, rnnTanh } from '../../src/cells/index.js';
import { zeroDrive } from '../../src/dynamics/drive.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { network } from '../../src/dynamics/network.js';
import type { System } from '../../src/dynamics/system.js';
import { type Growth, TangentFrame } from '../../src/dynamics/tangent-frame.js';
import { Trajectory } from '../../src/dynamics/trajectory.js';
import { zeros } from '../../src/linalg/matrix.js';
import { random } from '../../src/random.js';
import { diagonal, henon } from '../oracles.js';
import { normals, randomLayer } from './helpers.js';

type Interval = number | 'auto';

interface Carried {
  /** Mean logarithms a step. */
  readonly rates: number[];
  readonly logAbsDet: number;
  readonly growths: Growth[];
}

function carry(
  system: System,
  start: ArrayLike<number>,
  steps: number,
  interval: Interval,
  count = system.dimension,
): Carried {
  const determinants = count === system.dimension ? 1 : 0;
  const orbit = new Trajectory(system, zeroDrive(system.inputSize), Float64Array.from(start));
  const frame = new TangentFrame(orbit, count, { reorthonormalise: interval, determinants, longest: 128 });
  const growths: Growth[] = [];
  for (let done = 0; done < steps; ) {
    const growth = frame.advance(steps - done);
    growths.push(growth);
    done += growth.steps;
  }
  expect(orbit.time).toBe(steps);
  const sum = (of: (g: Growth) => number) => growths.reduce((total, g) => total + of(g), 0);
  return {
    rates: Array.from({ length: count }, (_, i) => sum((g) => g.logs[i]!) / steps),
    logAbsDet: sum((g) => g.logAbsDet) / steps,
    growths,
  };
}

const intervals: Interval[] = ['auto', 1, 2, 3, 7];
const near = (found: readonly number[], expected: readonly number[], tolerance: number): void =>
  expected.forEach((v, i) => {
    if (v === Number.NEGATIVE_INFINITY) expect(found[i]).toBe(v);
    else expect(Math.abs(found[i]! - v)).toBeLessThanOrEqual(tolerance);
  });

describe.each(intervals)('re-orthonormalised every %s steps', (interval) => {
  test('a diagonal map has exponents log|a_i|', () => {
    const p = [3, -1.5, 0.5, -0.25];
    const { rates } = carry(diagonal(p), [0, 0, 0, 0], 500, interval);
    near(
      rates,
      p.map((v) => Math.log(Math.abs(v))),
      1e-14,
    );
  });

  test('the Hénon map has exponents that add up to ln b', () => {
    const { rates, logAbsDet } = carry(henon(1.4, 0.3), [0.1, 0.1], 20_000, interval);
    expect(rates[0]! + rates[1]!).toBeCloseTo(Math.log(0.3), 10);
    expect(logAbsDet).toBeCloseTo(Math.log(0.3), 12);
    // J. Sprott, Chaos and Time-Series Analysis (2003): 0.419 for a = 1.4, b = 0.3.
    expect(Math.abs(rates[0]! - 0.419)).toBeLessThan(0.01);
  });

  test('the leading exponents are those of every step', () => {
    const gru = network([randomLayer(gruResetAfter, { hidden: 8, inputs: 0 }, 3, { gain: 3 })]);
    const start = normals(8, random(1));
    const each = carry(gru, start, 2000, 1, 4);
    near(carry(gru, start, 2000, interval, 4).rates, each.rates, 1e-10);
    near(
      carry(henon(1.4, 0.3), [0.1, 0.1], 2000, interval).rates,
      carry(henon(1.4, 0.3), [0.1, 0.1], 2000, 1).rates,
      1e-10,
    );
  });
});

// Rounding grows by e^(m (λ₁ − λ₂)), so that a long interval m would lose the second exponent: 2 ln 10 a step here.
test.each(['auto', 1, 2] as const)(
  'every %s steps, the standard map keeps areas, and at K = 20 stretches by ln(K/2)',
  (interval) => {
    const K = 20;
    const turn = 2 * Math.PI;
    const map = functionSystem({
      dimension: 2,
      step: ([q, p]) => {
        const next = (p! + K * Math.sin(q!)) % turn;
        return [(q! + next) % turn, next];
      },
      jacobian: ([q]) => [
        [1 + K * Math.cos(q!), 1],
        [K * Math.cos(q!), 1],
      ],
    });
    const { rates } = carry(map, [1, 0.5], 20_000, interval);
    expect(Math.abs(rates[0]! + rates[1]!)).toBeLessThan(1e-10);
    // B. Chirikov, Physics Reports 52 (1979): ln(K/2) for large K, corrected by O(1/K²); ln|cos| scatters by about 1.
    expect(Math.abs(rates[0]! - Math.log(K / 2))).toBeLessThan(4 / Math.sqrt(20_000) + 1 / K ** 2);
  },
);

describe('the interval that is found on the way', () => {
  test('grows where little happens and keeps the condition of R below 10⁷', () => {
    const { growths } = carry(diagonal([1, 0.99]), [0, 0], 5000, 'auto');
    expect(Math.max(...growths.map((g) => g.steps))).toBe(128);
    const steep = carry(diagonal([1e3, 1]), [0, 0], 200, 'auto');
    for (const { logs } of steep.growths) expect(logs[0]! - logs[1]!).toBeLessThan(Math.log(1e7));
  });

  /** Quiet for 300 steps, then stretching by 10⁴ and shrinking by 10⁻⁴ at each; s[0] counts. */
  const factors = (t: number): [number, number] => (t < 300 ? [1.001, 0.999] : [1e4, 1e-4]);
  const sudden = (counts: { taken: number }): System => {
    const map = functionSystem({
      dimension: 3,
      step: (s) => [s[0]! + 1, 0, 0],
      jacobian: (s) => {
        counts.taken++;
        const [a, b] = factors(s[0]!);
        return [
          [1, 0, 0],
          [0, a, 0],
          [0, 0, b],
        ];
      },
    });
    return map;
  };

  test.each([3, 2])('is taken again in smaller parts where it was too long, with %i columns', (count) => {
    const counts = { taken: 0 };
    const steps = 400;
    const { rates } = carry(sudden(counts), [0, 0, 0], steps, 'auto', count);
    expect(counts.taken).toBeGreaterThan(steps);
    const mean = (k: 0 | 1) =>
      Array.from({ length: steps }, (_, t) => Math.log(factors(t)[k])).reduce((a, b) => a + b, 0) / steps;
    near(rates, [0, mean(0), mean(1)].slice(0, count), 1e-12);
  });
});

test.each([50, 'auto'] as const)(
  'a product that would overflow or vanish within %s steps is cut into shorter ones',
  (interval) => {
    const map = (a: number, b: number) => diagonal([a, b]);
    near(carry(map(1e10, 1e9), [0, 0], 300, interval).rates, [Math.log(1e10), Math.log(1e9)], 1e-12);
    near(carry(map(1e-10, 1e-11), [0, 0], 300, interval).rates, [Math.log(1e-10), Math.log(1e-11)], 1e-12);
  },
);

describe('a singular Jacobian', () => {
  /** U with image of dimension `rank`: h' = tanh(U h). */
  const ofRank = (cell: Cell, n: number, rank: number): System => {
    const draw = random(rank);
    const [A, B] = [normals(n * rank, draw), normals(rank * n, draw)];
    const U = zeros(n, n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < rank; k++) U.data[i * n + j]! += A[i * rank + k]! * B[k * n + j]!;
    const weights = { hiddenSize: n, inputSize: 0, matrices: { W_h: zeros(n, 0), U_h: U }, vectors: {} };
    return network([{ name: 'layer0', cell, weights }]);
  };

  test.each([
    [5, 3, 5],
    [5, 3, 4],
    [5, 1, 2],
    [4, 2, 4],
  ])('of %i units with recurrent rank %i has %i − rank exponents at exactly −∞', (n, rank, count) => {
    const { rates, growths } = carry(ofRank(rnnTanh, n, rank), normals(n, random(9)), 300, 'auto', count);
    expect(rates.slice(0, rank).every(Number.isFinite)).toBe(true);
    expect(rates.slice(rank)).toEqual(new Array(count - rank).fill(Number.NEGATIVE_INFINITY));
    expect(growths.flatMap((g) => g.unresolved)).toEqual([]);
  });

  test('at one step alone is remembered, and forgotten when asked', () => {
    const map = functionSystem({
      dimension: 2,
      step: (s) => [s[0]! + 1, 0],
      jacobian: (s) => [
        [1, 0],
        [0, s[0] === 5 ? 0 : 0.5],
      ],
    });
    const orbit = new Trajectory(map, zeroDrive(0), new Float64Array(2));
    const frame = new TangentFrame(orbit, 2, { reorthonormalise: 1, determinants: 1, longest: 128 });
    const second = Array.from({ length: 10 }, () => frame.advance(1).logs[1]!);
    expect(second.slice(0, 5)).toEqual(new Array(5).fill(Math.log(0.5)));
    expect(second.slice(5)).toEqual(new Array(5).fill(Number.NEGATIVE_INFINITY));
    frame.revive();
    expect(frame.advance(1).logs[1]).toBeCloseTo(Math.log(0.5), 14);
  });

  test('is found in intervals that were not to be checked as well, and every interval after a doubtful one is checked', () => {
    const map = functionSystem({
      dimension: 3,
      step: (s) => [s[0]! + 1, 0, 0],
      jacobian: (s) => [
        [1, 0, 0],
        [0, 0.7, 0],
        [0, 0, s[0] === 37 ? 0 : 0.5],
      ],
    });
    for (const determinants of [0, 1, 16]) {
      const orbit = new Trajectory(map, zeroDrive(0), new Float64Array(3));
      const frame = new TangentFrame(orbit, 3, { reorthonormalise: 2, determinants, longest: 128 });
      const growths = Array.from({ length: 40 }, () => frame.advance(2));
      const dead = growths.map(({ logs }) => logs[2] === Number.NEGATIVE_INFINITY);
      expect(dead.indexOf(true)).toBe(18);
      expect(dead.slice(18).every(Boolean)).toBe(true);
      for (const { logs, logAbsDet } of growths.slice(0, 18)) {
        if (!Number.isNaN(logAbsDet)) expect(logAbsDet).toBeCloseTo(logs[0]! + logs[1]! + logs[2]!, 13);
      }
      const checked = growths.flatMap(({ logAbsDet }, i) => (Number.isNaN(logAbsDet) ? [] : [i]));
      if (determinants === 1) expect(checked).toHaveLength(40);
      if (determinants === 16) expect(checked).toEqual([0, 16, 18, 34]);
      if (determinants === 0) expect(growths[18]!.logAbsDet).toBe(Number.NEGATIVE_INFINITY);
    }
  });

  test('does not touch the exponents of the directions that live on', () => {
    // Similar to diag(2, 0.5, 0) by a rotation that no column of the first frame is aligned with.
    const [c, s] = [Math.cos(1), Math.sin(1)];
    const O = [
      [c, -s * c, s * s],
      [s, c * c, -c * s],
      [0, s, c],
    ];
    const M = O.map((row) => O.map((other) => 2 * row[0]! * other[0]! + 0.5 * row[1]! * other[1]!));
    const map = functionSystem({ dimension: 3, step: () => [0, 0, 0], jacobian: () => M });
    const { rates } = carry(map, [0, 0, 0], 4000, 'auto');
    near(rates, [Math.log(2), Math.log(0.5), Number.NEGATIVE_INFINITY], 2e-3);
    near(
      carry(diagonal([2, 0, 0.5]), [0, 0, 0], 50, 1).rates,
      [Math.log(2), -Infinity, Math.log(0.5)],
      1e-14,
    );
  });
});

test('a column that falls below rounding while J is regular is called unresolved, not −∞', () => {
  const { growths, rates } = carry(henon(1.4, 0.3), [0.1, 0.1], 400, 40);
  expect(growths.some((g) => g.unresolved.includes(1))).toBe(true);
  expect(growths.every((g) => !g.unresolved.includes(0))).toBe(true);
  expect(Number.isFinite(rates[1])).toBe(true);
});

test('a map that overflows ends in a divergence', () => {
  expect(() => carry(diagonal([1e200, 1]), [1, 1], 10, 1)).toThrow(/overflowed at step 2: s\[0\]/);
});

test('one step from the identity gives R of J: its first column, and the determinant for the rest', () => {
  const map = functionSystem({
    dimension: 2,
    step: () => [0, 0],
    jacobian: () => [
      [1, 2],
      [3, 4],
    ],
  });
  const { growths } = carry(map, [0, 0], 1, 1);
  // n ε times the condition of J, which is 15.
  const rounding = 2 * Number.EPSILON * 15;
  near(Array.from(growths[0]!.logs), [Math.log(Math.hypot(1, 3)), Math.log(2 / Math.hypot(1, 3))], rounding);
});
