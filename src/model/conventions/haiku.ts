import {
  gruFlipped,
  gruFlippedResetBefore,
  gruResetAfter,
  gruResetBefore,
  lstm,
  rnnRelu,
  rnnTanh,
} from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Linear } from '../linear.js';
import { type Source, shapeText } from '../source.js';
import { checkShape, gateParameters, transposedBlock } from './columns.js';
import type { Convention } from './convention.js';
import { dense, type Examined, stackModule, type Unit } from './stack.js';
import { inStacks, type LooseLayer } from './stacking.js';
import { matrixShape } from './stored.js';
import { forgetRemark } from './tensorflow.js';

/**
 * dm-haiku's cores, whose parameters are saved as an .npz of 'net/~/gru/w_i' or 'gru.w_i': GRU (z r a, its z lets the candidate in),
 * LSTM (one Linear of [x; h], i g f o, 1 added to f), VanillaRNN.
 */
export const haiku: Convention = {
  name: 'haiku',
  match: (source) => inStacks('haiku', layersOf(source)).map(stackModule),
  linears: linearLayers,
};

/** Modules are joined by slashes; what flattens them may put a dot before the parameter's name. */
const NAME = /^(?:(?<path>.*?)[/.])?(?<part>w_i|w_h|(?:linear|input_to_hidden|hidden_to_hidden)[/.][wb]|b)$/;

function layersOf({ tensors }: Source): LooseLayer[] {
  const cores = new Map<string, Map<string, Tensor>>();
  for (const [name, tensor] of tensors) {
    const { path = '', part } = NAME.exec(name)?.groups ?? {};
    if (part === undefined) continue;
    const parts = cores.get(path) ?? new Map<string, Tensor>();
    parts.set(part.replace('.', '/'), tensor);
    cores.set(path, parts);
  }
  return [...cores].flatMap(([name, parts]) => {
    const unit = unitOf(name, parts);
    const kind = name.replace(/^.*[/.]/, '').replace(/_\d+$/, '');
    return unit ? [{ name, kind, layer: { forward: unit } }] : [];
  });
}

function unitOf(name: string, parts: ReadonlyMap<string, Tensor>): Unit | undefined {
  const has = (...names: string[]) => names.every((part) => parts.get(part)?.shape.length === 2);
  // People who write their own cells call their matrices so, too.
  const isGru = has('w_i', 'w_h') && parts.get('w_h')!.shape[1] === 3 * parts.get('w_h')!.shape[0]!;
  if (isGru) return { name, parts, examine: () => examineGru(parts) };
  if (has('input_to_hidden/w', 'hidden_to_hidden/w'))
    return { name, parts, examine: () => examineRnn(parts) };
  // Any module may have a Linear of that name: only the core's own name tells an LSTM.
  const isLstm = /(^|[/.])lstm(_\d+)?$/.test(name) && has('linear/w');
  return isLstm ? { name, parts, examine: () => examineLstm(parts) } : undefined;
}

function examineGru(parts: ReadonlyMap<string, Tensor>): Examined {
  const [input, recurrent, bias] = [parts.get('w_i')!, parts.get('w_h')!, parts.get('b')];
  const [H, columns] = matrixShape(recurrent);
  const [I] = matrixShape(input);
  const why = `to fit ${recurrent.name}`;
  checkShape(input, [I, columns], why);
  if (bias) checkShape(bias, [columns], why);
  const sizes = { hiddenSize: H, inputSize: I };
  return {
    members: [gruFlippedResetBefore, gruFlipped, gruResetBefore, gruResetAfter],
    stated: gruFlippedResetBefore,
    gates: ['z', 'r', 'n'],
    ...sizes,
    hasBiases: bias !== undefined,
    assumed: (label, { cell }) =>
      cell
        ? []
        : [
            `${label}: named as Haiku names its GRU, whose z lets the candidate in and whose reset acts before the product; --cell overrides`,
          ],
    weights: (order) =>
      gateParameters(
        sizes,
        new Map(
          order.map((g, k) => [
            g,
            {
              W: transposedBlock(input.values(), columns, [0, I], [k * H, H]),
              U: transposedBlock(recurrent.values(), columns, [0, H], [k * H, H]),
              ...(bias ? { bx: bias.values().slice(k * H, (k + 1) * H) } : {}),
            },
          ]),
        ),
      ),
  };
}

