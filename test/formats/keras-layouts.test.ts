import { File, ready } from 'h5wasm';
import { describe, expect, test } from 'vitest';
import { readSource } from '../../src/formats/index.js';
import { memorySource } from '../../src/formats/parts/source.js';
import { listModules, readModel } from '../../src/model/index.js';
import { refusal } from './build.js';

// Layouts that Keras 2 wrote, and links that it never wrote, made by the HDF5 library itself.

let made = 0;

async function hdf5(fill: (file: File) => void): Promise<Uint8Array> {
  const { FS } = await ready;
  const path = `/made${++made}.h5`;
  const file = new File(path, 'w');
  fill(file);
  file.close();
  return FS.readFile(path) as Uint8Array;
}

const read = async (fill: (file: File) => void) => readSource(memorySource('net.h5', await hdf5(fill)));

const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1));

/** A layer with its weights under the names that Keras 2 gives them. */
function layer(file: File, group: string, weights: Readonly<Record<string, readonly number[]>>): void {
  file.create_group(group);
  for (const [name, shape] of Object.entries(weights)) {
    const words = name.split('/');
    let path = group;
    for (const word of words.slice(0, -1)) {
      path = `${path}/${word}`;
      if (!file.get(path)) file.create_group(path);
    }
    const size = shape.reduce((a, b) => a * b, 1);
    file.create_dataset({ name: `${group}/${name}`, data: numbers(size), shape: [...shape], dtype: '<f' });
  }
  (file.get(group) as File).create_attribute('weight_names', Object.keys(weights));
}

const gru = (path: string, I: number, H: number) => ({
  [`${path}/kernel:0`]: [I, 3 * H],
  [`${path}/recurrent_kernel:0`]: [H, 3 * H],
  [`${path}/bias:0`]: [2, 3 * H],
});

test('what save_weights wrote: layers at the root, in the order of an attribute', async () => {
  const file = await read((f) => {
    layer(f, 'zeta', gru('zeta/gru_cell', 2, 3));
    layer(f, 'alpha', gru('alpha/gru_cell_1', 3, 3));
    layer(f, 'head', { 'head/kernel:0': [3, 1], 'head/bias:0': [1] });
    f.create_attribute('layer_names', ['zeta', 'alpha', 'head']);
  });
  const model = readModel(file);
  expect([model.module, model.layers.map(({ weights }) => weights.inputSize), model.readout?.name]).toEqual([
    'zeta+alpha',
    [2, 3],
    'head',
  ]);
});

test('a list of layers that is spread over several attributes is put together', async () => {
  const file = await read((f) => {
    layer(f, 'b', gru('b/gru_cell', 2, 3));
    layer(f, 'a', gru('a/gru_cell_1', 3, 3));
    f.create_attribute('layer_names0', ['b']);
    f.create_attribute('layer_names1', ['a']);
  });
  expect(listModules(file).map(({ name }) => name)).toEqual(['b+a']);
});

test('a nested model of Keras 2 is found by the names on the way to its layers', async () => {
  const config = (name: string) => ({
    name,
    units: 3,
    activation: 'tanh',
    recurrent_activation: 'sigmoid',
    reset_after: true,
  });
  const inner = {
    class_name: 'Sequential',
    config: { name: 'sub', layers: [{ class_name: 'GRU', config: config('inner') }] },
  };
  const outer = {
    class_name: 'Sequential',
    config: { name: 'net', layers: [{ class_name: 'GRU', config: config('outer') }, inner] },
  };
  const file = await read((f) => {
    f.create_attribute('model_config', JSON.stringify(outer));
    f.create_attribute('keras_version', '2.9.0');
    f.create_group('model_weights');
    layer(f, 'model_weights/outer', gru('outer/gru_cell', 2, 3));
    layer(f, 'model_weights/sub', gru('sub/inner/gru_cell', 3, 3));
    (f.get('model_weights') as File).create_attribute('layer_names', ['outer', 'sub']);
  });
  const model = readModel(file);
  expect([model.module, model.assumptions]).toEqual(['outer+sub/inner', []]);
});

test('the tree of Keras 2.12 is that of Keras 3 under another word', async () => {
  const file = await read((f) => {
    f.create_group('_layer_checkpoint_dependencies\\gru');
    f.create_group('_layer_checkpoint_dependencies\\gru/cell');
    f.create_group('_layer_checkpoint_dependencies\\gru/cell/vars');
    const shapes = [
      [2, 9],
      [3, 9],
      [2, 9],
    ];
    for (const [k, shape] of shapes.entries())
      f.create_dataset({
        name: `_layer_checkpoint_dependencies\\gru/cell/vars/${k}`,
        data: numbers(shape[0]! * shape[1]!),
        shape,
        dtype: '<f',
      });
  });
  expect(listModules(file)).toMatchObject([{ cell: 'gru', inputSize: 2, hiddenSize: 3 }]);
});

describe('refused, and by kind:', () => {
  test.each<[string, (f: File) => void, RegExp]>([
    ['a soft link', (f) => f.create_soft_link('/b', 'a'), /^REFUSED net\.h5: 'a' is a soft link to \/b/],
    [
      'a soft link to itself',
      (f) => f.create_soft_link('/a', 'a'),
      /^REFUSED net\.h5: 'a' is a soft link to \/a, which is not followed/,
    ],
    [
      'an external link',
      (f) => f.create_external_link('/etc/passwd', '/x', 'a'),
      /^REFUSED net\.h5: 'a' is an external link to the file \/etc\/passwd/,
    ],
    [
      'groups 40 deep',
      (f) => {
        for (let k = 1; k <= 40; k++) f.create_group('/g'.repeat(k));
      },
      /^LIMIT net\.h5: its groups are nested deeper than 32/,
    ],
  ])('%s', async (_, fill, message) => {
    expect(await refusal(read(fill))).toMatch(message);
  });
});
