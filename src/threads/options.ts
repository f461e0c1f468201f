import { availableParallelism } from 'node:os';
import { integer, type OptionTable } from '../options.js';

/** Shared by the questions that work on several threads. */
export const threadOptions = {
  threads: integer({
    flags: '--threads <n>',
    help: 'threads at most; the result does not depend on how many',
    fallback: undefined,
    min: 1,
    fallbackText: 'as many as there are cores',
  }),
} satisfies OptionTable;

export const threadsOf = (given: { readonly threads: number | undefined }): number =>
  given.threads ?? availableParallelism();
