import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { readWeightFile } from '../../src/formats/index.js';
import {
  field,
  graphBytes,
  message,
  modelBytes,
  nodeBytes,
  tensorBytes,
} from '../../src/oracle/onnx-bytes.js';
import { fixture, malformed, read } from './build.js';

const DAMAGED = 'The file is damaged; save it again.';
const INCOMPLETE = 'The file is cut short; copy or save it again.';

/** `CODE message` of the refusal of a file or of its numbers, which has to come soon. */
async function refusal(
  act: () => Promise<{ tensors: ReadonlyMap<string, { values(): Float64Array }> }>,
): Promise<string> {
  const start = process.cpuUsage();
  const error = await act()
    .then(({ tensors }) => {
      for (const tensor of tensors.values()) tensor.values();
    })
    .catch((thrown: unknown) => thrown);
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1e6).toBeLessThan(2);
  if (!(error instanceof UserError)) throw new Error('expected a UserError', { cause: error });
  return `${error.code} ${error.message}`;
}

const tensorWith = (...fields: Uint8Array[]): Uint8Array =>
  field(7, field(5, message(...fields, field(8, 'W'))));
const file = (...fields: Uint8Array[]): Uint8Array => message(field(1, 8), ...fields);
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const varints = (...values: number[]) => message(...values.map((v) => field(1, v).slice(1)));

describe('numbers of a tensor are read from each field that may hold them:', () => {
  test.each<[string, Uint8Array, number[], string]>([
    ['raw f32', tensorBytes('W', [3], [1, -2, 0.5]), [1, -2, 0.5], 'f32'],
    ['raw i64', tensorBytes('W', [2], [5, -7], 7), [5, -7], 'i64'],
    [
      'float_data',
      message(field(1, varints(2)), field(2, 1), field(4, floats(1.5, 2)), field(8, 'W')),
      [1.5, 2],
      'f32',
    ],
    [
      'int64_data',
      message(field(1, varints(2)), field(2, 7), field(7, varints(3, -4)), field(8, 'W')),
      [3, -4],
      'i64',
    ],
    [
      'int64_data one by one',
      message(field(1, 2), field(2, 7), field(7, 3), field(7, 9), field(8, 'W')),
      [3, 9],
      'i64',
    ],
    [
      'double_data',
      message(
        field(1, varints(1)),
        field(2, 11),
        field(10, new Uint8Array(Float64Array.of(0.1).buffer)),
        field(8, 'W'),
      ),
      [0.1],
      'f64',
    ],
    // 1.5 as float16 is 0x3e00, as bfloat16 0x3fc0.
    [
      'float16 in int32_data',
      message(field(1, varints(1)), field(2, 10), field(5, varints(0x3e00)), field(8, 'W')),
      [1.5],
      'f16',
    ],
    [
      'bfloat16 in int32_data',
      message(field(1, varints(1)), field(2, 16), field(5, varints(0x3fc0)), field(8, 'W')),
      [1.5],
      'bf16',
    ],
    ['a scalar', message(field(2, 1), field(4, floats(7)), field(8, 'W')), [7], 'f32'],
  ])('%s', async (_, tensor, values, dtype) => {
    const { tensors } = await read('net.onnx', modelBytes({ nodes: [], tensors: [tensor] }, 18));
    expect([...tensors.get('W')!.values()]).toEqual(values);
    expect(tensors.get('W')!.dtype).toBe(dtype);
  });
});

test('fields may come in any order, in several pieces, and with others that are not known', async () => {
  const tensor = message(field(9, floats(4, 2)), field(99, 'later'), field(8, 'W'), field(2, 1), field(1, 2));
  const bytes = message(
    field(8, message(field(2, 12))),
    field(7, message(field(5, tensor))),
    field(1, 8),
    field(7, message(field(5, tensorBytes('R', [1], [3])), field(12, field(1, 'y')))),
  );
  const { tensors } = await read('net.onnx', bytes);
  expect([...tensors.get('W')!.values()]).toEqual([4, 2]);
});

test('a file is told by its fields, whatever it is called', async () => {
  const bytes = modelBytes({ nodes: [], tensors: [tensorBytes('W', [1], [1])] }, 18);
  expect((await read('weights.bin', bytes)).format).toBe('onnx');
});

