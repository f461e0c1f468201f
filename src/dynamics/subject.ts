import { UserError } from '../errors.js';
import { readArray } from '../formats/index.js';
import type { Model } from '../model/model.js';
import { parseNumber } from '../numbers.js';
import { choice, flag, integer, number, type OptionTable, text, type Values } from '../options.js';
import { random } from '../random.js';
import { applyReadout, closedLoop } from './closed-loop.js';
import {
  constantDrive,
  type Drive,
  dataDrive,
  isHeld,
  noiseDrive,
  reversed,
  tokenDrive,
  zeroDrive,
} from './drive.js';
import { expressionDrive } from './expression.js';
import { network, outputRows } from './network.js';
import type { System } from './system.js';

/** What an analysis is asked about: a map, what drives it, and where it starts. */
export interface Subject {
  readonly system: System;
  readonly drive: Drive;
  readonly initialState: Float64Array;
  readonly mode: 'driven' | 'autonomous' | 'closed loop';
  readonly seed: number;
  /** The network behind the map; absent for maps given by hand. */
  readonly model?: Model;
  /** The readout applied to a state, where there is one. */
  readonly output?: (state: Float64Array) => Float64Array;
}

/** How a network is driven and started: the options that all analyses share. */
export const subjectOptions = {
  drive: text({
    flags: '--drive <spec>',
    help: 'inputs: zero · constant:0.5,0,1 · noise:SIGMA · FILE.npy · FILE.csv · FILE.npz:KEY (rows are steps) · tokens:FILE.npy (ids through the embedding) · expr:EXPRESSION (t = step, i = input, from 0)',
    fallback: 'zero',
  }),
  closedLoop: flag({ flags: '--closed-loop', help: 'feed the readout back as the input' }),
  state: text({
    flags: '--state <spec>',
    help: 'first state: zero · FILE.npy · random:SCALE (independent normal entries)',
    fallback: 'zero',
  }),
  seed: integer({
    flags: '--seed <n>',
    help: 'seed of everything random; same seed, same result',
    fallback: 0,
  }),
  strict: flag({
    flags: '--strict',
    help: 'arithmetic that gives the same bytes on every processor and on any number of threads, at some cost in speed',
  }),
} satisfies OptionTable;

/** Which recurrent module, and what to read in it other than what was inferred. */
export const modelOptions = {
  module: text({
    flags: '--module <name>',
    help: 'which recurrent module, where the file holds several',
    fallback: undefined,
  }),
  direction: choice({
    flags: '--direction <way>',
    help: 'forward or backward, of a bidirectional module',
    choices: ['forward', 'backward'],
    fallback: undefined,
  }),
  layer: integer({ flags: '--layer <n>', help: 'one layer of a stack alone, from 0', fallback: undefined }),
  gates: text({
    flags: '--gates <order>',
    help: 'order of the gate rows, such as rzn, zrn or ifgo',
    fallback: undefined,
  }),
  reset: choice({
    flags: '--reset <when>',
    help: 'GRU: reset gate before or after the recurrent product',
    choices: ['before', 'after'],
    fallback: undefined,
  }),
  activation: text({
    flags: '--activation <names>',
    help: 'functions of the cell: relu for an RNN; GATE,CANDIDATE[,OUTPUT] or gate=hard_sigmoid for a GRU or LSTM',
    fallback: undefined,
  }),
  clip: number({
    flags: '--clip <most>',
    help: 'hold the new h between -MOST and MOST (a clipped GRU)',
    fallback: undefined,
    above: 0,
  }),
  cell: text({
    flags: '--cell <name>',
    help: 'the recurrence, by name, for files with its parameter names',
    fallback: undefined,
  }),
  readout: text({
    flags: '--readout <name>',
    help: 'which linear layer is the readout',
    fallback: undefined,
  }),
} satisfies OptionTable;

/** Makes a model the map that the options describe. */
export async function subjectOf(model: Model, options: Values<typeof subjectOptions>): Promise<Subject> {
  const open = network(model.layers);
  const rows = outputRows(model.layers);
  const { readout } = model;
  const loop = options.closedLoop;
  if (loop) requireReadout(model);
  const system = loop ? closedLoop(open, readout!, rows) : open;
  const given = loop ? zeroDrive(0) : await readDrive(options.drive ?? 'zero', model, options.seed);
  const drive = model.direction === 'backward' ? reversed(given) : given;
  return {
    system,
    drive,
    initialState: await readState(options.state ?? 'zero', system, options.seed),
    mode: loop ? 'closed loop' : isHeld(drive) ? 'autonomous' : 'driven',
    seed: options.seed,
    model,
    ...(readout && {
      output: (state: Float64Array) =>
        applyReadout(readout, state.subarray(rows.from, rows.to), new Float64Array(readout.weight.rows)),
    }),
  };
}

