import type { ModuleCandidate } from './conventions/convention.js';

/** How a bare module, which has no path, is called on the command line. */
export const ROOT = '.';

export const callName = ({ name }: ModuleCandidate): string => (name === '' ? ROOT : name);
