import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import { label, shapeText } from '../source.js';
import type { Direction } from './convention.js';
import { FAMILIES, type Family } from './pytorch-families.js';
import { type Pieces, type Role, type Slot, storedName, type TorchModule } from './pytorch-names.js';
import { matrixShape } from './stored.js';

export interface Sizes {
  readonly family: Family;
  readonly hiddenSize: number;
  readonly inputSize: number;
  readonly projectionSize?: number;
}

/** Sizes of the first layer, after the whole module was checked for gaps and shapes that disagree. */
export function checkedSizes(module: TorchModule): Sizes {
  refuseUnknownParts(module);
  checkLayerNumbers(module);
  const first = slotSizes(module, 0, 'forward');
  const directions = module.backward.size > 0 ? 2 : 1;
  for (let index = 0; index < module.forward.size; index++) {
    const inputSize = index === 0 ? first.inputSize : directions * outputSize(first);
    checkSlot(module, index, 'forward', first, inputSize);
    if (directions === 2) checkSlot(module, index, 'backward', first, inputSize);
  }
  return first;
}

function refuseUnknownParts(module: TorchModule): void {
  const slots = [...module.forward.values(), ...module.backward.values()];
  const odd = slots.flatMap((slot) => Object.values(slot)).find((pieces) => pieces.unknown && !pieces.plain);
  if (odd)
    throw new UserError(
      'UNSUPPORTED',
      `${storedName(odd)} is reparametrised in a way that rnnscope does not know. Call torch.nn.utils.parametrize.remove_parametrizations before saving.`,
    );
}

function checkLayerNumbers({ path, forward, backward }: TorchModule): void {
  const numbers = [...new Set([...forward.keys(), ...backward.keys()])].sort((a, b) => a - b);
  const missing = (name: string) =>
    new UserError(
      'CORRUPT',
      `${label(path)} has layers ${numbers.join(', ')} but no ${name}: tensors are missing.`,
    );
  for (let layer = 0; layer < numbers.length; layer++) {
    if (!numbers.includes(layer)) throw missing(`weight_hh_l${layer}`);
    if (!forward.has(layer)) throw missing(`weight_hh_l${layer}, only weight_hh_l${layer}_reverse`);
    if (backward.size > 0 && !backward.has(layer)) throw missing(`weight_hh_l${layer}_reverse`);
  }
}

export const slotOf = (module: TorchModule, index: number, direction: Direction): Slot =>
  (direction === 'forward' ? module.forward : module.backward).get(index)!;

/** What the recurrent and the input matrix of a layer say of family, H and I. */
function slotSizes(module: TorchModule, index: number, direction: Direction): Sizes {
  const hh = required(module, index, direction, 'weight_hh');
  const own = slotOf(module, index, direction).weight_hr
    ? projectedSizes(required(module, index, direction, 'weight_hr'), hh)
    : plainSizes(hh);
  return { ...own, inputSize: shapeOf(required(module, index, direction, 'weight_ih'))[1] };
}

function plainSizes(hh: Pieces): Omit<Sizes, 'inputSize'> {
  const [rows, hiddenSize] = shapeOf(hh);
  const family = FAMILIES.find(({ gates, projected }) => !projected && gates.length * hiddenSize === rows);
  if (!family || hiddenSize === 0) throw noFamily(storedName(hh), rows, hiddenSize);
  return { family, hiddenSize };
}

/** weight_hr [P, H] beside weight_hh [4H, P]. */
function projectedSizes(hr: Pieces, hh: Pieces): Omit<Sizes, 'inputSize'> {
  const family = FAMILIES.find(({ projected }) => projected)!;
  const [projectionSize, hiddenSize] = shapeOf(hr);
  const [rows, cols] = shapeOf(hh);
  if (hiddenSize > 0 && rows === family.gates.length * hiddenSize && cols === projectionSize)
    return { family, hiddenSize, projectionSize };
  throw new UserError(
    'SHAPE',
    `${storedName(hr)} is ${projectionSize}×${hiddenSize} and ${storedName(hh)} ${rows}×${cols}: a projected LSTM has [P, H] and [4H, P].`,
  );
}

/** What a layer hands on in one direction. */
const outputSize = ({ hiddenSize, projectionSize }: Sizes): number => projectionSize ?? hiddenSize;

function noFamily(name: string, rows: number, cols: number): UserError {
  const transposed = FAMILIES.some(({ gates }) => gates.length * rows === cols)
    ? ' It looks transposed.'
    : '';
  return new UserError(
    'SHAPE',
    `${name} is ${rows}×${cols}: an RNN has as many rows as columns, a GRU 3 times, an LSTM 4 times as many.${transposed}`,
  );
}

function checkSlot(
  module: TorchModule,
  index: number,
  direction: Direction,
  first: Sizes,
  inputSize: number,
) {
  const slot = slotOf(module, index, direction);
  const rows = first.family.gates.length * first.hiddenSize;
  const why = `to fit ${storedName(required(module, 0, 'forward', 'weight_hh'))}`;
  checkMatrix(required(module, index, direction, 'weight_hh'), rows, outputSize(first), why);
  if (first.projectionSize !== undefined)
    checkMatrix(required(module, index, direction, 'weight_hr'), first.projectionSize, first.hiddenSize, why);
  else if (slot.weight_hr)
    throw new UserError(
      'SHAPE',
      `${storedName(slot.weight_hr)} projects this layer, though the first is not projected.`,
    );
  checkMatrix(required(module, index, direction, 'weight_ih'), rows, inputSize, why);
  for (const bias of [slot.bias_ih, slot.bias_hh])
    if (bias?.plain) vectorShape(bias.plain, rows, storedName(slot.weight_hh!));
}

function checkMatrix(pieces: Pieces, rows: number, cols: number, why: string): void {
  const [r, c] = shapeOf(pieces);
  if (r !== rows || c !== cols)
    throw new UserError('SHAPE', `${storedName(pieces)} is ${r}×${c}, expected ${rows}×${cols} ${why}.`);
}

function vectorShape(tensor: Tensor, length: number, beside: string): void {
  if (tensor.shape.length !== 1 || tensor.shape[0] !== length)
    throw new UserError(
      'SHAPE',
      `${tensor.name} is ${shapeText(tensor.shape)}, expected [${length}], one number for each row of ${beside}.`,
    );
}

function required(module: TorchModule, index: number, direction: Direction, role: Role): Pieces {
  const pieces = slotOf(module, index, direction)[role];
  if (pieces && (pieces.plain || pieces.direction)) return pieces;
  const isCell = [...module.parts.keys()].every((part) => !/_l\d/.test(part));
  const name = `${role}${isCell ? '' : `_l${index}`}${direction === 'backward' ? '_reverse' : ''}`;
  throw new UserError('CORRUPT', `${label(module.path)} has no ${name}: tensors are missing.`);
}

const shapeOf = ({ plain, direction }: Pieces): [rows: number, cols: number] =>
  matrixShape((plain ?? direction)!);
