/** Where checkpoints keep the weights of the model, the likeliest name first. */
const WEIGHT_KEYS = ['state_dict', 'model_state_dict', 'model', 'net', 'params', 'weights', 'ema'];

/** Optimiser slots have the names and shapes of weights, but are not weights. */
const OPTIMISER = /optim|^opt_state$|^opt$|scheduler|^scaler$|^amp$/i;

export function isOptimiserKey(key: string): boolean {
  return OPTIMISER.test(key);
}

export interface Nesting<T> {
  readonly key: string;
  readonly value: T;
  /** The keys beside it that hold tensors too. */
  readonly skipped: readonly string[];
}

/** The entry that holds the weights, if one of the usual names does; `holdsTensors` answers for one value. */
export function findNesting<T>(
  entries: ReadonlyMap<unknown, T>,
  holdsTensors: (value: T) => boolean,
): Nesting<T> | undefined {
  for (const key of WEIGHT_KEYS) {
    const value = entries.get(key);
    if (value === undefined || !holdsTensors(value)) continue;
    const skipped: string[] = [];
    for (const [other, beside] of entries) {
      if (typeof other !== 'string' || other === key) continue;
      if (isOptimiserKey(other) || holdsTensors(beside)) skipped.push(other);
    }
    return { key, value, skipped };
  }
  return undefined;
}

export function describeNesting(nesting: Nesting<unknown>): string[] {
  if (nesting.skipped.length === 0) return [];
  const skipped = nesting.skipped.map((key) =>
    isOptimiserKey(key) ? `'${key}' (optimiser state)` : `'${key}'`,
  );
  return [`the weights were taken from '${nesting.key}'; skipped: ${skipped.join(', ')}`];
}
