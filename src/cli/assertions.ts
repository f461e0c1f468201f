import type { FunctionNode, MathNode, OperatorNode, ParenthesisNode, RelationalNode } from 'mathjs';
import { printable, UserError } from '../errors.js';
import { didYouMean } from '../model/did-you-mean.js';
import { show } from '../numbers.js';
import type { AnalysisResult } from '../result.js';
import { safeMath } from '../safe-math.js';

/** What has to hold of a result: `lyapunov.exponents[1] < 0`, with a name where it was given one. */
export interface Assertion {
  readonly name: string;
  readonly expression: string;
}

export interface Verdict {
  readonly assertion: Assertion;
  readonly holds: boolean;
  /** What was found instead, and by how much; empty where it holds. */
  readonly why: string;
}

/** 'remembers: gradients.horizon >= 100' → its name and the rest; an assertion without a name is named by itself. */
export function readAssertion(text: string): Assertion {
  const [, name, expression] = /^\s*([A-Za-z][\w -]*):\s+(.+)$/s.exec(text) ?? [];
  return name ? { name, expression: expression!.trim() } : { name: text.trim(), expression: text.trim() };
}

const camel = (name: string): string => name.replace(/-([a-z])/g, (_, c: string) => c.toUpperCase());

/** The names that an assertion on this analysis may use, as they stand for a result that is at hand. */
function scopeOf(result: AnalysisResult): Record<string, unknown> {
  const value = (result.value ?? {}) as { results?: Record<string, AnalysisResult> };
  // A comparison holds a list of whole diagnoses: those are reached through it.
  const results = Array.isArray(value.results) ? {} : (value.results ?? {});
  const rested = Object.values(results).map(({ analysis, value }) => [camel(analysis), value]);
  const { model, options, seed, outcome } = result;
  return { [camel(result.analysis)]: value, ...Object.fromEntries(rested), model, options, seed, outcome };
}

const whatItIs = (scope: readonly string[]): string =>
  `an assertion compares parts of the result (${scope.join(', ')}), such as lyapunov.exponents[1] < 0; indices begin at 1`;

type Comparison = 'smaller' | 'smallerEq' | 'larger' | 'largerEq' | 'equal' | 'unequal';

/** mathjs compares numbers to a relative 1e-12; a text is equal to itself alone, and is not read as a number. */
const ownEqual = {
  equal: (a: unknown, b: unknown): boolean => same(a, b),
  unequal: (a: unknown, b: unknown): boolean => !same(a, b),
};
const RELATIVE = 1e-12;
const same = (a: unknown, b: unknown): boolean =>
  typeof a === 'number' && typeof b === 'number'
    ? a === b || Math.abs(a - b) <= RELATIVE * Math.max(Math.abs(a), Math.abs(b))
    : a === b;

export type Judge = (result: AnalysisResult) => Verdict[];

/** Reads assertions before the run, so that a mistake in one costs no waiting; the judge is asked afterwards. */
export async function judgeOf(assertions: readonly Assertion[]): Promise<Judge> {
  const parse = await safeMath('an assertion', ownEqual as never);
  const read = assertions.map((assertion) => ({ assertion, node: parsed(parse, assertion) }));
  return (result) => {
    const scope = scopeOf(result);
    return read.map(({ assertion, node }) => judge(assertion, node, scope));
  };
}

function parsed(parse: (formula: string) => MathNode, { expression }: Assertion): MathNode {
  try {
    return parse(expression);
  } catch (cause) {
    if (cause instanceof UserError)
      throw new UserError(cause.code, `--assert '${expression}': ${cause.message}`, { cause });
    throw new UserError(
      'USAGE',
      `--assert '${expression}' cannot be read (${(cause as Error).message}); write it as lyapunov.exponents[1] < 0`,
      { cause },
    );
  }
}

function judge(assertion: Assertion, node: MathNode, scope: Record<string, unknown>): Verdict {
  checkNames(assertion, node, scope);
  let holds: unknown;
  try {
    holds = node.compile().evaluate({ ...scope });
  } catch (cause) {
    return { assertion, holds: false, why: `it could not be evaluated: ${(cause as Error).message}` };
  }
  if (typeof holds !== 'boolean')
    throw new UserError(
      'USAGE',
      `--assert '${assertion.expression}' gives ${shown(holds)}, which is neither true nor false; ${whatItIs(Object.keys(scope))}`,
    );
  return { assertion, holds, why: holds ? '' : explained(node, scope) };
}

/** A name that is nothing, or a field that the result does not have, is a mistake in the assertion and not a finding. */
function checkNames({ expression }: Assertion, node: MathNode, scope: Record<string, unknown>): void {
  const refuse = (name: string, known: readonly string[], of: string): never => {
    throw new UserError(
      'USAGE',
      `--assert '${expression}': there is no '${name}'${of}.${didYouMean(name, known)} There are ${known.join(', ')}.`,
    );
  };
  node.traverse((part, path, parent) => {
    if ('isAccessorNode' in part && part.isAccessorNode) {
      const { object, index } = part as unknown as {
        object: MathNode;
        index: { isObjectProperty(): boolean; getObjectProperty(): string };
      };
      if (!index.isObjectProperty()) return;
      const holder = quietly(object, scope);
      if (typeof holder !== 'object' || holder === null || Array.isArray(holder)) return;
      const field = index.getObjectProperty();
      if (!Object.hasOwn(holder, field)) refuse(field, Object.keys(holder), ` in ${object.toString()}`);
    }
    if (!('isSymbolNode' in part && part.isSymbolNode)) return;
    const { name } = part as unknown as { name: string };
    const called = path === 'fn' && parent !== null && 'isFunctionNode' in parent;
    if (!called && !Object.hasOwn(scope, name) && quietly(part, scope) === undefined)
      refuse(name, Object.keys(scope), '');
  });
}

