import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readSource, readWeightFile } from '../../src/formats/index.js';
import { memorySource, openSource } from '../../src/formats/parts/source.js';
import { bytes, fixture, malformed, read, refusal, zip } from './build.js';

/** The same arrays in the oldest and a recent layout of the format: chunked, packed, big-endian, with links by the dozen. */
describe.each(['var_earliest.h5', 'var_v110.h5'])('%s', (name) => {
  test('holds every layout and type of number', async () => {
    const { tensors } = await readWeightFile(fixture(name));
    const dtypes = new Set([...tensors.values()].map(({ dtype }) => dtype));
    expect([...dtypes].sort()).toEqual(['bool', 'f16', 'f32', 'f64', 'i64']);
    for (const tensor of tensors.values())
      expect(tensor.values()).toHaveLength(tensor.shape.reduce((a, b) => a * b, 1));
  });

  test('lists members by name, numbers as numbers', async () => {
    const { tensors } = await readWeightFile(fixture(name));
    const many = [...tensors.values()].filter((tensor) => tensor.name.startsWith('many/'));
    expect(many.map((tensor) => tensor.values()[0])).toEqual(many.map((_, i) => i));
  });
});

test('both generations of the format hold the same numbers', async () => {
  const [old, recent] = await Promise.all(
    ['var_earliest.h5', 'var_v110.h5'].map(async (name) => (await readWeightFile(fixture(name))).tensors),
  );
  expect([...old!.keys()]).toEqual([...recent!.keys()]);
  for (const [name, tensor] of old!) expect(recent!.get(name)!.values()).toEqual(tensor.values());
});

test('a file that is read where it is gives what a file in memory gives', async () => {
  const source = openSource(fixture('kgru2.h5'), 0);
  const file = await readSource(source);
  source.close();
  const whole = await readWeightFile(fixture('kgru2.h5'));
  for (const [name, tensor] of whole.tensors)
    expect(file.tensors.get(name)!.values()).toEqual(tensor.values());
});

test('weights come in the order in which Keras lists them, with the configuration', async () => {
  const { tensors, documents, modules } = await readWeightFile(fixture('kgru2.h5'));
  expect([...tensors.keys()].map((name) => name.replace(/^.*\/sequential\//, ''))).toEqual([
    'gru_l0/gru_cell/kernel',
    'gru_l0/gru_cell/recurrent_kernel',
    'gru_l0/gru_cell/bias',
    'gru_l1/gru_cell/kernel',
    'gru_l1/gru_cell/recurrent_kernel',
    'gru_l1/gru_cell/bias',
    'readout/kernel',
    'readout/bias',
  ]);
  expect(documents?.get('model_config')).toMatchObject({ class_name: 'Sequential' });
  expect(modules.get('')?.facts.get('keras_version')).toBe('3.15.1');
});

test("an optimiser's numbers are left out, and that is said", async () => {
  const { tensors, notes } = await readWeightFile(fixture('kgru2_opt.keras'));
  expect([...tensors.keys()].some((name) => name.includes('optimizer'))).toBe(false);
  expect(notes).toEqual(["skipped 'optimizer' (optimiser state)"]);
});

describe('a malformed file is refused:', () => {
  test.each([
    ['34b_extlink_only.h5', /REFUSED.*'model_weights' is an external link to the file \/etc\/passwd/],
    ['35_shape_bomb.h5', /LIMIT.*'layers\/gru\/cell\/vars\/0' has 1073741824 x 16 elements/],
    ['35c_hardloop.h5', /LIMIT.*group 'g\/self' is one that it lies in/],
    ['37_h5_corrupt_chunk.h5', /CORRUPT.*the dataset 'model_weights\/gru\/gz' cannot be read/],
  ])('%s', async (name, text) => {
    expect(await refusal(readWeightFile(malformed(name)))).toMatch(text);
  });

  test('a file that is cut short', async () => {
    const whole = readFileSync(fixture('kgru2.h5'));
    expect(await refusal(read('cut.h5', whole.subarray(0, 20_000)))).toMatch(
      /^TRUNCATED cut\.h5: .*truncated/,
    );
  });

  test('a structure that keeps the library busy without end, after which it reads on', async () => {
    // The lengths of texts are moved by one byte, which sends libhdf5 2.0 round in circles.
    const whole = Uint8Array.from(readFileSync(fixture('kgru2.h5')));
    whole.copyWithin(2305, 2306);
    const start = performance.now();
    expect(await refusal(read('round.h5', whole))).toMatch(/^(CORRUPT|TRUNCATED) round\.h5: [^\n]+$/);
    expect(performance.now() - start).toBeLessThan(4000);
    expect((await readWeightFile(fixture('kgru2.h5'))).tensors.size).toBe(8);
  });

  test('a .keras archive without its configuration, or without its weights', async () => {
    const weights = zip({ name: 'model.weights.h5', data: bytes('x') });
    expect(await refusal(read('net.keras', weights))).toBe(
      'UNSUPPORTED net.keras: is a Keras archive without config.json; it holds model.weights.h5. Save the network again: model.save("model.keras").',
    );
    const config = zip(
      { name: 'config.json', data: bytes('{}') },
      { name: 'metadata.json', data: bytes('{}') },
    );
    expect(await refusal(read('net.keras', config))).toMatch(
      /UNSUPPORTED net\.keras: .* without model\.weights\.h5/,
    );
    expect(await refusal(readSource(memorySource('net.keras', bytes('plain text'))))).toMatch(
      /CORRUPT.*no ZIP archive/,
    );
  });
});
