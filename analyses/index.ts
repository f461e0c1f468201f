import { diagnose } from './diagnose.js';
import { fixedPoints } from './fixed-points.js';
import { gates } from './gates.js';
import { gradients } from './gradients.js';
import { jacobian } from './jacobian.js';
import { lyapunov } from './lyapunov.js';

export type { Analysis, Answer } from './analysis.js';

/** Every question that is asked of a map. A new one is its file and one line here; `reports/` must then have its section. */
export const analyses = {
  jacobian,
  'fixed-points': fixedPoints,
  lyapunov,
  gradients,
  gates,
  diagnose,
} as const;

export type AnalysisName = keyof typeof analyses;

export { diagnose, fixedPoints, gates, gradients, jacobian, lyapunov };
