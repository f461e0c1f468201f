import { type DType, sizeOf, widen } from './parts/dtype.js';
import { describeShape, elementCount, rowMajorStrides } from './parts/layout.js';
import { type Field, looksLike, Message } from './parts/protobuf.js';
import { bytesOf, DAMAGED, type Source } from './parts/source.js';
import { storedTensor, tooManyElements } from './parts/tensors.js';
import type { Contents, Reader } from './reader.js';
import type { Graph, GraphAttribute, GraphInput, GraphNode, Program, Tensor } from './weight-file.js';

// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto: the field numbers below

/** ModelProto: ir_version, producer, its version, domain, version, doc, graph, opsets, metadata, training, functions, configurations. */
const MODEL_FIELDS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26]);

export const onnx: Reader = {
  name: 'onnx',
  reads: '.onnx',
  extensions: ['.onnx'],
  sniff: (head, { source }) => head[0] === 0x08 && looksLike(source, MODEL_FIELDS, [1, 7]),
  read: ({ source }) => new ModelReader(source).read(),
};

const NO_ATTRIBUTES: ReadonlyMap<string, GraphAttribute> = new Map();
const MAX_RANK = 8;
/** Nodes, tensors, attributes and names together: large language models have some hundred thousand. */
const MAX_ITEMS = 1_000_000;
/** Whole numbers in one attribute. */
const MAX_NUMBERS = 1_000_000;

const DTYPES: Readonly<Record<number, DType>> = {
  1: 'f32',
  2: 'u8',
  3: 'i8',
  4: 'u16',
  5: 'i16',
  6: 'i32',
  7: 'i64',
  9: 'bool',
  10: 'f16',
  11: 'f64',
  12: 'u32',
  13: 'u64',
  16: 'bf16',
};

class ModelReader {
  private items = 0;
  private readonly notes: string[] = [];
  /** Of all graphs; a name that two of them use is kept for the outer one. */
  private readonly tensors = new Map<string, Tensor>();

  constructor(private readonly source: Source) {}

  read(): Contents {
    const { source } = this;
    if (!isTag(source)) {
      throw source.fault(
        'UNKNOWN',
        'is no ONNX file: it does not begin as one. Save it again from the framework.',
      );
    }
    let graph: Graph | undefined;
    let opset = 1;
    const functions = new Map<string, readonly GraphNode[]>();
    for (const field of Message.of(source).fields()) {
      if (field.number === 7) graph = this.graph(field.message(), true);
      else if (field.number === 8) opset = Math.max(opset, ownOpset(field.message()));
      else if (field.number === 25) this.function(field.message(), functions);
    }
    if (graph === undefined) throw source.fault('CORRUPT', `holds no graph. ${DAMAGED}`);
    const program: Program = { ...graph, opset, functions };
    return { tensors: this.tensors, program, notes: this.notes };
  }

  /** Counts what is kept, so that a file of many small things cannot fill the memory. */
  private count(): void {
    if (++this.items > MAX_ITEMS)
      throw this.source.fault('LIMIT', `holds more than ${MAX_ITEMS} nodes, tensors and names.`);
  }

  private graph(message: Message, isOutermost: boolean): Graph {
    let name = '';
    const nodes: GraphNode[] = [];
    const tensors = new Map<string, Tensor>();
    const inputs: GraphInput[] = [];
    const outputs: string[] = [];
    for (const field of message.fields()) {
      this.count();
      if (field.number === 1) nodes.push(this.node(field.message()));
      else if (field.number === 2) name = field.text();
      else if (field.number === 5) this.initializer(field.message(), tensors);
      else if (field.number === 11) inputs.push(graphInput(field.message(), isOutermost));
      else if (field.number === 12) outputs.push(graphInput(field.message(), false).name);
      else if (field.number === 15) this.notes.push('skipped a sparse tensor, whose format is not read');
    }
    return { name, nodes, tensors, inputs, outputs };
  }

