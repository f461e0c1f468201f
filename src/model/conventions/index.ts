import type { Source } from '../source.js';
import { byCellName } from './by-cell-name.js';
import { byShape } from './by-shape.js';
import type { Convention } from './convention.js';
import { equinox } from './equinox.js';
import { flax } from './flax.js';
import { haiku } from './haiku.js';
import { keras } from './keras.js';
import { onnx } from './onnx.js';
import { pytorch } from './pytorch.js';
import { tensorflow } from './tensorflow.js';

/** What tensor names can mean. A new convention is its file and one line here. */
export const conventions: readonly Convention[] = [
  onnx,
  pytorch,
  byCellName,
  keras,
  tensorflow,
  flax,
  haiku,
  equinox,
];

/** Those that can say what a file's tensors mean: where it holds the computation, that alone does. */
export const conventionsFor = ({ program }: Source): readonly Convention[] =>
  program ? [onnx] : conventions;

/** Where none of them finds anything in a file. */
export const lastResort: Convention = byShape;
