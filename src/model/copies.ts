import type { Tensor } from '../formats/weight-file.js';
import type { Found } from './conventions/convention.js';
import { callName } from './source.js';

/** One of each: the same weights under two names are one module, known by the first. */
export function withoutCopies(found: readonly Found[]): Found[] {
  const kept: Found[] = [];
  for (const module of found) {
    const index = kept.findIndex((other) => sameWeights(other, module));
    if (index < 0) kept.push(module);
    else kept[index] = withCopy(kept[index]!, module);
  }
  return kept;
}

const withCopy = (kept: Found, copy: Found): Found => ({
  ...kept,
  aliases: [...kept.aliases, copy.name, ...copy.aliases],
  notes: [...kept.notes, `the same weights are stored as ${callName(copy)} too`],
});

const sameWeights = (a: Found, b: Found): boolean =>
  a.parts.size === b.parts.size &&
  [...a.parts].every(([name, tensor]) => {
    const other = b.parts.get(name);
    return other !== undefined && sameTensor(tensor, other);
  });

function sameTensor(a: Tensor, b: Tensor): boolean {
  if (a.shape.join() !== b.shape.join()) return false;
  const x = a.values();
  const y = b.values();
  return x.every((value, i) => Object.is(value, y[i]));
}
