import type { Tensor } from '../weight-file.js';
import { elementCount } from './layout.js';
import type { Bytes } from './source.js';

/** The numbers of nested lists, whose shape has been found regular, in row-major order. */
export function listedTensor(
  source: Bytes,
  name: string,
  lists: readonly unknown[],
  shape: readonly number[],
): Tensor {
  const numbers = new Float64Array(elementCount(shape));
  fill(source, name, lists, numbers);
  return { name, shape, dtype: 'f64', values: () => numbers };
}

/** The shape of nested lists, along the first elements; that the others agree is checked while they are read. */
export function shapeOf(source: Bytes, name: string, lists: readonly unknown[]): number[] {
  const shape: number[] = [];
  for (let level: unknown = lists; Array.isArray(level); level = level[0]) shape.push(level.length);
  assertRegular(source, name, lists, shape, []);
  return shape;
}

function assertRegular(
  source: Bytes,
  name: string,
  value: unknown,
  [size, ...rest]: readonly number[],
  index: readonly number[],
): void {
  const ragged = (found: string, expected: string) =>
    source.fault(
      'SHAPE',
      `the tensor '${name}' is ragged: ${place(name, index)} is ${found}, expected ${expected}.`,
    );
  if (!Array.isArray(value)) throw ragged('not a list', `a list of ${size}`);
  if (value.length !== size) throw ragged(`a list of ${value.length}`, `one of ${size}`);
  if (rest.length > 0) {
    for (const [i, inner] of value.entries()) assertRegular(source, name, inner, rest, [...index, i]);
  } else if (value.some(Array.isArray)) {
    throw ragged('a list of lists and others', `a list of ${size} numbers`);
  }
}

function place(name: string, index: readonly number[]): string {
  return name + index.map((i) => `[${i}]`).join('');
}

export const NON_FINITE = new Map<unknown, number>([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function fill(source: Bytes, name: string, lists: readonly unknown[], numbers: Float64Array): void {
  let at = 0;
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach(visit);
      return;
    }
    const number = typeof value === 'number' ? value : NON_FINITE.get(value);
    if (number === undefined) {
      const found = (JSON.stringify(value) ?? 'nothing').slice(0, 40);
      throw source.fault('CORRUPT', `element ${at} of '${name}' is ${found}, expected a number.`);
    }
    numbers[at++] = number;
  };
  visit(lists);
}
