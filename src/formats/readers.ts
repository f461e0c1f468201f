import { flax } from './flax.js';
import { hdf5 } from './hdf5.js';
import { json } from './json.js';
import { keras } from './keras.js';
import { npy } from './npy.js';
import { npz } from './npz.js';
import { onnx } from './onnx.js';
import { pytorch } from './pytorch.js';
import { pytorchExport } from './pytorch-export.js';
import { pytorchLegacy } from './pytorch-legacy.js';
import type { Reader } from './reader.js';
import { safetensors } from './safetensors.js';
import { safetensorsIndex } from './safetensors-index.js';
import { tensorflow } from './tensorflow.js';
import { tfjs } from './tfjs.js';

/** One reader a container, the surest by its bytes first. */
export const READERS: readonly Reader[] = [
  pytorch,
  pytorchExport,
  keras,
  npz,
  pytorchLegacy,
  hdf5,
  tensorflow,
  npy,
  safetensors,
  safetensorsIndex,
  onnx,
  tfjs,
  json,
  flax,
];

/** 'rnnscope reads …', for refusals. */
export const readable = (): string =>
  `rnnscope reads ${[...new Set(READERS.map(({ reads }) => reads))].join(', ')}`;
