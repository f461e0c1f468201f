import { byCellName } from './by-cell-name.js';
import type { Convention } from './convention.js';
import { keras } from './keras.js';
import { pytorch } from './pytorch.js';

/** What tensor names can mean. A new convention is its file and one line here. */
export const conventions: readonly Convention[] = [pytorch, byCellName, keras];
