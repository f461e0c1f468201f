import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { readWeightFile } from '../../src/formats/index.js';
import type { WeightFile } from '../../src/formats/weight-file.js';
import { bytes, dict, FLOATS, fixture, le, pt, py, read, tensor, zip } from './build.js';

type Reference = Record<string, Record<string, number[] | number[][]>>;
const reference: Reference = JSON.parse(readFileSync(fixture('torch_ref.json'), 'utf8'));

function expected(net: string): Map<string, number[]> {
  const { y: _, ...weights } = reference[net]!;
  return new Map(Object.entries(weights).map(([name, rows]) => [name, rows.flat()]));
}

function expectValues(file: WeightFile, wanted: Map<string, number[]>, digits = 12): void {
  expect([...file.tensors.keys()].toSorted()).toEqual([...wanted.keys()].toSorted());
  for (const [name, values] of wanted) {
    const found = file.tensors.get(name)!.values();
    expect(found.length).toBe(values.length);
    for (const [i, value] of values.entries()) expect(found[i]).toBeCloseTo(value, digits);
  }
}

describe('a state_dict', () => {
  test.each([
    ['gru2.pt', 'gru2', 'pytorch-zip', 12],
    ['gru2_f64.pt', 'gru2', 'pytorch-zip', 7],
    ['gru2_f16.pt', 'gru2', 'pytorch-zip', 3],
    ['gru2_param.pt', 'gru2', 'pytorch-zip', 12],
    ['gru2_named_params.pt', 'gru2', 'pytorch-zip', 12],
    ['gru2_module.pt', 'gru2', 'pytorch-zip', 12],
    ['lstm2.pt', 'lstm2', 'pytorch-zip', 12],
    ['lstm2_legacy.pt', 'lstm2', 'pytorch-legacy', 12],
    ['rnn2.pt', 'rnn2', 'pytorch-zip', 12],
  ])('%s holds the weights that PyTorch reports', async (name, net, format, digits) => {
    const file = await readWeightFile(fixture(name));
    expect(file.format).toBe(format);
    expectValues(file, expected(net), digits);
  });

  it('keeps the order, shapes and types of the file', async () => {
    const { tensors } = await readWeightFile(fixture('gru2.pt'));
    expect([...tensors.values()].map(({ name, shape, dtype }) => [name, shape, dtype]).slice(0, 3)).toEqual([
      ['weight_ih_l0', [24, 3], 'f32'],
      ['weight_hh_l0', [24, 8], 'f32'],
      ['bias_ih_l0', [24], 'f32'],
    ]);
  });

  it('is hashed as sha256sum does', async () => {
    const { sha256 } = await readWeightFile(fixture('gru2.pt'));
    expect(sha256).toBe('1faef384e851b148f620cb292a7e2c34bd74409dcad59800234a048ebd383b1d');
  });

  it('keeps weight-norm pairs and prefixes as they are', async () => {
    const pairs = await readWeightFile(fixture('gru_wn.pt'));
    expect([...pairs.tensors.keys()]).toContain('parametrizations.weight_hh_l0.original1');
    const wrapped = await readWeightFile(fixture('net_dp.pt'));
    expect([...wrapped.tensors.keys()][0]).toBe('module.rnn.weight_ih_l0');
  });
});

describe('one network in several containers', () => {
  const names = [
    ['flipflop3-gru32.ckpt', 'model.', 12],
    ['flipflop3-gru32.legacy.pt', '', 12],
    ['flipflop3-gru32.torchscript.pt', '', 12],
    ['flipflop3-gru32.whole-module.pt', '', 12],
    ['flipflop3-gru32.npz', '', 12],
    ['flipflop3-gru32.safetensors', '', 12],
    ['flipflop3-gru32.dataparallel-f16.pt', 'module.', 2],
    ['flipflop3-gru32.bf16.safetensors', '', 1],
  ] as const;

  test.each(names)('%s holds the weights of the state_dict', async (name, prefix, digits) => {
    const plain = await readWeightFile(fixture('flipflop3-gru32.pt'));
    const wanted = new Map([...plain.tensors].map(([key, it]) => [prefix + key, [...it.values()]]));
    expectValues(await readWeightFile(fixture(name)), wanted, digits);
  });
});

