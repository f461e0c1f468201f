import { parseJson } from './parts/json-text.js';
import { describeShape, elementCount, isShape } from './parts/layout.js';
import { describeNesting, findNesting, isOptimiserKey } from './parts/nesting.js';
import type { Source } from './parts/source.js';
import { noTensors, type Reader } from './reader.js';
import type { Tensor } from './weight-file.js';

const MAX_TEXT = 500 * 10 ** 6;
const MAX_DEPTH = 64;

/** Text: { name: nested lists of numbers }, in dicts of dicts if need be. */
export const json: Reader = {
  name: 'json',
  reads: 'JSON',
  extensions: ['.json'],
  sniff: (head) => /^\s*\{/.test(new TextDecoder('latin1').decode(head)),
  read({ source }) {
    const root = parse(source);
    if (!isObject(root)) throw source.fault('UNSUPPORTED', `is JSON but not a dict. ${EXPECTED}`);
    refuseOthers(source, root);
    const notes: string[] = [];
    const tensors = new Map<string, Tensor>();
    collect({ source, tensors }, '', choose(root, notes));
    if (tensors.size > 0) return { tensors, notes };
    throw noTensors(source, `its keys are ${keysOf(root)}`, EXPECTED);
  },
};

const EXPECTED = 'Expected {"name": nested lists of numbers, ...}.';

function parse(source: Source): unknown {
  if (source.size > MAX_TEXT) {
    const text = `is JSON of ${source.size} bytes; at most ${MAX_TEXT} are read. Save it as .npz or .safetensors.`;
    throw source.fault('LIMIT', text);
  }
  return parseJson(source, source.read(0, source.size), MAX_DEPTH, 'its text');
}

type JsonObject = { readonly [key: string]: unknown };

/** JSON that holds or describes a network in another way. */
function refuseOthers(source: Source, root: JsonObject): void {
  const has = (key: string) => Object.hasOwn(root, key);
  const refuse = (what: string, remedy: string) => source.fault('UNSUPPORTED', `this is ${what}. ${remedy}`);
  if (has('weightsManifest') || has('modelTopology')) {
    throw refuse(
      'a TensorFlow.js model',
      'rnnscope 0.1 does not read it; save the weights as .npz or .safetensors.',
    );
  }
  if (has('weight_map')) {
    throw refuse(
      'the index of a sharded safetensors model',
      'Give the shard that holds the recurrent weights, or merge them.',
    );
  }
  if (Array.isArray(root.layers) && has('in_shape')) {
    throw refuse(
      'an RTNeural model',
      'rnnscope 0.1 does not read it; save the weights as {"name": nested lists}.',
    );
  }
  if (has('schema') && has('analysis')) {
    throw refuse('a result of rnnscope', 'Give the weights file that it was made from.');
  }
}

function choose(root: JsonObject, notes: string[]): JsonObject {
  const nesting = findNesting(new Map(Object.entries(root)), holdsLists);
  if (nesting === undefined || !isObject(nesting.value)) return root;
  notes.push(...describeNesting(nesting));
  return choose(nesting.value, notes);
}

function holdsLists(value: unknown): boolean {
  if (!isObject(value) || isShaped(value)) return false;
  return Object.values(value).some((inner) => Array.isArray(inner) || isShaped(inner) || holdsLists(inner));
}

interface Collection {
  readonly source: Source;
  readonly tensors: Map<string, Tensor>;
}

function collect(into: Collection, path: string, object: JsonObject): void {
  for (const [key, value] of Object.entries(object)) {
    const name = path === '' ? key : `${path}.${key}`;
    if (isOptimiserKey(key) && isObject(value)) continue;
    if (Array.isArray(value) && !holdsNumbers(value)) continue;
    if (Array.isArray(value)) addTensor(into, name, value, shapeOf(into.source, name, value));
    else if (isShaped(value)) addTensor(into, name, value.data, declaredShape(into, name, value));
    else if (isObject(value)) collect(into, name, value);
  }
}

/** By the first element: lists of names or of dicts may stand beside the tensors. */
function holdsNumbers(lists: readonly unknown[]): boolean {
  let first: unknown = lists;
  while (Array.isArray(first)) first = first[0];
  return first === undefined || typeof first === 'number' || NON_FINITE.has(first);
}

interface Shaped {
  readonly shape: readonly unknown[];
  readonly data: readonly unknown[];
}

function isShaped(value: unknown): value is JsonObject & Shaped {
  return isObject(value) && Array.isArray(value.shape) && Array.isArray(value.data);
}

function declaredShape({ source }: Collection, name: string, { shape, data }: Shaped): readonly number[] {
  if (!isShape(shape))
    throw source.fault('CORRUPT', `the tensor '${name}' has the shape ${JSON.stringify(shape)}.`);
  const there = elementCount(shapeOf(source, name, data));
  if (elementCount(shape) === there) return shape;
  const text = `of shape ${describeShape(shape)} needs ${elementCount(shape)} numbers but has ${there}`;
  throw source.fault('SHAPE', `the tensor '${name}' ${text}.`);
}

function addTensor(
  into: Collection,
  name: string,
  lists: readonly unknown[],
  shape: readonly number[],
): void {
  if (into.tensors.has(name)) {
    throw into.source.fault('AMBIGUOUS', `two tensors are called '${name}'. Rename one.`);
  }
  const numbers = new Float64Array(elementCount(shape));
  fill(into.source, name, lists, numbers);
  into.tensors.set(name, { name, shape, dtype: 'f64', values: () => numbers });
}

/** Along the first elements; that the others agree is checked while they are read. */
function shapeOf(source: Source, name: string, lists: readonly unknown[]): number[] {
  const shape: number[] = [];
  for (let level: unknown = lists; Array.isArray(level); level = level[0]) shape.push(level.length);
  assertRegular(source, name, lists, shape, []);
  return shape;
}

function assertRegular(
  source: Source,
  name: string,
  value: unknown,
  [size, ...rest]: readonly number[],
  index: readonly number[],
): void {
  const ragged = (found: string, expected: string) =>
    source.fault(
      'SHAPE',
      `the tensor '${name}' is ragged: ${place(name, index)} is ${found}, expected ${expected}.`,
    );
  if (!Array.isArray(value)) throw ragged('not a list', `a list of ${size}`);
  if (value.length !== size) throw ragged(`a list of ${value.length}`, `one of ${size}`);
  if (rest.length > 0) {
    for (const [i, inner] of value.entries()) assertRegular(source, name, inner, rest, [...index, i]);
  } else if (value.some(Array.isArray)) {
    throw ragged('a list of lists and others', `a list of ${size} numbers`);
  }
}

function place(name: string, index: readonly number[]): string {
  return name + index.map((i) => `[${i}]`).join('');
}

const NON_FINITE = new Map<unknown, number>([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function fill(source: Source, name: string, lists: readonly unknown[], numbers: Float64Array): void {
  let at = 0;
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach(visit);
      return;
    }
    const number = typeof value === 'number' ? value : NON_FINITE.get(value);
    if (number === undefined) {
      const found = (JSON.stringify(value) ?? 'nothing').slice(0, 40);
      throw source.fault('CORRUPT', `element ${at} of '${name}' is ${found}, expected a number.`);
    }
    numbers[at++] = number;
  };
  visit(lists);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keysOf(root: JsonObject): string {
  const keys = Object.keys(root);
  const shown = keys.slice(0, 8).map((key) => `'${key.slice(0, 40)}'`);
  return keys.length === 0 ? 'none' : `${shown.join(', ')}${keys.length > 8 ? ', ...' : ''}`;
}
