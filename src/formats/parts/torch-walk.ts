import type { ModuleAttributes } from '../weight-file.js';
import { describeNesting, findNesting, isOptimiserKey } from './nesting.js';
import { NumpyArray } from './numpy-objects.js';
import { PICKLE_LIMITS } from './pickle.js';
import { PyDict, PyList, PyOpaque, PyRecord, PyTuple, type PyValue } from './python.js';
import type { Bytes } from './source.js';
import { TorchTensor, Unreadable } from './torch-objects.js';

export type Leaf = TorchTensor | NumpyArray;
type Facts = Map<string, string | number | boolean>;

/** What an unpickled object holds, under the dotted names that `state_dict()` would give. */
export interface Collected {
  readonly leaves: Map<string, Leaf>;
  readonly modules: Map<string, ModuleAttributes>;
  readonly notes: string[];
  /** Why values that hold numbers were passed over → their names. */
  readonly skipped: Map<string, string[]>;
}

/** Facts that the class of a module states in another place; for TorchScript, its code. */
export type ClassFacts = (className: string) => ReadonlyMap<string, string | number | boolean>;

/** Containers may be shared, so a small pickle can unfold to a walk without end. */
const MAX_VISITS = 200_000;

export function collect(source: Bytes, root: PyValue, classFacts: ClassFacts): Collected {
  const walk = new Walk(source, classFacts);
  walk.choose(root, 0);
  return walk.collected;
}

/** What training loops call their progress, the finest first. */
const STEP_KEYS = ['global_step', 'step', 'steps', 'iteration', 'iter', 'epoch'];

/** The training step that a checkpoint states beside its weights: a whole number under one of the usual names. */
export function stepOf(root: PyValue): number | undefined {
  const entries = dictEntries(root);
  return STEP_KEYS.map((key) => entries?.get(key)).find(
    (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
  );
}

class Walk {
  readonly collected: Collected = { leaves: new Map(), modules: new Map(), notes: [], skipped: new Map() };
  private visits = 0;
  /** The containers that are being walked: one that holds itself is not entered again. */
  private readonly open = new Set<PyValue>();

  constructor(
    private readonly source: Bytes,
    private readonly classFacts: ClassFacts,
  ) {}

  /** Steps into the entry of a checkpoint that holds the weights, as long as there is one. */
  choose(value: PyValue, depth: number): void {
    const entries = dictEntries(value);
    const nesting =
      entries && depth < PICKLE_LIMITS.depth && findNesting(entries, { holdsTensors, isStateDict });
    if (nesting) {
      this.collected.notes.push(...describeNesting(nesting));
      if (nesting.others.size === 0) this.choose(nesting.value, depth + 1);
      else this.dict('', new Map([[nesting.key, nesting.value], ...nesting.others]), depth);
    } else {
      this.visit('', value, 0);
    }
  }

  private visit(path: string, value: PyValue, depth: number): void {
    if (typeof value !== 'object' || value === null || this.open.has(value)) return;
    this.assertBounded(path, depth);
    this.open.add(value);
    this.enter(path, value, depth);
    this.open.delete(value);
  }

  private enter(path: string, value: PyValue, depth: number): void {
    if (value instanceof PyOpaque) this.leaf(path, value);
    else if (value instanceof PyRecord && value.entries.size === 0) this.record(path, value, depth);
    else if (value instanceof PyList || value instanceof PyTuple) this.list(path, value.items, depth);
    else this.dict(path, dictEntries(value) ?? new Map(), depth);
  }

  private assertBounded(path: string, depth: number): void {
    if (depth > PICKLE_LIMITS.depth) {
      const text = `its objects are nested deeper than ${PICKLE_LIMITS.depth} at '${path.slice(0, 60)}...'`;
      throw this.source.fault('LIMIT', `${text}, which no weights file needs.`);
    }
    if (++this.visits > MAX_VISITS) {
      throw this.source.fault('LIMIT', `holds more than ${MAX_VISITS} objects. Save the state_dict alone.`);
    }
  }

  private dict(path: string, entries: ReadonlyMap<PyValue, PyValue>, depth: number): void {
    for (const [key, value] of entries) {
      if (typeof key !== 'string' && typeof key !== 'number') continue;
      const name = String(key);
      if (name.endsWith('_extra_state')) continue;
      if (isOptimiserKey(name) && !isModule(value) && !(value instanceof PyOpaque))
        this.skipOptimiser(join(path, name), value);
      else this.visit(join(path, name), value, depth + 1);
    }
  }

  private skipOptimiser(path: string, value: PyValue): void {
    if (holdsTensors(value)) this.collected.notes.push(`skipped '${path}': optimiser state`);
  }

  private list(path: string, items: readonly PyValue[], depth: number): void {
    for (const [i, item] of items.entries()) this.visit(join(path, String(i)), item, depth + 1);
  }

  /** A module keeps its tensors in _parameters and _buffers; a TorchScript module keeps them as attributes. */
  private record(path: string, record: PyRecord, depth: number): void {
    const attributes = record.attributes.entries;
    if (isModule(record)) this.describeModule(path, record);
    if (record.className === 'torch.ScriptObject') {
      this.skip(path, SCRIPT_OBJECT);
    } else if (keepsParameters(record)) {
      for (const part of ['_parameters', '_buffers', '_modules']) {
        this.dict(path, dictEntries(attributes.get(part) ?? null) ?? new Map(), depth);
      }
    } else {
      const own = [...attributes].filter(([key]) => typeof key === 'string' && !key.startsWith('_'));
      this.dict(path, new Map(own), depth);
    }
  }

  private describeModule(path: string, record: PyRecord): void {
    const facts: Facts = new Map(this.classFacts(record.className));
    for (const [key, value] of record.attributes.entries) {
      if (typeof key !== 'string' || key.startsWith('_')) continue;
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        facts.set(key, value);
    }
    this.collected.modules.set(path, { className: plainClassName(record.className), facts });
  }

  private leaf(path: string, value: PyOpaque): void {
    if (value instanceof Unreadable) this.skip(path, value.reason);
    else if (value instanceof TorchTensor) this.keepUnless(value.unreadable, path, value);
    // A NumPy scalar is bookkeeping: an epoch, a best score.
    else if (value instanceof NumpyArray && value.shape.length > 0) {
      const readable = value.dtype !== undefined && value.bytes !== undefined;
      this.keepUnless(readable ? undefined : 'a NumPy array of something else than numbers', path, value);
    }
  }

  private keepUnless(reason: string | undefined, path: string, leaf: Leaf): void {
    if (reason === undefined) this.keep(path, leaf);
    else this.skip(path, reason);
  }

  private keep(path: string, leaf: Leaf): void {
    const name = path === '' ? 'tensor' : path;
    if (this.collected.leaves.has(name)) {
      throw this.source.fault(
        'AMBIGUOUS',
        `two tensors are called '${name}'. Save the state_dict of one model alone.`,
      );
    }
    this.collected.leaves.set(name, leaf);
  }

  private skip(path: string, reason: string): void {
    const names = this.collected.skipped.get(reason);
    if (names === undefined) this.collected.skipped.set(reason, [path]);
    else names.push(path);
  }
}

const SCRIPT_OBJECT = 'packed parameters of a quantised module; save the model before quantising it';

function keepsParameters(record: PyRecord): boolean {
  return record.attributes.entries.has('_parameters') || record.attributes.entries.has('_modules');
}

function isModule(value: PyValue): boolean {
  return value instanceof PyRecord && (keepsParameters(value) || value.className.startsWith('__torch__.'));
}

function dictEntries(value: PyValue): ReadonlyMap<PyValue, PyValue> | undefined {
  if (value instanceof PyDict) return value.entries;
  return value instanceof PyRecord && value.entries.size > 0 ? value.entries.entries : undefined;
}

/** Whether a container (not a tensor by itself) has a tensor anywhere inside. */
function holdsTensors(value: PyValue): boolean {
  if (value instanceof PyOpaque) return false;
  const seen = new Set<PyValue>();
  const waiting: PyValue[] = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next instanceof TorchTensor || next instanceof Unreadable) return true;
    if (next instanceof NumpyArray && next.shape.length > 0) return true;
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    for (const child of children(next)) waiting.push(child);
  }
  return false;
}