test('graphs, their inputs and their nodes are what the file says', async () => {
  const inner = graphBytes({
    nodes: [nodeBytes({ operator: 'Neg', inputs: ['a'], outputs: ['b'] })],
    outputs: [{ name: 'b' }],
  });
  const own = message(field(1, 'x'), field(2, 'y'), field(4, 'Attention'), field(7, 'com.microsoft'));
  const branching = message(
    field(2, 'z'),
    field(4, 'If'),
    field(5, message(field(1, 'then_branch'), field(6, inner), field(20, 5))),
  );
  const gru = nodeBytes({
    operator: 'GRU',
    name: 'cell',
    inputs: ['x', '', 'r'],
    outputs: ['y'],
    attributes: { hidden_size: 4, activation_alpha: [0.5], direction: 'reverse', activations: ['Tanh'] },
  });
  const { program } = await read(
    'net.onnx',
    modelBytes({ nodes: [gru, own, branching], inputs: [{ name: 'x', shape: ['batch', 3] }] }, 18),
  );
  expect(program!.opset).toBe(18);
  expect(program!.inputs).toEqual([{ name: 'x', dtype: 'f32', shape: ['batch', 3] }]);
  expect(program!.nodes.map(({ operator, inputs }) => [operator, inputs])).toEqual([
    ['GRU', ['x', '', 'r']],
    ['com.microsoft.Attention', ['x']],
    ['If', []],
  ]);
  expect(Object.fromEntries(program!.nodes[0]!.attributes)).toEqual({
    hidden_size: 4,
    activation_alpha: [0.5],
    direction: 'reverse',
    activations: ['Tanh'],
  });
  expect(program!.nodes[2]!.attributes.get('then_branch')).toMatchObject({ outputs: ['b'] });
});

