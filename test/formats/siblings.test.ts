import { createHash } from 'node:crypto';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { readWeightFile } from '../../src/formats/index.js';
import { digestOf } from '../../src/formats/parts/digest.js';
import { Folder } from '../../src/formats/parts/folder.js';
import { memorySource, openSource } from '../../src/formats/parts/source.js';
import { malformed } from './build.js';

const folder = mkdtempSync(join(tmpdir(), 'rnnscope-siblings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string) => join(folder, name);

writeFileSync(path('model.json'), 'model');
writeFileSync(path('shard.bin'), 'shard');
writeFileSync(path('twice.bin'), 'twice');
linkSync(path('twice.bin'), path('twice-again.bin'));
symlinkSync('shard.bin', path('link.bin'));
mkdirSync(path('variables'));
writeFileSync(path('variables/one'), '1');
symlinkSync('variables', path('shortcut'));

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
  return 'none';
};

describe('a file that another names', () => {
  const source = openSource(path('model.json'));

  it('is read where it stands beside it', () => {
    expect(Buffer.from(source.sibling('shard.bin').read(0, 5)).toString()).toBe('shard');
    expect(source.sibling('shard.bin')).toBe(source.sibling('shard.bin'));
  });

  test.each([
    ['../model.json', 'REFUSED'],
    ['/etc/passwd', 'REFUSED'],
    ['a/b', 'REFUSED'],
    ['a\\b', 'REFUSED'],
    ['..', 'REFUSED'],
    ['.', 'REFUSED'],
    ['', 'REFUSED'],
    ['shard.bin\0', 'REFUSED'],
    ['link.bin', 'REFUSED'],
    ['twice.bin', 'REFUSED'],
    ['variables', 'REFUSED'],
    ['missing.bin', 'NOT_FOUND'],
  ])('as %j is %s', (name, code) => {
    expect(codeOf(() => source.sibling(name))).toBe(code);
  });

  it('is taken from memory where the bytes are given', () => {
    const held = memorySource(path('model.json'), Buffer.from('m'), new Map([['s', Buffer.from('x')]]));
    expect(held.sibling('s').size).toBe(1);
    expect(codeOf(() => held.sibling('shard.bin'))).toBe('NOT_FOUND');
  });

  it('is part of the hash', () => {
    const sha = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(digestOf([openSource(path('model.json'))])).toBe(sha('model'));
    const list = `${sha('model')}  model.json\n${sha('shard')}  shard.bin\n`;
    expect(digestOf(source.files())).toBe(sha(list));
  });
});

test.each([
  ['a link of its name', (target: string, link: string) => symlinkSync(target, link)],
  ['a second name of a file', (target: string, link: string) => linkSync(target, link)],
])('external data of ONNX that is %s is refused', async (_, make) => {
  const own = mkdtempSync(join(folder, 'onnx-'));
  copyFileSync(malformed('40c_ext_symlink.onnx'), join(own, 'net.onnx'));
  writeFileSync(join(own, 'secret'), new Uint8Array(4096));
  make(join(own, 'secret'), join(own, 'link.bin'));
  await expect(readWeightFile(join(own, 'net.onnx'))).rejects.toMatchObject({
    code: 'REFUSED',
    message: expect.stringContaining("'link.bin' is a link, which is not followed"),
  });
});

describe('a folder that a user names', () => {
  const here = new Folder(folder);

  it('gives its files, and those of folders within', () => {
    expect(here.open('variables/one').read(0, 1)[0]).toBe(0x31);
    expect([here.has('variables/one'), here.has('variables/two'), here.has('no/where')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(here.names('variables')).toEqual(['one']);
  });

  test.each([
    ['../x', 'REFUSED'],
    ['variables/../../x', 'REFUSED'],
    ['/etc/passwd', 'REFUSED'],
    ['link.bin', 'REFUSED'],
    ['shortcut/one', 'REFUSED'],
    ['variables', 'REFUSED'],
    ['missing', 'NOT_FOUND'],
  ])('has no %j: %s', (name, code) => {
    expect(codeOf(() => here.open(name))).toBe(code);
  });
});
