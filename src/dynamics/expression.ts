import { UserError } from '../errors.js';
import { random } from '../random.js';
import { safeMath } from '../safe-math.js';
import type { Drive } from './drive.js';

/**
 * Inputs from a formula, such as sin(2 pi t / 25) + i: t is the step and i the input, both from 0.
 */
export async function expressionDrive(expression: string, inputSize: number, seed: number): Promise<Drive> {
  if (expression.trim() === '')
    throw new UserError('USAGE', '--drive expr: needs a formula, such as expr:sin(2 pi t / 25)');
  const spec = `expr:${expression}`;
  // Row t depends on the seed and t alone: a step may be asked for again, and in any order.
  let draw = random(seed, 0);
  const between = (from: number, to: number): number => from + (to - from) * draw.uniform();
  const drawn = {
    random: (...ends: number[]) => between(ends.length > 1 ? ends[0]! : 0, ends.at(-1) ?? 1),
    randomInt: (...ends: number[]) => Math.floor(between(ends.length > 1 ? ends[0]! : 0, ends.at(-1) ?? 2)),
  };
  const parse = await safeMath('a drive', drawn);
  const compiled = attempt(spec, () => parse(expression).compile());
  const at = (t: number, out: Float64Array): void => {
    draw = random(seed, t + 1);
    for (let i = 0; i < inputSize; i++)
      out[i] = finite(
        attempt(spec, () => compiled.evaluate({ t, i })),
        spec,
        t,
        i,
      );
  };
  at(0, new Float64Array(inputSize));
  return {
    kind: 'expression',
    spec,
    inputSize,
    length: Number.POSITIVE_INFINITY,
    at,
    recipe: { kind: 'expression', expression, inputSize, seed },
  };
}

function attempt<T>(spec: string, f: () => T): T {
  try {
    return f();
  } catch (cause) {
    if (cause instanceof UserError) throw new UserError(cause.code, `${spec}: ${cause.message}`, { cause });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      'USAGE',
      `${spec}: ${why}; use t (step), i (input), numbers and functions such as sin, exp, random`,
      {
        cause,
      },
    );
  }
}

function finite(v: unknown, spec: string, t: number, i: number): number {
  const x = typeof v === 'boolean' ? Number(v) : v;
  if (typeof x !== 'number' || !Number.isFinite(x)) {
    throw new UserError(
      'USAGE',
      `${spec} gives ${String(v)} at t = ${t}, i = ${i}; it has to give a finite real number`,
    );
  }
  return x;
}
