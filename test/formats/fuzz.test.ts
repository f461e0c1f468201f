import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { READERS, readSource } from '../../src/formats/index.js';
import { memorySource } from '../../src/formats/parts/source.js';
import type { WeightFile } from '../../src/formats/weight-file.js';
import { inspectFile, listModules, readModel } from '../../src/model/index.js';
import { mutant, type Seed, seeds } from './mutations.js';

/** `npm run fuzz` runs long, from a seed of its own or from RNNSCOPE_SEED; `npm test` takes the same few each time. */
const LONG = process.env.MODE === 'fuzz';
const RUNS = LONG ? 20_000 : 150;
const CUTS = LONG ? 64 : 16;
const SEED = Number(process.env.RNNSCOPE_SEED ?? (LONG ? Date.now() % 2 ** 31 : 1));
const MINUTES = 60_000;

const GIBIBYTE_IN_KB = 2 ** 20;

/** A file that came in ends in a normal result or in one clear line, soon and in little memory. */
async function comesToAnEnd({ name, bytes, neighbours }: Seed): Promise<string> {
  const start = process.cpuUsage();
  const before = process.resourceUsage().maxRSS;
  let outcome: string;
  try {
    outcome = (await everything(name, bytes, neighbours)).format;
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error(`kept as ${kept(name, bytes)}`, { cause: error });
    expect(error.message).toMatch(/^[^\n\r]{1,2000}$/);
    outcome = error.code;
  }
  const { user, system } = process.cpuUsage(start);
  const seconds = (user + system) / 1e6;
  const grown = process.resourceUsage().maxRSS - before;
  if (seconds >= 2 || grown >= GIBIBYTE_IN_KB)
    throw new Error(`took ${seconds} s and ${grown} KiB; kept as ${kept(name, bytes)}`);
  return outcome;
}

/** In place of fast-check's own report, which has every byte of the file. */
function tell({ failed, seed, numRuns, errorInstance }: fc.RunDetails<[Seed]>): void {
  if (failed)
    throw new Error(`with seed ${seed}, file ${numRuns}: ${errorInstance}`, { cause: errorInstance });
}

/** The file that led to a failure, to be looked at. */
function kept(name: string, bytes: Uint8Array): string {
  const path = join(mkdtempSync(join(tmpdir(), 'rnnscope-fuzz-')), basename(name));
  writeFileSync(path, bytes);
  return path;
}

/** All that is done with a file before an analysis begins. */
async function everything(
  name: string,
  bytes: Uint8Array,
  neighbours: ReadonlyMap<string, Uint8Array>,
): Promise<WeightFile> {
  const file = await readSource(memorySource(name, bytes, neighbours));
  for (const tensor of file.tensors.values()) expect(tensor.values()).toBeInstanceOf(Float64Array);
  for (const module of listModules(file)) orRefused(() => readModel(file, { module: module.name || '.' }));
  inspectFile(file);
  return file;
}

function orRefused(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

const all = seeds();
const byReader = new Map<string, Seed[]>(READERS.map(({ name }) => [name, []]));

beforeAll(async () => {
  for (const seed of all) {
    const outcome = await comesToAnEnd(seed);
    byReader.get(outcome)?.push(seed);
  }
}, MINUTES);

describe(`from seed ${SEED}, files with changed bytes are read or refused by`, () => {
  test.each(READERS.map(({ name }) => name))('%s', { timeout: 30 * MINUTES }, async (name) => {
    const own = byReader.get(name)!;
    expect(own.length, `no fixture is read by ${name}`).toBeGreaterThan(0);
    const property = fc.asyncProperty(mutant(own), async (file) => {
      await comesToAnEnd(file);
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: LONG, reporter: tell });
  });
});

describe(`cut short at ${CUTS} places, a file is read or refused:`, () => {
  test.each(all.map((seed) => [seed.name, seed] as const))('%s', { timeout: MINUTES }, async (_, seed) => {
    for (let k = 0; k < CUTS; k++) {
      const bytes = seed.bytes.subarray(0, Math.floor((k * seed.bytes.length) / CUTS));
      await comesToAnEnd({ ...seed, bytes });
    }
  });
});
