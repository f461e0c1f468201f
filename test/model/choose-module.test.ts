import { expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import type { WeightFile } from '../../src/formats/weight-file.js';
import { listModules, readModel } from '../../src/model/index.js';
import { filled, fromShapes, together, torchShapes, under, weightFile } from './weight-files.js';

const encoder = under('encoder.', fromShapes(torchShapes(4, 3, 8, { layers: 2 })));
const decoder = under('decoder.', fromShapes(torchShapes(3, 8, 8), {}, 1));
const two = together(encoder, decoder);

function refusal(read: () => unknown): UserError {
  try {
    read();
  } catch (error) {
    if (error instanceof UserError) return error;
  }
  throw new Error('was not refused');
}

test('modules are listed with their sizes, in file order', () => {
  expect(listModules(two)).toMatchObject([
    { name: 'encoder', cell: 'lstm', family: 'lstm', layers: 2, inputSize: 3, hiddenSize: 8 },
    { name: 'decoder', cell: 'gru', family: 'gru', layers: 1, bidirectional: false },
  ]);
});

test('of two modules one has to be named', () => {
  const { code, message } = refusal(() => readModel(two));
  expect(code).toBe('AMBIGUOUS');
  expect(message).toBe(
    'net.pt: holds 2 recurrent modules: encoder (lstm, 2 layers, 3 → 8), decoder (gru, 8 → 8). Choose one with --module NAME.',
  );
  expect(readModel(two, { module: 'decoder' }).module).toBe('decoder');
});

test('a misspelt module brings the nearest name', () => {
  const { code, message } = refusal(() => readModel(two, { module: 'encodr' }));
  expect(code).toBe('NOT_FOUND');
  expect(message).toContain('has no module "encodr". Did you mean "encoder"?');
});

test('a bare module beside another one is called by a dot', () => {
  const file = together(fromShapes(torchShapes(1, 2, 3)), decoder);
  expect(refusal(() => readModel(file)).message).toContain('. (rnn-tanh, 2 → 3), decoder');
  expect(readModel(file, { module: '.' }).module).toBe('');
});

test('the same weights under two names are one module with two names', () => {
  const file = together(under('net.', encoder), under('ema.', encoder));
  const [module, ...others] = listModules(file);
  expect([module?.name, others]).toEqual(['net.encoder', []]);
  expect(readModel(file).assumptions).toContain('the same weights are stored as ema.encoder too');
  expect(readModel(file, { module: 'ema.encoder' }).module).toBe('net.encoder');
});

test('other weights under another name are another module', () => {
  const averaged = under('ema.', under('encoder.', fromShapes(torchShapes(4, 3, 8, { layers: 2 }), {}, 2)));
  expect(listModules(together(under('net.', encoder), averaged))).toHaveLength(2);
});

test('a module that cannot be read is listed with the reason, and does not hide the others', () => {
  const broken = under('broken.', fromShapes({ weight_ih_l0: [6, 2], weight_hh_l0: [6, 5] }));
  const file = together(broken, decoder);
  expect(listModules(file)[0]).toMatchObject({ name: 'broken', problem: expect.stringContaining('6×5') });
  expect(refusal(() => readModel(file)).message).toContain('broken (unreadable: broken.weight_hh_l0 is 6×5');
  expect(readModel(file, { module: 'decoder' }).module).toBe('decoder');
});

const refusalOf = (file: WeightFile) => refusal(() => readModel(file));

test('a file without a recurrent module is refused with what it holds', () => {
  const shapes = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`conv${i}.weight`, [4, 3, 3]]));
  const { code, message } = refusalOf(fromShapes(shapes));
  expect(code).toBe('UNSUPPORTED');
  expect(message).toContain('holds no recurrent module that rnnscope knows. It holds conv0.weight 4×3×3,');
  expect(message).toContain('and 2 more.');
  expect(message).toContain('rnn.weight_hh_l0');
  expect(refusalOf(weightFile([])).message).toContain('It holds no tensors.');
});

test('a quantised file is told by its names', () => {
  const quantised = weightFile([filled('rnn._all_weight_values.0.param', [4])]);
  expect(refusalOf(quantised).message).toContain('It is quantised');
});

test("a reader's remarks go with the refusal", () => {
  const file = { ...weightFile([]), path: '/some/where/net.pt', notes: ["skipped 'rnn.param': packed"] };
  expect(refusalOf(file).message).toMatch(/^net\.pt: holds no .* Skipped 'rnn\.param': packed\.$/);
});
