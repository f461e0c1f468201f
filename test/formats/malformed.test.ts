import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { readSource, readWeightFile } from '../../src/formats/index.js';
import { memorySource } from '../../src/formats/parts/source.js';
import type { WeightFile } from '../../src/formats/weight-file.js';
import {
  bytes,
  dict,
  FLOATS,
  fixture,
  le,
  malformed,
  npy,
  npyHeader,
  pt,
  py,
  read,
  safetensors,
  tensor,
  zip,
} from './build.js';

const DAMAGED = 'The file is damaged; save it again.';
const INCOMPLETE = 'The file is cut short; copy or save it again.';

/** The refusal of a file or of its numbers as `CODE message`, and that it came soon. */
async function refusal(reading: Promise<WeightFile>): Promise<string> {
  const start = performance.now();
  const error = await reading
    .then(({ tensors }) => {
      for (const tensor of tensors.values()) tensor.values();
    })
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof UserError)) throw new Error('expected a UserError', { cause: error });
  expect(performance.now() - start).toBeLessThan(2000);
  expect(error.message).not.toMatch(/[\n\r]/);
  return `${error.code} ${error.message}`;
}

describe('a broken file is refused in one line', () => {
  test.each([
    [
      '02_trunc.pt',
      `TRUNCATED 02_trunc.pt: is a ZIP archive of 5951 bytes whose end of central directory was not found. ${INCOMPLETE}`,
    ],
    [
      '04_os_system.pt',
      'REFUSED 04_os_system.pt: a/data.pkl: it calls posix.system at byte 26 of its pickle, which is not needed to hold weights. Nothing was run. Save the state_dict alone: torch.save(model.state_dict(), ...).',
    ],
    [
      '06_memo_unset.pt',
      `CORRUPT 06_memo_unset.pt: a/data.pkl: the pickle is broken at byte 2: nothing was remembered as 7. ${DAMAGED}`,
    ],
    [
      '07b_no_stop.pt',
      `CORRUPT 07b_no_stop.pt: a/data.pkl: the pickle ends at byte 3 without STOP. ${DAMAGED}`,
    ],
    [
      '09_missing_storage.pt',
      `CORRUPT 09_missing_storage.pt: storage 9 of the tensor 'weight_ih_l0' is missing. ${DAMAGED}`,
    ],
    [
      '11_offset_oob.pt',
      `CORRUPT 11_offset_oob.pt: the tensor 'weight_ih_l0' reaches element 1000000023 of storage 0, which has 24. ${DAMAGED}`,
    ],
    [
      '12b_negative_offset.pt',
      `CORRUPT 12b_negative_offset.pt: the tensor 'weight_ih_l0' starts at element -8 of storage 0. ${DAMAGED}`,
    ],
    [
      '14_expand_bomb.pt',
      "LIMIT 14_expand_bomb.pt: the tensor 'weight_ih_l0' has 1000000 x 1000000 elements; at most 268435456 can be read.",
    ],
    [
      '16_dup_entry.pt',
      'REFUSED 16_dup_entry.pt: holds a duplicate entry: a/data.pkl occurs twice. Save the file again.',
    ],
    [
      '18_cycle.pt',
      'UNSUPPORTED 18_cycle.pt: holds no tensors that can be read: it is a list of 1. Save the weights: torch.save(model.state_dict(), ...).',
    ],
    [
      '19b_binbytes8.pt',
      `TRUNCATED 19b_binbytes8.pt: a/data.pkl: the instruction at byte 2 wants 1152921504606846976 bytes but the pickle has 1 left. ${INCOMPLETE}`,
    ],
    [
      '20b_legacy_magic.pt',
      'UNKNOWN 20b_legacy_magic.pt: this is a plain Python pickle, which is neither a current nor an old PyTorch file. If PyTorch can load it, save it again with a current PyTorch: torch.save(model.state_dict(), "model.pt").',
    ],
    [
      '21_hdrlen_huge.safetensors',
      `LIMIT 21_hdrlen_huge.safetensors: its header is said to have 9223372036854775808 bytes; at most 100000000 are read. ${DAMAGED}`,
    ],
    [
      '23_overlap.safetensors',
      `CORRUPT 23_overlap.safetensors: the tensor 'b' starts at 24, expected 48. ${DAMAGED}`,
    ],
    [
      '25_trailing.safetensors',
      `CORRUPT 25_trailing.safetensors: has 1 byte behind its last tensor. ${DAMAGED}`,
    ],
    [
      '27_dup_keys.safetensors',
      `CORRUPT 27_dup_keys.safetensors: the tensor 'w' starts at 48, expected 0. ${DAMAGED}`,
    ],
    [
      '28b_not_brace.safetensors',
      `CORRUPT 28b_not_brace.safetensors: its header begins with byte 0x20, expected {. ${DAMAGED}`,
    ],
    [
      '29b_float_shape.safetensors',
      `CORRUPT 29b_float_shape.safetensors: the tensor 'w' has the shape [4.5,6], not whole numbers. ${DAMAGED}`,
    ],
    [
      '29d_dtype.safetensors',
      `CORRUPT 29d_dtype.safetensors: the tensor 'w' has the unknown dtype "F33". ${DAMAGED}`,
    ],
    [
      '30b_struct.npy',
      'UNSUPPORTED 30b_struct.npy: holds records of several fields; save each field as an array of its own.',
    ],
    [
      '31b_npy_hdrlen.npy',
      `TRUNCATED 31b_npy_hdrlen.npy: its header wants 65535 bytes but 886 are left. ${INCOMPLETE}`,
    ],
  ])('%s', async (name, message) => {
    expect(await refusal(readWeightFile(malformed(name)))).toBe(message);
  });
});

