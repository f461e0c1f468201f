import { BatchMeans } from './batch-means.js';

/** A gate is called saturated below the first and above the second. */
export const SHUT = 0.05;
export const OPEN = 0.95;
/** A gate that is saturated on one side at least this share of the time is called stuck there. */
const NEARLY_ALWAYS = 0.99;
const BINS = 40;
/** Means of rounded numbers are no better than this, however little they scatter. */
const ROUNDING = 1e-14;

export interface Openness {
  /** Mean over units and steps, its batch-means standard error (null where there were too few steps), and the shares of
   * readings below 0.05 and above 0.95. */
  readonly mean: number;
  readonly standardError: number | null;
  readonly shut: number;
  readonly open: number;
  /** Readings in bins of equal width over [0, 1], as shares. */
  readonly histogram: readonly number[];
  /** Units that are below 0.05, or above 0.95, at 99 % of the steps. */
  readonly stuckShut: number;
  readonly stuckOpen: number;
  readonly units: {
    readonly mean: readonly number[];
    readonly deviation: readonly number[];
    readonly shut: readonly number[];
    readonly open: readonly number[];
  };
}

export interface TimeScales {
  /** −1/⟨ln kept⟩ of each unit, steps, where the gate, or 1 − it, is the share kept; Infinity where it never leaks. */
  readonly units: readonly number[];
  /** Standard errors by batch means; null where there were too few steps or the time scale is not finite. */
  readonly standardErrors: readonly (number | null)[];
}

/** What one gate of one layer does over a run: openness, saturation and, for a gate that keeps, time scales. */
export class GateStatistics {
  private readonly mean: Float64Array;
  private readonly squares: Float64Array;
  private readonly shut: Float64Array;
  private readonly open: Float64Array;
  private readonly histogram = new Float64Array(BINS);
  private readonly layerMean = new BatchMeans(1);
  private readonly logs: BatchMeans;
  private readonly log: Float64Array;
  private steps = 0;

  /** `keepsRest`: what stays of the old state is 1 − the gate. */
  constructor(
    units: number,
    private readonly keepsRest = false,
  ) {
    this.mean = new Float64Array(units);
    this.squares = new Float64Array(units);
    this.shut = new Float64Array(units);
    this.open = new Float64Array(units);
    this.log = new Float64Array(units);
    this.logs = new BatchMeans(units);
  }

  /** `logit` is the pre-activation of a logistic gate: ln σ(a) keeps its digits where σ(a) is next to 1. Answers the mean. */
  add(value: Float64Array, logit: Float64Array | null): number {
    let total = 0;
    this.steps++;
    for (let i = 0; i < value.length; i++) {
      const v = value[i]!;
      total += v;
      // B. Welford, Technometrics 4 (1962).
      const d = v - this.mean[i]!;
      this.mean[i] = this.mean[i]! + d / this.steps;
      this.squares[i] = this.squares[i]! + d * (v - this.mean[i]!);
      if (v < SHUT) this.shut[i] = this.shut[i]! + 1;
      else if (v > OPEN) this.open[i] = this.open[i]! + 1;
      const bin = Math.max(0, Math.min(BINS - 1, Math.floor(v * BINS)));
      this.histogram[bin] = this.histogram[bin]! + 1;
      const sign = this.keepsRest ? -1 : 1;
      this.log[i] = logit ? logSigmoid(sign * logit[i]!) : Math.log(this.keepsRest ? 1 - v : v);
    }
    this.logs.add(1, this.log);
    this.layerMean.add(1, [total / value.length]);
    return total / value.length;
  }

  openness(): Openness {
    const { steps } = this;
    const units = this.mean.length;
    const perStep = (sums: Float64Array): number[] => Array.from(sums, (v) => v / steps);
    const [shut, open] = [perStep(this.shut), perStep(this.open)];
    const mean = Array.from(this.mean);
    return {
      mean: average(mean),
      standardError: atLeastRounding(this.layerMean.standardErrors()[0]!),
      shut: average(shut),
      open: average(open),
      histogram: Array.from(this.histogram, (n) => n / (units * steps)),
      stuckShut: shut.filter((share) => share >= NEARLY_ALWAYS).length,
      stuckOpen: open.filter((share) => share >= NEARLY_ALWAYS).length,
      units: {
        mean,
        deviation: Array.from(this.squares, (sum) => Math.sqrt(sum / steps)),
        shut,
        open,
      },
    };
  }

  /** τ = −1/⟨ln f⟩: over k steps the gate alone leaves exp(−k/τ) of what a unit holds. Its error is τ² that of the mean. */
  timeScales(): TimeScales {
    const means = this.logs.means();
    const errors = this.logs.standardErrors().map((e, i) => atLeastRounding(e, means[i]!));
    const units = Array.from(means, (m) => (m < 0 ? -1 / m : Number.POSITIVE_INFINITY));
    return {
      units,
      standardErrors: units.map((tau, i) =>
        errors[i] === null || !Number.isFinite(tau) ? null : errors[i]! * tau * tau,
      ),
    };
  }
}

const atLeastRounding = (error: number | null, size = 1): number | null =>
  error === null ? null : Math.max(error, ROUNDING * Math.abs(size));

/** ln σ(a) = −ln(1 + e^−a), for a < 0 as a − ln(1 + e^a). */
export const logSigmoid = (a: number): number =>
  a >= 0 ? -Math.log1p(Math.exp(-a)) : a - Math.log1p(Math.exp(a));

const average = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
