import { expect, test } from 'vitest';
import { step } from '../src/calculus/value.js';
import {
  cellNamed,
  cells,
  gruResetAfter,
  layerNormLstm,
  lstm,
  parseFunctions,
  rnnRelu,
  rnnTanh,
} from '../src/cells/index.js';
import { type Matrix, matrix } from '../src/linalg/matrix.js';
import { variants } from './variants.js';

test('every cell is found by its name, functions included, as the same object', () => {
  for (const cell of [...cells, ...variants]) expect(cellNamed(cell.name)).toBe(cell);
});

test('names that cells had before their functions could be chosen are still theirs', () => {
  expect(cellNamed('rnn(relu)')).toBe(rnnRelu);
  expect(
    rnnTanh.withFunctions!({ activations: { candidate: rnnRelu.functions!.activations.candidate! } }),
  ).toBe(rnnRelu);
  expect(cellNamed('lstm(sigmoid,tanh,tanh)')).toBe(lstm);
});

test('a name with functions that the cell does not take is none', () => {
  for (const name of [
    'lstm(tanh)',
    'lstm(tanh,tanh,tanh,tanh)',
    'cfn(tanh)',
    'lstm(clip_gates=0)',
    'lstm(cell=relu)',
    'lstm(',
  ])
    expect(cellNamed(name)).toBe(undefined);
});

test('functions are given in their order, or by their place', () => {
  expect(
    gruResetAfter.withFunctions!(parseFunctions('hard_sigmoid(1/6),softsign', gruResetAfter)!).name,
  ).toBe('gru(hard_sigmoid(1/6),softsign)');
  const lone = parseFunctions('gate=hard_sigmoid', lstm)!;
  expect(lstm.withFunctions!(lone).name).toBe('lstm(hard_sigmoid,tanh,tanh)');
});

test('a gate that can leave [0, 1] is no gate: its cell is not leaky and shows no gates', () => {
  expect(cellNamed('lstm(relu,tanh,tanh)')).not.toHaveProperty('leaky');
  expect(cellNamed('lstm(relu,tanh,tanh)')).not.toHaveProperty('quantities');
  expect(cellNamed('lstm(hard_sigmoid,tanh,tanh)')).toMatchObject({ leaky: ['c'] });
});

test('equations are written with the functions that are in them', () => {
  expect(cellNamed('gru(hard_sigmoid,tanh,clip_state=5)')!.formula).toEqual([
    'r = hard_sigmoid(W_r x + bx_r + U_r h + bh_r)',
    'z = hard_sigmoid(W_z x + bx_z + U_z h + bh_z)',
    'n = tanh(W_n x + bx_n + r ⊙ (U_n h + bh_n))',
    "h' = (1 − z) ⊙ n + z ⊙ h",
    "h' held between −5 and 5",
  ]);
});

test('a normalised LSTM does what its formula says, written down again for two units', () => {
  const H = 2;
  const draw = (k: number): number => Math.sin(1.3 * k + 0.4);
  const cell = layerNormLstm(1e-3);
  const matrices: Record<string, Matrix> = {};
  const vectors: Record<string, Float64Array> = {};
  cell.parameters.forEach(({ name, cols }, p) => {
    if (cols)
      matrices[name] = matrix(
        H,
        H,
        Float64Array.from({ length: 4 }, (_, k) => draw(7 * p + k)),
      );
    else vectors[name] = Float64Array.from({ length: 2 }, (_, k) => draw(5 * p + k));
  });
  const [h, c, x] = [
    [0.3, -0.2],
    [0.5, 1.1],
    [0.7, -0.4],
  ] as const;
  const gates = ['i', 'f', 'g', 'o'];
  const times = (W: string, q: readonly number[]) =>
    gates.flatMap((g) =>
      [0, 1].map((i) => [0, 1].reduce((sum, j) => sum + matrices[`${W}_${g}`]!.data[2 * i + j]! * q[j]!, 0)),
    );
  const norm = (a: number[], gain: number[], shift: number[]) => {
    const mean = a.reduce((s, v) => s + v, 0) / a.length;
    const variance = a.reduce((s, v) => s + (v - mean) ** 2, 0) / a.length;
    return a.map((v, k) => (gain[k]! * (v - mean)) / Math.sqrt(variance + 1e-3) + shift[k]!);
  };
  const all = (what: string) => gates.flatMap((g) => [...vectors[`${what}_${g}`]!]);
  const z = norm(times('W', x), all('gain_x'), all('shift_x')).map(
    (v, k) => v + norm(times('U', h), all('gain_h'), all('shift_h'))[k]! + all('b')[k]!,
  );
  const s = (a: number) => 1 / (1 + Math.exp(-a));
  const carried = [0, 1].map((k) => s(z[2 + k]!) * c[k]! + s(z[k]!) * Math.tanh(z[4 + k]!));
  const next = norm(carried, [...vectors.gain_c!], [...vectors.shift_c!]);
  const found = step(
    cell,
    { hiddenSize: H, inputSize: 2, matrices, vectors },
    { h: Float64Array.from(h), c: Float64Array.from(c) },
    Float64Array.from(x),
  );
  [0, 1].forEach((k) => {
    expect(found.c![k]).toBeCloseTo(next[k]!, 14);
    expect(found.h![k]).toBeCloseTo(s(z[6 + k]!) * Math.tanh(next[k]!), 14);
  });
});