function examineLstm(parts: ReadonlyMap<string, Tensor>): Examined {
  const [kernel, bias] = [parts.get('linear/w')!, parts.get('linear/b')];
  const [rows, columns] = matrixShape(kernel);
  const H = columns / 4;
  if (!Number.isInteger(H) || H === 0 || rows < H)
    throw new UserError(
      'SHAPE',
      `${kernel.name} is ${shapeText(kernel.shape)}: expected four blocks of columns, and rows for the input and the state.`,
    );
  if (bias) checkShape(bias, [columns], `to fit ${kernel.name}`);
  const I = rows - H;
  const sizes = { hiddenSize: H, inputSize: I };
  return {
    members: [lstm],
    stated: lstm,
    gates: ['i', 'g', 'f', 'o'],
    ...sizes,
    hasBiases: bias !== undefined,
    assumed: (label) => [forgetRemark(label)],
    weights: (order) =>
      gateParameters(
        sizes,
        new Map(
          order.map((g, k) => {
            const bx = bias ? bias.values().slice(k * H, (k + 1) * H) : new Float64Array(H);
            return [
              g,
              {
                W: transposedBlock(kernel.values(), columns, [0, I], [k * H, H]),
                U: transposedBlock(kernel.values(), columns, [I, H], [k * H, H]),
                bx: g === 'f' ? bx.map((v) => v + 1) : bx,
              },
            ];
          }),
        ),
      ),
  };
}

function examineRnn(parts: ReadonlyMap<string, Tensor>): Examined {
  const [input, recurrent] = [parts.get('input_to_hidden/w')!, parts.get('hidden_to_hidden/w')!];
  const [H] = matrixShape(recurrent);
  const [I] = matrixShape(input);
  const why = `to fit ${recurrent.name}`;
  checkShape(recurrent, [H, H], 'to act on its own state');
  checkShape(input, [I, H], why);
  const [bx, bh] = ['input_to_hidden/b', 'hidden_to_hidden/b'].map((part) => parts.get(part));
  for (const bias of [bx, bh]) if (bias) checkShape(bias, [H], why);
  const sizes = { hiddenSize: H, inputSize: I };
  return {
    members: [rnnRelu, rnnTanh],
    stated: rnnRelu,
    gates: ['h'],
    ...sizes,
    hasBiases: bx !== undefined || bh !== undefined,
    assumed: (label, { cell, options }) =>
      cell || options.activation
        ? []
        : [`${label}: named as Haiku names its VanillaRNN, which applies relu; --activation overrides`],
    weights: () =>
      gateParameters(
        sizes,
        new Map([
          [
            'h',
            {
              W: transposedBlock(input.values(), H, [0, I], [0, H]),
              U: transposedBlock(recurrent.values(), H, [0, H], [0, H]),
              ...(bx ? { bx: bx.values().slice() } : {}),
              ...(bh ? { bh: bh.values().slice() } : {}),
            },
          ],
        ]),
      ),
  };
}

/** Linear layers, [inputs, outputs]; embeddings are called as Keras' are. */
function linearLayers({ tensors }: Source, owned: ReadonlySet<Tensor>): Linear[] {
  return [...tensors].flatMap(([name, tensor]) => {
    const [, path] = /^(.*)[/.]w$/.exec(name) ?? [];
    if (path === undefined || tensor.shape.length !== 2 || owned.has(tensor)) return [];
    return [dense(path, tensor, tensors.get(name.replace(/w$/, 'b')))];
  });
}
