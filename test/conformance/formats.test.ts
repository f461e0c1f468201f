import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { readWeightFile } from '../../src/formats/index.js';
import type { WeightFile } from '../../src/formats/weight-file.js';
import { listModules, type Model, type ModelOptions, readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from '../model/stepping.js';

// Every file of the fixtures is either held to the output that its framework computed, or compared with another file of
// the same weights, or refused with the reason, or no model at all. A file that is in none of these fails.

const folder = fileURLToPath(new URL('../fixtures/formats/', import.meta.url));
const path = (name: string) => `${folder}${name}`;
const reference = (name: string) => JSON.parse(readFileSync(path(`${name}_ref.json`), 'utf8'));

type Rows = readonly (readonly number[])[];

/** What a framework computed: y of x, both [time, width], for each sequence of a batch. */
interface Expected {
  readonly sequences: readonly { readonly x: Rows; readonly y: Rows }[];
  readonly options: ModelOptions;
  /** What the stored numbers were rounded to. */
  readonly within: number;
  /** Bidirectional layers whose directions are added, not put side by side. */
  readonly summed: readonly string[];
}

const SINGLE = 1e-6;

/** Files that state less than the reference knows. */
const OPTIONS: Readonly<Record<string, ModelOptions>> = {
  'rnn2.pt': { activation: 'relu' },
  'flax_SimpleCellRes.msgpack': { cell: 'rnn-residual' },
  'kgru2_hs.weights.h5': { activation: 'hard_sigmoid(1/6),tanh' },
};

/** Hidden states and weights rounded to 11 and 8 bits. */
const ROUNDED: Readonly<Record<string, number>> = { 'gru2_f16.pt': 2e-3, 'gru2_bf16.safetensors': 2e-2 };

function expectedOf(name: string): Expected | undefined {
  const sequences = sequencesOf(name);
  if (sequences === undefined) return undefined;
  return {
    sequences,
    options: OPTIONS[name] ?? {},
    within: ROUNDED[name] ?? SINGLE,
    summed: name.startsWith('kbi.') ? ['bidirectional_1'] : [],
  };
}

const refs = {
  torch: reference('torch'),
  onnx: reference('onnx'),
  keras: reference('keras'),
  flax: reference('flax'),
  tfjs: reference('tfjs'),
};

function sequencesOf(name: string): Expected['sequences'] | undefined {
  if (name.endsWith('.onnx')) return onnxSequences(refs.onnx[name], name);
  if (name.endsWith('.msgpack')) return one(refs.flax, /^flax_(\w+)\./.exec(name)?.[1]);
  if (name.endsWith('_tfjs')) return one(refs.tfjs, name.replace('_tfjs', ''));
  if (/\.(h5|keras)$/.test(name)) return one(refs.keras, /^\w+/.exec(name)?.[0]);
  return one(refs.torch, NETS[name] ?? /^(gru2|lstm2|rnn2)(?=\.|_)/.exec(name)?.[0]);
}

const NETS: Readonly<Record<string, string>> = { 'gru2_nobias.pt': 'none' };

function one(ref: { x: Rows; [net: string]: unknown }, net: string | undefined) {
  const found = net === undefined ? undefined : (ref[net] as { y: Rows } | undefined);
  return found && [{ x: ref.x, y: found.y }];
}

function onnxSequences(found: { x: Rows[]; y: Rows[] } | undefined, name: string) {
  if (found === undefined) return undefined;
  if (!name.startsWith('gruh')) return found.x.map((x, b) => ({ x, y: found.y[b]! }));
  // Time runs first.
  return found.x[0]!.map((_, b) => ({ x: found.x.map((at) => at[b]!), y: found.y.map((at) => at[b]!) }));
}

/** Files that must be refused, and the reason that must be given. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'quant.pt': /quantis/,
  'sparse.pt': /sparse/,
  'net_qdyn.pt': /quantis/,
  'obj.npy': /objects|pickle/i,
  'struct.npy': /structured|record|fields/i,
  'kconvlstm.h5': /ConvLSTM/i,
  'kconvlstm.keras': /ConvLSTM/i,
  'kconvlstm.weights.h5': /ConvLSTM|convolution|4-D|[45]×|kernel/i,
  'tf1ckpt/modelv1.ckpt': /V1|TensorFlow/,
  'rnn2_dynamo.onnx': /unrolled|no (recurrent|GRU)/i,
  'rnn2_bi_dynamo.onnx': /unrolled|no (recurrent|GRU)/i,
  'grucell_legacy.onnx': /unrolled|no (recurrent|GRU)/i,
  'ktorch_lstm.onnx': /unrolled|no (recurrent|GRU)/i,
  'ktorch_simplernn.onnx': /unrolled|no (recurrent|GRU)/i,
  'lstmproj_dyn.onnx': /initial_c|projection/,
  'flipflop3-rnn64.dynamo.onnx': /unrolled|no (recurrent|GRU)/i,
};

/** Files without output that must load as these cells. */
const LOADED: Readonly<Record<string, string>> = {
  'gru2_nobias.pt': 'gru',
  'grucell.pt': 'gru',
  'lstmcell.pt': 'lstm',
  'gru_wn.pt': 'gru',
  'tf1ckpt/model.ckpt': 'lstm',
  'flax_net.msgpack': 'gru',
};

/** Files of the same weights as another one. */
const TWINS: Readonly<Record<string, string>> = {
  'net_dp.pt': 'net_sd.pt',
  'net_ckpt.pt': 'net_sd.pt',
  'net_module.pt': 'net_sd.pt',
  'net_sd.pt': 'net_sd.pt',
  kgru2_export: 'kgru2_opt.keras',
  'tfckpt/kgru2-1': 'kgru2_opt.keras',
  'kgru2_opt.keras': 'kgru2_opt.keras',
};

/** Arrays and trees that hold no network, and the files that belong to others. */
const NO_MODEL =
  /^(README\.md|\w+_ref\.json|w\.npy|wF\.npy|f16\.npy|scalar\.npy|strided\.pt|bigattr\.h5|var_.*\.h5|.*\.onnx\.data)$/;

const ENTRIES = readdirSync(folder).flatMap((name) => {
  if (name === 'tf1ckpt') return ['tf1ckpt/model.ckpt', 'tf1ckpt/modelv1.ckpt'];
  return name === 'tfckpt' ? ['tfckpt/kgru2-1'] : [name];
});
const FLIPFLOPS = /^flipflop3-(gru32|lstm32|rnn64)\.(.*)$/;

/** The output of a whole file: its modules one behind another in file order, both directions where there are two. */
function outputs(file: WeightFile, x: Rows, width: number, { options, summed }: Expected): Rows {
  let rows = x;
  let last: Model | undefined;
  for (const module of listModules(file, options)) {
    for (const way of waysThrough(module)) {
      const run = (extra: ModelOptions, inputs: Rows) => {
        last = readModel(file, { ...options, module: module.name || '.', ...extra });
        return hiddenStates(last, inputs);
      };
      const forward = run({ ...way, ...(module.bidirectional ? { direction: 'forward' } : {}) }, rows);
      if (!module.bidirectional) rows = forward;
      else {
        const backward = run({ ...way, direction: 'backward' }, rows.toReversed()).toReversed();
        const isSum = summed.some((name) => module.name.endsWith(name));
        rows = forward.map((h, t) =>
          isSum ? h.map((value, i) => value + backward[t]![i]!) : [...h, ...backward[t]!],
        );
      }
    }
  }
  return rows[0]!.length === width ? rows : readOut(file, last!, rows, width);
}

/** A stack runs as one; layers that read both directions of the one below run one by one. */
const waysThrough = (module: { layers: number; bidirectional: boolean }): ModelOptions[] =>
  module.bidirectional ? Array.from({ length: module.layers }, (_, layer) => ({ layer })) : [{}];

/** y = C h + b, by the model's readout or, behind two directions, by the one matrix of the file that fits. */
function readOut(file: WeightFile, model: Model, rows: Rows, width: number): Rows {
  const H = rows[0]!.length;
  const tensors = [...file.tensors.values()];
  const matrix = tensors.find(
    ({ name, shape }) => !/rnn|gru|lstm|_hh|recurrent/i.test(name) && isPair(shape, width, H),
  );
  const weight = model.readout?.weight ?? {
    data: inRows(matrix!.values(), matrix!.shape, width, H),
    rows: width,
    cols: H,
  };
  const bias =
    model.readout?.bias ??
    tensors.find(({ name, shape }) => /bias/.test(name) && shape.join() === String(width))?.values() ??
    new Float64Array(width);
  return rows.map((h) =>
    Array.from({ length: width }, (_, i) =>
      h.reduce((sum, value, j) => sum + weight.data[i * weight.cols + j]! * value, bias[i]!),
    ),
  );
}

const isPair = (shape: readonly number[], a: number, b: number): boolean =>
  shape.length === 2 && (shape.join() === `${a},${b}` || shape.join() === `${b},${a}`);

const inRows = (data: Float64Array, shape: readonly number[], rows: number, cols: number): Float64Array =>
  shape[0] === rows
    ? data
    : Float64Array.from({ length: rows * cols }, (_, k) => data[(k % cols) * rows + Math.floor(k / cols)]!);

async function refusalOf(name: string): Promise<string> {
  try {
    readModel(await readWeightFile(path(name)));
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return 'was read';
}

/** The largest difference from the framework's own output. */
async function miss(name: string, expected: Expected): Promise<number> {
  const file = await readWeightFile(path(name));
  const misses = expected.sequences.map(({ x, y }) =>
    largestDifference(outputs(file, x, y[0]!.length, expected), y),
  );
  return Math.max(...misses);
}

/** Any few rows, for files that are compared with one another. */
const X: Rows = refs.torch.x;

describe('every fixture is accounted for:', () => {
  for (const name of ENTRIES) {
    if (NO_MODEL.test(name) || (FLIPFLOPS.test(name) && REFUSED[name] === undefined)) continue;
    test(name, () => held(name));
  }
});

async function held(name: string): Promise<void> {
  const reason = REFUSED[name];
  if (reason !== undefined) {
    expect(await refusalOf(name)).toMatch(reason);
    return;
  }
  const twin = TWINS[name];
  const cell = LOADED[name];
  if (twin !== undefined) await sameAs(name, twin);
  else if (cell !== undefined)
    expect(readFirst(await readWeightFile(path(name))).layers[0]!.cell.name).toBe(cell);
  else {
    const expected = expectedOf(name);
    if (expected === undefined) throw new Error(`${name} is a fixture that nothing is known about`);
    expect(await miss(name, expected)).toBeLessThan(expected.within);
  }
}

const readFirst = (file: WeightFile): Model => {
  const [first] = listModules(file);
  return readModel(file, { module: first?.name || '.' });
};

async function sameAs(name: string, twin: string): Promise<void> {
  const [a, b] = [await readWeightFile(path(name)), await readWeightFile(path(twin))].map((file) =>
    readModel(file),
  );
  expect(largestDifference(hiddenStates(a!, X), hiddenStates(b!, X))).toBeLessThan(SINGLE);
  expect([...(a!.readout?.weight.data ?? [])]).toEqual([...(b!.readout?.weight.data ?? [])]);
}

describe('a trained network is the same in', () => {
  const drive = Array.from({ length: 40 }, (_, t) => [Math.sin(t), Math.cos(2 * t), t % 5 === 0 ? 1 : 0]);
  for (const name of ENTRIES) {
    const [, net, ending] = FLIPFLOPS.exec(name) ?? [];
    if (ending === undefined || ending === 'pt' || REFUSED[name] !== undefined) continue;
    test(name, async () => {
      const original = readModel(await readWeightFile(path(`flipflop3-${net}.pt`)));
      const copy = readModel(await readWeightFile(path(name)));
      const rounded = /f16/.test(ending);
      const within = rounded ? 0.1 : SINGLE;
      expect(largestDifference(hiddenStates(copy, drive), hiddenStates(original, drive))).toBeLessThan(
        within,
      );
      expect(copy.readout?.weight.rows).toBe(3);
    });
  }
});

const shared = process.env.RNNSCOPE_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
test.runIf(existsSync(`${shared}/fixtures`))('the fixtures are those that were given', () => {
  const given = [...readdirSync(`${shared}/fixtures`), ...readdirSync(`${shared}/models/formats`)];
  expect(given.filter((name) => !existsSync(path(name)))).toEqual([]);
});
