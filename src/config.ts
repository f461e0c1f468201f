import { compare } from '../analyses/compare.js';
import { type AnalysisName, analyses } from '../analyses/index.js';
import { inspect } from '../analyses/inspect.js';
import { verify } from '../analyses/verify.js';
import { type Given, optionsOf, verifyOptions } from './ask.js';
import { modelOptions } from './dynamics/subject.js';
import { UserError } from './errors.js';
import { didYouMean } from './model/did-you-mean.js';
import type { OptionTable } from './options.js';

/** What the configuration file says of one command. */
export interface CommandConfig {
  readonly options: Given;
  /** Expressions that have to hold, each with its name where it was given one. */
  readonly assert: readonly { readonly name?: string; readonly that: string }[];
}

/** rnnscope.config.json: defaults and assertions, by command. Options of all commands stand beside those of each. */
export interface Config {
  readonly path: string;
  of(command: string): CommandConfig;
}

type Json = Readonly<Record<string, unknown>>;

const commands = ['inspect', 'compare', 'verify', ...(Object.keys(analyses) as AnalysisName[])];

const tableOf = (command: string): OptionTable => {
  if (command === 'inspect') return modelOptions;
  if (command === 'verify') return verifyOptions;
  return optionsOf(command === 'compare' ? 'diagnose' : (command as AnalysisName));
};

const everyTable = (): OptionTable => Object.assign({}, ...commands.map(tableOf));

/** Reads the text of a configuration file; what it does not know is refused with the place where it stands. */
export function readConfig(text: string, path: string): Config {
  const whole = object(parse(text, path), path);
  known(whole, ['$schema', 'options', ...commands], path);
  const shared = checkedOptions(whole.options, everyTable(), `${path}: options`);
  const own = new Map(
    commands.map((command) => {
      const place = `${path}: ${command}`;
      const section = whole[command] === undefined ? {} : object(whole[command], place);
      known(section, ['options', 'assert'], place);
      const options = checkedOptions(section.options, tableOf(command), `${place}.options`);
      return [command, { options, assert: assertions(section.assert, `${place}.assert`) }] as const;
    }),
  );
  return {
    path,
    of: (command) => {
      const { options, assert } = own.get(command) ?? { options: {}, assert: [] };
      const table = own.has(command) ? tableOf(command) : {};
      const applying = Object.entries(shared).filter(([key]) => Object.hasOwn(table, key));
      return { options: { ...Object.fromEntries(applying), ...options }, assert };
    },
  };
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(
      'CORRUPT',
      `${path} is not JSON (${(cause as Error).message}): mend it, or run with --no-config`,
      {
        cause,
      },
    );
  }
}

function object(value: unknown, place: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new UserError('USAGE', `${place}: expected an object { … }, found ${JSON.stringify(value)}`);
}

function known(found: Json, names: readonly string[], place: string): void {
  const unknown = Object.keys(found).find((key) => !names.includes(key));
  if (unknown !== undefined)
    throw new UserError(
      'USAGE',
      `${place}: unknown field '${unknown}'.${didYouMean(unknown, names)} There are ${names.join(', ')}.`,
    );
}

function checkedOptions(value: unknown, table: OptionTable, place: string): Given {
  if (value === undefined) return {};
  const given = object(value, place);
  known(given, Object.keys(table), place);
  return Object.fromEntries(
    Object.entries(given).map(([key, v]) => [key, table[key]!.parse(v, `${place}.${key}`)]),
  );
}

function assertions(value: unknown, place: string): CommandConfig['assert'] {
  if (value === undefined) return [];
  if (!Array.isArray(value))
    throw new UserError('USAGE', `${place}: expected a list [ … ], found ${JSON.stringify(value)}`);
  return value.map((one: unknown, k) => {
    if (typeof one === 'string' && one !== '') return { that: one };
    const { name, that, ...more } = object(one, `${place}[${k}]`);
    known(more, [], `${place}[${k}]`);
    if (typeof that === 'string' && that !== '' && (name === undefined || typeof name === 'string'))
      return { that, ...(name !== undefined && { name }) };
    throw new UserError('USAGE', `${place}[${k}]: expected a text, or { "name": …, "that": … } of texts`);
  });
}

const optionSchema = (table: OptionTable): Json => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.entries(table).map(([key, { help, schema = {}, fallback }]) => [
      key,
      { description: help, ...schema, ...(fallback !== undefined && { default: fallback }) },
    ]),
  ),
});

/** JSON Schema (draft 2020-12) of the file, made from the option rows, for editors to check and complete it by. */
export function configSchema(): Json {
  const assert = {
    description: 'What has to hold of the result; a failure ends the command with exit status 1.',
    type: 'array',
    items: {
      anyOf: [
        { type: 'string', minLength: 1 },
        {
          type: 'object',
          additionalProperties: false,
          required: ['that'],
          properties: { name: { type: 'string' }, that: { type: 'string', minLength: 1 } },
        },
      ],
    },
  };
  const summary = (command: string): string =>
    [inspect, compare, verify].find(({ name }) => name === command)?.summary ??
    analyses[command as AnalysisName].summary;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'rnnscope.config.json',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      options: { description: 'For every command that has them.', ...optionSchema(everyTable()) },
      ...Object.fromEntries(
        commands.map((command) => [
          command,
          {
            description: summary(command),
            type: 'object',
            additionalProperties: false,
            properties: { options: optionSchema(tableOf(command)), assert },
          },
        ]),
      ),
    },
  };
}
