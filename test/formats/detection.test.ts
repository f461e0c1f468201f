import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { READERS, readSource, readWeightFile } from '../../src/formats/index.js';
import { openSource } from '../../src/formats/parts/source.js';
import { readable } from '../../src/formats/readers.js';
import { bytes, fixture, read, zip } from './build.js';

const folder = mkdtempSync(join(tmpdir(), 'rnnscope-detection-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function messageOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (thrown) => thrown,
  );
  return `${error?.code} ${error?.message}`;
}

const READS = readable();
const member = (name: string) => zip({ name, data: bytes('{}') });
const zeros = (count: number) => new Uint8Array(count);

describe('a file of a kind that is not read is named', () => {
  test.each<[string, Uint8Array, string]>([
    ['torch.package', member('a/.data/extern_modules'), 'a torch.package archive. '],
    ['ZIP', member('letter.txt'), 'a ZIP archive without a model that we know (it holds letter.txt). '],
    ['GGUF', bytes('GGUF', zeros(20)), 'a GGUF file. '],
    ['ONNX Runtime', bytes(zeros(4), 'ORTM', zeros(9)), 'an ONNX Runtime (.ort) file. '],
    ['TensorFlow Lite', bytes(zeros(4), 'TFL3', zeros(9)), 'a TensorFlow Lite file. '],
    [
      'tar',
      bytes('sys_info', zeros(249), 'ustar', zeros(99)),
      'a tar archive, as PyTorch wrote before 0.1.10. ',
    ],
    [
      'Git LFS',
      bytes('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n'),
      'a Git LFS pointer, not the file itself. Download the file itself: git lfs pull.',
    ],
    [
      'git-annex',
      bytes('../.git/annex/objects/Wx/X9/MD5E-s1--a.pt\n'),
      'a git-annex link, not the file itself. ',
    ],
    ['HTML', bytes('\n<!DOCTYPE html><html>404'), 'an HTML page, perhaps an error page of a download. '],
    ['gzip', bytes([0x1f, 0x8b, 8, 0]), 'compressed by gzip. Unpack it first: gunzip.'],
    ['zstd', bytes([0x28, 0xb5, 0x2f, 0xfd, 0]), 'compressed by zstd. '],
    ['MATLAB', bytes('MATLAB 5.0 MAT-file'), 'a MATLAB file. '],
    ['an empty ZIP', zip(), 'a ZIP archive without a model that we know, as it is empty. '],
    ['GGML', bytes('lmgg', zeros(20)), 'a GGML file. '],
    ['OpenVINO', bytes('<?xml version="1.0"?>\n<net name="n">'), 'an OpenVINO description of a network. '],
    [
      'XML',
      bytes('<?xml version="1.0"?><Error><Code>AccessDenied</Code>'),
      'an XML document, perhaps an error',
    ],
    ['PNG', bytes([0x89], 'PNG\r\n'), 'a picture. Give the path of a weights file.'],
    ['PDF', bytes('%PDF-1.7'), 'a PDF document. '],
    ['SQLite', bytes('SQLite format 3\0'), 'a database of SQLite. '],
    ['Parquet', bytes('PAR1', zeros(9)), 'a table of Parquet. '],
  ])('%s', async (_, file, text) => {
    expect(await messageOf(read('model.pt', file))).toContain(`UNSUPPORTED model.pt: this is ${text}`);
  });

  it('such as Core ML, told by its extension too', async () => {
    const file = bytes([8, 4, 0x12, 2, 10, 0]);
    expect(await messageOf(read('net.mlmodel', file))).toContain(
      'UNSUPPORTED net.mlmodel: this is a Core ML model. ',
    );
  });

  it('and the unknown is shown', async () => {
    expect(await messageOf(read('model.pt', bytes('hello, world, I am text')))).toBe(
      `UNKNOWN model.pt: is of no kind that we know; it begins with 68 65 6c 6c 6f 2c 20 77 6f 72 6c 64 2c 20 49 20. ${READS}.`,
    );
  });
});

describe('a path', () => {
  it('to nothing is said to lead nowhere', async () => {
    expect(await messageOf(readWeightFile('/no/such/model.pt'))).toBe(
      'NOT_FOUND /no/such/model.pt: no such file. Check the path.',
    );
  });

  test.each([
    ['orbax', '_METADATA', 'this is an Orbax checkpoint. '],
    ['plain', 'readme', 'this is a folder. Give the path of a weights file.'],
  ])('to a folder is named by what is in it: %s', async (name, inside, text) => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, inside), '');
    expect(await messageOf(readWeightFile(join(folder, name)))).toContain(`UNSUPPORTED ${name}: ${text}`);
  });

  it.skipIf(process.platform === 'win32')(
    'to a named pipe is refused without waiting for a writer',
    async () => {
      execFileSync('mkfifo', [join(folder, 'pipe')]);
      expect(await messageOf(readWeightFile(join(folder, 'pipe')))).toBe(
        'REFUSED pipe: is not a regular file. Give the path of a weights file.',
      );
    },
  );
});

describe('a file that is too large for memory', () => {
  it('gives the same tensors and hash, before and after it is closed', async () => {
    for (const name of [
      'gru2.pt',
      'gru2.safetensors',
      'gru2.npz',
      'lstm2_legacy.pt',
      'wF.npy',
      'strided.pt',
    ]) {
      const whole = await readWeightFile(fixture(name));
      const source = openSource(fixture(name), 0);
      const file = await readSource(source);
      const before = [...file.tensors.values()].map((tensor) => tensor.values());
      source.close();
      const after = [...file.tensors.values()].map((tensor) => tensor.values());
      expect(before).toEqual([...whole.tensors.values()].map((tensor) => tensor.values()));
      expect(after).toEqual(before);
      expect(file.sha256).toBe(whole.sha256);
    }
  });

  it('is not read on when it was changed', async () => {
    const path = join(folder, 'changing.npy');
    const { readFileSync } = await import('node:fs');
    writeFileSync(path, readFileSync(fixture('w.npy')));
    const source = openSource(path, 0);
    const { tensors } = await readSource(source);
    source.close();
    appendFileSync(path, 'x');
    expect(() => tensors.get('changing')!.values()).toThrow(
      'changing.npy: the file changed while it was being read. Run again when it is complete.',
    );
  });
});

test('every reader has a name of its own', () => {
  expect(new Set(READERS.map(({ name }) => name)).size).toBe(READERS.length);
});
