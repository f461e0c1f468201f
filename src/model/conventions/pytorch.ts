import type { CellWeights } from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { ModuleAttributes } from '../../formats/weight-file.js';
import type { Matrix } from '../../linalg/matrix.js';
import { linears } from '../linear.js';
import type { ModelOptions } from '../model.js';
import { label } from '../source.js';
import { chooseCell } from './choose-cell.js';
import { type Convention, examined, type Found, type OpenModule, storedNumbers } from './convention.js';
import { equinoxCells } from './equinox.js';
import { gateOrder } from './gate-order.js';
import { biasAssumptions, cellAssumptions, statedCell } from './pytorch-assumptions.js';
import { checkedSizes, type Sizes, slotOf } from './pytorch-checks.js';
import type { Family } from './pytorch-families.js';
import { type Pieces, type Slot, storedName, type TorchModule, torchModules } from './pytorch-names.js';
import { matrixOf, rowsOf, weightNormed } from './stored.js';

/** `torch.nn.RNN`, `GRU`, `LSTM` and their cells, and whatever shares their names. */
export const pytorch: Convention = {
  name: 'pytorch',
  match(source) {
    const others = equinoxCells(source);
    return torchModules(source.tensors)
      .filter(({ path }) => !others.has(path))
      .map((module) => foundModule(module, source.attributes(module.path)));
  },
  linears,
};

function foundModule(module: TorchModule, said: ModuleAttributes | undefined): Found {
  const common = {
    name: module.path,
    aliases: storedPaths(module),
    convention: 'pytorch',
    bidirectional: module.backward.size > 0,
    layers: Math.max(module.forward.size, module.backward.size),
    parameters: storedNumbers(module.parts),
    parts: module.parts,
    notes: [],
  };
  return examined(common, () => {
    const sizes = checkedSizes(module);
    const cell = statedCell(sizes.family, said) ?? sizes.family.cells[0];
    return {
      family: cell.family,
      cell: cell.name,
      inputSize: sizes.inputSize,
      hiddenSize: sizes.hiddenSize,
      ...(sizes.projectionSize !== undefined && { projectionSize: sizes.projectionSize }),
      hasBiases: [...module.parts.keys()].some((part) => part.startsWith('bias_')),
      open: (options) => open(module, sizes, said, options),
    };
  });
}

/** The module's path as the file spells it, where a wrapper was dropped. */
function storedPaths(module: TorchModule): string[] {
  const [part, tensor] = module.parts.entries().next().value!;
  const path = tensor.name.slice(0, -part.length).replace(/\.$/, '');
  return tensor.name.endsWith(part) && path !== module.path ? [path] : [];
}

function open(
  module: TorchModule,
  sizes: Sizes,
  said: ModuleAttributes | undefined,
  options: ModelOptions,
): OpenModule {
  const { family } = sizes;
  const stated = statedCell(family, said);
  const { cell, isAsked } = chooseCell(label(module.path), family.cells, stated, options);
  const order = options.gates === undefined ? family.gates : orderedGates(module, family, options.gates);
  const open = { gates: options.gates === undefined, cell: !isAsked };
  return {
    cell,
    assumptions: [
      ...(stated ? [] : cellAssumptions(label(module.path), family, open)),
      ...biasAssumptions(module),
    ],
    layer: (index, direction) => ({
      name: `layer${index}`,
      cell,
      weights: gateWeights(slotOf(module, index, direction), order, sizes),
    }),
  };
}

function orderedGates(module: TorchModule, family: Family, text: string): string[] {
  if (family.gates.length > 1) return gateOrder(text, family.gates);
  throw new UserError('USAGE', `--gates ${text} does not fit ${label(module.path)}: an RNN has no gates.`);
}

/** Cuts the blocks of rows apart, in the order in which the file holds them. */
function gateWeights(
  slot: Slot,
  order: readonly string[],
  { hiddenSize: H, projectionSize }: Sizes,
): CellWeights {
  const W = weightOf(slot.weight_ih!);
  const U = weightOf(slot.weight_hh!);
  const bx = slot.bias_ih?.plain?.values();
  const bh = slot.bias_hh?.plain?.values();
  const matrices: Record<string, Matrix> = {};
  const vectors: Record<string, Float64Array> = {};
  order.forEach((gate, block) => {
    matrices[`W_${gate}`] = rowsOf(W, block * H, H);
    matrices[`U_${gate}`] = rowsOf(U, block * H, H);
    if (bx) vectors[`bx_${gate}`] = bx.slice(block * H, (block + 1) * H);
    if (bh) vectors[`bh_${gate}`] = bh.slice(block * H, (block + 1) * H);
  });
  const sizes = { hiddenSize: H, inputSize: W.cols };
  if (projectionSize === undefined) return { ...sizes, matrices, vectors };
  matrices.W_hr = weightOf(slot.weight_hr!);
  return { ...sizes, projectionSize, matrices, vectors };
}

function weightOf(pieces: Pieces): Matrix {
  if (pieces.plain) return matrixOf(pieces.plain);
  if (pieces.length) return weightNormed(pieces.length, pieces.direction!);
  throw new UserError(
    'CORRUPT',
    `${storedName(pieces)} is the direction of a weight-normed matrix without its length.`,
  );
}
