import type { GraphAttribute } from '../formats/weight-file.js';

// Just enough of ONNX to write a graph of recurrent nodes: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

/** A value of a field: a text, a message or bytes, or whole numbers (packed). */
type Value = string | Uint8Array | number;

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Uint8Array.from(bytes);
}

export function field(number: number, value: Value): Uint8Array {
  if (typeof value === 'number') return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

export const message = (...fields: readonly Uint8Array[]): Uint8Array => Buffer.concat(fields);

const float32 = (numbers: ArrayLike<number>): Uint8Array => new Uint8Array(Float32Array.from(numbers).buffer);

/** A tensor of float32 (1), or of int64 (7). */
export const tensorBytes = (
  name: string,
  shape: readonly number[],
  values: ArrayLike<number>,
  type: 1 | 7 = 1,
): Uint8Array =>
  message(
    field(1, message(...shape.map(varint))),
    field(2, type),
    field(8, name),
    field(
      9,
      type === 1 ? float32(values) : new Uint8Array(BigInt64Array.from(values as number[], BigInt).buffer),
    ),
  );

/** Attributes of the recurrent operators that are floats and not whole numbers. */
const FLOATS = new Set(['clip', 'activation_alpha', 'activation_beta', 'alpha', 'beta']);

/** AttributeProto: 1 name, 20 kind, then f 2, i 3, s 4, floats 7, ints 8, strings 9. */
export function attributeBytes(name: string, value: GraphAttribute | Uint8Array): Uint8Array {
  const typed = (kind: number, ...fields: Uint8Array[]) =>
    message(field(1, name), ...fields, field(20, kind));
  const isFloat = FLOATS.has(name);
  if (value instanceof Uint8Array) return typed(4, field(5, value));
  if (typeof value === 'number')
    return isFloat ? typed(1, message(varint((2 << 3) | 5), float32([value]))) : typed(2, field(3, value));
  if (typeof value === 'string') return typed(3, field(4, value));
  if (!Array.isArray(value)) throw new Error(`the attribute ${name} cannot be written`);
  if (value.every((one) => typeof one === 'string')) return typed(8, ...value.map((one) => field(9, one)));
  return isFloat
    ? typed(6, field(7, float32(value as number[])))
    : typed(7, field(8, message(...(value as number[]).map(varint))));
}

export interface NodeBytes {
  readonly operator: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, GraphAttribute | Uint8Array>>;
}

export const nodeBytes = ({ operator, name = '', inputs, outputs, attributes = {} }: NodeBytes): Uint8Array =>
  message(
    ...inputs.map((input) => field(1, input)),
    ...outputs.map((output) => field(2, output)),
    field(3, name),
    field(4, operator),
    ...Object.entries(attributes).map(([key, value]) => field(5, attributeBytes(key, value))),
  );

export interface ValueBytes {
  readonly name: string;
  readonly shape?: readonly (number | string)[];
  /** Of the elements, by ONNX's number; float32 where absent. */
  readonly type?: number;
}

/** ValueInfo of a tensor; without a type where the shape is not given. */
const valueBytes = ({ name, shape, type = 1 }: ValueBytes): Uint8Array => {
  if (!shape) return field(1, name);
  const dimensions = shape.map((size) =>
    field(1, typeof size === 'number' ? field(1, size) : field(2, size)),
  );
  return message(
    field(1, name),
    field(2, field(1, message(field(1, type), field(2, message(...dimensions))))),
  );
};

export interface GraphBytes {
  readonly nodes: readonly Uint8Array[];
  readonly tensors?: readonly Uint8Array[];
  readonly inputs?: readonly ValueBytes[];
  readonly outputs?: readonly ValueBytes[];
}

export const graphBytes = ({ nodes, tensors = [], inputs = [], outputs = [] }: GraphBytes): Uint8Array =>
  message(
    ...nodes.map((node) => field(1, node)),
    field(2, 'graph'),
    ...tensors.map((tensor) => field(5, tensor)),
    ...inputs.map((input) => field(11, valueBytes(input))),
    ...outputs.map((output) => field(12, valueBytes(output))),
  );

export const modelBytes = (graph: GraphBytes, opset: number): Uint8Array =>
  message(field(1, 8), field(7, graphBytes(graph)), field(8, message(field(1, ''), field(2, opset))));

/** What, put behind a model, makes these values outputs as well: a message that occurs twice is merged. */
export const furtherOutputs = (names: readonly string[]): Uint8Array =>
  field(7, message(...names.map((name) => field(12, valueBytes({ name })))));
