import { UserError } from '../errors.js';
import type { Tensor, WeightFile } from '../formats/weight-file.js';
import type { Contents } from './build.js';
import { knownCell, signature } from './conventions/choose-cell.js';
import type { Found, ModuleCandidate } from './conventions/convention.js';
import { didYouMean } from './did-you-mean.js';
import type { ModelOptions } from './model.js';
import { callName, ROOT, shapeText } from './source.js';

/** The module that --module names, or the only one there is. */
export function chooseModule({ file, modules, absence }: Contents, options: ModelOptions): Found {
  if (modules.length === 0) throw nothingRecurrent(file, options.cell, absence);
  if (options.module !== undefined) return namedModule(modules, options.module);
  if (modules.length === 1) return modules[0]!;
  throw new UserError(
    'AMBIGUOUS',
    `holds ${modules.length} recurrent modules: ${listed(modules)}. Choose one with --module NAME.`,
  );
}

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

function nothingRecurrent(
  file: WeightFile,
  cell: string | undefined,
  absence: string | undefined,
): UserError {
  const tensors = [...file.tensors.values()];
  const shown = tensors.slice(0, SHOWN).map((tensor) => `${tensor.name} ${shapeText(tensor.shape)}`);
  const more = tensors.length > SHOWN ? ` and ${tensors.length - SHOWN} more` : '';
  const content = tensors.length === 0 ? 'It holds no tensors.' : `It holds ${shown.join(', ')}${more}.`;
  const parts = [
    'holds no recurrent module that rnnscope knows.',
    ...(absence === undefined ? [content, hint(tensors, cell)] : [absence]),
    ...file.notes.slice(0, SHOWN).map(sentence),
  ];
  return new UserError('UNSUPPORTED', parts.join(' '));
}

/** A reader's remark, 'skipped …', as a sentence among others. */
const sentence = (remark: string): string =>
  `${remark.charAt(0).toUpperCase()}${remark.slice(1)}${remark.endsWith('.') ? '' : '.'}`;

function hint(tensors: readonly Tensor[], cell: string | undefined): string {
  const some = (pattern: RegExp) => tensors.some(({ name }) => pattern.test(name));
  if (cell !== undefined) return `Expected the parameters of ${cell}: ${signature(knownCell(cell))}.`;
  if (some(/_all_weight_values|_packed_params/))
    return 'It is quantised: save the network before quantisation.';
  return 'Expected names such as rnn.weight_ih_l0 and rnn.weight_hh_l0, or the parameters of a cell that --cell names.';
}
