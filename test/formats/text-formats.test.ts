import { describe, expect, it, test } from 'vitest';
import { readWeightFile } from '../../src/formats/index.js';
import { bytes, fixture, le, read, safetensors } from './build.js';

const json = (value: unknown) =>
  read('f.json', bytes(typeof value === 'string' ? value : JSON.stringify(value)));

async function messageOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (thrown) => thrown,
  );
  return `${error?.code} ${error?.message}`;
}

describe('safetensors', () => {
  test.each(['gru2', 'lstm2'])('holds the weights of %s.pt', async (stem) => {
    const plain = await readWeightFile(fixture(`${stem}.pt`));
    const file = await readWeightFile(fixture(`${stem}.safetensors`));
    expect(file.format).toBe('safetensors');
    expect([...file.tensors.keys()].toSorted()).toEqual([...plain.tensors.keys()].toSorted());
    for (const [name, { shape, values }] of plain.tensors) {
      expect(file.tensors.get(name)!.shape).toEqual(shape);
      expect(file.tensors.get(name)!.values()).toEqual(values());
    }
  });

  it('in bfloat16 is float32 without the lower half', async () => {
    const plain = await readWeightFile(fixture('gru2.pt'));
    const { tensors } = await readWeightFile(fixture('gru2_bf16.safetensors'));
    for (const [name, tensor] of tensors) {
      expect(tensor.dtype).toBe('bf16');
      const exact = plain.tensors.get(name)!.values();
      for (const [i, value] of tensor.values().entries()) {
        // Eight bits of fraction, one of them implied: half a unit in the last place is 2^-8 or 2^-9 of the value.
        expect(Math.abs(value - exact[i]!)).toBeLessThanOrEqual(Math.abs(exact[i]!) * 2 ** -8);
      }
    }
  });

  it('may hold scalars, nothing, spaces behind the header, metadata and the keys of object prototypes', async () => {
    const header = {
      __metadata__: { format: 'pt' },
      ['__proto__']: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
      none: { dtype: 'F32', shape: [0, 3], data_offsets: [4, 4] },
      last: { dtype: 'I64', shape: [1], data_offsets: [4, 12] },
    };
    const { tensors } = await read('f.safetensors', safetensors(`${JSON.stringify(header)}   `, 12));
    expect([...tensors].map(([name, { shape, values }]) => [name, shape, [...values()]])).toEqual([
      ['__proto__', [], [0]],
      ['none', [0, 3], []],
      ['last', [1], [0]],
    ]);
  });

  it('passes over types that are not decoded', async () => {
    const header = {
      w: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
      q: { dtype: 'F8_E5M2', shape: [4], data_offsets: [4, 8] },
    };
    const { tensors, notes } = await read('f.safetensors', safetensors(header, 8));
    expect([...tensors.keys()]).toEqual(['w']);
    expect(notes).toEqual(["skipped 'q': its dtype F8_E5M2 cannot be read"]);
  });

  it('is told by its content, whatever it is called', async () => {
    const header = { w: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } };
    expect((await read('model.bin', safetensors(header, 4))).format).toBe('safetensors');
    expect(await messageOf(read('model.bin', bytes(le(9, 8), '[1, 2, 3]')))).toMatch(/^UNKNOWN/);
  });
});

describe('JSON', () => {
  it('holds the weights of gru2.pt', async () => {
    const plain = await readWeightFile(fixture('gru2.pt'));
    const { tensors } = await readWeightFile(fixture('gru2.json'));
    expect([...tensors.keys()]).toEqual([...plain.tensors.keys()]);
    for (const [name, tensor] of tensors) expect(tensor.values()).toEqual(plain.tensors.get(name)!.values());
  });

  it('of several networks gives each under its key', async () => {
    const { tensors } = await json({
      params: { w: [[1]] },
      other: { w: [[2]] },
      ema: { w: [[3]] },
      step: [1],
    });
    expect([...tensors.keys()]).toEqual(['params.w', 'other.w']);
  });

  it('may nest dicts, give shape and data, and name what is not finite', async () => {
    const file = await json({
      layer: {
        w: [
          [1, 2],
          [3, 'NaN'],
        ],
        scale: 3,
      },
      flat: { shape: [2, 2], data: [1, 2, 3, 4] },
      classes: ['up', 'down'],
    });
    const found = [...file.tensors].map(([name, { shape, values }]) => [name, shape, [...values()]]);
    expect(found).toEqual([
      ['layer.w', [2, 2], [1, 2, 3, Number.NaN]],
      ['flat', [2, 2], [1, 2, 3, 4]],
    ]);
  });

  it('may keep its weights in a state_dict', async () => {
    const file = await json({ model_data: { unit_type: 'LSTM' }, state_dict: { 'rec.weight': [[1]] } });
    expect([...file.tensors.keys()]).toEqual(['rec.weight']);
  });

  it('may have the keys of object prototypes', async () => {
    const { tensors } = await json('{"__proto__": {"w": [1]}, "constructor": [2]}');
    expect([...tensors.keys()]).toEqual(['__proto__.w', 'constructor']);
    expect(({} as { w?: unknown }).w).toBeUndefined();
  });

  test.each([
    [{ w: [[1, 2], [3]] }, "SHAPE f.json: the tensor 'w' is ragged: w[1] is a list of 1, expected one of 2."],
    [{ w: [[1, 2], 3] }, "SHAPE f.json: the tensor 'w' is ragged: w[1] is not a list, expected a list of 2."],
    [
      { w: [1, [2]] },
      "SHAPE f.json: the tensor 'w' is ragged: w is a list of lists and others, expected a list of 2 numbers.",
    ],
    [{ w: [1, null] }, "CORRUPT f.json: element 1 of 'w' is null, expected a number."],
    [
      { w: { shape: [3], data: [1] } },
      "SHAPE f.json: the tensor 'w' of shape [3] needs 3 numbers but has 1.",
    ],
    [{ 'a.b': [1], a: { b: [2] } }, "AMBIGUOUS f.json: two tensors are called 'a.b'. Rename one."],
    [
      { a: 1 },
      'UNSUPPORTED f.json: holds no tensors that can be read: its keys are \'a\'. Expected {"name": nested lists of numbers, ...}.',
    ],
    [
      '{"w": [NaN]}',
      'CORRUPT f.json: its text is not JSON: Unexpected token \'N\', "{"w": [NaN]}" is not valid JSON. JSON has no NaN; write it as the string "NaN".',
    ],
    ['{"w": [1', /^CORRUPT f\.json: its text is not JSON: .* The file is damaged; save it again\.$/],
    [`{"w": ${'['.repeat(1e6)}`, /^LIMIT f\.json: its text is nested deeper than 64 at its byte 69/],
    [
      '[1, 2]',
      'UNSUPPORTED f.json: is JSON but not a dict. Expected {"name": nested lists of numbers, ...}.',
    ],
    [
      { schema: 1, analysis: 'lyapunov' },
      'UNSUPPORTED f.json: this is a result of rnnscope. Give the weights file that it was made from.',
    ],
    [{ modelTopology: {}, weightsManifest: [] }, /^UNSUPPORTED f\.json: .*its manifest lists no weights/],
    [
      { in_shape: [1], layers: [] },
      /^UNSUPPORTED f\.json: holds no tensors that can be read: no layer has weights\./,
    ],
  ])('%j is refused', async (value, message) => {
    const found = await messageOf(json(value));
    if (typeof message === 'string') expect(found).toBe(message);
    else expect(found).toMatch(message);
  });
});