describe('strides and storages', () => {
  it('follow transposed, stepped, expanded, scalar and empty views', async () => {
    const { tensors, notes } = await readWeightFile(fixture('strided.pt'));
    const found = Object.fromEntries(
      [...tensors].map(([name, it]) => [name, [it.dtype, it.shape, [...it.values()]]]),
    );
    expect(found).toEqual({
      a: ['f32', [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]],
      b: ['f32', [4], [2, 4, 6, 8]],
      e: ['f32', [3, 4], Array(12).fill(0)],
      s: ['f32', [], [3.5]],
      z: ['f32', [0, 4], []],
      i: ['i64', [3], [0, 1, 2]],
      bool: ['bool', [1], [1]],
      u8: ['u8', [1], [1]],
    });
    expect(notes).toEqual(["skipped 'c': a tensor of type c64"]);
  });

  it('let several tensors view one storage at their offsets', async () => {
    const upper = tensor({ size: [2, 6] });
    const lower = tensor({ size: [2, 6], offset: 12 });
    const { tensors } = await read('flat.pt', pt(dict({ upper, lower })));
    expect([...tensors.get('upper')!.values()]).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect([...tensors.get('lower')!.values()]).toEqual(Array.from({ length: 12 }, (_, i) => i + 12));
  });

  it('are read as the byte order of the archive says', async () => {
    const swapped = Uint8Array.from(FLOATS);
    for (let at = 0; at < swapped.length; at += 4) swapped.subarray(at, at + 4).reverse();
    const { tensors } = await read(
      'big.pt',
      zip(
        { name: 'a/data.pkl', data: bytes(py.proto, dict({ w: tensor() }), py.stop) },
        { name: 'a/byteorder', data: bytes('big') },
        { name: 'a/data/0', data: swapped },
      ),
    );
    expect(tensors.get('w')!.values()[23]).toBe(23);
  });

  it('may be compressed, and may have no checksum', async () => {
    const object = bytes(py.proto, dict({ w: tensor() }), py.stop);
    const { tensors } = await read(
      'small.pt',
      zip(
        { name: 'a/data.pkl', data: object, deflate: true, crc: 0 },
        { name: 'a/data/0', data: FLOATS, deflate: true },
      ),
    );
    expect(tensors.get('w')!.values()[23]).toBe(23);
  });

  it('of an old file may be views into another storage', async () => {
    const view = bytes(py.mark, py.text('7'), py.int(4), py.int(6), py.tuple);
    const id = bytes(
      bytes(py.mark, py.text('storage'), py.global('torch', 'FloatStorage'), py.text('3'), py.text('cpu')),
      bytes(py.int(24), view, py.tuple, 'Q'),
    );
    const shape = bytes(py.mark, py.int(6), py.tuple, py.mark, py.int(1), py.tuple);
    const rebuild = py.global('torch._utils', '_rebuild_tensor');
    const object = bytes(
      py.emptyDict,
      py.text('w'),
      rebuild,
      py.mark,
      id,
      py.int(0),
      shape,
      py.tuple,
      'R',
      's',
    );
    const keys = bytes(py.emptyList, py.text('3'), py.append);
    const pickles = [bytes(py.int(1001)), bytes(py.emptyDict), object, keys];
    const magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
    const file = bytes(magic, ...pickles.map((it) => bytes(py.proto, it, py.stop)), le(24, 8), FLOATS);
    const { tensors } = await read('old.pt', file);
    expect([...tensors.get('w')!.values()]).toEqual([4, 5, 6, 7, 8, 9]);
  });
});

