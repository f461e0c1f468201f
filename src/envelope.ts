import type { Answer } from '../analyses/analysis.js';
import type { InspectValue } from '../analyses/inspect.js';
import type { Subject } from './dynamics/subject.js';
import type { WeightFile } from './formats/weight-file.js';
import { modelSummary } from './model/index.js';
import type { OptionTable, Values } from './options.js';
import { complete } from './outcome.js';
import type { AnalysisResult, ModelSummary } from './result.js';
import { version } from './version.js';

/** What stands in for a network where a map was given by hand. */
const handMade = (stateSize: number): ModelSummary => ({
  path: '',
  sha256: '',
  format: 'function',
  module: '',
  cell: 'map',
  layers: 0,
  hiddenSize: stateSize,
  inputSize: 0,
  stateSize,
  parameters: 0,
  assumptions: [],
});

/** A value with all that is needed to repeat the run. */
export function envelope<Table extends OptionTable, Value>(
  analysis: string,
  subject: Pick<Subject, 'model' | 'system' | 'seed'>,
  options: Readonly<Record<string, unknown>>,
  { value, outcome, settled }: Answer<Table, Value>,
): AnalysisResult<Value> {
  const { model, system, seed } = subject;
  return {
    schema: 1,
    analysis,
    tool: { name: 'rnnscope', version },
    model: model ? modelSummary(model, system.dimension) : handMade(system.dimension),
    options: withoutUndefined({ ...options, ...(settled as Partial<Values<Table>>) }),
    seed,
    outcome,
    value,
  };
}

/** The same for what is said of a whole file: of its one module, where it has just one. */
export function fileEnvelope(
  analysis: string,
  file: WeightFile,
  options: Readonly<Record<string, unknown>>,
  value: InspectValue,
): AnalysisResult<InspectValue> {
  const only = value.modules.length === 1 ? value.modules[0] : undefined;
  return {
    schema: 1,
    analysis,
    tool: { name: 'rnnscope', version },
    model: {
      path: file.path,
      sha256: file.sha256,
      format: file.format,
      module: only?.name ?? '',
      cell: only?.cell ?? `${value.modules.length} recurrent modules`,
      layers: only?.layers ?? 0,
      hiddenSize: only?.hiddenSize ?? 0,
      inputSize: only?.inputSize ?? 0,
      stateSize: only?.stateSize ?? 0,
      parameters: value.modules.reduce((sum, module) => sum + module.parameters, 0),
      assumptions: only?.assumptions ?? [],
    },
    options: withoutUndefined(options),
    seed: 0,
    outcome: complete,
    value,
  };
}

const withoutUndefined = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([key, v]) => [key, v === undefined ? null : v]));
