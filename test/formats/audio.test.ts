import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from '../model/stepping.js';
import { bytes, fixture, read } from './build.js';

// The two layouts of JSON in which recurrent models of guitar amplifiers are passed around.

const torch = JSON.parse(readFileSync(fixture('torch_ref.json'), 'utf8'));
const keras = JSON.parse(readFileSync(fixture('keras_ref.json'), 'utf8'));
const json = (value: unknown) => read('amp.json', bytes(JSON.stringify(value)));

describe("GuitarML's file", () => {
  const file = (net: string, more: object) => {
    const { y: _, ...weights } = torch[net];
    const rec = Object.fromEntries(Object.entries(weights).map(([name, value]) => [`rec.${name}`, value]));
    const head = { 'lin.weight': [[1, 2, 3, 4, 5, 6, 7, 8]], 'lin.bias': [0] };
    return json({ model_data: { model: 'SimpleRNN', ...more }, state_dict: { ...rec, ...head } });
  };

  test.each([
    ['LSTM', 'lstm2'],
    ['GRU', 'gru2'],
  ])('is the %s that PyTorch trained', async (unit_type, net) => {
    const model = readModel(await file(net, { unit_type, skip: 0 }));
    expect([model.module, model.readout?.name, model.assumptions]).toEqual(['rec', 'lin', []]);
    expect(largestDifference(hiddenStates(model, torch.x), torch[net].y)).toBeLessThan(1e-6);
  });

  it('tells of the input that is added to its output', async () => {
    expect((await file('gru2', { unit_type: 'GRU', skip: 1 })).notes).toEqual([
      'model_data.skip: the network adds its input to its output, which the readout here does not',
    ]);
  });
});

describe("RTNeural's file", () => {
  const layer = (net: string, type: string, name: string) => {
    const { w } = keras[net];
    const paths = Object.keys(w).filter((path) => path.includes(`/${name}/`));
    return { type, activation: '', shape: [null, null, 8], weights: paths.map((path) => w[path]) };
  };
  const file = (net: string, type: string, names: readonly string[]) =>
    json({
      in_shape: [null, null, 3],
      layers: [...names.map((name) => layer(net, type, name)), layer(net, 'dense', 'readout')],
    });

  test.each([
    ['kgru2', 'gru', ['gru_l0', 'gru_l1'], 'gru'],
    ['kgru2_ra0', 'gru', ['gru_l0', 'gru_l1'], 'gru-reset-before'],
    ['klstm2', 'lstm', ['lstm_l0', 'lstm_l1'], 'lstm'],
  ])('of %s computes what Keras did', async (net, type, names, cell) => {
    const model = readModel(await file(net, type, names));
    expect([model.layers.map((one) => one.cell.name), model.assumptions]).toEqual([[cell, cell], []]);
    const { weight, bias } = model.readout!;
    const outputs = hiddenStates(model, keras.x).map((h) =>
      [0, 1].map((i) => h.reduce((sum, value, j) => sum + weight.data[i * 8 + j]! * value, bias![i]!)),
    );
    expect(largestDifference(outputs, keras[net].y)).toBeLessThan(1e-6);
  });

  test.each([
    [{ type: 'gru', weights: 3 }, /layer_0 has no list of the weights kernel, recurrent_kernel, bias/],
    [{ type: 'gru', weights: [[[1, 2], [3]]] }, /layer_0\/kernel' is ragged/],
    [{ type: 'dense', weights: [[['x']]] }, /element 0 of 'layer_0\/kernel' is "x", expected a number/],
    [7, /layer 0 is not a dict/],
  ])('with the layer %j is refused', async (bad, text) => {
    await expect(json({ in_shape: [1], layers: [bad] })).rejects.toThrow(text);
  });
});
