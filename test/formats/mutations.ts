// Files of the fixtures with some of their bytes changed, as fast-check makes and shrinks them.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { READERS } from '../../src/formats/index.js';
import { crc32c } from '../../src/formats/parts/crc32.js';
import { Folder } from '../../src/formats/parts/folder.js';
import { masked } from '../../src/formats/parts/leveldb.js';
import { fixture, program, shardedGru, shardIndex } from './build.js';

/** A file to begin with: its bytes and those of the files beside it. */
export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly neighbours: ReadonlyMap<string, Uint8Array>;
}

/** The weights files among the fixtures; of a folder, the file that its reader begins with. */
export function seeds(): Seed[] {
  const names = readdirSync(fixture('')).filter((name) => !/\.md$|\.data$/.test(name));
  const fromFiles = names.flatMap((name) => {
    if (!statSync(fixture(name)).isDirectory()) return [seed(name)];
    return entriesOf(name).map((entry) => seed(`${name}/${entry}`));
  });
  return [...fromFiles, ...built()];
}

/** Layouts of which there is no file, made by hand. */
function built(): Seed[] {
  const { weight_map, files } = shardedGru();
  const index = { name: 'model.safetensors.index.json', bytes: shardIndex(weight_map) };
  return [
    { name: 'gru2.pt2', bytes: withoutChecksums(program('gru2')), neighbours: new Map() },
    { ...index, neighbours: new Map(Object.entries(files)) },
  ];
}

function entriesOf(name: string): string[] {
  const folder = new Folder(fixture(name));
  const chosen = READERS.flatMap((reader) => reader.entry?.(folder) ?? []);
  const indices = folder.names().filter((file) => /\.(index|ckpt)$/.test(file));
  return [...new Set([...chosen, ...indices])];
}

function seed(name: string): Seed {
  const folder = dirname(fixture(name));
  const small = readdirSync(folder, { withFileTypes: true }).filter(
    (file) => file.isFile() && (name.includes('/') || file.name.startsWith(`${name}.`)),
  );
  const neighbours = small.map((file): [string, Uint8Array] => [
    file.name,
    readFileSync(join(folder, file.name)),
  ]);
  return { name, bytes: withoutChecksums(readFileSync(fixture(name))), neighbours: new Map(neighbours) };
}

/** Zero checksums are not compared: without them the damage reaches the readers behind. */
function withoutChecksums(original: Uint8Array): Uint8Array {
  const copy = Buffer.from(original);
  for (let at = copy.indexOf('PK\x01\x02'); at >= 0; at = copy.indexOf('PK\x01\x02', at + 1))
    copy.writeUInt32LE(0, at + 16);
  return copy;
}

/**
 * A table of LevelDB whose blocks carry the checksums that belong to their bytes again, so that damage reaches what is behind.
 * In small tables there are three: of keys, an empty one, the index; the footer says where the last two are.
 */
function resealed(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  const footer = copy.subarray(-48);
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let k = 0; k < 4; k++) {
      const byte = footer[at++]!;
      value += (byte & 0x7f) << (7 * k);
      if (byte < 0x80) break;
    }
    return value;
  };
  const [meta, metaSize, index, indexSize] = [varint(), varint(), varint(), varint()];
  for (const [from, size] of [[0, meta - 5] as const, [meta, metaSize] as const, [index, indexSize] as const])
    if (size >= 0 && from + size + 5 <= copy.length)
      copy.writeUInt32LE(masked(crc32c(copy.subarray(from, from + size + 1))), from + size + 1);
  return copy;
}

type Change = (bytes: Uint8Array) => Uint8Array;

/** A place, as a number that is brought into the file: half of them in the first or last kilobyte, where headers are. */
const place = fc
  .tuple(fc.constantFrom('anywhere', 'anywhere', 'head', 'tail'), fc.nat(2 ** 31 - 1))
  .map(([where, n]) => (length: number): number => {
    if (length === 0) return 0;
    const near = Math.min(length, 1024);
    if (where === 'anywhere') return n % length;
    return where === 'head' ? n % near : length - 1 - (n % near);
  });

const splice = (bytes: Uint8Array, at: number, gone: number, fresh: Uint8Array): Uint8Array =>
  Buffer.concat([bytes.subarray(0, at), fresh, bytes.subarray(at + gone)]);

const overwrite = (bytes: Uint8Array, at: number, fresh: Uint8Array): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy.set(fresh.subarray(0, Math.max(0, copy.length - at)), at);
  return copy;
};

const WORDS = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function word(value: bigint, size: number, bigEndian: boolean): Uint8Array {
  const bytes = Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
  return bigEndian ? bytes.reverse() : bytes;
}

const few = fc.uint8Array({ minLength: 1, maxLength: 8 });

/** The next digit becomes other digits: lengths and shapes in text. */
function renumber(bytes: Uint8Array, from: number, digits: string): Uint8Array {
  for (let at = from; at < bytes.length; at++)
    if (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) return splice(bytes, at, 1, Buffer.from(digits));
  return bytes;
}

