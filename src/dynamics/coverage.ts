/** What a multi-start search says of what it did not find. */
export interface Coverage {
  /** Distinct things found, and how many of them once and twice. */
  readonly seen: number;
  readonly seenOnce: number;
  readonly seenTwice: number;
  /** Good–Turing: probability that the next start finds something new, f₁/n. */
  readonly unseenMass: number;
  /** Its standard error, sqrt(f₁ (1 − f₁/n) + 2 f₂)/n. */
  readonly unseenMassError: number;
  /** How many things there are at least, by Chao1, S + (n−1)/n f₁²/(2 f₂); bias-corrected where f₂ is 0. */
  readonly chao1: number;
  /** The bias-corrected estimate, S + (n−1)/n f₁ (f₁ − 1)/(2 (f₂ + 1)). */
  readonly chao1BiasCorrected: number;
  /** A thing with a larger share of the starts than this would have been found with probability 95 %: 1 − 0.05^(1/n). */
  readonly detectableShare: number;
}

/**
 * Coverage of a search from `starts` independent starts of which hits[i] ended at thing i (failed starts count in `starts`
 * alone). I. Good, Biometrika 40 (1953); W. Esty, Ann. Stat. 11 (1983); A. Chao, Scand. J. Stat. 11 (1984).
 */
export function coverage(hits: readonly number[], starts: number): Coverage {
  const seen = hits.length;
  const f1 = hits.filter((h) => h === 1).length;
  const f2 = hits.filter((h) => h === 2).length;
  const share = starts === 0 ? 0 : (starts - 1) / starts;
  const corrected = seen + (share * f1 * (f1 - 1)) / (2 * (f2 + 1));
  return {
    seen,
    seenOnce: f1,
    seenTwice: f2,
    unseenMass: starts === 0 ? 1 : f1 / starts,
    unseenMassError: starts === 0 ? 0 : Math.sqrt(f1 * (1 - f1 / starts) + 2 * f2) / starts,
    chao1: f2 > 0 ? seen + (share * f1 * f1) / (2 * f2) : corrected,
    chao1BiasCorrected: corrected,
    detectableShare: starts === 0 ? 1 : 1 - 0.05 ** (1 / starts),
  };
}
