import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { readSource, readWeightFile } from '../../src/formats/index.js';
import { crc32c } from '../../src/formats/parts/crc32.js';
import { LEVELDB_MAGIC, masked } from '../../src/formats/parts/leveldb.js';
import { memorySource } from '../../src/formats/parts/source.js';
import { bytes, fixture, le, malformed, read, refusal } from './build.js';

const folder = mkdtempSync(join(tmpdir(), 'rnnscope-tensorflow-'));
afterAll(() => rmSync(folder, { recursive: true }));

const DATA = 'kgru2-1.data-00000-of-00001';

/** The checkpoint of the fixtures with its index or its data changed. */
function changed(change: { index?: (b: Buffer) => void; data?: (b: Buffer) => Buffer | undefined }) {
  const index = readFileSync(fixture('tfckpt/kgru2-1.index'));
  const data = readFileSync(fixture(`tfckpt/${DATA}`));
  change.index?.(index);
  const neighbours = new Map([[DATA, change.data?.(data) ?? data]]);
  return readSource(memorySource('kgru2-1.index', index, neighbours));
}

test("CRC-32C of '123456789' is e3069283, as RFC 3720 has it", () => {
  expect(crc32c(bytes('123456789')).toString(16)).toBe('e3069283');
  expect(crc32c(bytes('456789'), crc32c(bytes('123')))).toBe(0xe3069283);
});

test('a checkpoint may be named by its prefix, its index or its folder', async () => {
  const named = ['tfckpt/kgru2-1', 'tfckpt/kgru2-1.index', 'tfckpt'].map((name) =>
    readWeightFile(fixture(name)),
  );
  const [first, ...others] = await Promise.all(named);
  for (const { format, tensors } of others)
    expect([format, [...tensors.keys()]]).toEqual(['tensorflow', [...first!.tensors.keys()]]);
});

test('variables have their own names, in the order of the network, and the optimiser is left out', async () => {
  const { tensors, notes } = await readWeightFile(fixture('tfckpt/kgru2-1'));
  expect([...tensors.keys()]).toEqual([
    'sequential/gru_l0/gru_cell/kernel',
    'sequential/gru_l0/gru_cell/recurrent_kernel',
    'sequential/gru_l0/gru_cell/bias',
    'sequential/gru_l1/gru_cell/kernel',
    'sequential/gru_l1/gru_cell/recurrent_kernel',
    'sequential/gru_l1/gru_cell/bias',
    'sequential/readout/kernel',
    'sequential/readout/bias',
  ]);
  expect(notes).toEqual(['skipped 19 variables of the optimiser and of counters']);
});

test('a SavedModel holds each variable once, however often it is reached', async () => {
  const saved = await readWeightFile(fixture('kgru2_export'));
  const checkpoint = await readWeightFile(fixture('tfckpt/kgru2-1'));
  expect([...saved.tensors.keys()]).toEqual([...checkpoint.tensors.keys()]);
  for (const [name, tensor] of saved.tensors)
    expect(tensor.values()).toEqual(checkpoint.tensors.get(name)!.values());
});

/** A field of a length: number, then bytes. */
const field = (number: number, content: Uint8Array) =>
  bytes([number * 8 + 2, ...varint(content.length)], content);
const varint = (n: number): number[] => (n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))]);

test("Keras 2's configuration beside a SavedModel is taken along", async () => {
  const saved = join(folder, 'saved');
  mkdirSync(join(saved, 'variables'), { recursive: true });
  for (const name of [
    'saved_model.pb',
    'variables/variables.index',
    'variables/variables.data-00000-of-00001',
  ])
    copyFileSync(fixture(`kgru2_export/${name}`), join(saved, name));
  const metadata = {
    model_config: { class_name: 'Sequential', config: { layers: [] } },
    keras_version: '2.9.0',
  };
  const other = field(1, bytes(field(3, bytes('root.layer')), field(5, bytes('{}'))));
  const root = field(
    1,
    bytes([2 * 8, 0], field(3, bytes('root')), field(5, bytes(JSON.stringify(metadata)))),
  );
  writeFileSync(join(saved, 'keras_metadata.pb'), bytes(other, root));
  const file = await readWeightFile(saved);
  expect(file.documents?.get('model_config')).toEqual(metadata.model_config);
  expect(file.modules.get('')?.facts.get('keras_version')).toBe('2.9.0');
});

