import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Trial, Witness } from '../../analyses/verify.js';
import { stateLayout } from '../cells/index.js';
import { network, outputRows } from '../dynamics/network.js';
import { splitKey, subjectOf, subjectOptions } from '../dynamics/subject.js';
import { UserError } from '../errors.js';
import { type NumberArray, readArray } from '../formats/index.js';
import type { WeightFile } from '../formats/weight-file.js';
import {
  listModules,
  type Model,
  type ModelOptions,
  type Probe,
  probesOf,
  readModel,
} from '../model/index.js';
import { resolve } from '../options.js';
import { random } from '../random.js';
import { type FeedOptions, makeFeeds } from './feeds.js';
import { furtherOutputs, modelBytes, nodeBytes, tensorBytes } from './onnx-bytes.js';
import { Runtime, type RuntimeTensor } from './onnxruntime.js';

/** Sequences of a batch that are compared. */
const SEQUENCES = 4;

/** Layers that are run one behind another, from the inputs of the first node to the outputs of the last. */
interface Run {
  readonly model: Model;
  readonly probes: readonly Probe[];
}

type Values = (name: string) => RuntimeTensor;

/** onnxruntime, given the file and random inputs. */
export async function onnxWitness(
  file: WeightFile,
  options: ModelOptions,
  feeding: FeedOptions,
): Promise<Witness> {
  const runs = runsOf(file, options);
  const runtime = await Runtime.load();
  const against = `onnxruntime ${runtime.version}`.trim();
  const probes = runs.flatMap((run) => run.probes);
  if (!probes.every(({ isOutermost }) => isOutermost)) return cutOut(runs, runtime, against, feeding);
  const program = file.program!;
  const { feeds } = probesOf(program, runs[0]!.model.module);
  const { tensors, fed } = makeFeeds(feeds, runtime, feeding);
  const named = [
    ...new Set(probes.flatMap(({ input, output, initial, lengths }) => [input, output, ...initial, lengths])),
  ];
  const made = new Set(program.nodes.flatMap(({ outputs }) => outputs));
  const asked = named.filter((name) => made.has(name) && !program.outputs.includes(name));
  const bytes = Buffer.concat([readFileSync(file.path), furtherOutputs(asked)]);
  const values = await runtime.run(bytes, tensors, dirname(file.path));
  const of: Values = (name) => {
    const stored = program.tensors.get(name);
    const found = values[name] ?? tensors[name];
    return found ?? { type: 'float32', dims: stored!.shape, data: stored!.values() };
  };
  return { against, fed, notes: [], trials: runs.flatMap((run) => trialsOf(run, of)) };
}

/** The whole stack; of a bidirectional module each layer by itself, both ways, as one alone is no map. */
function runsOf(file: WeightFile, options: ModelOptions): Run[] {
  const model = readModel(file, options);
  const { probes } = probesOf(file.program!, model.module);
  const { bidirectional, layers } = listModules(file, options).find(({ name }) => name === model.module)!;
  const only = options.layer;
  if (!bidirectional) return [{ model, probes: only === undefined ? probes : [probes[only]!] }];
  const chosen = only === undefined ? Array.from({ length: layers }, (_, k) => k) : [only];
  const ways = options.direction ? [options.direction] : (['forward', 'backward'] as const);
  return chosen.flatMap((layer) =>
    ways.map((direction) => ({
      model: readModel(file, { ...options, module: model.module, layer, direction }),
      probes: [probes[layer]!],
    })),
  );
}

/** Nodes in a branch or a loop cannot be asked for their values: each is run alone, with the weights that were found behind it. */
async function cutOut(
  runs: readonly Run[],
  runtime: Runtime,
  against: string,
  { length, seed }: FeedOptions,
): Promise<Witness> {
  const trials: Trial[] = [];
  const fed: Witness['fed'][number][] = [];
  for (const run of runs) {
    const [probe, ...others] = run.probes;
    if (!probe || others.length > 0 || ['Loop', 'Scan'].includes(probe.node.operator))
      throw new UserError(
        'UNSUPPORTED',
        `${run.model.module} is a stack or a written-out cell within a branch or a loop, which cannot be run alone: compare with stored arrays (--expect X.npy Y.npy), or take one layer of a stack with --layer.`,
      );
    const shape = [length, BATCH_ALONE, probe.layer.inputSize];
    const draw = random(seed, 0x0a7);
    const X = runtime.tensor(
      'float32',
      Float32Array.from({ length: length * BATCH_ALONE * probe.layer.inputSize }, () => draw.normal()),
      shape,
    );
    const values = await runtime.run(aloneBytes(probe), { X });
    fed.push({ name: 'X', shape, with: 'random normal numbers' });
    const own = { ...probe, input: 'X', output: 'Y', initial: [], lengths: '' };
    trials.push(...trialsOf({ model: run.model, probes: [own] }, (name) => values[name] ?? X));
  }
  const note = `${runs[0]!.model.module} stands within another node, where its values cannot be read: it was run alone, from 0, with the weights that were folded from the graph`;
  return { against, trials, fed, notes: [note] };
}