describe('a checkpoint', () => {
  it('gives the weights of its model and says what was left', async () => {
    const file = await readWeightFile(fixture('net_ckpt.pt'));
    expect([...file.tensors.keys()][0]).toBe('rnn.weight_ih_l0');
    expect(file.notes).toEqual([
      "the weights were taken from 'model_state_dict'; skipped: 'optimizer_state_dict' (optimiser state)",
    ]);
  });

  it('is opened through several nestings', async () => {
    const nested = dict({
      epoch: py.int(3),
      model: dict({ state_dict: dict({ w: tensor() }) }),
      ema: dict({ w: tensor() }),
    });
    const { tensors, notes } = await read('nested.pt', pt(nested));
    expect([...tensors.keys()]).toEqual(['w']);
    expect(notes).toEqual(["the weights were taken from 'model'; skipped: 'ema'"]);
  });

  it('of several networks gives each under its key, without averages and older states', async () => {
    const several = dict({
      net: dict({ w: tensor() }),
      rnn: dict({ weight_hh_l0: tensor() }),
      best_model: dict({ w: tensor() }),
      callbacks: dict({ score: dict({ best: tensor() }) }),
      optimizer: dict({ w: tensor() }),
    });
    const { tensors, notes } = await read('several.pt', pt(several));
    expect([...tensors.keys()]).toEqual(['net.w', 'rnn.weight_hh_l0']);
    expect(notes).toEqual([
      "the weights were taken from 'net', 'rnn'; skipped: 'best_model', 'callbacks', 'optimizer' (optimiser state)",
    ]);
  });

  it('with a tensor called weights is no nesting', async () => {
    const { tensors } = await read('plain.pt', pt(dict({ weights: tensor(), bias: tensor() })));
    expect([...tensors.keys()]).toEqual(['weights', 'bias']);
  });

  it('of dicts in dicts has dotted names, without the slots of an optimiser', async () => {
    const file = pt(dict({ rnn: dict({ w: tensor() }), optimizer: dict({ w: tensor() }), lr: py.int(1) }));
    const { tensors, notes } = await read('dicts.pt', file);
    expect([...tensors.keys()]).toEqual(['rnn.w']);
    expect(notes).toEqual(["skipped 'optimizer': optimiser state"]);
  });

  it('may name classes of its own, which become records', async () => {
    const record = bytes(
      py.global('argparse', 'Namespace'),
      py.emptyTuple,
      py.newObject,
      dict({ lr: py.int(1) }),
      py.build,
    );
    const { tensors, modules } = await read(
      'args.pt',
      pt(dict({ state_dict: dict({ w: tensor() }), args: record })),
    );
    expect([...tensors.keys()]).toEqual(['w']);
    expect(modules.size).toBe(0);
  });

  it('may hold arrays of NumPy', async () => {
    const type = bytes(
      bytes(py.global('numpy', 'dtype'), py.mark, py.text('f8'), [0x89, 0x88], py.tuple, py.reduce),
      bytes(py.mark, py.int(3), py.text('<'), py.none, py.none, py.none, py.tuple, py.build),
    );
    const shape = bytes(py.mark, py.int(2), py.tuple);
    const data = py.raw(new Uint8Array(Float64Array.of(1.5, -2).buffer));
    const array = bytes(
      bytes(py.global('numpy.core.multiarray', '_reconstruct'), py.emptyTuple, py.reduce),
      bytes(py.mark, py.int(1), shape, type, [0x89], data, py.tuple, py.build),
    );
    const { tensors } = await read('np.pt', pt(dict({ b: array })));
    expect([...tensors.get('b')!.values()]).toEqual([1.5, -2]);
  });

  it('whose keys are those of object prototypes is a checkpoint like any other', async () => {
    const { tensors } = await read('proto.pt', pt(dict({ ['__proto__']: tensor(), constructor: tensor() })));
    expect([...tensors.keys()]).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe('a whole module', () => {
  it('gives dotted paths, classes and facts', async () => {
    const { tensors, modules } = await readWeightFile(fixture('net_module.pt'));
    expect([...tensors.keys()].at(-1)).toBe('readout.bias');
    expect([...modules].map(([path, { className }]) => [path, className])).toEqual([
      ['', '__main__.Net'],
      ['rnn', 'torch.nn.modules.rnn.LSTM'],
      ['readout', 'torch.nn.modules.linear.Linear'],
    ]);
    expect(Object.fromEntries(modules.get('rnn')!.facts)).toMatchObject({
      mode: 'LSTM',
      input_size: 3,
      hidden_size: 8,
      num_layers: 2,
      bias: true,
      batch_first: true,
      bidirectional: false,
      proj_size: 0,
    });
  });

  it('may have parts that are called like an optimiser', async () => {
    const part = bytes(
      bytes(py.global('__main__', 'Part'), py.emptyTuple, py.newObject),
      bytes(dict({ _parameters: dict({ w: tensor() }), _modules: py.emptyDict }), py.build),
    );
    const whole = bytes(
      bytes(py.global('__main__', 'Net'), py.emptyTuple, py.newObject),
      bytes(dict({ _modules: dict({ optim: part }), size: py.int(4) }), py.build),
    );
    const { tensors, modules, notes } = await read('net.pt', pt(whole));
    expect([...tensors.keys()]).toEqual(['optim.w']);
    expect(modules.get('')!.facts.get('size')).toBe(4);
    expect(notes).toEqual([]);
  });

  it('of TorchScript states the activation in its code', async () => {
    const { modules } = await readWeightFile(fixture('flipflop3-rnn64.torchscript.pt'));
    const rnn = modules.get('rnn')!;
    expect(rnn.className).toBe('torch.nn.modules.rnn.RNN');
    expect(rnn.facts.get('mode')).toBe('RNN_TANH');
    expect(rnn.facts.get('hidden_size')).toBe(64);
    expect(rnn.facts.get('batch_first')).toBe(true);
  });
});

describe('numbers in another form', () => {
  it('are passed over with a reason when there are others', async () => {
    const { tensors, notes } = await readWeightFile(fixture('net_qdyn.pt'));
    expect(tensors.size).toBe(3);
    expect(notes[0]).toBe(
      "skipped 'rnn._all_weight_values.0.param', 'rnn._all_weight_values.1.param': " +
        'packed parameters of a quantised module; save the model before quantising it',
    );
  });

  test.each([
    ['conj', { metadata: bytes(dict({ conj: [0x88] })) }, 'a tensor with a conjugate or negative bit'],
    ['meta', { location: 'meta' }, 'a tensor without data (device meta)'],
    ['complex', { storage: 'ComplexDoubleStorage', length: 12 }, 'a tensor of type c128'],
    ['qint', { storage: 'QInt8Storage' }, 'a quantised tensor'],
  ])('such as %s are named', async (name, spec, reason) => {
    const { notes } = await read('some.pt', pt(dict({ [name]: tensor(spec), w: tensor() })));
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain(`skipped '${name}': ${reason}`);
  });
});
