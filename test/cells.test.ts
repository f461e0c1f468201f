import { expect, test } from 'vitest';
import {
  cellNamed,
  cells,
  gruResetAfter,
  lstm,
  parseFunctions,
  rnnRelu,
  rnnTanh,
} from '../src/cells/index.js';
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