const pickle = (...instructions: (Uint8Array | readonly number[] | string)[]) =>
  zip({ name: 'a/data.pkl', data: bytes([0x80, 2], ...instructions) });
const twice = bytes(py.get(0), py.append, py.get(0), py.append);
const weight = (spec: Parameters<typeof tensor>[0]) => pt(dict({ w: tensor(spec) }));
const BOMB = zip({
  name: 'a/data.pkl',
  data: new Uint8Array(8),
  size: 200e6,
  packed: deflateRawSync(new Uint8Array(200e6)),
  method: 8,
});
const flipped = (name: string, at: (file: Buffer) => number) => {
  const file = readFileSync(fixture(name));
  file[at(file)]! ^= 1;
  return file;
};
const cut = (name: string, by: number) => {
  const file = readFileSync(fixture(name));
  return file.subarray(0, file.length - by);
};

describe('a file with one fault in one place is refused in one line', () => {
  test.each<[string, Uint8Array, string]>([
    ['empty', new Uint8Array(0), 'EMPTY f.pt: is empty. Save or copy it again.'],
    [
      'all zeros',
      new Uint8Array(5000),
      'EMPTY f.pt: is empty: all of its 5000 bytes are zero. Save or copy it again.',
    ],
    [
      'one flipped byte in a storage',
      flipped('gru2.pt', (file) => file.indexOf('data/1') + 100),
      `CORRUPT f.pt: gru2/data/1 fails its check: its CRC is 45db9061 but the archive says c7ecfa33. ${DAMAGED}`,
    ],
    [
      'STACK_GLOBAL of builtins.eval',
      pickle([0x80, 4], py.text('builtins'), py.text('eval'), [0x93], py.text('1'), [0x85], 'R.'),
      'REFUSED f.pt: a/data.pkl: it calls builtins.eval at byte 34 of its pickle, which is not needed to hold weights. Nothing was run. Save the state_dict alone: torch.save(model.state_dict(), ...).',
    ],
    [
      'a call of a name that is known',
      pickle(py.global('builtins', 'bytearray'), py.emptyTuple, 'R.'),
      'REFUSED f.pt: a/data.pkl: it calls builtins.bytearray at byte 23 of its pickle: raw bytes are not weights. Save the state_dict alone.',
    ],
    [
      'a call with arguments of another kind',
      pickle(py.global('torch._utils', '_rebuild_tensor_v2'), py.emptyTuple, 'R.'),
      `REFUSED f.pt: a/data.pkl: it calls torch._utils._rebuild_tensor_v2 at byte 36 of its pickle: its arguments are not those that torch.save writes. ${DAMAGED}`,
    ],
    [
      'a call of something that the pickle made',
      pickle(py.emptyDict, py.emptyTuple, 'R.'),
      `CORRUPT f.pt: a/data.pkl: the pickle is broken at byte 4: it calls what is not a name. ${DAMAGED}`,
    ],
    [
      'an instruction of protocol 0',
      pickle('I1\n.'),
      "REFUSED f.pt: a/data.pkl: the pickle's instruction INT at byte 2 is not one that torch.save writes. Save the file again with a current PyTorch.",
    ],
    [
      'a byte that is no instruction',
      pickle([0xff]),
      `CORRUPT f.pt: a/data.pkl: the pickle is broken at byte 2: ff is no instruction. ${DAMAGED}`,
    ],
    [
      'stack underflow',
      pickle('.'),
      `CORRUPT f.pt: a/data.pkl: the pickle is broken at byte 2: the stack is empty. ${DAMAGED}`,
    ],
    [
      'a persistent id that is no storage',
      pickle(py.text('x'), 'Q.'),
      'REFUSED f.pt: a/data.pkl: the pickle is broken at byte 8: a persistent id that is not a storage.',
    ],
    [
      'a storage of fewer bytes than its tensor says',
      weight({ length: 1e6 }),
      `CORRUPT f.pt: storage 0 holds 96 bytes but the tensor 'w' needs 4000000. ${DAMAGED}`,
    ],
    [
      'a negative size',
      weight({ size: [-4, 6] }),
      `CORRUPT f.pt: the tensor 'w' has the size (-4, 6), not whole numbers from 0. ${DAMAGED}`,
    ],
    [
      'a negative stride',
      weight({ stride: [-6, 1] }),
      `CORRUPT f.pt: the tensor 'w' has the strides (-6, 1) for the size (4, 6). ${DAMAGED}`,
    ],
    [
      'a shape of 2^80 elements',
      weight({ size: [2 ** 40, 2 ** 40] }),
      "LIMIT f.pt: the tensor 'w' has 1099511627776 x 1099511627776 elements; at most 268435456 can be read.",
    ],
    [
      'a pickle of 70 MB',
      zip({ name: 'a/data.pkl', data: new Uint8Array(70e6) }),
      'LIMIT f.pt: a/data.pkl: its pickle has 70000000 bytes; at most 67108864 are read.',
    ],
    [
      'a member that inflates a thousand times',
      BOMB,
      `LIMIT f.pt: inflates from ${BOMB.length} to 200000000 bytes, more than 100 times its size. Save it uncompressed if it is genuine.`,
    ],
    [
      'a member that inflates to more than it says',
      zip({
        name: 'a/data.pkl',
        data: new Uint8Array(8),
        size: 20,
        packed: deflateRawSync(new Uint8Array(5e6)),
        method: 8,
      }),
      `CORRUPT f.pt: a/data.pkl: inflates to more than the 20 bytes that the archive says. ${DAMAGED}`,
    ],
    [
      'compressed bytes that are none',
      zip({ name: 'a/data.pkl', data: new Uint8Array(8), packed: bytes([7, 7, 7, 7]), method: 8 }),
      `CORRUPT f.pt: a/data.pkl: its compressed bytes cannot be read (Z_DATA_ERROR). ${DAMAGED}`,
    ],
    [
      'an unknown compression',
      zip({ name: 'a/data.pkl', data: new Uint8Array(8), method: 14, packed: new Uint8Array(4) }),
      'UNSUPPORTED f.pt: a/data.pkl: is compressed by method 14; only stored and deflate can be read.',
    ],
    [
      'an encrypted member',
      zip({ name: 'a/data.pkl', data: new Uint8Array(8), flags: 1 }),
      'REFUSED f.pt: its entry a/data.pkl is encrypted. Save the file without a password.',
    ],
    [
      'two members in one place',
      zip({ name: 'a/data.pkl', data: bytes('}.') }, { name: 'a/data.pkm', data: bytes('}.'), offset: 0 }),
      `CORRUPT f.pt: the local header of its entry a/data.pkm at byte 0 is broken. ${DAMAGED}`,
    ],
    [
      'a member that reaches into the next',
      zip(
        { name: 'a/data.pkl', data: bytes('}.'), packed: bytes('}.'), size: 9, method: 0 },
        { name: 'b', data: bytes('x') },
      ),
      `CORRUPT f.pt: its entry a/data.pkl is stored but has the sizes 2 and 9. ${DAMAGED}`,
    ],
    [
      'two models in one archive',
      zip({ name: 'a/data.pkl', data: bytes('}.') }, { name: 'b/data.pkl', data: bytes('}.') }),
      'AMBIGUOUS f.pt: holds several models (a/data.pkl, b/data.pkl). Save one model a file.',
    ],
    [
      '2,000,000 nested tuples',
      pickle(
        ')',
        '\x85'.repeat(0),
        Uint8Array.from({ length: 2e6 }, () => 0x85),
        '.',
      ),
      'LIMIT f.pt: a/data.pkl: the pickle is broken at byte 66: tuples nested deeper than 64, which no weights file needs.',
    ],
    [
      'nested dicts without end',
      pickle(...Array.from({ length: 100 }, () => bytes('}', py.text('a'))), py.none, 's'.repeat(100), '.'),
      "LIMIT f.pt: its objects are nested deeper than 64 at 'a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a....', which no weights file needs.",
    ],
    [
      'lists that hold one another twice, forty deep',
      pickle(']', py.put(0), ...Array.from({ length: 40 }, () => bytes(']', twice, py.put(0))), '.'),
      'LIMIT f.pt: holds more than 200000 objects. Save the state_dict alone.',
    ],
    [
      'six million instructions',
      pickle(Uint8Array.from({ length: 6e6 }, (_, i) => (i % 2 === 0 ? 0x4e : 0x30))),
      'LIMIT f.pt: a/data.pkl: the pickle is broken at byte 5000001: more than 5000000 instructions, which no weights file needs.',
    ],
    [
      'a text of 2^32 - 1 bytes',
      pickle('X', [255, 255, 255, 255], 'abc'),
      `TRUNCATED f.pt: a/data.pkl: the instruction at byte 2 wants 4294967295 bytes but the pickle has 3 left. ${INCOMPLETE}`,
    ],
    [
      'a state_dict of nothing',
      pt(py.emptyDict),
      'UNSUPPORTED f.pt: holds no tensors that can be read: it is a dict of 0. Save the weights: torch.save(model.state_dict(), ...).',
    ],
    [
      'names that drive a terminal',
      pt(dict({ '\x1b[31mred\n': tensor({ key: '5' }) })),
      `CORRUPT f.pt: storage 5 of the tensor '\\x1b[31mred ' is missing. ${DAMAGED}`,
    ],
    [
      'an old file cut short',
      cut('lstm2_legacy.pt', 40),
      `TRUNCATED f.pt: storage 94375261926752 needs 128 bytes but 88 are left. ${INCOMPLETE}`,
    ],
  ])('%s', async (_, file, message) => {
    expect(await refusal(read('f.pt', file))).toBe(message);
  });
});

