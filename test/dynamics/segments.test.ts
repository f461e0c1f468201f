import { describe, expect, test } from 'vitest';
import { lyapunov } from '../../analyses/lyapunov.js';
import { cellNamed } from '../../src/cells/index.js';
import { noiseDrive } from '../../src/dynamics/drive.js';
import { functionSystem } from '../../src/dynamics/function-system.js';
import { network } from '../../src/dynamics/network.js';
import type { Subject } from '../../src/dynamics/subject.js';
import type { System } from '../../src/dynamics/system.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { random } from '../../src/random.js';
import { autonomous, diagonal, henon } from '../oracles.js';
import { normals, randomLayer } from './helpers.js';

const of = (subject: Subject, given: Record<string, unknown>, watch = unwatched) =>
  lyapunov.run(subject, resolve(lyapunov.options, { threads: 1, ...given }), watch);
const run = async (subject: Subject, given: Record<string, unknown>) => (await of(subject, given)).value;
const inf = Number.NEGATIVE_INFINITY;

/** (x, y) → (2x + y, x + y) on the torus: exponents ± 2 ln of the golden mean everywhere. */
const cat: System = functionSystem({
  dimension: 2,
  step: ([x, y]) => [(2 * x! + y!) % 1, (x! + y!) % 1],
  jacobian: () => [
    [2, 1],
    [1, 1],
  ],
});

/** A tanh layer of 20 units far beyond the edge of chaos, under noise. */
function chaotic(): Subject {
  const system = network([randomLayer(cellNamed('rnn-tanh')!, { hidden: 20, inputs: 2 }, 4, { gain: 3 })]);
  const initialState = normals(system.dimension, random(3), 0.5);
  return { system, drive: noiseDrive(0.3, 2, 7, 'noise:0.3'), initialState, mode: 'driven', seed: 0 };
}