describe('a broken checkpoint is refused:', () => {
  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'version 1',
      () => readWeightFile(fixture('tf1ckpt/modelv1.ckpt')),
      /^UNSUPPORTED modelv1\.ckpt: is a TensorFlow checkpoint of version 1 .*writes version 2/,
    ],
    [
      'a block outside of the file',
      () => readWeightFile(malformed('56_off.index')),
      /^CORRUPT 56_off\.index: a block is said to lie at bytes \d+ to \d+ of 651/,
    ],
    [
      'the data missing',
      () => readSource(memorySource('net.index', readFileSync(fixture('tfckpt/kgru2-1.index')), new Map())),
      /^NOT_FOUND net\.index: needs the file 'net\.data-00000-of-00001'/,
    ],
    [
      'the data alone',
      () => readWeightFile(fixture(`tfckpt/${DATA}`)),
      /^UNSUPPORTED .*this is the data of a TensorFlow checkpoint\. Give the name of the checkpoint/,
    ],
    [
      'a byte of the index changed',
      () => changed({ index: (b) => b.writeUInt8(b.readUInt8(100) ^ 1, 100) }),
      /^CORRUPT .*the block at byte 0 fails its check/,
    ],
    [
      'an index that is cut',
      () =>
        readSource(
          memorySource('kgru2-1.index', readFileSync(fixture('tfckpt/kgru2-1.index')).subarray(0, 900)),
        ),
      /^CORRUPT .*does not end as a table does/,
    ],
    [
      'data that is cut',
      () => changed({ data: (b) => b.subarray(0, 7000) }),
      /^CORRUPT .*needs bytes \d+ to \d+ of kgru2-1\.data-00000-of-00001, which has 7000 bytes/,
    ],
  ])('%s', async (_, reading, message) => {
    expect(await refusal(reading())).toMatch(message);
  });

  test('a byte of a variable changed, which is told when it is read', async () => {
    const flip = (b: Buffer) => {
      b.writeUInt8(b.readUInt8(6200) ^ 1, 6200);
      return b;
    };
    const { tensors } = await changed({ data: flip });
    expect(() => tensors.get('sequential/gru_l0/gru_cell/kernel')!.values()).toThrow(
      "the variable 'sequential/gru_l0/gru_cell/kernel' fails its check",
    );
    expect(tensors.get('sequential/readout/kernel')!.values()).toHaveLength(16);
  });
});

/** The footer holds offset and size of two blocks, an empty one and the index; the only block of data lies in front. */
function blocksOf(index: Buffer): { offset: number; size: number }[] {
  const footer = index.subarray(-48);
  const numbers: number[] = [];
  for (let at = 0; numbers.length < 4; ) {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = footer[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    numbers.push(value);
  }
  const [empty, , offset, size] = numbers as [number, number, number, number];
  return [
    { offset: 0, size: empty - 5 },
    { offset, size },
  ];
}

/** With its checksums made right again, so that what is wrong with it reaches the reader behind them. */
function sealed(index: Buffer): Buffer {
  for (const { offset, size } of blocksOf(index))
    index.writeUInt32LE(masked(crc32c(index.subarray(offset, offset + size + 1))), offset + size + 1);
  return index;
}

test('an index with changed bytes and right checksums is read or refused', async () => {
  const original = readFileSync(fixture('tfckpt/kgru2-1.index'));
  const data = readFileSync(fixture(`tfckpt/${DATA}`));
  const end = original.length - 48 - 5;
  const change = fc.array(fc.tuple(fc.nat(end), fc.nat(255)), { minLength: 1, maxLength: 6 });
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(change, async (changes) => {
      const index = Buffer.from(original);
      for (const [at, byte] of changes) index[at] = byte;
      try {
        const file = await readSource(memorySource('kgru2-1.index', sealed(index), new Map([[DATA, data]])));
        for (const tensor of file.tensors.values()) tensor.values();
        outcomes.add('read');
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        outcomes.add(error.code);
      }
    }),
    { numRuns: Number(process.env.RNNSCOPE_RUNS ?? 300), seed: 1 },
  );
  expect(outcomes.size).toBeGreaterThan(2);
});

test('keys that share nearly all of their text are refused before they fill the memory', async () => {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
  const entry = (shared: number, rest: Uint8Array, value: readonly number[]) =>
    bytes(varint(shared), varint(rest.length), varint(value.length), rest, value);
  const block = (...entries: Uint8Array[]) => {
    // One place where a key begins that shares nothing, the number of these places, no compression.
    const plain = bytes(...entries, le(0, 4), le(1, 4), [0]);
    return bytes(plain, le(masked(crc32c(plain)), 4));
  };
  const long = 60_000;
  const keys = block(
    entry(0, new Uint8Array(long).fill(0x61), []),
    ...Array.from({ length: 5000 }, () => entry(long, new Uint8Array(0), [])),
  );
  const handle = (offset: number, whole: Uint8Array) => [...varint(offset), ...varint(whole.length - 5)];
  const index = block(entry(0, bytes('z'), handle(0, keys)));
  const handles = [...handle(keys.length, index), ...handle(keys.length, index)];
  const footer = bytes(handles, new Uint8Array(40 - handles.length), LEVELDB_MAGIC);
  await expect(read('bomb.index', bytes(keys, index, footer))).rejects.toMatchObject({
    code: 'LIMIT',
    message: expect.stringContaining('its keys have more than 67108864 bytes'),
  });
});