/** The next word of JSON becomes something else of its length, so that what says how long the text is stays true. */
function reword(bytes: Uint8Array, from: number, choice: number): Uint8Array {
  const text = Buffer.from(bytes.subarray(from, from + 4096)).toString('latin1');
  const word = /\b(true|null|false)\b|"\w{1,20}"/.exec(text);
  if (word === null) return bytes;
  const same = [
    ...OTHERS.filter((other) => other.length === word[0].length),
    `"${'x'.repeat(word[0].length - 2)}"`,
  ];
  return overwrite(bytes, from + word.index, Buffer.from(same[choice % same.length]!));
}

const OTHERS = [
  'true',
  'null',
  '-1e9',
  '9999',
  '[[]]',
  '{   }',
  'false',
  '10000',
  '1e309',
  '-0.5e',
  '[[0]]',
  '""   ',
];

/** What a value of JSON may become. */
const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e308,
  2 ** 53,
  '',
  'x',
  '__proto__',
  '../../x',
  [],
  [[]],
  [1, [2]],
  {},
  { a: 1 },
  [2 ** 31, 2 ** 31],
];

/** A value anywhere in a text of JSON, or in the header of safetensors, becomes another one. */
function restructure(bytes: Uint8Array, choices: readonly number[], value: unknown): Uint8Array {
  const buffer = Buffer.from(bytes);
  const header = bytes.length > 8 && bytes[8] === 0x7b ? Number(buffer.readBigUInt64LE(0)) : 0;
  const [start, end] = header > 0 ? [8, 8 + header] : [0, bytes.length];
  if (start > bytes.length || bytes[start] !== 0x7b) return bytes;
  try {
    const text = Buffer.from(
      JSON.stringify(replaced(JSON.parse(buffer.toString('utf8', start, end)), choices, value)),
    );
    if (header === 0) return text;
    return Buffer.concat([word(BigInt(text.length), 8, false), text, bytes.subarray(end)]);
  } catch {
    return bytes;
  }
}

/** Walks down as the choices say; where they end, `value` takes the place of what is there. */
function replaced(node: unknown, [choice, ...rest]: readonly number[], value: unknown): unknown {
  if (choice === undefined || typeof node !== 'object' || node === null) return value;
  const keys = Object.keys(node);
  const key = keys[choice % Math.max(1, keys.length)];
  if (key === undefined) return value;
  const inner = replaced((node as Record<string, unknown>)[key], rest, value);
  return Array.isArray(node) ? node.with(Number(key), inner) : { ...node, [key]: inner };
}

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(place, few).map(
      ([at, fresh]): Change =>
        (b) =>
          overwrite(b, at(b.length), fresh),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(place, fc.constantFrom(...WORDS), fc.constantFrom(1, 2, 4, 8), fc.boolean()).map(
      ([at, value, size, big]): Change =>
        (b) =>
          overwrite(b, at(b.length), word(value, size, big)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(place, fc.constantFrom('0', '1', '9', '-1', '99999999', '1e9', '18446744073709551615'))
      .map(
        ([at, digits]): Change =>
          (b) =>
            renumber(b, at(b.length), digits),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, fc.integer({ min: 1, max: 64 })).map(
      ([at, gone]): Change =>
        (b) =>
          splice(b, at(b.length), gone, new Uint8Array(0)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, few).map(
      ([at, fresh]): Change =>
        (b) =>
          splice(b, at(b.length), 0, fresh),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, place, fc.integer({ min: 1, max: 512 })).map(
      ([from, to, size]): Change =>
        (b) => {
          const start = from(b.length);
          return splice(b, to(b.length), 0, b.subarray(start, start + size));
        },
    ),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (at): Change =>
        (b) =>
          b.subarray(0, at(b.length)),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(place, fc.nat(1000)).map(
      ([at, choice]): Change =>
        (b) =>
          reword(b, at(b.length), choice),
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.array(fc.nat(1000), { minLength: 1, maxLength: 8 }), fc.constantFrom(...VALUES))
      .map(
        ([choices, value]): Change =>
          (b) =>
            restructure(b, choices, value),
      ),
  },
);

/** One of the seeds, changed in up to six places; sometimes a file beside it is. */
export const mutant = (from: readonly Seed[]): fc.Arbitrary<Seed> =>
  fc
    .tuple(
      fc.constantFrom(...from),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.nat(3),
      fc.nat(1000),
    )
    .map(([seed, changes, whether, which]) => {
      const changed = (bytes: Uint8Array) => {
        const damaged = changes.reduce((sofar, apply) => apply(sofar), bytes);
        return seed.name.endsWith('.index') && damaged.length === bytes.length ? resealed(damaged) : damaged;
      };
      const names = [...seed.neighbours.keys()];
      const name = names[which % Math.max(1, names.length)];
      if (whether > 0 || name === undefined) return { ...seed, bytes: changed(seed.bytes) };
      const neighbours = new Map(seed.neighbours).set(name, changed(seed.neighbours.get(name)!));
      return { ...seed, neighbours };
    });
