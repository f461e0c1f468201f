import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { bytes, dict, le, npy, npyHeader, type Piece, py, tensor } from '../formats/build.js';
import { folder, measured } from './command.js';

// 500 MB of other weights with one small GRU behind them. The bulk is a hole in the file, which reads as zeros.

const at = folder();
afterAll(at.remove);

const BULK = 500 * 2 ** 20;
const [H, I] = [8, 3];
const numbers = (count: number) =>
  new Uint8Array(Float32Array.from({ length: count }, (_, i) => Math.sin(1 + i)).buffer);
const GRU: readonly (readonly [name: string, shape: readonly number[]])[] = [
  ['rnn.weight_ih_l0', [3 * H, I]],
  ['rnn.weight_hh_l0', [3 * H, H]],
];
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Pieces of a file, one behind another: bytes, or so many bytes of a hole. */
function write(name: string, pieces: readonly (Uint8Array | number)[]): string {
  const file = openSync(at.file(name), 'w');
  let offset = 0;
  for (const piece of pieces) {
    if (typeof piece !== 'number') writeSync(file, piece, 0, piece.length, offset);
    offset += typeof piece === 'number' ? piece : piece.length;
  }
  ftruncateSync(file, offset);
  closeSync(file);
  return at.file(name);
}

function safetensors(): string {
  const header: Record<string, object> = {
    bulk: { dtype: 'F32', shape: [BULK / 4], data_offsets: [0, BULK] },
  };
  let end = BULK;
  for (const [name, shape] of GRU) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + 4 * sizeOf(shape)] };
    end += 4 * sizeOf(shape);
  }
  const text = JSON.stringify(header);
  const data = GRU.map(([, shape]) => numbers(sizeOf(shape)));
  return write('big.safetensors', [bytes(le(text.length, 8), text), BULK, ...data]);
}

/** Stored members; the first holds a hole of BULK bytes behind what is given. */
function archive(name: string, members: readonly (readonly [string, Uint8Array])[]): string {
  const pieces: (Uint8Array | number)[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [k, [member, data]] of members.entries()) {
    const hole = k === 0 ? BULK : 0;
    const size = data.length + hole;
    // A checksum of 0 is one that was not computed; the hole's is wrong, and nobody asks for it.
    const crc = k === 0 ? 1 : 0;
    const common: Piece[] = [le(0, 8), le(crc, 4), le(size, 4), le(size, 4), le(member.length, 2), le(0, 2)];
    const local = bytes('PK\x03\x04', le(20, 2), ...common, member);
    directory.push(bytes('PK\x01\x02', le(20, 2), le(20, 2), ...common, le(0, 10), le(offset, 4), member));
    pieces.push(local, data, hole);
    offset += local.length + size;
  }
  const central = bytes(...directory);
  const count = le(members.length, 2);
  const end = bytes('PK\x05\x06', le(0, 4), count, count, le(central.length, 4), le(offset, 4), le(0, 2));
  return write(name, [...pieces, central, end]);
}

const array = (shape: readonly number[], data: Uint8Array) =>
  npy(npyHeader("'<f4'", `(${shape.join(', ')},)`), data);

const npz = () =>
  archive('big.npz', [
    ['bulk.npy', array([BULK / 4], new Uint8Array(0))],
    ...GRU.map(([name, shape]) => [`${name}.npy`, array(shape, numbers(sizeOf(shape)))] as const),
  ]);

function pytorch(): string {
  const entries = [['bulk', [BULK / 4]] as const, ...GRU].map(([name, shape], key) => {
    const stride = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
    return [name, tensor({ key: String(key), length: sizeOf(shape), size: shape, stride })] as const;
  });
  const pickle = bytes(py.proto, dict(Object.fromEntries(entries)), py.stop);
  return archive('big.pt', [
    ['a/data/0', new Uint8Array(0)],
    ...GRU.map(([, shape], k) => [`a/data/${k + 1}`, numbers(sizeOf(shape))] as const),
    ['a/data.pkl', pickle],
  ]);
}

describe('a file of 500 MB with a small GRU in it is opened in a second and 200 MB:', () => {
  test.each([
    ['safetensors', safetensors],
    ['npz', npz],
    ['pytorch-zip', pytorch],
  ])('%s', async (format, make) => {
    const file = make();
    // The best of three: the machine may be busy with something else.
    let seconds = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 3 && seconds >= 1; run++) {
      const ran = await measured(['inspect', file, '--json', '-']);
      expect(ran.stderr).toBe('');
      const { model } = JSON.parse(ran.stdout);
      expect([model.format, model.cell, model.hiddenSize, model.inputSize]).toEqual([format, 'gru', H, I]);
      expect(ran.peak).toBeLessThan(200 * 1024);
      seconds = Math.min(seconds, ran.seconds);
    }
    expect(seconds).toBeLessThan(1);
  });
});
