import { describe, expect, test } from 'vitest';
import { fromJson, toJson } from '../src/json.js';

describe('JSON', () => {
  test('says what numbers cannot be said as strings, at any depth', () => {
    expect(toJson({ a: [-Infinity, Infinity, Number.NaN, 1.5], b: { c: Number.NaN } })).toBe(
      '{"a":["-Infinity","Infinity","NaN",1.5],"b":{"c":"NaN"}}',
    );
  });

  test('reads them back as numbers, and leaves other words alone', () => {
    const value = { a: [-Infinity, Infinity, Number.NaN, -0.25], words: ['infinity', 'nan', 'toString', ''] };
    expect(fromJson(toJson(value))).toEqual(value);
  });

  test('writes typed arrays as lists, null as null, and nothing for what is not there', () => {
    expect(toJson({ a: Float64Array.of(1, Number.NaN), b: null, c: undefined })).toBe(
      '{"a":[1,"NaN"],"b":null}',
    );
  });

  test('keeps every digit of a double', () => {
    const values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308];
    expect(fromJson(toJson(values))).toEqual(values);
  });

  test('refuses what is not JSON', () => {
    expect(() => fromJson('{NaN}')).toThrow(SyntaxError);
  });
});
