/** Fewer batches than this say nothing of their own spread. */
export const FEWEST_BATCHES = 20;
const MOST_BATCHES = 128;

/**
 * Means of correlated series and their standard errors, in one pass and in memory that does not grow with the run.
 *
 * Steps are collected in batches of equal length b with means m_j; SE = sqrt(Σ (m_j − m)² / (B (B − 1))) is right once b is
 * much longer than the correlation time. b doubles as the run goes on (pairs of batches are merged), and at the end it is
 * doubled further until SE stops growing or fewer than 20 batches would be left. An interval that straddles a boundary goes
 * to the batch it began in, and batches are weighted by their length.
 */
export class BatchMeans {
  steps = 0;
  private readonly total: Float64Array;
  private batches: Open[] = [];
  private batchSteps = 1;

  constructor(private readonly series: number) {
    this.total = new Float64Array(series);
  }

  /** One series of the batches of several that follow one another. */
  static of(series: number, batches: readonly Batch[]): BatchMeans {
    const joined = new BatchMeans(series);
    for (const batch of batches) {
      joined.steps += batch.steps;
      for (let i = 0; i < series; i++) joined.total[i] = joined.total[i]! + batch.sums[i]!;
    }
    let merged = batches as Open[];
    while (merged.length > MOST_BATCHES) merged = mergePairs(merged);
    joined.batches = merged;
    return joined;
  }

  /** Adds sums over `steps` steps. */
  add(steps: number, sums: ArrayLike<number>): void {
    const last = this.batches.at(-1);
    const open = last && last.steps < this.batchSteps ? last : this.openBatch();
    open.steps += steps;
    this.steps += steps;
    for (let i = 0; i < this.series; i++) {
      open.sums[i] = open.sums[i]! + sums[i]!;
      this.total[i] = this.total[i]! + sums[i]!;
    }
  }

  means(): Float64Array {
    return this.total.map((sum) => sum / this.steps);
  }

  /** null where there are too few batches, or the mean is not finite. */
  standardErrors(): (number | null)[] {
    const means = this.means();
    const errors = new Array<number | null>(this.series).fill(null);
    const growing = new Array<boolean>(this.series).fill(true);
    for (let batches = this.batches; batches.length >= FEWEST_BATCHES; batches = mergePairs(batches)) {
      for (let i = 0; i < this.series; i++) {
        if (!growing[i] || !Number.isFinite(means[i]!)) continue;
        const error = spread(batches, i, means[i]!);
        if (errors[i] !== null && error <= errors[i]!) growing[i] = false;
        else errors[i] = error;
      }
    }
    return errors;
  }

  /** The batches as they are now, in order: means over stretches of the run. */
  stretches(): readonly Batch[] {
    return this.batches;
  }

  private openBatch() {
    if (this.batches.length === MOST_BATCHES) {
      this.batches = mergePairs(this.batches);
      this.batchSteps *= 2;
    }
    const batch: Open = { steps: 0, sums: new Float64Array(this.series) };
    this.batches.push(batch);
    return batch;
  }
}

/** Sums of each series over some consecutive steps. */
export interface Batch {
  readonly steps: number;
  readonly sums: Float64Array;
}

type Open = { steps: number; sums: Float64Array };

function mergePairs(batches: readonly Batch[]): Open[] {
  const merged: Open[] = [];
  for (let j = 0; j < batches.length; j += 2) {
    const [a, b] = [batches[j]!, batches[j + 1]];
    merged.push(b ? { steps: a.steps + b.steps, sums: a.sums.map((v, i) => v + b.sums[i]!) } : a);
  }
  return merged;
}

/** sqrt(B/(B − 1) Σ w_j² (m_j − m)²) with weights w_j = the batch's share of the steps. */
function spread(batches: readonly Batch[], i: number, mean: number): number {
  const steps = batches.reduce((sum, batch) => sum + batch.steps, 0);
  let squares = 0;
  for (const batch of batches) squares += (batch.sums[i]! - batch.steps * mean) ** 2;
  return Math.sqrt((squares * batches.length) / (batches.length - 1)) / steps;
}

/**
 * Standard error of a function of the means by the delete-one jackknife over batches (B. Efron, C. Stein, Ann. Statist. 9,
 * 1981): sqrt((B − 1)/B Σ (f_(j) − f̄)²), f_(j) found without batch j. Batches are lengthened as for the means. null where
 * there are too few, or f is not finite.
 */
export function jackknifeError(batches: readonly Batch[], f: (means: Float64Array) => number): number | null {
  let error: number | null = null;
  for (let now = batches; now.length >= FEWEST_BATCHES; now = mergePairs(now)) {
    const next = deleteOne(now, f);
    if (!Number.isFinite(next)) return null;
    if (error !== null && next <= error) return error;
    error = next;
  }
  return error;
}

function deleteOne(batches: readonly Batch[], f: (means: Float64Array) => number): number {
  const steps = batches.reduce((sum, batch) => sum + batch.steps, 0);
  const total = new Float64Array(batches[0]!.sums.length);
  for (const { sums } of batches) for (let i = 0; i < total.length; i++) total[i] = total[i]! + sums[i]!;
  const without = batches.map((batch) =>
    f(total.map((sum, i) => (sum - batch.sums[i]!) / (steps - batch.steps))),
  );
  const mean = without.reduce((sum, v) => sum + v, 0) / without.length;
  const squares = without.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return Math.sqrt((squares * (batches.length - 1)) / batches.length);
}