  private initializer(message: Message, tensors: Map<string, Tensor>): void {
    const tensor = this.tensor(message, 'a tensor without a name');
    if (tensors.has(tensor.name))
      throw this.source.fault('CORRUPT', `two tensors are called '${tensor.name}'. ${DAMAGED}`);
    tensors.set(tensor.name, tensor);
    if (!this.tensors.has(tensor.name)) this.tensors.set(tensor.name, tensor);
  }

  private node(message: Message): GraphNode {
    const node = { name: '', operator: '', domain: '' };
    const inputs: string[] = [];
    const outputs: string[] = [];
    let attributes: Map<string, GraphAttribute> | undefined;
    for (const field of message.fields()) {
      this.count();
      if (field.number === 1) inputs.push(field.text());
      else if (field.number === 2) outputs.push(field.text());
      else if (field.number === 3) node.name = field.text();
      else if (field.number === 4) node.operator = field.text();
      else if (field.number === 5) {
        attributes ??= new Map();
        this.attribute(field.message(), attributes);
      } else if (field.number === 7) node.domain = field.text();
    }
    const isOwn = node.domain === '' || node.domain === 'ai.onnx';
    const operator = isOwn ? node.operator : `${node.domain}.${node.operator}`;
    return { operator, name: node.name, inputs, outputs, attributes: attributes ?? NO_ATTRIBUTES };
  }

  private attribute(message: Message, into: Map<string, GraphAttribute>): void {
    let name = '';
    let value: GraphAttribute | undefined;
    const numbers: number[] = [];
    const strings: string[] = [];
    const graphs: Graph[] = [];
    const push = (found: readonly number[]): void => {
      for (const number of found) numbers.push(number);
    };
    for (const field of message.fields()) {
      this.count();
      if (field.number === 1) name = field.text();
      else if (field.number === 2) value = field.float();
      else if (field.number === 3) value = field.integer();
      else if (field.number === 4) value = field.text();
      else if (field.number === 5) value = this.tensor(field.message(), 'a constant');
      else if (field.number === 6) value = this.graph(field.message(), false);
      else if (field.number === 7) push(field.floats(4, MAX_NUMBERS));
      else if (field.number === 8) push(field.integers(MAX_NUMBERS));
      else if (field.number === 9) strings.push(field.text());
      else if (field.number === 11) graphs.push(this.graph(field.message(), false));
    }
    if (value === undefined) value = graphs.length > 0 ? graphs : strings.length > 0 ? strings : numbers;
    into.set(name, value);
  }

  /** A function of the file's own: nodes that are written once and called by an operator's name. */
  private function(message: Message, into: Map<string, readonly GraphNode[]>): void {
    let name = '';
    let domain = '';
    const nodes: GraphNode[] = [];
    for (const field of message.fields()) {
      this.count();
      if (field.number === 1) name = field.text();
      else if (field.number === 10) domain = field.text();
      else if (field.number === 7) nodes.push(this.node(field.message()));
    }
    into.set(domain === '' ? name : `${domain}.${name}`, nodes);
  }

  private tensor(message: Message, nameless: string): Tensor {
    const stored = storedFields(message);
    const name = stored.name === '' ? nameless : stored.name;
    const { source } = this;
    if (stored.dims.length > MAX_RANK)
      throw source.fault('LIMIT', `the tensor '${name}' has more than ${MAX_RANK} dimensions.`);
    if (stored.dims.some((size) => size < 0))
      throw source.fault(
        'CORRUPT',
        `the tensor '${name}' has the shape ${describeShape(stored.dims)}. ${DAMAGED}`,
      );
    const tooMany = tooManyElements(stored.dims);
    if (tooMany !== undefined) throw source.fault('LIMIT', `the tensor '${name}' ${tooMany}.`);
    const dtype = DTYPES[stored.type];
    if (dtype === undefined) return unreadable(source, name, stored);
    return new TensorReader(source, name, stored, dtype).read();
  }
}

