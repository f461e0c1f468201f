import { describe, expect, test } from 'vitest';
import { readSource, readWeightFile } from '../../src/formats/index.js';
import { memorySource } from '../../src/formats/parts/source.js';
import { bytes, fixture, malformed, refusal } from './build.js';

const TOPOLOGY = { class_name: 'Sequential', config: { name: 'net', layers: [] } };

function model(weights: readonly object[], shards: Readonly<Record<string, Uint8Array>>, more: object = {}) {
  const manifest = [{ paths: Object.keys(shards), weights }];
  const text = JSON.stringify({ modelTopology: TOPOLOGY, weightsManifest: manifest, ...more });
  return readSource(memorySource('model.json', bytes(text), new Map(Object.entries(shards))));
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const weight = (name: string, shape: readonly number[], dtype = 'float32', more: object = {}) => ({
  name,
  shape,
  dtype,
  ...more,
});

test('a folder is read by its model.json, with the configuration and the version', async () => {
  const folder = await readWeightFile(fixture('tgru2_tfjs'));
  const file = await readWeightFile(fixture('tgru2_tfjs/model.json'));
  expect([...folder.tensors.keys()]).toEqual([...file.tensors.keys()]);
  expect(folder.format).toBe('tfjs');
  expect(folder.documents?.get('model_config')).toMatchObject({ class_name: 'Sequential' });
  expect(folder.modules.get('')?.facts.get('keras_version')).toBe('tfjs-layers 4.22.0');
});

test('weights lie one behind another, across the files of a group', async () => {
  const whole = floats(1, 2, 3, 4, 5, 6);
  const shards = { 'a.bin': whole.subarray(0, 7), 'b.bin': whole.subarray(7, 9), 'c.bin': whole.subarray(9) };
  const { tensors } = await model([weight('w', [2, 2]), weight('b', [2])], shards);
  expect([[...tensors.get('w')!.values()], [...tensors.get('b')!.values()]]).toEqual([
    [1, 2, 3, 4],
    [5, 6],
  ]);
});

test('quantised weights are v · scale + min, and half floats as they are', async () => {
  const half = Uint8Array.of(0x00, 0x3c, 0x00, 0xc0);
  const data = { 's.bin': bytes([0, 10, 255], half) };
  const { tensors } = await model(
    [
      weight('w', [3], 'float32', { quantization: { dtype: 'uint8', scale: 0.5, min: -1 } }),
      weight('h', [2], 'float32', { quantization: { dtype: 'float16', original_dtype: 'float32' } }),
    ],
    data,
  );
  expect([[...tensors.get('w')!.values()], [...tensors.get('h')!.values()]]).toEqual([
    [-1, 4, 126.5],
    [1, -2],
  ]);
});

describe('a malformed model is refused:', () => {
  test.each([
    ['tj/53_traversal.json', /^REFUSED .*'\.\.\/\.\.\/etc\/passwd'/],
    ['tj/54_short.json', /^TRUNCATED .*'w' needs 8 bytes from byte 0 of s\.bin, where 4 are/],
  ])('%s', async (name, message) => {
    expect(await refusal(readWeightFile(malformed(name)))).toMatch(message);
  });

  const shards = { 's.bin': floats(1, 2) };
  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'bytes behind the last weight',
      () => model([weight('w', [1])], shards),
      /^CORRUPT .*s\.bin has 4 bytes behind/,
    ],
    [
      'a shape of 2^40 rows',
      () => model([weight('w', [2 ** 40, 2])], shards),
      /^LIMIT .*'w' has 1099511627776 x 2/,
    ],
    ['a negative size', () => model([weight('w', [-2])], shards), /^CORRUPT .*shape that is none/],
    ['text', () => model([weight('w', [2], 'string')], shards), /^UNSUPPORTED .*of the type string/],
    ['two of a name', () => model([weight('w', [1]), weight('w', [1])], shards), /^AMBIGUOUS/],
    [
      'a graph',
      () => model([weight('w', [2])], shards, { format: 'graph-model' }),
      /^UNSUPPORTED .*graph model/,
    ],
    ['no weights', () => model([], {}), /^UNSUPPORTED .*lists no weights/],
  ])('%s', async (_, reading, message) => {
    expect(await refusal(reading())).toMatch(message);
  });
});
