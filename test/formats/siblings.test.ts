import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { digestOf } from '../../src/formats/parts/digest.js';
import { Folder } from '../../src/formats/parts/folder.js';
import { memorySource, openSource } from '../../src/formats/parts/source.js';

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