describe('a broken safetensors header is refused in one line', () => {
  const entry = (over: object) => ({ w: { dtype: 'F32', shape: [4, 6], data_offsets: [0, 96], ...over } });

  test.each<[string, Uint8Array, string]>([
    [
      'shorter than its length',
      bytes('abc'),
      `TRUNCATED f.safetensors: has 3 bytes; a safetensors file begins with 8. ${INCOMPLETE}`,
    ],
    [
      'length past the end',
      bytes(le(1000, 8), '{"w": 1}'),
      `TRUNCATED f.safetensors: its header wants 1000 bytes but 8 are left. ${INCOMPLETE}`,
    ],
    [
      'hole',
      safetensors(entry({ data_offsets: [4, 100] }), 100),
      `CORRUPT f.safetensors: the tensor 'w' starts at 4, expected 0. ${DAMAGED}`,
    ],
    [
      'cut data',
      safetensors(entry({}), 95),
      `TRUNCATED f.safetensors: its tensors need 96 bytes behind the header but 95 are there. ${INCOMPLETE}`,
    ],
    [
      'shape against bytes',
      safetensors(entry({ shape: [5, 6] }), 96),
      `CORRUPT f.safetensors: the tensor 'w' of shape [5, 6] and dtype F32 needs 120 bytes but has 96. ${DAMAGED}`,
    ],
    [
      'overflow',
      safetensors(entry({ shape: [2 ** 40, 2 ** 40] }), 96),
      `CORRUPT f.safetensors: the tensor 'w' of shape [1099511627776, 1099511627776] and dtype F32 does not fill a whole, sensible number of bytes. ${DAMAGED}`,
    ],
    [
      'half a byte',
      safetensors(entry({ dtype: 'F4', shape: [3], data_offsets: [0, 2] }), 2),
      `CORRUPT f.safetensors: the tensor 'w' of shape [3] and dtype F4 does not fill a whole, sensible number of bytes. ${DAMAGED}`,
    ],
    [
      'metadata that is not text',
      safetensors({ __metadata__: { a: 1 }, ...entry({}) }, 96),
      `CORRUPT f.safetensors: its __metadata__ holds something other than text. ${DAMAGED}`,
    ],
    [
      'not UTF-8',
      bytes(le(6, 8), '{"', [0xff], '":1}'),
      `CORRUPT f.safetensors: its header is not UTF-8. ${DAMAGED}`,
    ],
    [
      'an entry that is a number',
      safetensors({ w: 1 }, 0),
      `CORRUPT f.safetensors: the tensor 'w' is not described by dtype, shape and data_offsets. ${DAMAGED}`,
    ],
    [
      'no entries',
      safetensors({}, 0),
      'UNSUPPORTED f.safetensors: holds no tensors that can be read: its header lists none. Save the weights as F32, F64, F16 or BF16.',
    ],
    [
      'a type that is not decoded',
      safetensors(entry({ dtype: 'F8_E4M3', data_offsets: [0, 24] }), 24),
      "UNSUPPORTED f.safetensors: holds no tensors that can be read: skipped 'w': its dtype F8_E4M3 cannot be read. Save the weights as F32, F64, F16 or BF16.",
    ],
    [
      'a million open brackets',
      safetensors(`{"w": ${'['.repeat(1e6)}`, 0),
      `LIMIT f.safetensors: its header is nested deeper than 3 at its byte 8, which no weights file needs. ${DAMAGED}`,
    ],
  ])('%s', async (_, file, message) => {
    expect(await refusal(read('f.safetensors', file))).toBe(message);
  });
});

