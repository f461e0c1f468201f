/** Where checkpoints keep the weights of the model, the likeliest name first. */
const WEIGHT_KEYS = ['state_dict', 'model_state_dict', 'model', 'net', 'params', 'weights', 'ema'];

/** Optimiser slots have the names and shapes of weights, but are not weights. Flax' OptimizedLSTMCell is none. */
const OPTIMISER = /optim(?!izedLSTM)|^opt_state$|^opt$|scheduler|^scaler$|^amp$/i;

export function isOptimiserKey(key: string): boolean {
  return OPTIMISER.test(key);
}

/** Averages and older states have the names of the weights, too. */
const COPY = /(^|_)(ema|swa|avg|averaged?|best|target|teacher|backup|previous|old)(_|$)/i;

export interface Nesting<T> {
  readonly key: string;
  readonly value: T;
  /** Weights of other networks that stand beside it under keys of their own. */
  readonly others: ReadonlyMap<string, T>;
  /** The keys beside it that hold tensors too, but no weights of another network. */
  readonly skipped: readonly string[];
}

/** What is asked about the value of an entry. */
export interface Questions<T> {
  /** Whether a tensor is anywhere inside. */
  holdsTensors(value: T): boolean;
  /** Whether it is a dict of matrices, or a module. */
  isStateDict(value: T): boolean;
}

/** The entry that holds the weights, if one of the usual names does. */
export function findNesting<T>(
  entries: ReadonlyMap<unknown, T>,
  { holdsTensors, isStateDict }: Questions<T>,
): Nesting<T> | undefined {
  const key = WEIGHT_KEYS.find((one) => entries.has(one) && holdsTensors(entries.get(one)!));
  if (key === undefined) return undefined;
  const others = new Map<string, T>();
  const skipped: string[] = [];
  for (const [other, beside] of entries) {
    if (typeof other !== 'string' || other === key) continue;
    if (isStateDict(beside) && !isOptimiserKey(other) && !COPY.test(other)) others.set(other, beside);
    else if (isOptimiserKey(other) || holdsTensors(beside)) skipped.push(other);
  }
  return { key, value: entries.get(key)!, others, skipped };
}

export function describeNesting({ key, others, skipped }: Nesting<unknown>): string[] {
  if (skipped.length === 0) return [];
  const taken = [key, ...others.keys()].map((one) => `'${one}'`);
  const left = skipped.map((one) => (isOptimiserKey(one) ? `'${one}' (optimiser state)` : `'${one}'`));
  return [`the weights were taken from ${taken.join(', ')}; skipped: ${left.join(', ')}`];
}
