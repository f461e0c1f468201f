import { describe, expect, test } from 'vitest';
import { readWeightFile } from '../../src/formats/index.js';
import { bytes, fixture, malformed, read, refusal } from './build.js';

const text = (word: string) => [0xa0 + word.length, ...new TextEncoder().encode(word)];
const be = (value: number, size: number) =>
  Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * (size - 1 - i))) % 256);

/** ext 1 of [shape, type, bytes]. */
function array(shape: readonly number[], type: string, data: Uint8Array): Uint8Array {
  const inner = bytes([0x93, 0x90 + shape.length, ...shape, ...text(type), 0xc4, data.length], data);
  return bytes([0xc7, inner.length, 1], inner);
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

test('the arrays of a file are found under their names, in their types', async () => {
  const file = bytes(
    [0x82, ...text('w')],
    array([1, 2], 'float32', floats(1, -2.5)),
    [...text('b'), 0x81, ...text('h')],
    array([2], 'bfloat16', Uint8Array.of(0x80, 0x3f, 0x00, 0xc0)),
  );
  const { tensors, format } = await read('net.msgpack', file);
  expect(format).toBe('flax');
  expect(
    [...tensors.values()].map(({ name, shape, dtype, values }) => [name, shape, dtype, [...values()]]),
  ).toEqual([
    ['w', [1, 2], 'f32', [1, -2.5]],
    ['b/h', [2], 'bf16', [1, -2]],
  ]);
});

test('of a training state the parameters are taken, whatever stands beside them', async () => {
  const one = array([1], 'float32', floats(1));
  const file = bytes(
    [0x83, ...text('params'), 0x81, ...text('w')],
    one,
    [...text('opt_state'), 0x81, ...text('mu')],
    one,
    [...text('step'), 7],
  );
  const { tensors, notes } = await read('state.msgpack', file);
  expect([[...tensors.keys()], notes]).toEqual([
    ['w'],
    ["the weights were taken from 'params'; skipped: 'opt_state'"],
  ]);
});

test('an array in pieces is put together', async () => {
  const piece = (...values: number[]) => array([values.length], 'float32', floats(...values));
  const file = bytes(
    [0x81, ...text('w'), 0x83, 0xd9, 25, ...new TextEncoder().encode('__msgpack_chunked_array__'), 0xc3],
    [...text('shape'), 0x82, ...text('0'), 2, ...text('1'), 2, ...text('chunks'), 0x82, ...text('1')],
    piece(3, 4),
    text('0'),
    piece(1, 2),
  );
  const { tensors } = await read('big.msgpack', file);
  const { shape, values } = tensors.get('w')!;
  expect([shape, [...values()]]).toEqual([
    [2, 2],
    [1, 2, 3, 4],
  ]);
});

test('a module called OptimizedLSTMCell_0 is no optimiser', async () => {
  const { tensors } = await readWeightFile(fixture('flax_net.msgpack'));
  expect(tensors.has('OptimizedLSTMCell_0/ii/kernel')).toBe(true);
});

describe('a malformed file is refused:', () => {
  test.each([
    ['51_flax_deep.msgpack', /^LIMIT .*nested deeper than 64 at byte \d+/],
    ['52b_flax_shape.msgpack', /^LIMIT .*the array 'w' has 1099511627776 x 1099511627776 elements/],
  ])('%s', async (name, message) => {
    expect(await refusal(readWeightFile(malformed(name)))).toMatch(message);
  });

  test.each<[string, Uint8Array, RegExp]>([
    [
      'bytes that do not fill the shape',
      bytes([0x81, ...text('w')], array([4, 6], 'float32', new Uint8Array(10))),
      /^CORRUPT .*'w' of shape \[4, 6\] and type f32 needs 96 bytes but has 10/,
    ],
    [
      'a map that announces more than there is',
      bytes([0xdf, ...be(2 ** 32 - 1, 4), ...text('w'), 1]),
      /^TRUNCATED .*1 byte is wanted|^TRUNCATED .*1 byte are wanted/,
    ],
    [
      'arrays in arrays, each of which announces four thousand million',
      bytes(
        [0x81, ...text('w')],
        Uint8Array.from(Array.from({ length: 60 }, () => [0xdd, 255, 255, 255, 255]).flat()),
      ),
      /^TRUNCATED/,
    ],
    [
      'something behind the map',
      bytes([0x81, ...text('w'), 1, 2]),
      /^CORRUPT .*1 byte behind its last value/,
    ],
    ['no arrays', bytes([0x81, ...text('w'), 1]), /^UNSUPPORTED .*its keys are 'w'. Expected what flax/],
    [
      'a type that is not read',
      bytes([0x81, ...text('w')], array([1], 'float8_e4m3', Uint8Array.of(1))),
      /^UNSUPPORTED .*of the type float8_e4m3/,
    ],
  ])('%s', async (_, file, message) => {
    expect(await refusal(read('net.msgpack', file))).toMatch(message);
  });
});