const BATCH_ALONE = 2;
/** The version whose recurrent operators have all the attributes that rnnscope knows. */
const OPSET = 14;

/** A model of this one node, its weights as they were found. */
function aloneBytes({ node, layer }: Probe): Uint8Array {
  const { parts, directions } = layer;
  const places = node.operator === 'LSTM' ? ['W', 'R', 'B', '', '', '', 'P'] : ['W', 'R', 'B'];
  const names = places.map((part) => (parts.has(part) ? part : ''));
  while (names.at(-1) === '') names.pop();
  return modelBytes(
    {
      nodes: [
        nodeBytes({
          operator: node.operator,
          inputs: ['X', ...names],
          outputs: ['Y'],
          attributes: Object.fromEntries(node.attributes),
        }),
      ],
      tensors: [...parts].map(([part, tensor]) => tensorBytes(part, tensor.shape, tensor.values())),
      inputs: [{ name: 'X', shape: ['T', 'B', layer.inputSize] }],
      outputs: [{ name: 'Y', shape: ['T', directions.length, 'B', layer.hiddenSize] }],
    },
    OPSET,
  );
}

/** X [T, B, I] and Y [T, D, B, H] as trials, a sequence each. */
function trialsOf({ model, probes }: Run, of: Values): Trial[] {
  const [first, last] = [probes[0]!, probes.at(-1)!];
  const X = of(first.input);
  const Y = of(last.output);
  const [T, B, I] = X.dims as [number, number, number];
  // [T, D, B, H], or [T, B, H] of a Loop.
  const [D, H] = [Y.dims.length === 4 ? Y.dims[1]! : 1, Y.dims.at(-1)!];
  const d = model.direction === 'backward' ? D - 1 : 0;
  const { system, output } = mapOf(model);
  return Array.from({ length: Math.min(B, SEQUENCES) }, (_, b) => {
    const steps = first.lengths === '' ? T : Number(of(first.lengths).data[b]);
    const rows = (tensor: RuntimeTensor, width: number, at: (t: number) => number) =>
      inOrder(
        model,
        Array.from({ length: steps }, (_, t) => slice(tensor, at(t), width)),
      );
    return {
      name: `${nameOf(model)}, sequence ${b}`,
      system,
      output,
      initialState: Float64Array.from(
        probes.flatMap((probe, k) => initialOf(probe, model, k, { b, d, D }, of)),
      ),
      inputs: rows(X, I, (t) => (t * B + b) * I),
      expected: rows(Y, H, (t) => ((t * D + d) * B + b) * H),
    };
  });
}

/** Where the drive is read from its end, so are the outputs that stand beside it. */
const inOrder = (model: Model, rows: Float64Array[]): Float64Array[] =>
  model.direction === 'backward' ? rows.reverse() : rows;

const slice = ({ data }: RuntimeTensor, from: number, width: number): Float64Array =>
  Float64Array.from({ length: width }, (_, i) => Number(data[from + i]!));

const nameOf = ({ module, direction, layers }: Model): string =>
  [
    module || 'the network',
    ...(layers.length === 1 && layers[0]!.name !== 'layer0' ? [layers[0]!.name] : []),
    ...(direction === 'backward' ? ['backward'] : []),
  ].join(' ');

function mapOf({ layers }: Model): { system: ReturnType<typeof network>; output: Trial['output'] } {
  const { from, to } = outputRows(layers);
  return { system: network(layers), output: (state) => state.subarray(from, to) };
}

/** h, then c, of one layer: rows of initial_h and initial_c [D, B, H], or zeros. */
function initialOf(
  probe: Probe,
  model: Model,
  k: number,
  { b, d, D }: { b: number; d: number; D: number },
  of: Values,
): number[] {
  const { cell, weights } = model.layers[k]!;
  return stateLayout(cell, weights).flatMap(({ from, to }, block) => {
    const name = probe.initial[block] ?? '';
    const width = to - from;
    if (name === '') return new Array<number>(width).fill(0);
    const tensor = of(name);
    const B = tensor.dims.at(-2)!;
    return [...slice(tensor, (Math.min(d, D - 1) * B + b) * width, width)];
  });
}

