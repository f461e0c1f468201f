import type { Contents } from '../reader.js';
import { noTensors } from '../reader.js';
import type { Tensor } from '../weight-file.js';
import { listedTensor, shapeOf } from './json-tensors.js';
import { DAMAGED, type Source } from './source.js';

// RTNeural's model files (github.com/jatinchowdhury18/RTNeural): { in_shape, layers: [{ type, activation, shape, weights }] },
// the weights of a layer as Keras orders and names them: kernel, recurrent kernel, bias.

type JsonObject = { readonly [key: string]: unknown };

/** Type → the class of Keras, and whether it is recurrent. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['gru', 'GRU'],
  ['lstm', 'LSTM'],
  ['dense', 'Dense'],
  ['time-distributed-dense', 'Dense'],
]);
const PARTS: Readonly<Record<string, readonly string[]>> = {
  GRU: ['kernel', 'recurrent_kernel', 'bias'],
  LSTM: ['kernel', 'recurrent_kernel', 'bias'],
  Dense: ['kernel', 'bias'],
};

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isRtNeural = (root: JsonObject): boolean =>
  Array.isArray(root.layers) && Object.hasOwn(root, 'in_shape');

/** The tensors under Keras' names, and the layers as the configuration of a sequential network. */
export function rtNeural(source: Source, root: JsonObject): Contents {
  const tensors = new Map<string, Tensor>();
  const notes: string[] = [];
  const layers: object[] = [];
  for (const [k, layer] of (root.layers as unknown[]).entries()) {
    if (!isObject(layer)) throw source.fault('CORRUPT', `layer ${k} is not a dict. ${DAMAGED}`);
    const name = `layer_${k}`;
    const className = CLASSES.get(String(layer.type));
    const bias = className === undefined ? undefined : readWeights(source, name, className, layer, tensors);
    if (className === undefined) notes.push(`skipped layer ${k}: its type is ${brief(layer.type)}`);
    layers.push({
      class_name: className ?? String(layer.type),
      config: {
        name,
        ...functions(className, layer),
        ...(className === 'GRU' && { reset_after: bias === 2 }),
      },
    });
  }
  const config = { class_name: 'Sequential', config: { layers } };
  if (tensors.size > 0) return { tensors, documents: new Map([['model_config', config]]), notes };
  throw noTensors(source, 'no layer has weights', 'Save the network again.');
}

/** A GRU or LSTM has the functions that RTNeural computes; what stands there is that of the layer behind. */
const functions = (className: string | undefined, { activation }: JsonObject): object => {
  if (className === 'Dense') return { activation: activation === '' ? 'linear' : activation };
  return { activation: 'tanh', recurrent_activation: 'sigmoid' };
};

/** The rank of the bias. */
function readWeights(
  source: Source,
  name: string,
  className: string,
  { weights }: JsonObject,
  tensors: Map<string, Tensor>,
): number | undefined {
  const parts = PARTS[className]!;
  if (!Array.isArray(weights) || !weights.every(Array.isArray) || weights.length > parts.length)
    throw source.fault('CORRUPT', `${name} has no list of the weights ${parts.join(', ')}. ${DAMAGED}`);
  let rank: number | undefined;
  for (const [k, lists] of weights.entries()) {
    const path = `${name}/${parts[k]}`;
    const shape = shapeOf(source, path, lists);
    tensors.set(path, listedTensor(source, path, lists, shape));
    rank = shape.length;
  }
  return rank;
}

const brief = (value: unknown): string => (JSON.stringify(value) ?? 'none').slice(0, 40);
