import { identity, matrix } from '../linalg/matrix.js';
import type { Watch } from '../outcome.js';
import { alignedFrame, Pullback } from './pullback.js';
import type { StatesBack } from './states-back.js';

/** How the product ∂s_T/∂s_{T−k} is looked at. */
export interface ProductMethod {
  /** Whole, or in a few directions of s_T: `columns` of them from lag `exactLags` on. */
  readonly kind: 'exact' | 'block';
  readonly columns: number;
  /** The product is whole up to this lag. */
  readonly exactLags: number;
}

/** Arithmetic that a whole product may take before a few directions are taken instead: about a minute. */
const LARGEST_WORK = 1e12;
/** Up to this size the first lags are exact in any case. */
const EXACT_START = 512;
const EXACT_LAGS = 256;
/** Few directions are multiplied four at a time; more are worth it where the start is not exact. */
const AFTER_EXACT = 4;
const FROM_THE_START = 8;

export function productMethod(n: number, lags: number, asked: 'exact' | 'block' | undefined): ProductMethod {
  const exact = asked === 'exact' || (asked === undefined && 2 * n ** 3 * lags <= LARGEST_WORK);
  if (exact || n <= AFTER_EXACT) return { kind: 'exact', columns: n, exactLags: lags };
  const small = n <= EXACT_START;
  return {
    kind: 'block',
    columns: small ? AFTER_EXACT : Math.min(n, FROM_THE_START),
    exactLags: small ? Math.min(lags, EXACT_LAGS) : 0,
  };
}

/** Every lag is told up to this one, and then so many more. */
const EVERY_LAG = 16384;

/** Lags whose norms are told: all of them, or where there are very many those up to 16384, then evenly spaced ones, `also` and the last. */
export function toldLags(lags: number, also: number): number[] {
  if (lags <= 2 * EVERY_LAG) return Array.from({ length: lags }, (_, k) => k + 1);
  const stride = Math.ceil((lags - EVERY_LAG) / EVERY_LAG);
  const told = new Set([lags, Math.min(also, lags)]);
  for (let k = 1; k <= lags; k += k < EVERY_LAG ? 1 : stride) told.add(k);
  return [...told].sort((a, b) => a - b);
}

/** ln of the norms of ∂s_T/∂s_{T−k} at lag 0 and the lags that were told. */
export interface ProductNorms {
  readonly lags: number[];
  readonly logSpectral: number[];
  readonly logFrobenius: number[];
  /** Where it was asked for, and while the product is whole. */
  readonly singular: { readonly lags: number[]; readonly logs: number[][] };
  /**
   * What the directions left out amount to, relative to the leading one, where the product ceased to be whole: by so much may its
   * norm be larger, if they grow no faster than it. 0 where it is whole, null where it never was.
   */
  leftOut: number | null;
}

/** Lags after which a block is looked at again: where all but one direction are below rounding, one goes on. */
const LOOK_AGAIN = 1024;

/** Steps before T that turn a block towards the directions that are stretched most. */
const ALIGNING = 300;

/** Takes the product from s_T back over all steps of `back`. It ends early where the watch asks to stop. */
export async function productNorms(
  n: number,
  back: StatesBack,
  method: ProductMethod,
  told: readonly number[],
  watch: Pick<Watch, 'tick'>,
  withSingularValues: boolean,
): Promise<ProductNorms> {
  const { last } = back;
  const lags = last - back.first;
  const whole = method.exactLags > 0;
  let P = new Pullback(whole ? identity(n) : alignedFrame(back, Math.min(ALIGNING, lags), method.columns));
  const norms: ProductNorms = {
    lags: [0],
    logSpectral: [0],
    logFrobenius: [Math.log(n) / 2],
    singular: { lags: [], logs: [] },
    leftOut: whole ? 0 : null,
  };
  for (let k = 1, next = 0; k <= lags; k++) {
    if ((P.columns > FROM_THE_START || k % 32 === 0) && (await watch.tick(k, lags))) break;
    P.through(back.linearise(last - k));
    if (k === told[next]) {
      next++;
      norms.lags.push(k);
      norms.logSpectral.push(P.logSpectral());
      norms.logFrobenius.push(P.logFrobenius());
    }
    if (withSingularValues && P.columns === n && isRoundLag(k)) noteSingular(norms, k, P);
    if (k === method.exactLags && method.columns < n) {
      const narrowed = P.narrowed(method.columns);
      P = narrowed.pullback;
      norms.leftOut = narrowed.left;
    } else if (k % LOOK_AGAIN === 0 && P.columns > 1 && P.columns <= FROM_THE_START) {
      const alone = P.narrowed(1);
      if (alone.left < Number.EPSILON) P = alone.pullback;
    }
  }
  return norms;
}

/** ln ‖(∂s_T/∂s_{T−k})ᵀ g‖ of one cotangent at the lags that are told: n² a lag, however many. It ends early where the watch asks to stop. */
export async function cotangentNorms(
  back: StatesBack,
  cotangent: Float64Array,
  told: readonly number[],
  watch: Pick<Watch, 'tick'>,
): Promise<{ readonly lags: number[]; readonly logNorms: number[] }> {
  const { last } = back;
  const lags = last - back.first;
  const P = new Pullback(matrix(cotangent.length, 1, cotangent));
  const norms = { lags: [0], logNorms: [P.logFrobenius()] };
  for (let k = 1, next = 0; k <= lags; k++) {
    if (k % 64 === 0 && (await watch.tick(k, lags, 'following the gradient'))) break;
    P.through(back.linearise(last - k));
    if (k !== told[next]) continue;
    next++;
    norms.lags.push(k);
    norms.logNorms.push(P.logFrobenius());
  }
  return norms;
}

/** 1, 2, 5, 10, 20, 50, … */
const isRoundLag = (k: number): boolean => [1, 2, 5].includes(k / 10 ** Math.floor(Math.log10(k) + 1e-9));

function noteSingular({ singular }: ProductNorms, lag: number, P: Pullback): void {
  const logs = P.logSingular();
  if (logs.length === 0) return;
  singular.lags.push(lag);
  singular.logs.push(logs);
}
