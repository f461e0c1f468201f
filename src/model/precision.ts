import type { Tensor } from '../formats/weight-file.js';

/** Significant bits of types that are narrower than what networks are trained in. */
const BITS: ReadonlyMap<string, number> = new Map([
  ['f16', 11],
  ['bf16', 8],
]);

/** That weights were rounded when they were stored: what is computed belongs to the rounded network. */
export function precisionRemarks(parts: ReadonlyMap<string, Tensor>): string[] {
  const types = new Set([...parts.values()].map(({ dtype }) => dtype));
  return [...types].flatMap((dtype) => {
    const bits = BITS.get(dtype);
    if (bits === undefined) return [];
    return [
      `weights are stored as ${dtype}, rounded to ${bits} significant bits: the results are those of the rounded network`,
    ];
  });
}
