import {
  type Activation,
  type Algebra,
  activation,
  activationText,
  type CellWeights,
  type State,
} from '../../cells/index.js';
import type { Matrix } from '../../linalg/matrix.js';

/** What a graph does with its states and its input, as the operations of a cell's algebra. Equal objects are one quantity. */
export type Expression = { readonly length: number } & (
  | { readonly kind: 'state'; readonly block: string }
  | { readonly kind: 'input' }
  /** `name` is that of the matrix among the cell's parameters. */
  | { readonly kind: 'affine'; readonly W: Matrix; readonly of: Expression }
  | { readonly kind: 'add' | 'mul'; readonly a: Expression; readonly b: Expression }
  | { readonly kind: 'mix'; readonly z: Expression; readonly a: Expression; readonly b: Expression }
  | { readonly kind: 'scale' | 'shift'; readonly d: Float64Array; readonly of: Expression }
  | { readonly kind: 'complement'; readonly of: Expression }
  | { readonly kind: 'unary'; readonly f: Activation; readonly of: Expression }
);

export const affine = (W: Matrix, of: Expression): Expression => ({ kind: 'affine', W, of, length: W.rows });
export const mul = (a: Expression, b: Expression): Expression => ({ kind: 'mul', a, b, length: a.length });
export const unary = (f: Activation, of: Expression): Expression => ({
  kind: 'unary',
  f,
  of,
  length: of.length,
});

/** q times fixed numbers, one for all or one an entry. */
export const scale = (d: Float64Array, of: Expression): Expression => ({
  kind: 'scale',
  d: spread(d, of.length),
  of,
  length: of.length,
});

export const shift = (d: Float64Array, of: Expression): Expression => ({
  kind: 'shift',
  d: spread(d, of.length),
  of,
  length: of.length,
});

const spread = (d: Float64Array, length: number): Float64Array =>
  d.length === 1 ? new Float64Array(length).fill(d[0]!) : d;

/** 1 − q where the number is 1. */
export function subtractFrom(d: Float64Array, of: Expression): Expression {
  if (d.every((v) => v === 1)) return { kind: 'complement', of, length: of.length };
  return shift(d, scale(Float64Array.of(-1), of));
}

/** a + b; z a + (1 − z) b is a mixture, which an interval can keep between a and b. */
export function add(a: Expression, b: Expression): Expression {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    if (one.kind !== 'mul' || other.kind !== 'mul') continue;
    for (const [z, kept] of factors(one))
      for (const [rest, written] of factors(other))
        if (rest.kind === 'complement' && rest.of === z)
          return { kind: 'mix', z, a: written, b: kept, length: a.length };
  }
  return { kind: 'add', a, b, length: a.length };
}

const factors = ({ a, b }: Extract<Expression, { kind: 'mul' | 'add' }>) =>
  [
    [a, b],
    [b, a],
  ] as const;

const slices = new WeakMap<Expression, Map<string, Expression>>();

/** Entries [from, to): taken of everything that the expression is made of, so that fewer rows are computed. Found once each. */
export function sliceOf(e: Expression, from: number, to: number): Expression {
  if (to - from === e.length) return e;
  const known = slices.get(e) ?? new Map<string, Expression>();
  slices.set(e, known);
  const key = `${from}:${to}`;
  const found = known.get(key) ?? cut(e, from, to);
  known.set(key, found);
  return found;
}

function cut(e: Expression, from: number, to: number): Expression {
  const length = to - from;
  const part = (of: Expression): Expression => sliceOf(of, from, to);
  switch (e.kind) {
    case 'state':
    case 'input':
      return affine(selection(e.length, from, to), e);
    case 'affine': {
      const { cols, data } = e.W;
      return affine({ rows: length, cols, data: data.slice(from * cols, to * cols) }, e.of);
    }
    case 'add':
    case 'mul':
      return { ...e, a: part(e.a), b: part(e.b), length };
    case 'mix':
      return { ...e, z: part(e.z), a: part(e.a), b: part(e.b), length };
    case 'scale':
    case 'shift':
      return { ...e, d: e.d.slice(from, to), of: part(e.of), length };
    default:
      return { ...e, of: part(e.of), length };
  }
}

function selection(of: number, from: number, to: number): Matrix {
  const data = new Float64Array((to - from) * of);
  for (let i = from; i < to; i++) data[(i - from) * of + i] = 1;
  return { rows: to - from, cols: of, data };
}