function requireReadout({ readout, inputSize, source }: Model): void {
  if (!readout) {
    throw new UserError(
      'NOT_FOUND',
      `${source.path}: --closed-loop needs a readout and none was found without doubt: name one with --readout`,
    );
  }
  if (readout.weight.rows !== inputSize) {
    throw new UserError(
      'SHAPE',
      `${source.path}: the readout '${readout.name}' gives ${readout.weight.rows} numbers, but the network has ${inputSize} inputs, so that it cannot be fed back`,
    );
  }
}

const parsed = (given: string, what: string): number => {
  const v = parseNumber(given);
  if (!Number.isFinite(v)) throw new UserError('USAGE', `${what} is not a finite number in '${given}'`);
  return v;
};

/** FILE.npz:KEY → file and key; a drive letter's colon is not a separator. */
export function splitKey(spec: string): [string, string | undefined] {
  const at = /\.npz:/i.exec(spec);
  return at ? [spec.slice(0, at.index + 4), spec.slice(at.index + 5)] : [spec, undefined];
}

async function readDrive(spec: string, model: Model, seed: number): Promise<Drive> {
  const { inputSize } = model;
  const [, kind, rest] = /^(zero|constant|noise|tokens|expr)(?::(.*))?$/s.exec(spec) ?? [null, 'file', spec];
  switch (kind) {
    case 'zero':
      if (rest !== undefined) throw new UserError('USAGE', `--drive zero takes nothing more, not '${rest}'`);
      return zeroDrive(inputSize);
    case 'constant':
      return constantDrive(
        (rest ?? '').split(',').map((v) => parsed(v, '--drive constant: value')),
        inputSize,
        spec,
      );
    case 'noise': {
      const sigma = parsed(rest ?? '1', '--drive noise: SIGMA');
      if (sigma < 0)
        throw new UserError(
          'USAGE',
          `--drive ${spec}: SIGMA is a standard deviation, at least 0, not ${sigma}`,
        );
      return noiseDrive(sigma, inputSize, seed, spec);
    }
    case 'expr':
      return expressionDrive(rest ?? '', inputSize, seed);
    case 'tokens': {
      if (!model.embedding) {
        throw new UserError(
          'NOT_FOUND',
          `--drive ${spec}: no embedding was found in ${model.source.path}; give the rows themselves`,
        );
      }
      const [path, key] = splitKey(rest ?? '');
      return tokenDrive((await readArray(path, key)).values, model.embedding, inputSize, spec);
    }
    default: {
      const [path, key] = splitKey(spec);
      return dataDrive(await readArray(path, key), inputSize, spec);
    }
  }
}

/** Rows of numbers from FILE.npy, FILE.csv or FILE.npz:KEY; a list of numbers is one column. */
export async function readRows(
  spec: string,
  flag: string,
): Promise<{ spec: string; rows: number; cols: number; values: Float64Array }> {
  const [path, key] = splitKey(spec);
  const { shape, values } = await readArray(path, key);
  // A batch axis of length 1 is none.
  const sizes = shape.length > 2 ? shape.filter((size) => size !== 1) : shape;
  if (sizes.length > 2 || values.length === 0) {
    throw new UserError(
      'SHAPE',
      `${flag} ${spec} has shape [${shape.join(', ')}], but rows of numbers are wanted: one row a step`,
    );
  }
  const cols = sizes.length === 2 ? sizes[1]! : 1;
  return { spec, rows: values.length / cols, cols, values };
}

async function readState(spec: string, system: System, seed: number): Promise<Float64Array> {
  const n = system.dimension;
  if (spec === 'zero') return new Float64Array(n);
  if (spec.startsWith('random:')) {
    const scale = parsed(spec.slice('random:'.length), '--state random: SCALE');
    const draw = random(seed, 0x57a7e);
    return Float64Array.from({ length: n }, () => scale * draw.normal());
  }
  const [path, key] = splitKey(spec);
  const { shape, values } = await readArray(path, key);
  if (values.length !== n) {
    throw new UserError(
      'SHAPE',
      `--state ${spec} has shape [${shape.join(', ')}], but the state has ${n} entries (${system.coordinates[0]} to ${system.coordinates.at(-1)})`,
    );
  }
  const bad = values.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    throw new UserError(
      'CORRUPT',
      `--state ${spec}: entry ${bad} (${system.coordinates[bad]}) is ${values[bad]}, a state has to be finite`,
    );
  }
  return Float64Array.from(values);
}
