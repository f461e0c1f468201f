import { type Cell, cellNamed, cells } from '../../cells/index.js';
import { UserError } from '../../errors.js';
import { didYouMean } from '../did-you-mean.js';
import type { ModelOptions } from '../model.js';

/** The cell that an option asks for, and the option as the user typed it. */
interface Wish {
  readonly option: string;
  readonly cell: Cell;
}

/**
 * Which of the `members`, cells that share their parameters and so cannot be told apart by them, is meant: what the
 * options say, else undefined. An option that none of the members can follow is the user's mistake.
 */
export function askedCell(label: string, members: readonly Cell[], options: ModelOptions): Cell | undefined {
  const wishes = wishesOf(options);
  for (const { option, cell } of wishes)
    if (!members.includes(cell))
      throw new UserError(
        'USAGE',
        `${option} does not fit ${label}, whose tensors are those of ${oneOf(members)}.`,
      );
  const [first, ...others] = wishes;
  const other = others.find(({ cell }) => cell !== first!.cell);
  if (other) throw new UserError('USAGE', `${first!.option} and ${other.option} contradict each other.`);
  return first?.cell;
}

function wishesOf(options: ModelOptions): Wish[] {
  const { cell, reset, activation } = options;
  const wishes: Wish[] = [];
  if (cell !== undefined) wishes.push({ option: `--cell ${cell}`, cell: knownCell(cell) });
  if (reset !== undefined)
    wishes.push({
      option: `--reset ${reset}`,
      cell: knownCell(reset === 'before' ? 'gru-reset-before' : 'gru'),
    });
  if (activation !== undefined)
    wishes.push({ option: `--activation ${activation}`, cell: knownCell(`rnn-${activation}`) });
  return wishes;
}

/** The cell of that name; a UserError with the list when there is none. */
export function knownCell(name: string): Cell {
  const cell = cellNamed(name);
  if (cell) return cell;
  const names = cells.map((known) => known.name);
  throw new UserError(
    'NOT_FOUND',
    `no cell "${name}".${didYouMean(name, names)} Cells: ${names.join(', ')}.`,
  );
}

export const oneOf = (members: readonly Cell[]): string => members.map(({ name }) => name).join(' or ');

/** 'W [H, I], U [H, H], b [H]?': what a file for the cell has to hold; ? may be left out. */
export const signature = (cell: Cell): string =>
  cell.parameters
    .map(
      ({ name, rows, cols, optional }) =>
        `${name} [${cols ? `${rows}, ${cols}` : rows}]${optional ? '?' : ''}`,
    )
    .join(', ');
