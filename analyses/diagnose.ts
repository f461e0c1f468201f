import type { AnalysisResult } from '../src/result.js';

export interface Finding {
  readonly question: string;
  readonly answer: string;
  readonly level: 'good' | 'warn' | 'bad' | 'unknown';
  readonly evidence: string;
}

export interface DiagnoseValue {
  readonly verdicts: readonly Finding[];
  /** Analysis name → its whole envelope. */
  readonly results: Readonly<Record<string, AnalysisResult>>;
}
