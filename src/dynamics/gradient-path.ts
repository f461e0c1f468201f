import { closedLoop } from './closed-loop.js';
import type { CotangentPath, Paths } from './cotangent-path.js';
import { network, outputRows } from './network.js';
import type { Subject } from './subject.js';
import type { System } from './system.js';

/** A gradient g of s_T, pulled back through the last end point. */
export interface GradientPath {
  /** Which gradient: the direction that survives best, an entry of the readout, a loss. */
  readonly of: string;
  /** log10 ‖(∂s_T/∂s_{T−lag})ᵀ g‖ for lag = 0, 1, … */
  readonly log10Norm: readonly number[];
  /** The same as far back as --lags goes, where that is beyond 2000 and --cotangent or --targets chose the gradient; null otherwise. */
  readonly far: { readonly lags: readonly number[]; readonly log10Norm: readonly number[] } | null;
  /** log10 of the factor of each step, from lag to lag + 1. */
  readonly log10Factor: readonly number[];
  /** Ways through the cell: their part in each step, which add up to 1, and the mean of it. The last is what meets no gate's derivative. */
  readonly paths: readonly {
    readonly name: string;
    readonly mean: number;
    readonly share: readonly number[];
  }[];
  /** Openness of each gate where the gradient meets it, weighted by the gradient's squares. */
  readonly gates: readonly {
    readonly layer: string;
    readonly name: string;
    readonly weighted: readonly number[];
  }[];
  /** The steps that cost most, with the path that lost and the gate that was shut most against its own mean. */
  readonly deaths: readonly {
    readonly lag: number;
    /** The row of the drive (from 0) that was consumed in this step. */
    readonly row: number;
    readonly log10Factor: number;
    readonly path: string;
    readonly gate: {
      readonly layer: string;
      readonly name: string;
      readonly here: number;
      readonly mean: number;
    } | null;
  }[];
  /** To first order, with the states held where they are: what a bias on a gate that keeps does to the rate, through its own product
   * with the old state alone. */
  readonly bias: readonly {
    readonly layer: string;
    readonly gate: string;
    /** ∂ rate/∂ bias, nats per step. */
    readonly slope: number;
    /** The change of the bias that would bring the rate to 0; null where the slope is 0 or the change is beyond what first order says. */
    readonly toHold: number | null;
  }[];
}

/** Paths take a map of their own for each named quantity. */
const LARGEST_PATHS = 1024;
/** Steps that are told of. */
const DEATHS = 5;
/** A bias that would have to change by more than this is beyond what a first order can say. */
const FARTHEST_BIAS = 3;

/** Names of gates and candidates, each once, in the order in which cells evaluate them; none where their maps would be too large. */
function quantityNames({ model, system }: Subject): string[] {
  if (!model || system.dimension > LARGEST_PATHS) return [];
  return [...new Set((system.parts ?? []).flatMap(({ quantities }) => quantities.map(({ name }) => name)))];
}

export const pathNames = (subject: Subject): string[] => {
  const names = quantityNames(subject).map((name) => `through ${name}`);
  return [...names, names.length > 0 ? 'directly' : 'all'];
};

/** The map with one more quantity held each time. */
export function pathsOf(subject: Subject): Paths {
  const { system, model, mode } = subject;
  const names = quantityNames(subject);
  const cut = names.map((_, k): System => {
    const open = network(model!.layers, names.slice(0, k + 1));
    return mode === 'closed loop' ? closedLoop(open, model!.readout!, outputRows(model!.layers)) : open;
  });
  return { system, names, cut };
}

export function describePath(
  { logNorm, shares, gates, biasSlopes, lags }: CotangentPath,
  names: readonly string[],
  of: string,
  { end, length }: { readonly end: number; readonly length: number },
): Omit<GradientPath, 'far'> | null {
  if (lags === 0 || !Number.isFinite(logNorm[0]!)) return null;
  const log10Norm = Array.from(logNorm.subarray(0, lags + 1), (v) => v / Math.LN10);
  const log10Factor = Array.from({ length: lags }, (_, k) => log10Norm[k + 1]! - log10Norm[k]!);
  const trimmed = (values: Float64Array): number[] => Array.from(values.subarray(0, lags));
  const paths = shares.map((share, p) => ({
    name: names[p]!,
    mean: average(trimmed(share)),
    share: trimmed(share),
  }));
  const met = gates.map(({ part, name, role, weighted }) => ({
    layer: part,
    name,
    weighted: trimmed(weighted),
    keeps: role === 'keep',
  }));
  const within = Math.min(length, lags);
  const rate = (logNorm[within]! - logNorm[0]!) / within;
  return {
    of,
    log10Norm,
    log10Factor,
    paths,
    gates: met.map(({ keeps: _keeps, ...gate }) => gate),
    deaths: deaths(log10Factor, paths, met, end),
    bias: gates
      .filter(({ role }) => role === 'keep')
      .map(({ part, name }, q) => {
        const slope = average(trimmed(biasSlopes[q]!).slice(0, within));
        const change = -rate / slope;
        const known = slope !== 0 && Math.abs(change) <= FARTHEST_BIAS;
        return { layer: part, gate: name, slope, toHold: known ? change : null };
      }),
  };
}

/**
 * Steps with the smallest factors below 1. What a path gives to the factor is its share of it. Where the direct way lost, a gate that
 * keeps is at fault; otherwise it may be any.
 */
function deaths(
  log10Factor: readonly number[],
  paths: GradientPath['paths'],
  gates: readonly (GradientPath['gates'][number] & { readonly keeps: boolean })[],
  end: number,
): GradientPath['deaths'] {
  const factors = log10Factor.map((v) => 10 ** v);
  const gives = paths.map(({ share }) => share.map((s, k) => s * factors[k]!));
  const usual = gives.map(average);
  const open = gates.map(({ weighted }) => average(weighted.filter((v) => !Number.isNaN(v))));
  return factors
    .map((factor, lag) => ({ factor, lag }))
    .filter(({ factor }) => factor < 1)
    .sort((a, b) => a.factor - b.factor || a.lag - b.lag)
    .slice(0, DEATHS)
    .map(({ lag }) => {
      const lost = usual.map((u, p) => u - gives[p]![lag]!);
      const path = lost.indexOf(Math.max(...lost));
      const direct = path === paths.length - 1;
      const shut = gates.map(({ weighted, keeps }, q) => (direct && !keeps ? 1 : weighted[lag]! / open[q]!));
      const q = shut.reduce((best, v, i) => (v < (shut[best] ?? 1) ? i : best), -1);
      const { layer, name, weighted } = gates[q] ?? { layer: '', name: '', weighted: [] };
      return {
        lag,
        row: end - 1 - lag,
        log10Factor: log10Factor[lag]!,
        path: paths[path]!.name,
        gate: q < 0 ? null : { layer, name, here: weighted[lag]!, mean: open[q]! },
      };
    });
}

const average = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
