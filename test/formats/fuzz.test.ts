import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { fixture, read } from './build.js';

const NAMES = readdirSync(fixture('')).filter((name) => /\.(pt|ckpt|safetensors|npy|npz|json)$/.test(name));
const ROUNDS = 100;

/** mulberry32: small, and the same everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Some bytes changed, a piece taken out, or the end cut off. */
function mutate(original: Uint8Array, random: (below: number) => number): Uint8Array {
  const kind = random(4);
  if (kind === 0) return original.subarray(0, random(original.length));
  const copy = Uint8Array.from(original);
  if (kind === 1) {
    const at = random(copy.length);
    copy.copyWithin(at, at + 1 + random(16));
    return copy;
  }
  // Half of the changes go to the first or last kilobyte, where the headers are.
  const near = Math.min(copy.length, 1024);
  for (let i = 1 + random(6); i > 0; i--) {
    const at =
      kind === 2 ? random(copy.length) : random(2) === 0 ? random(near) : copy.length - 1 - random(near);
    copy[at] = random(2) === 0 ? random(256) : [0, 1, 0x7f, 0x80, 0xff][random(5)]!;
  }
  return copy;
}

/** Zero checksums are not compared: without them the damage reaches the readers behind. */
function withoutChecksums(original: Uint8Array): Uint8Array {
  const copy = Buffer.from(original);
  for (let at = copy.indexOf('PK\x01\x02'); at >= 0; at = copy.indexOf('PK\x01\x02', at + 1))
    copy.writeUInt32LE(0, at + 16);
  return copy;
}

test.each(NAMES)('%s with damaged bytes is read or refused', async (name) => {
  const random = generator(name.length);
  const original = withoutChecksums(readFileSync(fixture(name)));
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    try {
      const { tensors } = await read(name, mutate(original, random));
      for (const tensor of tensors.values()) expect(tensor.values()).toBeInstanceOf(Float64Array);
    } catch (error) {
      if (!(error instanceof UserError)) throw new Error(`round ${round} of ${name}`, { cause: error });
      expect(error.message).toMatch(/^[^\n]+$/);
    }
    expect(performance.now() - start).toBeLessThan(2000);
  }
});
