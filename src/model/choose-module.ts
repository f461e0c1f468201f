import { UserError } from '../errors.js';
import type { Tensor, WeightFile } from '../formats/weight-file.js';
import type { Found, ModuleCandidate } from './conventions/convention.js';
import { didYouMean } from './did-you-mean.js';
import { shapeText } from './source.js';

/** The module that --module names, or the only one there is. */
export function chooseModule(file: WeightFile, found: readonly Found[], wanted: string | undefined): Found {
  if (found.length === 0) throw nothingRecurrent(file);
  if (wanted !== undefined) return namedModule(found, wanted);
  if (found.length === 1) return found[0]!;
  throw new UserError(
    'AMBIGUOUS',
    `holds ${found.length} recurrent modules: ${listed(found)}. Choose one with --module NAME.`,
  );
}

/** How a bare module, which has no path, is called on the command line. */
const ROOT = '.';

const callName = ({ name }: ModuleCandidate): string => (name === '' ? ROOT : name);

function namedModule(found: readonly Found[], wanted: string): Found {
  const name = wanted === ROOT ? '' : wanted;
  const module = found.find((one) => one.name === name) ?? found.find((one) => one.aliases.includes(name));
  if (module) return module;
  const known = found.map(callName);
  throw new UserError(
    'NOT_FOUND',
    `has no module "${wanted}".${didYouMean(wanted, known)} It holds ${listed(found)}.`,
  );
}

const listed = (found: readonly Found[]): string => found.map(described).join(', ');

/** 'encoder (lstm, 2 layers, 3 → 8)'. */
function described(module: ModuleCandidate): string {
  if (module.problem !== undefined)
    return `${callName(module)} (unreadable: ${module.problem.replace(/\.$/, '')})`;
  const facts = [module.cell];
  if (module.layers > 1) facts.push(`${module.layers} layers`);
  if (module.bidirectional) facts.push('bidirectional');
  facts.push(`${module.inputSize} → ${module.hiddenSize}`);
  return `${callName(module)} (${facts.join(', ')})`;
}

const SHOWN = 6;

function nothingRecurrent(file: WeightFile): UserError {
  const tensors = [...file.tensors.values()];
  const shown = tensors.slice(0, SHOWN).map((tensor) => `${tensor.name} ${shapeText(tensor.shape)}`);
  const more = tensors.length > SHOWN ? ` and ${tensors.length - SHOWN} more` : '';
  const content = tensors.length === 0 ? 'It holds no tensors.' : `It holds ${shown.join(', ')}${more}.`;
  const message = ['holds no recurrent module that rnnscope knows.', content, hint(tensors), ...file.notes];
  return new UserError('UNSUPPORTED', message.filter((part) => part !== '').join(' '));
}

function hint(tensors: readonly Tensor[]): string {
  const names = tensors.map(({ name }) => name);
  if (names.some((name) => /_all_weight_values|_packed_params/.test(name)))
    return 'The network is quantised: save it before quantisation.';
  if (names.some((name) => name.includes('recurrent_kernel')))
    return 'The names are those of Keras; only the names of PyTorch (weight_hh_l0 …) and of rnnscope’s cells are read.';
  return 'Expected names such as rnn.weight_ih_l0 and rnn.weight_hh_l0 (PyTorch), or those of a cell given by --cell NAME.';
}

/** One of each: the same weights under two names are one module, known by the first. */
export function withoutCopies(found: readonly Found[]): Found[] {
  const kept: Found[] = [];
  for (const module of found) {
    const index = kept.findIndex((other) => sameWeights(other, module));
    if (index < 0) kept.push(module);
    else kept[index] = withCopy(kept[index]!, module);
  }
  return kept;
}

const withCopy = (kept: Found, copy: Found): Found => ({
  ...kept,
  aliases: [...kept.aliases, copy.name, ...copy.aliases],
  notes: [...kept.notes, `the same weights are stored as ${callName(copy)} too`],
});

const sameWeights = (a: Found, b: Found): boolean =>
  a.parts.size === b.parts.size &&
  [...a.parts].every(([name, tensor]) => {
    const other = b.parts.get(name);
    return other !== undefined && sameTensor(tensor, other);
  });

function sameTensor(a: Tensor, b: Tensor): boolean {
  if (a.shape.join() !== b.shape.join()) return false;
  const x = a.values();
  const y = b.values();
  return x.every((value, i) => Object.is(value, y[i]));
}