/** The tag of ir_version, or of another field that may stand first. Text does not begin so. */
function isTag(source: Source): boolean {
  const first = source.read(0, 1)[0]!;
  return MODEL_FIELDS.has(first >> 3) && (first & 7) === (first >> 3 === 1 || first >> 3 === 5 ? 0 : 2);
}

/** The version of ONNX's own operators in an OperatorSetId; 0 for other domains. */
function ownOpset(message: Message): number {
  let domain = '';
  let version = 0;
  for (const field of message.fields()) {
    if (field.number === 1) domain = field.text();
    else if (field.number === 2) version = field.integer();
  }
  return domain === '' || domain === 'ai.onnx' ? version : 0;
}

/** ValueInfo: a name and, if it is asked for, the type { tensor { element type, shape { dimensions } } }. */
function graphInput(message: Message, withType: boolean): GraphInput {
  let name = '';
  let type: Omit<GraphInput, 'name'> = {};
  for (const field of message.fields()) {
    if (field.number === 1) name = field.text();
    else if (field.number === 2 && withType) type = tensorType(field.message());
  }
  return { name, ...type };
}

function tensorType(message: Message): Omit<GraphInput, 'name'> {
  const found: { dtype?: string; shape?: (number | string)[] } = {};
  for (const type of message.fields()) {
    if (type.number !== 1) continue;
    for (const field of type.message().fields()) {
      if (field.number === 1) found.dtype = DTYPES[field.integer()] ?? 'unknown';
      else if (field.number === 2) found.shape = dimensions(field.message());
    }
  }
  return found;
}

function dimensions(message: Message): (number | string)[] {
  const shape: (number | string)[] = [];
  for (const field of message.fields()) {
    if (field.number !== 1 || shape.length > MAX_RANK) continue;
    let size: number | string = '';
    for (const dimension of field.message().fields()) {
      if (dimension.number === 1) size = dimension.integer();
      else if (dimension.number === 2) size = dimension.text();
    }
    shape.push(size);
  }
  return shape;
}

/** The fields of a TensorProto, where they lie. */
interface StoredFields {
  name: string;
  dims: number[];
  type: number;
  raw?: Field;
  /** float_data, int32_data, int64_data, double_data, uint64_data: packed, or one field a number. */
  readonly data: Map<number, Field[]>;
  external: boolean;
  readonly where: Map<string, string>;
}

function storedFields(message: Message): StoredFields {
  const stored: StoredFields = {
    name: '',
    dims: [],
    type: 0,
    data: new Map(),
    external: false,
    where: new Map(),
  };
  for (const field of message.fields()) {
    if (field.number === 1) addSizes(field, stored.dims);
    else if (field.number === 2) stored.type = field.integer();
    else if (field.number === 8) stored.name = field.text();
    else if (field.number === 9) stored.raw = field;
    else if (field.number === 13) addPlace(field.message(), stored.where);
    else if (field.number === 14) stored.external = field.integer() === 1;
    else if ([4, 5, 7, 10, 11].includes(field.number)) {
      const before = stored.data.get(field.number);
      if (before) before.push(field);
      else stored.data.set(field.number, [field]);
    }
  }
  return stored;
}

/** No more than it takes to see that there are too many. */
function addSizes(field: Field, into: number[]): void {
  if (into.length <= MAX_RANK) into.push(...field.integers(MAX_RANK));
}

/** StringStringEntry { key, value }: location, offset, length. */
function addPlace(message: Message, into: Map<string, string>): void {
  let [key, value] = ['', ''];
  for (const field of message.fields()) {
    if (field.number === 1) key = field.text();
    else if (field.number === 2) value = field.text();
  }
  into.set(key, value);
}

const OTHER_TYPES: Readonly<Record<number, string>> = { 8: 'string', 14: 'c64', 15: 'c128' };

