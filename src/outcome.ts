/** How a run went. Anything but `complete` says what happened and what to do about it. */
export type Outcome =
  | { readonly kind: 'complete' }
  | { readonly kind: 'partial' | 'failed'; readonly what: string; readonly remedy: string };

export const complete: Outcome = { kind: 'complete' };

/** What a long computation reports to, and asks whether it should stop. */
export interface Watch {
  /**
   * Call it once per unit of work: it reports progress, gives the event loop a turn now and then (so that
   * an interrupt is seen), and answers whether the work should stop here and report what it has.
   */
  tick(done: number, total: number, label?: string): Promise<boolean> | boolean;
}

/** A watch that never interrupts and reports to nobody. */
export const unwatched: Watch = { tick: () => false };

export const interrupted = (done: number, total: number, unit: string): Outcome => ({
  kind: 'partial',
  what: `interrupted after ${done} of ${total} ${unit}`,
  remedy: 'run again without interrupting for the whole result',
});
