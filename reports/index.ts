import type { CompareValue } from '../analyses/compare.js';
import type { DiagnoseValue } from '../analyses/diagnose.js';
import type { analyses } from '../analyses/index.js';
import type { InspectValue } from '../analyses/inspect.js';
import type { VerifyValue } from '../analyses/verify.js';
import { UserError } from '../src/errors.js';
import { fromJson } from '../src/json.js';
import type { AnalysisResult } from '../src/result.js';
import { compare } from './compare.js';
import { diagnose } from './diagnose.js';
import { fixedPoints } from './fixed-points.js';
import { list, sentenceCase } from './format.js';
import { gates } from './gates.js';
import { gradients } from './gradients.js';
import { type Part, page, type Run } from './html.js';
import { inspect } from './inspect.js';
import { jacobian } from './jacobian.js';
import { lyapunov } from './lyapunov.js';
import type { Section } from './section.js';
import { verify } from './verify.js';

export { type FigureStyle, figureFiles, type NamedFile } from './figures.js';
export type { Section } from './section.js';
export { readTypeface, shippedTypeface, type Typeface, typefaceNames } from './typeface.js';

type Analyses = typeof analyses;
type ValueOf<A> = A extends { run(...given: never[]): Promise<{ readonly value: infer Value }> }
  ? Value
  : never;

/**
 * The value of each analysis, of `inspect`, which asks the file rather than the map, of `compare`, which asks several, and of
 * `verify`, which asks another program too.
 */
type AnalysisValues = { readonly [Name in keyof Analyses]: ValueOf<Analyses[Name]> } & {
  readonly inspect: InspectValue;
  readonly compare: CompareValue;
  readonly verify: VerifyValue;
};

export type AnalysisName = keyof AnalysisValues;

/** An analysis without its section does not build. */
export const sections: {
  readonly [Name in AnalysisName]: (result: AnalysisResult<AnalysisValues[Name]>) => Section;
} = { inspect, jacobian, lyapunov, 'fixed-points': fixedPoints, gradients, gates, diagnose, compare, verify };

/** The section of one result, found by the name that the result carries. */
export function sectionOf(result: AnalysisResult): Section {
  if (!Object.hasOwn(sections, result.analysis)) {
    throw new UserError(
      'UNKNOWN',
      `No report for the analysis '${result.analysis}': expected ${list(Object.keys(sections))}.`,
    );
  }
  if (result.outcome.kind === 'failed' && (result.value === null || result.value === undefined)) {
    return withoutValue(result);
  }
  // The name decides the type of the value, which the type system cannot see through a string.
  const write = sections[result.analysis as AnalysisName] as (result: AnalysisResult) => Section;
  return write(result);
}

const withoutValue = ({ analysis }: AnalysisResult): Section => ({
  title: sentenceCase(analysis.replaceAll('-', ' ')),
  reading: 'There is no result to show.',
  caveats: [],
  facts: [],
  charts: [],
  tables: [],
});

/** A diagnosis stands before the results that it rests on. */
function partsOf(result: AnalysisResult): Part[] {
  const own = { result, section: sectionOf(result) };
  if (result.analysis !== 'diagnose') return [own];
  const nested = Object.values((result.value as DiagnoseValue | null)?.results ?? {});
  return [own, ...nested.flatMap(partsOf)];
}

/** One result, or several of one model, as a self-contained HTML page; `run` adds the wall time to its foot. */
export function renderReport(results: AnalysisResult | readonly AnalysisResult[], run: Run = {}): string {
  const several = isList(results) ? results : [results];
  if (several.length === 0)
    throw new UserError('EMPTY', 'A report needs at least one result; there is none.');
  return page(several.flatMap(partsOf), several.length === 1 ? several[0] : several, run);
}

/** A result with those that it rests on, each with its section: what a report shows, for other ways of showing it. */
export const sectionsOf = (result: AnalysisResult): readonly Part[] => partsOf(result);

// Array.isArray does not narrow away a readonly array
const isList = (x: AnalysisResult | readonly AnalysisResult[]): x is readonly AnalysisResult[] =>
  Array.isArray(x);

/** Reads what `--json` wrote (one result or a list of them), −∞, ∞ and NaN included. */
export function readResults(text: string): AnalysisResult[] {
  const parsed = parse(text);
  const results = Array.isArray(parsed) ? parsed : [parsed];
  results.forEach(checkEnvelope);
  return results;
}

function parse(text: string): unknown {
  try {
    return fromJson(text);
  } catch (error) {
    throw new UserError(
      'CORRUPT',
      `Expected a result that rnnscope wrote as JSON; found text that is not JSON (${(error as Error).message}).`,
      { cause: error },
    );
  }
}

const objectKeys = ['tool', 'model', 'options', 'outcome'] as const;

function checkEnvelope(result: unknown): asserts result is AnalysisResult {
  const envelope = (typeof result === 'object' && result !== null ? result : {}) as Record<string, unknown>;
  const lacks = objectKeys.filter((key) => typeof envelope[key] !== 'object' || envelope[key] === null);
  if (envelope.schema !== 1 || typeof envelope.analysis !== 'string' || lacks.length > 0) {
    const found = 'schema' in envelope ? `schema ${String(envelope.schema)}` : 'no schema';
    throw new UserError(
      'UNSUPPORTED',
      `Expected a result of rnnscope with schema 1; found ${found}${lacks.length > 0 ? `, without ${list(lacks)}` : ''}. Write it again with --json.`,
    );
  }
}
