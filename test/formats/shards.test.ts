import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { readSource, readWeightFile } from '../../src/formats/index.js';
import { memorySource } from '../../src/formats/parts/source.js';
import { readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from '../model/stepping.js';
import { fixture, shardedGru, shardIndex } from './build.js';

const reference = JSON.parse(readFileSync(fixture('torch_ref.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'rnnscope-shards-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { weight_map, files: FILES } = shardedGru();
const [below, above] = ['model-1.safetensors', 'model-2.safetensors'].map((file) =>
  Object.keys(weight_map).filter((name) => weight_map[name] === file),
) as [string[], string[]];

const read = (map: unknown = weight_map, files: Readonly<Record<string, Uint8Array>> = FILES) =>
  readSource(memorySource('model.safetensors.index.json', shardIndex(map), new Map(Object.entries(files))));

const holdsTheGru = async (file: ReturnType<typeof read>) => {
  const states = hiddenStates(readModel(await file), reference.x);
  expect(largestDifference(states, reference.gru2.y)).toBeLessThan(1e-6);
};

describe('an index of shards', () => {
  it('is the network whose parts stand beside it', async () => {
    expect((await read()).format).toBe('safetensors-index');
    await holdsTheGru(read());
  });

  it('may speak of files of torch.save', async () => {
    const map = Object.fromEntries([...below, ...above].map((name) => [name, 'model.bin']));
    await holdsTheGru(read(map, { 'model.bin': readFileSync(fixture('gru2.pt')) }));
  });

  it('is found in the folder that holds it, and all its files are in the hash', async () => {
    writeFileSync(join(folder, 'model.safetensors.index.json'), shardIndex(weight_map));
    for (const [name, file] of Object.entries(FILES)) writeFileSync(join(folder, name), file);
    await holdsTheGru(readWeightFile(folder));
    const before = (await readWeightFile(folder)).sha256;
    FILES['model-2.safetensors'].forEach((_, i, all) => {
      if (i === all.length - 1) all[i] = all[i]! ^ 1;
    });
    writeFileSync(join(folder, 'model-2.safetensors'), FILES['model-2.safetensors']);
    expect((await readWeightFile(folder)).sha256).not.toBe(before);
  });

  test.each([
    [
      { w: '../secret.safetensors' },
      'REFUSED',
      /names the file '\.\.\/secret\.safetensors', which is not a plain name/,
    ],
    [{ w: '/etc/passwd' }, 'REFUSED', /not a plain name/],
    [
      { w: 'model-3.safetensors' },
      'NOT_FOUND',
      /needs the file 'model-3\.safetensors', which was not found beside it/,
    ],
    [
      { w: 'model-1.safetensors' },
      'CORRUPT',
      /the tensor 'w' is in model-1\.safetensors, which has no such tensor/,
    ],
    [{ w: 7 }, 'CORRUPT', /has 7 for 'w', not a file/],
    [[], 'CORRUPT', /has no weight_map/],
    [{}, 'UNSUPPORTED', /its weight_map is empty/],
  ])('with the map %j is %s', async (map, code, text) => {
    await expect(read(map)).rejects.toMatchObject({ code, message: expect.stringMatching(text) });
  });
});
