import { UserError } from './errors.js';
import { parseNumber } from './numbers.js';

/** One option, said once: the command line's flag, help and check, the library's field and the JSON key come from it. */
export interface OptionRow<T> {
  /** As commander writes it: '--warmup <steps>', '--quiet'. */
  readonly flags: string;
  /** What it does, in which unit, and what special values mean. */
  readonly help: string;
  /** undefined: settled from the model or the drive when the run begins (`help` says how). */
  readonly fallback: T;
  /** Text from the command line, or a value from a program, to the option's type; throws a UserError. */
  readonly parse: (given: unknown, flag: string) => T;
  /** What a value may be, as JSON Schema; the schema of the configuration file is made of these. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** Shown in place of the fallback where that is undefined. */
  readonly fallbackText?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds rows of any type
export type OptionTable = Readonly<Record<string, OptionRow<any>>>;
export type Values<T extends OptionTable> = { readonly [K in keyof T]: T[K]['fallback'] };

interface Described {
  readonly flags: string;
  readonly help: string;
  readonly fallbackText?: string;
}

const refuse = (flag: string, expected: string, given: unknown): never => {
  throw new UserError('USAGE', `${flag} takes ${expected}, not '${String(given)}'`);
};

/** An option without a fallback may be undefined; one with a fallback never is. */
type Row<F extends number | undefined> = OptionRow<F extends number ? number : number | undefined>;

const numeric = <F extends number | undefined>(
  row: Described & { fallback: F; schema: Readonly<Record<string, unknown>> },
  expected: string,
  accepts: (v: number) => boolean,
): Row<F> =>
  ({
    ...row,
    parse: (given: unknown, flag: string): number => {
      const v = typeof given === 'string' ? parseNumber(given) : Number(given);
      return accepts(v) ? v : refuse(flag, expected, given);
    },
  }) as unknown as Row<F>;

export const number = <F extends number | undefined>(
  row: Described & { fallback: F; above?: number },
): Row<F> => {
  const above = row.above ?? Number.NEGATIVE_INFINITY;
  const expected = row.above === undefined ? 'a number' : `a number above ${row.above}`;
  const schema = { type: 'number', ...(row.above !== undefined && { exclusiveMinimum: row.above }) };
  return numeric({ ...row, schema }, expected, (v) => Number.isFinite(v) && v > above);
};

export const integer = <F extends number | undefined>(
  row: Described & { fallback: F; min?: number },
): Row<F> => {
  const min = row.min ?? 0;
  return numeric(
    { ...row, schema: { type: 'integer', minimum: min } },
    `a whole number of at least ${min}`,
    (v) => Number.isSafeInteger(v) && v >= min,
  );
};

export const text = (row: Described & { fallback: string | undefined }): OptionRow<string | undefined> => ({
  ...row,
  schema: { type: 'string', minLength: 1 },
  parse: (given, flag) => (typeof given === 'string' && given !== '' ? given : refuse(flag, 'a text', given)),
});

export const flag = (row: Described): OptionRow<boolean> => ({
  ...row,
  fallback: false,
  schema: { type: 'boolean' },
  parse: (given, name) => (typeof given === 'boolean' ? given : refuse(name, 'no value', given)),
});

export const choice = <const C extends string>(
  row: Described & { fallback: C | undefined; choices: readonly C[] },
): OptionRow<C | undefined> => ({
  ...row,
  schema: { enum: row.choices },
  parse: (given, name) =>
    row.choices.includes(given as C) ? (given as C) : refuse(name, `one of ${row.choices.join(', ')}`, given),
});

/** '--warmup <steps>' → '--warmup'. */
export const flagName = (row: OptionRow<unknown>): string => /--[\w-]+/.exec(row.flags)![0];

/** What was given, checked, with the fallbacks of what was not. An unknown name is refused. */
export function resolve<T extends OptionTable>(
  table: T,
  given: Readonly<Record<string, unknown>>,
): Values<T> {
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(table, key));
  if (unknown) {
    throw new UserError('USAGE', `unknown option '${unknown}'; there are ${Object.keys(table).join(', ')}`);
  }
  return Object.fromEntries(
    Object.entries(table).map(([key, row]) => [
      key,
      given[key] === undefined ? row.fallback : row.parse(given[key], flagName(row)),
    ]),
  ) as Values<T>;
}