describe('a trajectory in segments', () => {
  test.each([2, 3, 7])('of a diagonal map has exponents log|a_i|, in %d segments', async (segments) => {
    const value = await run(autonomous(diagonal([0.5, 0.9, 0.7]), [1, 1, 1]), {
      warmup: 3,
      align: 10,
      steps: 500,
      segments,
    });
    [0.9, 0.7, 0.5].forEach((a, i) => {
      expect(value.exponents[i]).toBeCloseTo(Math.log(a), 12);
      expect(value.segments!.disagreement[i]).toBeLessThan(1e-13);
    });
    expect(value.steps).toBe(500);
    expect(value.segments).toMatchObject({ count: segments, align: 10, gap: 0 });
    expect(value.trace.steps.at(-1)).toBe(500);
    for (const row of value.trace.exponents) expect(row[0]).toBeCloseTo(Math.log(0.9), 12);
  });

  test('of the cat map has its closed form, ± 2 ln((1 + √5)/2)', async () => {
    const value = await run(autonomous(cat, [0.1, 0.7]), { warmup: 0, align: 50, steps: 4000, segments: 5 });
    const golden = 2 * Math.log((1 + Math.sqrt(5)) / 2);
    expect(value.exponents[0]).toBeCloseTo(golden, 12);
    expect(value.exponents[1]).toBeCloseTo(-golden, 12);
    expect(value.sumRuleResidual).toBeLessThan(1e-12);
  });

  test('differs from one frame carried all along by no more than the disagreement that it states', async () => {
    const given = { warmup: 50, align: 40, steps: 6000 };
    const whole = await run(chaotic(), given);
    const cut = await run(chaotic(), { ...given, segments: 4 });
    expect(whole.segments).toBeNull();
    expect(whole.exponents[0]).toBeGreaterThan(0.1);
    expect(cut.segments!.gap).toBe(0);
    expect(cut.finalState).toEqual(whole.finalState);
    expect(cut.sumRuleResidual).toBeLessThan(1e-9);
    expect(cut.meanLogAbsDet).toBeCloseTo(whole.meanLogAbsDet!, 9);
    cut.exponents.forEach((v, i) => {
      const stated = cut.segments!.disagreement[i]!;
      // Of the last two, R's condition leaves fewer digits in either run.
      const rounding = i < 18 ? 1e-11 : 2e-9;
      expect(Math.abs(v - whole.exponents[i]!)).toBeLessThan(1.1 * stated + rounding);
      expect(cut.standardErrors[i]).toBeGreaterThanOrEqual(stated);
      expect(Math.abs(v - whole.exponents[i]!)).toBeLessThan(3 * whole.standardErrors[i]!);
      expect(cut.standardErrors[i]! / whole.standardErrors[i]!).toBeGreaterThan(0.4);
      expect(cut.standardErrors[i]! / whole.standardErrors[i]!).toBeLessThan(2.5);
    });
  });

  test('states how far a frame that was hardly turned is off, and less the longer it is', async () => {
    const disagreement = async (align: number) =>
      (await run(chaotic(), { warmup: 50, align, steps: 4000, segments: 4 })).segments!.disagreement[0]!;
    const [none, some, long] = [await disagreement(0), await disagreement(100), await disagreement(400)];
    expect(none).toBeGreaterThan(1e-4);
    expect(some).toBeLessThan(none / 100);
    expect(long).toBeLessThan(1e-14);
  });

  test('of the Hénon map has the published exponent, 0.4192', async () => {
    const value = await run(autonomous(henon(1.4, 0.3), [0.1, 0.1]), {
      warmup: 100,
      align: 100,
      steps: 20_000,
      segments: 6,
    });
    expect(Math.abs(value.exponents[0]! - 0.41922)).toBeLessThan(3.5 * value.standardErrors[0]!);
    expect(value.sum).toBeCloseTo(Math.log(0.3), 9);
  });

  test('is taken with one frame where directions are erased: no segment sees how many are, all in all', async () => {
    // Early steps erase the first direction, late ones the second.
    const late = functionSystem({
      dimension: 3,
      step: ([t, x, y]) => [t! + 1, t! === 30 ? 0 : x! / 2, t! === 170 ? 0 : y! / 2],
      jacobian: ([t]) => [
        [1, 0, 0],
        [0, t! === 30 ? 0 : 0.5, 0],
        [0, 0, t! === 170 ? 0 : 0.5],
      ],
    });
    const value = await run(autonomous(late, [0, 1, 1]), { warmup: 0, align: 10, steps: 190, segments: 2 });
    expect(value.exponents).toEqual([0, inf, inf]);
    expect(value.segments).toMatchObject({ count: 1, overlap: 0, gap: null });
  });

  test('that overflows says where, as with one frame', async () => {
    const given = { warmup: 0, align: 10, steps: 2000 };
    const growing = autonomous(diagonal([3, 0.5]), [1, 1]);
    expect((await of(growing, { ...given, segments: 4 })).outcome).toEqual(
      (await of(growing, given)).outcome,
    );
  });

  test('that is stopped reports the steps that it has', async () => {
    let ticks = 0;
    const watch = {
      tick: (_d: number, _t: number, label = '') => label.startsWith('averaging') && ++ticks > 8,
    };
    const slow = {
      tick: async (d: number, t: number, label?: string) => {
        await new Promise((turn) => setTimeout(turn, 1));
        return watch.tick(d, t, label);
      },
    };
    const { value, outcome } = await of(
      chaotic(),
      { warmup: 0, align: 50, steps: 40_000, segments: 4 },
      slow,
    );
    expect(outcome).toMatchObject({
      kind: 'partial',
      what: expect.stringMatching(/after \d+ of 40000 steps/),
    });
    expect(value.steps).toBeGreaterThan(0);
    expect(value.steps).toBeLessThan(40_000);
    expect(value.exponents[0]).toBeGreaterThan(0);
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ segments: 2, trajectories: 2 }, /leave out --segments/],
    [{ segments: 2, until: 0.1 }, /leave out one of them/],
    [{ segments: 30, steps: 2000, align: 100 }, /leaves 66 steps a segment.*at most --segments 20/],
  ])('is refused with %j', async (given, message) => {
    await expect(of(chaotic(), given)).rejects.toThrow(message);
  });
});
