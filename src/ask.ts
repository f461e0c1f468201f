import type { Answer } from '../analyses/analysis.js';
import { type CompareValue, compare as compareAnalysis, type Diagnosed } from '../analyses/compare.js';
import type { DiagnoseValue } from '../analyses/diagnose.js';
import { type AnalysisName, analyses } from '../analyses/index.js';
import { type InspectValue, inspect as inspectAnalysis } from '../analyses/inspect.js';
import { verify as verifyAnalysis } from '../analyses/verify.js';
import { network } from './dynamics/network.js';
import { modelOptions, type Subject, subjectOf, subjectOptions } from './dynamics/subject.js';
import { orDivergence } from './dynamics/trajectory.js';
import { envelope, fileEnvelope } from './envelope.js';
import { UserError } from './errors.js';
import { readWeightFile } from './formats/index.js';
import { arithmetic, type Matrix, useArithmetic } from './linalg/index.js';
import { readModel } from './model/index.js';
import { type OptionTable, resolve } from './options.js';
import { complete, type Outcome, unwatched, type Watch } from './outcome.js';
import type { AnalysisResult } from './result.js';

/** A result, and the arrays that are too large to stand in it. */
export interface Asked {
  readonly result: AnalysisResult;
  readonly arrays: Readonly<Record<string, Matrix>>;
}

/** Options as a program or the command line gives them: by name, unchecked. */
export type Given = Readonly<Record<string, unknown>>;

/** All options of a question: which module, how it is driven, and its own. */
export const optionsOf = (name: AnalysisName): OptionTable => ({
  ...modelOptions,
  ...subjectOptions,
  ...analyses[name].options,
});

/**
 * The whole line: bytes → WeightFile → Model → System → result. Throws a UserError where the file or an option is at fault.
 * A run that `watch` stops answers with what it has and outcome `partial`.
 */
export function ask(
  name: AnalysisName,
  path: string,
  given: Given = {},
  watch: Watch = unwatched,
): Promise<Asked> {
  return inArithmetic(given.strict, () => whole(name, path, given, watch));
}

async function whole(name: AnalysisName, path: string, given: Given, watch: Watch): Promise<Asked> {
  const options = resolve(optionsOf(name), given);
  const file = await readWeightFile(path);
  const model = readModel(file, pick(modelOptions, options));
  const subject = await subjectOf(model, resolve(subjectOptions, pick(subjectOptions, options)));
  return askOf(name, subject, options, watch);
}

/** The same for a subject that is already at hand: a network read once, or a map given by hand. */
export function askOf(
  name: AnalysisName,
  subject: Subject,
  given: Given = {},
  watch: Watch = unwatched,
): Promise<Asked> {
  return inArithmetic(given.strict, () => answerOf(name, subject, given, watch));
}

/** `strict` holds for everything that is computed on the way. */
async function inArithmetic<A>(strict: unknown, run: () => Promise<A>): Promise<A> {
  if (strict !== true) return run();
  const before = arithmetic();
  if (before === 'fused') useArithmetic('strict');
  try {
    return await run();
  } finally {
    useArithmetic(before);
  }
}

async function answerOf(name: AnalysisName, subject: Subject, given: Given, watch: Watch): Promise<Asked> {
  const analysis = analyses[name];
  const own = resolve(analysis.options as OptionTable, pick(analysis.options, given));
  // The name decides the types of options and value, which the type system cannot see through a union.
  const run = analysis.run as unknown as (
    subject: Subject,
    options: Given,
    watch: Watch,
  ) => Promise<Answer<OptionTable, unknown>>;
  const answer: Answer<OptionTable, unknown> = await orDivergence(run(subject, own, watch));
  const result = envelope(name, subject, { ...given, ...own }, answer);
  return { result: given.strict === true ? ofAnyThreads(result) : result, arrays: answer.arrays ?? {} };
}

/** What is in a file: every recurrent module, or the one that is named. */
export async function inspect(path: string, given: Given = {}): Promise<AnalysisResult<InspectValue>> {
  const file = await readWeightFile(path);
  const options = resolve(modelOptions, given);
  return fileEnvelope(inspectAnalysis.name, file, options, inspectAnalysis.run(file, options));
}

/** A result that is the same bytes on any number of threads does not say how many there were. */
const ofAnyThreads = (result: AnalysisResult): AnalysisResult =>
  'threads' in result.options ? { ...result, options: { ...result.options, threads: null } } : result;

/** Several files side by side: the whole diagnosis of each under the same options. */
export async function compare(
  paths: readonly string[],
  given: Given = {},
  watch: Watch = unwatched,
): Promise<AnalysisResult<CompareValue>> {
  if (paths.length < 2)
    throw new UserError('USAGE', `compare needs two models or more, not ${paths.length}: name another`);
  const models: Diagnosed[] = [];
  let outcome: Outcome = complete;
  for (const [k, path] of paths.entries()) {
    const { step } = await readWeightFile(path);
    const { result } = await ask('diagnose', path, given, labelled(watch, `${k + 1} of ${paths.length}`));
    models.push({ result: result as AnalysisResult<DiagnoseValue>, step });
    if (result.outcome.kind !== 'complete') outcome = ofModel(path, result.outcome);
    // Interrupted: what there is is compared.
    if (result.outcome.kind === 'partial') break;
  }
  const value = compareAnalysis.run(models);
  // Module, options and seed are those of the first; the value has those of each.
  return { ...value.results[0]!, analysis: compareAnalysis.name, outcome, value };
}

const labelled = (watch: Watch, name: string): Watch => ({
  tick: (done, total, label) => watch.tick(done, total, `${name}, ${label ?? ''}`),
});

const ofModel = (path: string, outcome: Exclude<Outcome, { kind: 'complete' }>): Outcome => ({
  ...outcome,
  what: `${path}: ${outcome.what}`,
});

/** Options of `verify`: which module, and what it is compared with. */
export const verifyOptions: OptionTable = {
  ...modelOptions,
  state: subjectOptions.state,
  seed: subjectOptions.seed,
  ...verifyAnalysis.options,
};

/** Whether another program that computes the network of a file gives the same: onnxruntime, or one that left arrays behind. */
export async function verify(
  path: string,
  given: Given = {},
  watch: Watch = unwatched,
): Promise<AnalysisResult> {
  const options = resolve(verifyOptions, given);
  const file = await readWeightFile(path);
  const chosen = pick(modelOptions, options);
  const { onnxWitness, storedWitness } = await import('./oracle/witness.js');
  const { expect, state, seed, length, size } = options;
  if (!expect && !file.program) {
    throw new UserError(
      'USAGE',
      `${path}: verify runs ONNX files in onnxruntime; for one of ${file.format} give what its own program computed: --expect X.npy Y.npy`,
    );
  }
  const witness = expect
    ? await storedWitness(file, chosen, expect, { state, seed })
    : await onnxWitness(file, chosen, { length, size, seed });
  const answer = await verifyAnalysis.run(
    witness,
    resolve(verifyAnalysis.options, pick(verifyAnalysis.options, options)),
    watch,
  );
  const model = readModel(file, chosen);
  const subject = { model, system: network(model.layers), seed };
  return envelope(verifyAnalysis.name, subject, options, answer);
}

const pick = (table: OptionTable, given: Given): Record<string, unknown> =>
  Object.fromEntries(Object.keys(table).map((key) => [key, given[key]]));
