import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { readModel } from '../../src/model/index.js';
import { hiddenStates, largestDifference } from '../model/stepping.js';
import { asInts, fixture, program, read, zip } from './build.js';

const reference = JSON.parse(readFileSync(fixture('torch_ref.json'), 'utf8'));
describe('a program of torch.export', () => {
  test.each([{}, { bare: true }, { root: '' }])('%j is the network that was traced', async (how) => {
    const file = await read('net.pt2', program('gru2', how));
    expect(file.format).toBe('pytorch-export');
    const states = hiddenStates(readModel(file), reference.x);
    expect(largestDifference(states, reference.gru2.y)).toBeLessThan(1e-6);
  });

  it('says by its operator that an RNN is ReLU', async () => {
    const nn_module_stack = 'L__self__,,__main__.Net;L__self___rnn,rnn,torch.nn.modules.rnn.RNN';
    const nodes = [
      { target: 'torch.ops.aten.linear.default', metadata: {} },
      { target: 'torch.ops.aten.rnn_relu.input', metadata: { nn_module_stack } },
      { target: 'torch.ops.aten.view.default', metadata: { nn_module_stack } },
    ];
    const model = readModel(await read('net.pt2', program('rnn2', { nodes })));
    expect([model.layers[0]!.cell.name, model.assumptions]).toEqual(['rnn-relu', []]);
    expect(largestDifference(hiddenStates(model, reference.x), reference.rnn2.y)).toBeLessThan(1e-6);
  });

  it('of PyTorch before 2.8 holds a whole file of torch.save', async () => {
    const data = readFileSync(fixture('net_sd.pt'));
    const file = await read('old.pt2', zip({ name: 'serialized_state_dict.pt', data }));
    const own = await read('net_sd.pt', data);
    expect(readModel(file).layers).toEqual(readModel(own).layers);
  });

  test.each([
    [{ meta: { dtype: 99 } }, 'UNSUPPORTED', /has the type 99/],
    [{ meta: { sizes: asInts([2 ** 20, 2 ** 20]) } }, 'LIMIT', /1048576 x 1048576/],
    [{ meta: { sizes: [{ as_int: -1 }] } }, 'CORRUPT', /has the sizes/],
    [{ meta: { sizes: [{ as_expr: 's0' }] } }, 'CORRUPT', /has the sizes/],
    [{ meta: { strides: asInts([1]) } }, 'CORRUPT', /has the strides/],
    [{ meta: { strides: asInts([-1, 1]) } }, 'CORRUPT', /has the strides/],
    [
      { meta: { storage_offset: { as_int: 10 ** 9 } } },
      'CORRUPT',
      /reaches element 1000000071 of .*weight_0, which has 72/,
    ],
    [{ meta: { storage_offset: { as_int: -8 } } }, 'CORRUPT', /starts at element/],
    [{ entry: { path_name: '../../weight_0' } }, 'CORRUPT', /which is missing/],
    [{ entry: { use_pickle: true } }, 'UNSUPPORTED', /stored as a pickle of its own/],
  ])('with %j is %s', async (how, code, text) => {
    await expect(read('net.pt2', program('gru2', how))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(text),
    });
  });
});