/** Arrays that another program left behind: X [T, I] or [B, T, I], Y of as many rows, of states or of readouts. */
export async function storedWitness(
  file: WeightFile,
  options: ModelOptions,
  [xFile, yFile]: readonly [string, string],
  { state, seed }: { readonly state: string | undefined; readonly seed: number },
): Promise<Witness> {
  const model = readModel(file, options);
  const X = await sequencesIn(xFile);
  const Y = await sequencesIn(yFile);
  if (X.width !== model.inputSize)
    throw new UserError(
      'SHAPE',
      `${xFile} has rows of ${X.width} numbers, but the network has ${model.inputSize} inputs`,
    );
  if (X.sequences !== Y.sequences || X.steps !== Y.steps)
    throw new UserError(
      'SHAPE',
      `${yFile} holds ${Y.sequences} × ${Y.steps} rows, but ${xFile} ${X.sequences} × ${X.steps}: give the output after every input`,
    );
  const parts = await comparedParts(file, options, model, Y.width, yFile, { state, seed });
  const trials = Array.from({ length: X.sequences }, (_, b) => b).flatMap((b) =>
    parts.map(
      ({ of, what, from, width, ...run }): Trial => ({
        ...run,
        name: `${what}, sequence ${b}`,
        inputs: inOrder(of, X.rows(b, 0, X.width)),
        expected: inOrder(of, Y.rows(b, from, width)),
      }),
    ),
  );
  const fed = [{ name: 'the network', shape: X.shape, with: `the rows of ${xFile}` }];
  return { against: yFile, trials, fed, notes: [] };
}

interface Part extends Pick<Trial, 'system' | 'initialState' | 'output'> {
  readonly of: Model;
  readonly what: string;
  /** Which columns of Y. */
  readonly from: number;
  readonly width: number;
}

/** What the columns of Y are: the states, the readouts, or the states of both directions beside each other. */
async function comparedParts(
  file: WeightFile,
  options: ModelOptions,
  model: Model,
  width: number,
  yFile: string,
  start: { readonly state: string | undefined; readonly seed: number },
): Promise<Part[]> {
  const given = resolve(subjectOptions, { state: start.state, seed: start.seed });
  const part = async (of: Model, what: string, from: number, output?: Trial['output']): Promise<Part> => {
    const { initialState } = await subjectOf(of, given);
    const map = mapOf(of);
    return {
      of,
      what,
      from,
      width: outputs(of),
      system: map.system,
      output: output ?? map.output,
      initialState,
    };
  };
  const outputs = (of: Model): number => {
    const { from, to } = outputRows(of.layers);
    return to - from;
  };
  const own = outputs(model);
  if (width === own) return [await part(model, `states of ${nameOf(model)}`, 0)];
  const { readout } = model;
  if (readout?.weight.rows === width) {
    const { output } = await subjectOf(model, given);
    return [{ ...(await part(model, `readout ${readout.name}`, 0, output)), width }];
  }
  const { bidirectional, layers } = listModules(file, options).find(({ name }) => name === model.module)!;
  if (bidirectional && width === 2 * own && (layers === 1 || options.layer !== undefined)) {
    const way = (direction: 'forward' | 'backward') => readModel(file, { ...options, direction });
    return [
      await part(way('forward'), `states of ${model.module} forward`, 0),
      await part(way('backward'), `states of ${model.module} backward`, own),
    ];
  }
  const readoutText = readout ? ` or its readout's ${readout.weight.rows}` : '';
  throw new UserError(
    'SHAPE',
    `${yFile} has rows of ${width} numbers, expected the ${own} states of ${nameOf(model)}${readoutText}`,
  );
}

interface Sequences {
  readonly shape: readonly number[];
  readonly sequences: number;
  readonly steps: number;
  readonly width: number;
  /** Columns [from, from + width) of sequence b. */
  rows(b: number, from: number, width: number): Float64Array[];
}

async function sequencesIn(spec: string): Promise<Sequences> {
  const array: NumberArray = await readArray(...splitKey(spec));
  const { shape, values } = array;
  if (shape.length !== 2 && shape.length !== 3)
    throw new UserError(
      'SHAPE',
      `${spec} has shape [${shape.join(', ')}], expected [steps, numbers] or [sequences, steps, numbers]`,
    );
  const [sequences, steps, width] = (shape.length === 2 ? [1, ...shape] : shape) as [number, number, number];
  return {
    shape,
    sequences,
    steps,
    width,
    rows: (b, from, count) =>
      Array.from({ length: steps }, (_, t) => {
        const at = (b * steps + t) * width + from;
        return values.slice(at, at + count);
      }),
  };
}
