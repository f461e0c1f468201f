import type { Matrix } from './matrix.js';
import { norm2 } from './vector.js';

/** √Σ a_ij², right whenever it can be represented. */
export const frobeniusNorm = (A: Matrix): number => norm2(A.data);
