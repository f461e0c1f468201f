import { describe, expect, test } from 'vitest';
import { random } from '../src/random.js';

const take = (count: number, f: () => number): number[] => Array.from({ length: count }, f);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The published C of xoshiro128** (D. Blackman, S. Vigna), in whole numbers of any size. */
function* xoshiro(state: bigint[]): Generator<bigint> {
  const mask = 0xffffffffn;
  const rotl = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & mask;
  const s = [...state];
  for (;;) {
    yield (rotl((s[1]! * 5n) & mask, 7n) * 9n) & mask;
    const t = (s[1]! << 9n) & mask;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotl(s[3]!, 11n);
  }
}

/** splitmix32: a Weyl sequence of step 0x9e3779b9 through the finaliser of MurmurHash3. */
function seeded(seed: bigint): bigint[] {
  const mask = 0xffffffffn;
  return [1n, 2n, 3n, 4n].map((k) => {
    let z = (seed + k * 0x9e3779b9n) & mask;
    z = ((z ^ (z >> 16n)) * 0x85ebca6bn) & mask;
    z = ((z ^ (z >> 13n)) * 0xc2b2ae35n) & mask;
    return z ^ (z >> 16n);
  });
}

describe('uniform numbers', () => {
  test.each([0, 1, 12345, 4294967295])('of seed %i are those of the published generator', (seed) => {
    const words = xoshiro(seeded(BigInt(seed) ^ 0x9e3779b9n));
    const next = () => words.next().value as bigint;
    const { uniform } = random(seed);
    for (let k = 0; k < 100; k++) {
      const [high, low] = [next() >> 5n, next() >> 6n];
      expect(uniform()).toBe(Number((high << 26n) | low) / 2 ** 53);
    }
  });

  test('lie in [0, 1), evenly: mean 1/2, variance 1/12, ten equal shares', () => {
    const T = 40_000;
    const u = take(T, random(3).uniform);
    expect(u.every((v) => v >= 0 && v < 1)).toBe(true);
    expect(Math.abs(mean(u) - 0.5)).toBeLessThan(4 / Math.sqrt(12 * T));
    expect(Math.abs(mean(u.map((v) => (v - 0.5) ** 2)) - 1 / 12)).toBeLessThan(4 / Math.sqrt(180 * T));
    const shares = take(10, () => 0);
    for (const v of u) shares[Math.floor(10 * v)]!++;
    // χ² with 9 degrees of freedom is below 33.7 with probability 0.9999.
    expect(shares.reduce((sum, n) => sum + (n - T / 10) ** 2 / (T / 10), 0)).toBeLessThan(33.7);
  });

  test('of other seeds and streams are others, without correlation', () => {
    const T = 10_000;
    const runs = [random(1), random(2), random(1, 1), random(1, 2)].map(({ uniform }) => take(T, uniform));
    runs.forEach((a, i) => {
      for (const b of runs.slice(i + 1))
        expect(Math.abs(mean(a.map((v, k) => (v - 0.5) * (b[k]! - 0.5))))).toBeLessThan(
          4 / 12 / Math.sqrt(T),
        );
    });
  });

  test('of the same seed and stream are the same', () => {
    expect(take(50, random(9, 4).uniform)).toEqual(take(50, random(9, 4).uniform));
  });
});

test('normal numbers have the moments 0, 1, 0, 3', () => {
  const T = 40_000;
  const z = take(T, random(5).normal);
  // Standard errors of the k-th moment: √((m_2k − m_k²)/T) = 1, √2, √15, √96 over √T.
  expect(Math.abs(mean(z))).toBeLessThan(4 / Math.sqrt(T));
  expect(Math.abs(mean(z.map((v) => v ** 2)) - 1)).toBeLessThan(4 * Math.sqrt(2 / T));
  expect(Math.abs(mean(z.map((v) => v ** 3)))).toBeLessThan(4 * Math.sqrt(15 / T));
  expect(Math.abs(mean(z.map((v) => v ** 4)) - 3)).toBeLessThan(4 * Math.sqrt(96 / T));
  expect(z.every(Number.isFinite)).toBe(true);
});

test('whole numbers below n come all, and no other', () => {
  const draw = random(7);
  expect(new Set(take(500, () => draw.below(7)))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  expect(new Set(take(20, () => draw.below(1)))).toEqual(new Set([0]));
});