/** A dict with a matrix right in it, or a module. */
function isStateDict(value: PyValue): boolean {
  const isMatrix = (one: PyValue) =>
    (one instanceof TorchTensor && one.size.length >= 2) ||
    (one instanceof NumpyArray && one.shape.length >= 2);
  return isModule(value) || [...(dictEntries(value)?.values() ?? [])].some(isMatrix);
}

function children(value: PyValue): Iterable<PyValue> {
  if (value instanceof PyList || value instanceof PyTuple) return value.items;
  if (value instanceof PyDict) return value.entries.values();
  if (!(value instanceof PyRecord)) return [];
  return [...value.attributes.entries.values(), ...value.entries.entries.values()];
}

/** TorchScript puts `__torch__.` before the name of a class, and numbers copies of it by `___torch_mangle_0.`. */
function plainClassName(name: string): string {
  return name.replace(/^__torch__\./, '').replace(/___torch_mangle_\d+\./g, '');
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** What there is, for a message about a file that holds no tensors. */
export function describeValue(value: PyValue): string {
  const entries = dictEntries(value);
  if (entries !== undefined) {
    const keys = [...entries.keys()].filter((key) => typeof key === 'string');
    const shown = keys.slice(0, 8).map((key) => `'${key.slice(0, 40)}'`);
    return `it is a dict of ${entries.size}${shown.length > 0 ? ` (${shown.join(', ')})` : ''}`;
  }
  if (value instanceof PyList) return `it is a list of ${value.items.length}`;
  if (value instanceof PyTuple) return `it is a tuple of ${value.items.length}`;
  if (value instanceof PyRecord) return `it is an object of class ${value.className}`;
  return `it is ${value === null ? 'None' : `a ${typeof value}`}`;
}