describe('a broken array of NumPy is refused in one line', () => {
  test.each<[string, Uint8Array, string]>([
    [
      'a shape of 1e22',
      npy(npyHeader("'<f4'", '(10000000000000000000000,)'), new Uint8Array(4)),
      'LIMIT f.npy: its shape says (10000000000000000000000,), which is too large to read.',
    ],
    [
      'a shape of 1e12',
      npy(npyHeader("'<f4'", '(1000000, 1000000)'), new Uint8Array(4)),
      'LIMIT f.npy: its array has 1000000 x 1000000 elements; at most 268435456 can be read.',
    ],
    [
      'cut',
      npy(npyHeader("'<f4'", '(2, 3)'), new Uint8Array(20)),
      `TRUNCATED f.npy: its array needs 24 bytes but 20 are there. ${INCOMPLETE}`,
    ],
    [
      'too long',
      npy(npyHeader("'<f4'", '(2,)'), new Uint8Array(12)),
      `CORRUPT f.npy: has 4 bytes behind its array of 8. ${DAMAGED}`,
    ],
    [
      'several arrays',
      bytes(npy(npyHeader("'<f4'", '(2,)'), new Uint8Array(8)), [0x93], 'NUMPY'),
      'UNSUPPORTED f.npy: holds several arrays one after the other, as Equinox writes them. Save them under their names: np.savez.',
    ],
    [
      'objects',
      npy(npyHeader("'|O'", '(2,)'), new Uint8Array(8)),
      'REFUSED f.npy: holds pickled Python objects, which would have to be run to be read. Save plain numbers: array.astype(float).',
    ],
    [
      'complex',
      npy(npyHeader("'<c8'", '(2,)'), new Uint8Array(16)),
      'UNSUPPORTED f.npy: holds elements of type <c8; floats, integers and booleans can be read. Save it as array.astype("float32").',
    ],
    [
      'no magic',
      bytes('hello, this is text'),
      `CORRUPT f.npy: does not begin with \\x93NUMPY, as an array of NumPy does. ${DAMAGED}`,
    ],
    [
      'version 9',
      npy(npyHeader("'<f4'", '(2,)'), new Uint8Array(8), 9),
      'UNSUPPORTED f.npy: has version 9 of the .npy format; versions 1 to 3 can be read.',
    ],
    [
      'a header of 20 kB',
      npy(' '.repeat(20000), new Uint8Array(8)),
      'LIMIT f.npy: its header has 20000 bytes; at most 10000 are read.',
    ],
    [
      'a header of something else',
      npy('hello', new Uint8Array(8)),
      `CORRUPT f.npy: its header is not one of NumPy: hello. ${DAMAGED}`,
    ],
  ])('%s', async (_, file, message) => {
    expect(await refusal(read('f.npy', file))).toBe(message);
  });

  test('600 MB of zeros in an archive whose header claims 4 GB', async () => {
    const head = npy(npyHeader("'<f8'", '(32768, 16384)'), new Uint8Array(0));
    const packed = deflateRawSync(bytes(head, new Uint8Array(60e6)));
    const file = zip({ name: 'w.npy', data: head, size: 60e6, packed, method: 8 });
    expect(await refusal(readSource(memorySource('bomb.npz', file)))).toBe(
      'LIMIT bomb.npz: w.npy: its array has 32768 x 16384 elements; at most 268435456 can be read.',
    );
    const bomb = zip({ name: 'w.npy', data: head, size: 629145728, packed, method: 8 });
    expect(await refusal(readSource(memorySource('bomb.npz', bomb)))).toMatch(
      /^LIMIT bomb.npz: inflates from \d+ to 629145728/,
    );
  });
});

test('an array that fails its check is named', async () => {
  const data = npy(npyHeader("'<f4'", '(24,)'), FLOATS);
  const file = zip({ name: 'w.npy', data, crc: 5 });
  expect(await refusal(read('f.npz', file))).toMatch(
    /^CORRUPT f.npz: w.npy fails its check: its CRC is .* archive says 00000005/,
  );
});