/** All expressions that one is made of, those first that others need. */
export function parts(roots: readonly Expression[]): Expression[] {
  const found = new Set<Expression>();
  const open = [...roots].reverse();
  while (open.length > 0) {
    const e = open.at(-1)!;
    const missing = below(e).filter((one) => !found.has(one));
    if (missing.length === 0) {
      found.add(e);
      open.pop();
    } else open.push(...missing.reverse());
  }
  return [...found];
}

function below(e: Expression): readonly Expression[] {
  switch (e.kind) {
    case 'state':
    case 'input':
      return [];
    case 'add':
    case 'mul':
      return [e.a, e.b];
    case 'mix':
      return [e.z, e.a, e.b];
    default:
      return [e.of];
  }
}

/** Reads the expressions with any algebra; matrices and vectors are those of `weights`, by the names that `named` gives. */
export function read<Q>(
  order: readonly Expression[],
  names: ReadonlyMap<Expression, string>,
  op: Algebra<Q>,
  w: CellWeights,
  s: State<Q>,
  x: Q,
): ReadonlyMap<Expression, Q> {
  const values = new Map<Expression, Q>();
  const of = (e: Expression): Q => values.get(e)!;
  for (const e of order) values.set(e, value(e));
  return values;

  function value(e: Expression): Q {
    const name = names.get(e) ?? '';
    switch (e.kind) {
      case 'state':
        return s[e.block]!;
      case 'input':
        return x;
      case 'affine':
        return op.affine(w.matrices[name]!, of(e.of));
      case 'add':
        return op.add(of(e.a), of(e.b));
      case 'mul':
        return op.mul(of(e.a), of(e.b));
      case 'mix':
        return op.mix(of(e.z), of(e.a), of(e.b));
      case 'scale':
        return op.scale(w.vectors[name]!, of(e.of));
      case 'shift':
        return op.shift(w.vectors[name]!, of(e.of));
      case 'complement':
        return op.complement(of(e.of));
      case 'unary':
        return op.unary(e.f, of(e.of));
    }
  }
}

/** What is longer gets a name of its own. */
const LONGEST_TEXT = 100;

/** The equations as text: functions and shared quantities have lines of their own. */
export function textOf(
  order: readonly Expression[],
  names: ReadonlyMap<Expression, string>,
  outputs: ReadonlyMap<string, Expression>,
): string[] {
  const uses = new Map<Expression, number>();
  for (const e of order) for (const one of below(e)) uses.set(one, (uses.get(one) ?? 0) + 1);
  const lines: string[] = [];
  const words = new Map<Expression, string>();
  const word = (e: Expression): string => words.get(e)!;
  const blockOf = new Map([...outputs].map(([block, e]) => [e, block]));
  let count = 0;
  for (const e of order) {
    const text = line(e);
    const block = blockOf.get(e);
    const isSimple = ['state', 'input', 'complement'].includes(e.kind);
    const isNamed = (uses.get(e) ?? 0) > 1 || e.kind === 'unary';
    const isLong = (isNamed && !isSimple) || text.length > LONGEST_TEXT;
    const name = block ? `${block}'` : isLong ? `a${++count}` : undefined;
    if (name) lines.push(`${name} = ${text}`);
    words.set(e, name ?? text);
  }
  return lines;

  function line(e: Expression): string {
    const name = names.get(e) ?? '';
    switch (e.kind) {
      case 'state':
        return e.block;
      case 'input':
        return 'x';
      case 'affine':
        return `${name} ${bracketed(e.of)}`;
      case 'add':
        return `${word(e.a)} + ${word(e.b)}`;
      case 'mul':
        return `${bracketed(e.a)} ⊙ ${bracketed(e.b)}`;
      case 'mix':
        return `(1 − ${word(e.z)}) ⊙ ${bracketed(e.a)} + ${bracketed(e.z)} ⊙ ${bracketed(e.b)}`;
      case 'scale':
        return `${e.d.every((v) => v === e.d[0]) ? Number(e.d[0]!.toPrecision(6)) : name} ${bracketed(e.of)}`;
      case 'shift':
        return `${word(e.of)} + ${e.d.every((v) => v === e.d[0]) ? Number(e.d[0]!.toPrecision(6)) : name}`;
      case 'complement':
        return `(1 − ${word(e.of)})`;
      case 'unary':
        return `${e.f.name === 'sigmoid' ? 'σ' : e.f === UNIT_CLIP ? 'clip₀₁' : activationText(e.f)}(${word(e.of)})`;
    }
  }

  function bracketed(e: Expression): string {
    const text = word(e);
    return /[ +]/.test(text) && !/^\([^()]*\)$/.test(text) ? `(${text})` : text;
  }
}

/** q, held between 0 and 1. */
export const UNIT_CLIP = activation('hard_sigmoid', 1, 0);
