import { describe, expect, test } from 'vitest';
import { askOf } from '../src/ask.js';
import { envelope } from '../src/envelope.js';
import { complete } from '../src/outcome.js';
import { version } from '../src/version.js';
import { autonomous, diagonal, henon } from './oracles.js';

const subject = autonomous(diagonal([2, 0.5]), [0, 0], 7);

describe('an envelope', () => {
  test('holds all that is needed to repeat a run', () => {
    const result = envelope(
      'lyapunov',
      subject,
      { steps: 10, module: undefined },
      { value: 3, outcome: complete },
    );
    expect(result).toEqual({
      schema: 1,
      analysis: 'lyapunov',
      tool: { name: 'rnnscope', version },
      model: expect.objectContaining({
        format: 'function',
        cell: 'map',
        stateSize: 2,
        inputSize: 0,
        layers: 0,
      }),
      options: { steps: 10, module: null },
      seed: 7,
      outcome: { kind: 'complete' },
      value: 3,
    });
  });

  test('states options as they were settled on the way, over what was given', () => {
    const given = { steps: undefined, count: 9 };
    const answer = { value: null, outcome: complete, settled: { steps: 2000 } as never };
    expect(envelope('lyapunov', subject, given, answer).options).toEqual({ steps: 2000, count: 9 });
  });
});

describe('a question about a map given by hand', () => {
  test('is answered with its envelope: a diagonal map has exponents log|a_i|', async () => {
    const { result } = await askOf('lyapunov', subject, { steps: 100 });
    expect(result).toMatchObject({ analysis: 'lyapunov', seed: 7, outcome: { kind: 'complete' } });
    const { exponents } = result.value as { exponents: number[] };
    expect(exponents[0]).toBeCloseTo(Math.log(2), 14);
    expect(exponents[1]).toBeCloseTo(Math.log(0.5), 14);
    expect(result.options).toMatchObject({ steps: 100, warmup: 200, count: 2 });
  });

  test('hands over arrays beside the result: the Jacobian of the Hénon map is [[−2 a x, 1], [b, 0]]', async () => {
    const { result, arrays } = await askOf('jacobian', autonomous(henon(1.4, 0.3), [0.5, 0.1]));
    expect(arrays.matrix).toMatchObject({ rows: 2, cols: 2 });
    Array.from(arrays.matrix!.data).forEach((v, k) => void expect(v).toBeCloseTo([-1.4, 1, 0.3, 0][k]!, 15));
    expect(arrays.inputMatrix).toMatchObject({ rows: 2, cols: 0 });
    expect(JSON.stringify(result)).not.toContain('matrix":[');
  });

  test('is refused where an option is wrong', async () => {
    await expect(askOf('lyapunov', subject, { steps: -1 })).rejects.toThrow(/--steps takes a whole number/);
  });

  test('stops where the watch says so, and says how far it came', async () => {
    const watch = { tick: (done: number) => done >= 30 };
    const { result } = await askOf(
      'lyapunov',
      subject,
      { warmup: 0, align: 0, steps: 100, reorthonormalise: 10 },
      watch,
    );
    expect(result.outcome).toMatchObject({ kind: 'partial', what: 'interrupted after 30 of 100 steps' });
    expect((result.value as { exponents: number[] }).exponents[0]).toBeCloseTo(Math.log(2), 14);
  });

  test('that overflows is a failure with what is known, not an error', async () => {
    const growing = autonomous(diagonal([3, 1]), [1, 1]);
    const { result } = await askOf('gradients', growing, { end: 2000, lags: 10 });
    // 3^t leaves the doubles at t = 1024 ln 2 / ln 3 = 646.1.
    expect(result.outcome).toMatchObject({ kind: 'failed', what: expect.stringContaining('step 647: s[0]') });
    expect(result.value).toBe(null);
  });
});
