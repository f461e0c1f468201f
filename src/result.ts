import type { Outcome } from './outcome.js';

/** What every result says of the network that it is about. */
export interface ModelSummary {
  readonly path: string;
  readonly sha256: string;
  readonly format: string;
  readonly module: string;
  readonly cell: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly inputSize: number;
  readonly stateSize: number;
  readonly parameters: number;
  readonly assumptions: readonly string[];
}

/** The envelope around an analysis' value: enough to repeat the run. */
export interface AnalysisResult<Value = unknown> {
  readonly schema: 1;
  readonly analysis: string;
  readonly tool: { readonly name: 'rnnscope'; readonly version: string };
  readonly model: ModelSummary;
  /** Every option as resolved, defaults included. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly outcome: Outcome;
  readonly value: Value;
}

/** [re, im]. */
export type Complex = readonly [number, number];
