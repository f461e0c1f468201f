import { gruResetAfter, gruResetBefore, lstm } from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import type { Source } from '../source.js';
import { checkShape, gateParameters } from './columns.js';
import type { Convention } from './convention.js';
import { type Examined, stackModule } from './stack.js';
import { inStacks } from './stacking.js';
import { matrixOf, matrixShape, rowsOf } from './stored.js';

/**
 * eqx.nn.GRUCell and LSTMCell, saved as an .npz of their paths: PyTorch's matrices under PyTorch's names, but one `bias`, and of a
 * GRU a `bias_n` [H] that the reset gate acts on.
 */
export const equinox: Convention = {
  name: 'equinox',
  match: (source) =>
    inStacks(
      'equinox',
      [...equinoxCells(source)].map(([name, parts]) => ({
        name,
        kind: name.replace(/\d+/g, '#'),
        layer: { forward: { name, parts, examine: () => examine(parts) } },
      })),
    ).map(stackModule),
};

const NAME = /^(?:(?<path>.*)[/.])?(?<part>weight_ih|weight_hh|bias|bias_n)$/;

/** Path → parts, of the cells that have a bias of their own: without one, they are PyTorch's to the letter. */
export function equinoxCells({ tensors }: Source): Map<string, ReadonlyMap<string, Tensor>> {
  const cells = new Map<string, Map<string, Tensor>>();
  for (const [name, tensor] of tensors) {
    const { path = '', part } = NAME.exec(name)?.groups ?? {};
    if (part === undefined) continue;
    const parts = cells.get(path) ?? new Map<string, Tensor>();
    parts.set(part, tensor);
    cells.set(path, parts);
  }
  for (const [path, parts] of cells)
    if (!['weight_ih', 'weight_hh', 'bias'].every((part) => parts.has(part))) cells.delete(path);
  return cells;
}

function examine(parts: ReadonlyMap<string, Tensor>): Examined {
  const [input, recurrent, bias] = ['weight_ih', 'weight_hh', 'bias'].map((part) => parts.get(part)!) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const candidate = parts.get('bias_n');
  const [rows, H] = matrixShape(recurrent);
  const [, I] = matrixShape(input);
  const isGru = rows === 3 * H;
  if (H === 0 || (!isGru && rows !== 4 * H))
    throw new UserError(
      'SHAPE',
      `${recurrent.name} is ${rows}×${H}: a GRUCell has three times as many rows as columns, an LSTMCell four times.`,
    );
  const why = `to fit ${recurrent.name}`;
  checkShape(input, [rows, I], why);
  checkShape(bias, [rows], why);
  if (candidate) checkShape(candidate, [H], why);
  const sizes = { hiddenSize: H, inputSize: I };
  const cell = isGru ? gruResetAfter : lstm;
  return {
    members: isGru ? [gruResetAfter, gruResetBefore] : [lstm],
    stated: cell,
    gates: isGru ? ['r', 'z', 'n'] : ['i', 'f', 'g', 'o'],
    ...sizes,
    hasBiases: true,
    assumed: (label, asked) =>
      asked.cell
        ? []
        : [`${label}: one bias beside weight_ih and weight_hh, as in Equinox; gate rows in its order`],
    weights: (order) => {
      const [W, U, b] = [matrixOf(input), matrixOf(recurrent), bias.values()];
      return gateParameters(
        sizes,
        new Map(
          order.map((g, k) => [
            g,
            {
              W: rowsOf(W, k * H, H),
              U: rowsOf(U, k * H, H),
              bx: b.slice(k * H, (k + 1) * H),
              ...(g === 'n' && candidate ? { bh: candidate.values().slice() } : {}),
            },
          ]),
        ),
      );
    },
  };
}