/** Text, complex and narrow numbers: they have a shape, and are refused when their values are asked for. */
function unreadable(source: Source, name: string, { type, dims }: StoredFields): Tensor {
  const dtype = OTHER_TYPES[type] ?? `onnx type ${type}`;
  const values = (): Float64Array => {
    throw source.fault('UNSUPPORTED', `the tensor '${name}' holds ${dtype} values, which are not read.`);
  };
  return { name, shape: dims, dtype, values };
}

/** Which field holds the numbers of a type when they are not in raw_data. */
const DATA_FIELD: Readonly<Record<DType, number>> = {
  f32: 4,
  f64: 10,
  i64: 7,
  u32: 11,
  u64: 11,
  f16: 5,
  bf16: 5,
  i32: 5,
  i16: 5,
  i8: 5,
  u16: 5,
  u8: 5,
  bool: 5,
};

class TensorReader {
  private readonly count: number;

  constructor(
    private readonly source: Source,
    private readonly name: string,
    private readonly stored: StoredFields,
    private readonly dtype: DType,
  ) {
    this.count = elementCount(stored.dims);
  }

  read(): Tensor {
    const { raw, external } = this.stored;
    if (external) return this.external();
    if (raw) {
      this.checkBytes(raw.length, this.source.label);
      return this.placed(this.source, raw.offset);
    }
    return this.spelledOut();
  }

  private placed(bytes: Source, offset: number): Tensor {
    const { dims: shape } = this.stored;
    return storedTensor(this.name, {
      bytes,
      offset,
      shape,
      strides: rowMajorStrides(shape),
      dtype: this.dtype,
    });
  }

  private checkBytes(there: number, where: string): void {
    const needed = this.count * sizeOf(this.dtype);
    if (there === needed) return;
    const shape = describeShape(this.stored.dims);
    throw this.source.fault(
      'SHAPE',
      `the tensor '${this.name}' of shape ${shape} and dtype ${this.dtype} needs ${bytesOf(needed)} but has ${there} in ${where}. ${DAMAGED}`,
    );
  }

  /** Weights in a file beside the model: a plain name, and a range of it. */
  private external(): Tensor {
    const { where } = this.stored;
    const file = this.source.sibling(where.get('location') ?? '');
    const offset = this.position('offset', '0');
    const length = where.has('length') ? this.position('length', '0') : this.count * sizeOf(this.dtype);
    this.checkBytes(length, file.label);
    if (offset + length > file.size)
      throw file.fault(
        'TRUNCATED',
        `the tensor '${this.name}' is in bytes ${offset} to ${offset + length}, but the file has ${file.size}. Copy it again.`,
      );
    return this.placed(file, offset);
  }

  private position(key: string, fallback: string): number {
    const text = this.stored.where.get(key) ?? fallback;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value)) return value;
    throw this.source.fault('CORRUPT', `the tensor '${this.name}' has the ${key} '${text}'. ${DAMAGED}`);
  }

  /** Numbers in a field of their kind: decoded when they are asked for. */
  private spelledOut(): Tensor {
    const { dims: shape, data } = this.stored;
    const { name, dtype, count } = this;
    const fields = data.get(DATA_FIELD[dtype]) ?? [];
    const values = (): Float64Array => {
      const numbers = fields.flatMap((field) => this.numbersOf(field));
      if (numbers.length === count) return Float64Array.from(numbers);
      const text = `of shape ${describeShape(shape)} needs ${count} numbers but has ${numbers.length}`;
      throw this.source.fault('SHAPE', `the tensor '${name}' ${text}. ${DAMAGED}`);
    };
    return { name, shape, dtype, values };
  }

  private numbersOf(field: Field): number[] {
    const { dtype, count } = this;
    if (dtype === 'f32') return field.floats(4, count);
    if (dtype === 'f64') return field.floats(8, count);
    const integers = field.integers(count);
    if (dtype !== 'f16' && dtype !== 'bf16') return integers;
    // Their bits stand in whole numbers.
    return [...widen(new Uint8Array(Uint16Array.from(integers).buffer), dtype)];
  }
}
