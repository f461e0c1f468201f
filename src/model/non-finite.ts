import type { Tensor } from '../formats/weight-file.js';

/** A warning for each tensor that holds NaN or infinities. */
export function nonFiniteRemarks(parts: ReadonlyMap<string, Tensor>): string[] {
  return [...parts.values()].flatMap((tensor) => {
    const count = nonFiniteCount(tensor.values());
    if (count === 0) return [];
    return [
      `${count} ${count === 1 ? 'weight' : 'weights'} of ${tensor.name} ${count === 1 ? 'is' : 'are'} not finite`,
    ];
  });
}

export function nonFiniteCount(values: Float64Array): number {
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count++;
  return count;
}