describe('a hostile or broken ONNX file is refused in one line:', () => {
  test.each([
    [
      '40_ext_traversal.onnx',
      "REFUSED 40_ext_traversal.onnx: names the file '../../etc/passwd', which is not a plain name of a file beside it.",
    ],
    [
      '40c_ext_symlink.onnx',
      "NOT_FOUND 40c_ext_symlink.onnx: needs the file 'link.bin', which was not found beside it. Copy it there.",
    ],
    [
      '45_raw_len.onnx',
      `SHAPE 45_raw_len.onnx: the tensor 'W' of shape [1, 12, 3] and dtype f32 needs 144 bytes but has 10 in 45_raw_len.onnx. ${DAMAGED}`,
    ],
    [
      '48_len_lie.onnx',
      `TRUNCATED 48_len_lie.onnx: the field at byte 6 is said to have 4294967295 bytes, but 2 are left. ${INCOMPLETE}`,
    ],
    [
      '49b_text.onnx',
      'UNKNOWN 49b_text.onnx: is no ONNX file: it does not begin as one. Save it again from the framework.',
    ],
  ])('%s', async (name, expected) => {
    expect(await refusal(() => readWeightFile(malformed(name)))).toBe(expected);
  });

  test('a link beside the model is not followed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rnnscope-onnx-'));
    try {
      writeFileSync(join(folder, 'secret'), 'secret');
      symlinkSync(join(folder, 'secret'), join(folder, 'link.bin'));
      writeFileSync(
        join(folder, 'net.onnx'),
        file(
          tensorWith(
            field(1, 1),
            field(2, 1),
            field(14, 1),
            field(13, message(field(1, 'location'), field(2, 'link.bin'))),
          ),
        ),
      );
      expect(await refusal(() => readWeightFile(join(folder, 'net.onnx')))).toBe(
        "REFUSED net.onnx: the file 'link.bin' is a link, which is not followed. Copy what it points to.",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const external = (offset: string, length: string): Uint8Array =>
    tensorWith(
      field(1, 2),
      field(2, 1),
      field(14, 1),
      ...Object.entries({ location: 'net.data', offset, length }).map(([key, value]) =>
        field(13, message(field(1, key), field(2, value))),
      ),
    );
  test.each([
    [
      'a range beyond the file',
      external('100', '8'),
      "TRUNCATED net.data: the tensor 'W' is in bytes 100 to 108, but the file has 16. Copy it again.",
    ],
    [
      'a length that lies',
      external('0', '16'),
      `SHAPE net.onnx: the tensor 'W' of shape [2] and dtype f32 needs 8 bytes but has 16 in net.data. ${DAMAGED}`,
    ],
    [
      'an offset that is no number',
      external('-8', '8'),
      `CORRUPT net.onnx: the tensor 'W' has the offset '-8'. ${DAMAGED}`,
    ],
    [
      'no name',
      tensorWith(field(14, 1), field(2, 1), field(1, 1)),
      "REFUSED net.onnx: names the file '', which is not a plain name of a file beside it.",
    ],
  ])('external data with %s', async (_, graph, expected) => {
    const neighbours = new Map([['net.data', new Uint8Array(16)]]);
    const { memorySource } = await import('../../src/formats/parts/source.js');
    const { readSource } = await import('../../src/formats/index.js');
    expect(await refusal(() => readSource(memorySource('net.onnx', file(graph), neighbours)))).toBe(expected);
  });

  test.each<[string, () => Uint8Array, string | RegExp]>([
    [
      '50 MB of dimensions',
      () => file(tensorWith(field(1, new Uint8Array(50_000_000).fill(1)), field(2, 1))),
      /^LIMIT net.onnx: has more than 8 numbers at byte \d+, where at most so many can stand\.$/,
    ],
    [
      'nine dimensions',
      () => file(tensorWith(...Array.from({ length: 9 }, () => field(1, 1)), field(2, 1))),
      "LIMIT net.onnx: the tensor 'W' has more than 8 dimensions.",
    ],
    [
      'a shape of 2^80 numbers',
      () => file(tensorWith(field(1, varints(2 ** 40, 2 ** 40)), field(2, 1))),
      "LIMIT net.onnx: the tensor 'W' has 1099511627776 x 1099511627776 elements; at most 268435456 can be read.",
    ],
    [
      'a negative dimension',
      () => file(tensorWith(field(1, varints(-3)), field(2, 1))),
      `CORRUPT net.onnx: the tensor 'W' has the shape [-3]. ${DAMAGED}`,
    ],
    [
      'graphs nested 200 000 deep',
      () => file(field(7, nested(199_999))),
      'LIMIT net.onnx: its messages are nested deeper than 64.',
    ],
    [
      'numbers that are not there',
      () => file(tensorWith(field(1, 5), field(2, 1), field(4, floats(1)))),
      `SHAPE net.onnx: the tensor 'W' of shape [5] needs 5 numbers but has 1. ${DAMAGED}`,
    ],
    [
      'millions of nodes',
      () =>
        file(
          field(
            7,
            new Uint8Array(6_000_000).map((_, k) => (k % 2 === 0 ? 0x0a : 0)),
          ),
        ),
      'LIMIT net.onnx: holds more than 1000000 nodes, tensors and names.',
    ],
    [
      'two tensors of one name',
      () => modelBytes({ nodes: [], tensors: [tensorBytes('W', [1], [1]), tensorBytes('W', [1], [2])] }, 18),
      `CORRUPT net.onnx: two tensors are called 'W'. ${DAMAGED}`,
    ],
    [
      'a length beyond what holds it',
      () => file(field(7, new Uint8Array([0x2a, 0x7f, 1])), field(8, 'x')),
      /^CORRUPT net.onnx: the field at byte \d+ is said to have 127 bytes, but 1 are left in what it belongs to\. /,
    ],
    [
      'an integer that does not end',
      () => file(field(7, new Uint8Array(12).fill(0xff)), field(8, 'x')),
      /^CORRUPT net.onnx: has an integer of more than ten bytes at byte 4\. /,
    ],
    ['no graph', () => file(field(2, 'nobody')), `CORRUPT net.onnx: holds no graph. ${DAMAGED}`],
    [
      'a name of 2 MB',
      () => file(field(7, field(1, field(3, 'x'.repeat(2 ** 21))))),
      /^LIMIT net.onnx: a text at byte \d+ has 2097152 bytes; at most 1048576 are read\.$/,
    ],
  ])('%s', async (_, make, expected) => {
    const found = await refusal(() => read('net.onnx', make()));
    if (typeof expected === 'string') expect(found).toBe(expected);
    else expect(found).toMatch(expected);
  });

  test('text and complex numbers are told when they are asked for', async () => {
    const bytes = file(tensorWith(field(1, 1), field(2, 8)));
    expect(await refusal(() => read('net.onnx', bytes))).toBe(
      "UNSUPPORTED net.onnx: the tensor 'W' holds string values, which are not read.",
    );
  });
});

/** Field 6 (graph) in field 5 (attribute) in field 1 (node), over and over. Lengths are those of what is inside. */
function nested(depth: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (let k = 0; k < depth; k++) {
    const header = field([1, 6, 5][k % 3]!, new Uint8Array(0)).slice(0, 1);
    const length = field(1, size).slice(1);
    pieces.push(length, header);
    size += header.length + length.length;
  }
  return Buffer.concat(pieces.reverse());
}

test.each(['gru2_legacy.onnx', 'gruh_dynamo.onnx'])(
  'every beginning of %s is refused as cut short or broken',
  async (name) => {
    const { readFileSync } = await import('node:fs');
    const whole = readFileSync(fixture(name));
    for (let k = 1; k < 64; k++) {
      const cut = whole.subarray(0, Math.floor((k * whole.length) / 64));
      expect(await refusal(() => read('net.onnx', cut))).toMatch(/^(TRUNCATED|CORRUPT|SHAPE|NOT_FOUND) /);
    }
  },
);
