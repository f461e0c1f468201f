import { listedTensor, NON_FINITE, shapeOf } from './parts/json-tensors.js';
import { parseJson } from './parts/json-text.js';
import { describeShape, elementCount, isShape } from './parts/layout.js';
import { describeNesting, findNesting, isOptimiserKey } from './parts/nesting.js';
import { isRtNeural, rtNeural } from './parts/rtneural.js';
import type { Source } from './parts/source.js';
import { noTensors, type Reader } from './reader.js';
import type { ModuleAttributes, Tensor } from './weight-file.js';

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
    if (isRtNeural(root)) return rtNeural(source, root);
    const notes: string[] = [];
    const tensors = new Map<string, Tensor>();
    collect({ source, tensors }, '', choose(root, notes));
    if (tensors.size > 0) return { tensors, ...guitarMl(root, notes) };
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

export type JsonObject = { readonly [key: string]: unknown };

/** JSON that holds or describes a network in another way. */
function refuseOthers(source: Source, root: JsonObject): void {
  const has = (key: string) => Object.hasOwn(root, key);
  const refuse = (what: string, remedy: string) => source.fault('UNSUPPORTED', `this is ${what}. ${remedy}`);
  if (has('schema') && has('analysis')) {
    throw refuse('a result of rnnscope', 'Give the weights file that it was made from.');
  }
}

/**
 * GuitarML's Automated-GuitarAmpModelling and what loads its files: { model_data: { unit_type, skip, … }, state_dict }.
 * The recurrent module is called `rec`, the readout `lin`.
 */
function guitarMl(
  root: JsonObject,
  notes: readonly string[],
): { modules?: Map<string, ModuleAttributes>; notes: readonly string[] } {
  const said = root.model_data;
  if (!isObject(said) || !isObject(root.state_dict)) return { notes };
  const type = /^(RNN|GRU|LSTM)$/.exec(String(said.unit_type))?.[0];
  const skip = said.skip === 1 || said.skip === true;
  const remark = 'model_data.skip: the network adds its input to its output, which the readout here does not';
  return {
    ...(type && {
      modules: new Map([['rec', { className: `torch.nn.modules.rnn.${type}`, facts: new Map() }]]),
    }),
    notes: skip ? [...notes, remark] : notes,
  };
}

function choose(root: JsonObject, notes: string[]): JsonObject {
  const nesting = findNesting(new Map(Object.entries(root)), { holdsTensors: holdsLists, isStateDict });
  if (nesting === undefined || !isObject(nesting.value)) return root;
  notes.push(...describeNesting(nesting));
  if (nesting.others.size > 0) return { [nesting.key]: nesting.value, ...Object.fromEntries(nesting.others) };
  return choose(nesting.value, notes);
}

/** A dict with a matrix right in it. */
function isStateDict(value: unknown): boolean {
  if (!isObject(value) || isShaped(value)) return false;
  return Object.values(value).some(
    (inner) =>
      (Array.isArray(inner) && Array.isArray(inner[0])) || (isShaped(inner) && inner.shape.length >= 2),
  );
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
  into.tensors.set(name, listedTensor(into.source, name, lists, shape));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keysOf(root: JsonObject): string {
  const keys = Object.keys(root);
  const shown = keys.slice(0, 8).map((key) => `'${key.slice(0, 40)}'`);
  return keys.length === 0 ? 'none' : `${shown.join(', ')}${keys.length > 8 ? ', ...' : ''}`;
}
