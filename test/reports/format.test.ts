import { expect, test } from 'vitest';
import {
  aligned,
  chosen,
  complex,
  fileName,
  list,
  number,
  powerOfTen,
  sentenceCase,
  withError,
} from '../../reports/format.js';

test('numbers keep sensible digits and a real minus', () => {
  expect(number(-0.5310389974851154, 4)).toBe('−0.531');
  expect(aligned(13700, 3)).toBe('13,700');
  expect(aligned(-0.53104)).toBe('−0.5310');
  expect(number(1.3e-32, 2)).toBe('1.3·10⁻³²');
  expect(number(0)).toBe('0');
});

test('what is not finite or not there is said', () => {
  expect(number(-Infinity)).toBe('−∞');
  expect(aligned(Infinity)).toBe('∞');
  expect(aligned(NaN)).toBe('not a number');
  expect(aligned(null)).toBe('–');
});

test('the error decides the decimals', () => {
  expect(withError(-0.5310389, 0.0042)).toBe('−0.5310\u00a0±\u00a00.0042');
  expect(withError(12.3456, 0.7)).toBe('12.35\u00a0±\u00a00.70');
  expect(withError(-0.531, null)).toBe('−0.531');
  expect(withError(-Infinity, null)).toBe('−∞');
});

test('powers of ten go beyond the range of doubles', () => {
  expect(powerOfTen(-23.967)).toBe('1.1·10⁻²⁴');
  expect(powerOfTen(-900.4)).toBe('4·10⁻⁹⁰¹');
  expect(powerOfTen(-Infinity)).toBe('0');
});

test('a chosen number gains no digits', () => {
  expect(chosen(0.001)).toBe('0.001');
});

test('complex numbers, lists and file names read as people write them', () => {
  expect(complex([0.5, -0.25])).toBe('0.5000 − 0.2500 i');
  expect(list(['a', 'b', 'c'])).toBe('a, b and c');
  expect(fileName('C:\\models\\a.pt')).toBe('a.pt');
});

test('a sentence starts with a capital, a symbol stays as it is', () => {
  expect(sentenceCase('yes: it merges')).toBe('Yes: it merges');
  expect(sentenceCase('λ₁ = 1')).toBe('λ₁ = 1');
  expect(sentenceCase('q = 1')).toBe('q = 1');
});
