import { type Cell, rnnRelu, rnnTanh } from '../../cells/index.js';
import type { ModuleAttributes } from '../../formats/weight-file.js';
import { label } from '../source.js';
import type { Family } from './pytorch-families.js';
import { storedName, type TorchModule } from './pytorch-names.js';

/** The cell that the file itself names: an RNN's by its non-linearity, the others' by PyTorch's own class. */
export function statedCell(family: Family, said: ModuleAttributes | undefined): Cell | undefined {
  if (family.cells[0] !== rnnTanh) return isTorchClass(said?.className) ? family.cells[0] : undefined;
  const nonlinearity = String(said?.facts.get('mode') ?? said?.facts.get('nonlinearity'));
  if (/relu$/i.test(nonlinearity)) return rnnRelu;
  return /tanh$/i.test(nonlinearity) ? rnnTanh : undefined;
}

/** PyTorch's own classes fix the order of the blocks; classes derived from them need not. */
const isTorchClass = (className = ''): boolean =>
  /(^|\.)torch\.nn\.modules\.rnn\.(___torch_mangle_\d+\.)?(RNN|GRU|LSTM)(Cell)?$/.test(className);

/** What the options left open, when the file does not say it either. */
interface Open {
  readonly gates: boolean;
  readonly cell: boolean;
}

/** What is supposed of a cell that neither the file nor an option settles. */
export function cellAssumptions(name: string, { cells, gates }: Family, open: Open): string[] {
  const [cell, ...others] = cells;
  if (cell === rnnTanh) return open.cell ? [activationAssumption(name)] : [];
  const supposed: [what: string, option: string][] = [];
  if (open.gates) supposed.push([`gate rows in the order ${gates.join(' ')}`, '--gates']);
  if (open.cell && others.length > 0) supposed.push(['reset after the product', '--reset']);
  if (supposed.length === 0) return [];
  const what = supposed.map(([text]) => text).join(' and ');
  const options = supposed.map(([, option]) => option).join(' and ');
  const verb = supposed.length > 1 ? 'override' : 'overrides';
  return [`${name}: ${what}, as in torch.nn.${cell.family.toUpperCase()}; ${options} ${verb}`];
}

const activationAssumption = (name: string): string =>
  `${name}: the file does not say tanh or relu; tanh (PyTorch's default) is assumed, --activation relu overrides`;

/** PyTorch stores both biases or none; with one alone the other counts as zero. */
export function biasAssumptions(module: TorchModule): string[] {
  const slots = [...module.forward.values(), ...module.backward.values()];
  return slots.flatMap((slot) => {
    if (!slot.bias_ih === !slot.bias_hh) return [];
    const missing = slot.bias_ih ? 'bias_hh' : 'bias_ih';
    const beside = storedName((slot.bias_ih ?? slot.bias_hh)!);
    return [`${label(module.path)}: ${beside} stands without its ${missing}, which is taken as zero`];
  });
}
