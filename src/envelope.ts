import type { Answer } from '../analyses/analysis.js';
import type { Subject } from './dynamics/subject.js';
import { modelSummary } from './model/index.js';
import type { OptionTable, Values } from './options.js';
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

const withoutUndefined = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([key, v]) => [key, v === undefined ? null : v]));
