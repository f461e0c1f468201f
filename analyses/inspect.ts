import type { WeightFile } from '../src/formats/weight-file.js';
import { type InspectedFile, inspectFile, type ModelOptions } from '../src/model/index.js';

export type {
  InspectedFile as InspectValue,
  InspectedModule as InspectModule,
  ParametersIf,
  WeightStatistics,
} from '../src/model/index.js';

/** What is in a file. No map is needed, so that a file with several modules, or with a broken one, can be looked at too. */
export const inspect = {
  name: 'inspect',
  summary: 'what is in this file: modules, cells, sizes, weights, assumptions',
  run: (file: WeightFile, options: ModelOptions): InspectedFile => inspectFile(file, options),
} as const;