/** The value of a part, or undefined where it has none by itself. */
function quietly(node: MathNode, scope: Record<string, unknown>): unknown {
  try {
    return node.compile().evaluate({ ...scope });
  } catch {
    return undefined;
  }
}

const signs: Record<Comparison, string> = {
  smaller: '<',
  smallerEq: '≤',
  larger: '>',
  largerEq: '≥',
  equal: '=',
  unequal: '≠',
};

const isComparison = (fn: string): fn is Comparison => Object.hasOwn(signs, fn);

/** Why an expression is false: the comparison that fails, what stood on its left, and how far that is from its right. */
function explained(node: MathNode, scope: Record<string, unknown>): string {
  if ('isParenthesisNode' in node) return explained((node as ParenthesisNode).content, scope);
  if ('isRelationalNode' in node) {
    const { params } = node as unknown as RelationalNode & { params: MathNode[] };
    return `found ${params.map((p) => `${p.toString()} = ${shown(quietly(p, scope))}`).join(', ')}`;
  }
  if (!('isOperatorNode' in node)) {
    const { fn } = node as Partial<FunctionNode>;
    return fn ? `${node.toString()} is false` : 'it is false';
  }
  const { fn, args } = node as unknown as OperatorNode;
  if (fn === 'and') return explained(args.find((arg) => quietly(arg, scope) !== true) ?? args[0]!, scope);
  if (fn === 'or') return args.map((arg) => explained(arg, scope)).join('; ');
  if (isComparison(fn)) return compared(fn, args as [MathNode, MathNode], scope);
  return 'it is false';
}

function compared(
  fn: Comparison,
  [left, right]: [MathNode, MathNode],
  scope: Record<string, unknown>,
): string {
  const [a, b] = [quietly(left, scope), quietly(right, scope)];
  const found = `found ${left.toString()} = ${shown(a)}`;
  const written = right.filter((part) => 'isSymbolNode' in part).length === 0;
  const against = written ? '' : ` and ${right.toString()} = ${shown(b)}`;
  if (typeof a !== 'number' || typeof b !== 'number') return found + against;
  const off = Math.abs(a - b);
  if (!Number.isFinite(off) || fn === 'unequal' || off === 0) return found + against;
  return `${found}${against}, off by ${show(off, 4)}`;
}

const MOST_SHOWN = 60;

function shown(value: unknown): string {
  if (typeof value === 'number') return show(value, 5);
  if (typeof value === 'string') return `'${value}'`;
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…`;
}

/** One line for a terminal: `assertion failed: remembers: gradients.horizon >= 100: found gradients.horizon = 23, off by 77`. */
export const failureLine = ({ assertion: { name, expression }, why }: Verdict): string =>
  `assertion failed: ${name === expression ? '' : `${name}: `}${expression}: ${why}`;

const inXml = (text: string): string => printable(text).replace(/[&<>"'\n]/g, (c) => `&#${c.charCodeAt(0)};`);

/** The verdicts as JUnit XML, one suite a result, which continuous integration shows test by test. */
export function junit(
  all: readonly { readonly result: AnalysisResult; readonly verdicts: readonly Verdict[] }[],
  seconds: number,
): string {
  const suites = all.flatMap(({ result: { analysis, model }, verdicts }) => {
    const failures = verdicts.filter(({ holds }) => !holds).length;
    const name = inXml(`rnnscope ${analysis} ${model.path}`);
    return [
      ` <testsuite name="${name}" tests="${verdicts.length}" failures="${failures}" errors="0" skipped="0" time="${seconds.toFixed(3)}">`,
      ...verdicts.map((verdict) => testCase(analysis, verdict)),
      ' </testsuite>',
    ];
  });
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites, '</testsuites>', ''].join(
    '\n',
  );
}

function testCase(analysis: string, verdict: Verdict): string {
  const open = `  <testcase classname="rnnscope.${inXml(analysis)}" name="${inXml(verdict.assertion.name)}"`;
  if (verdict.holds) return `${open}/>`;
  return `${open}><failure message="${inXml(failureLine(verdict))}" type="assertion"/></testcase>`;
}

const inCommand = (text: string): string =>
  text.replace(/[%\r\n]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
const inProperty = (text: string): string =>
  inCommand(text).replace(/[:,]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** The failures as GitHub's workflow commands, which it shows beside the run. */
export const githubAnnotations = (verdicts: readonly Verdict[]): string[] =>
  verdicts
    .filter(({ holds }) => !holds)
    .map((v) => `::error title=${inProperty(`rnnscope: ${v.assertion.name}`)}::${inCommand(failureLine(v))}`);
