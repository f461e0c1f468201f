import {
  activationNames,
  activationText,
  baseOf,
  type Cell,
  cellNamed,
  cells,
  parseFunctions,
} from '../../cells/index.js';
import { UserError } from '../../errors.js';
import { didYouMean } from '../did-you-mean.js';
import type { ModelOptions } from '../model.js';

/** The cell that an option asks for, and the option as the user typed it. */
interface Wish {
  readonly option: string;
  readonly cell: Cell;
}

export interface ChosenCell {
  readonly cell: Cell;
  /** Whether the options say which of the members it is. */
  readonly isAsked: boolean;
}

/**
 * Which of the `members`, cells that share their parameters and so cannot be told apart by them, is meant, and with which
 * functions: what the options say, else what the file says, else the first. An option that none of the members can follow
 * is the user's mistake.
 */
export function chooseCell(
  label: string,
  members: readonly [Cell, ...Cell[]],
  stated: Cell | undefined,
  options: ModelOptions,
): ChosenCell {
  const wishes = wishesOf(options);
  const isMember = (cell: Cell) => members.some((member) => baseOf(member) === baseOf(cell));
  for (const { option, cell } of wishes)
    if (!isMember(cell))
      throw new UserError(
        'USAGE',
        `${option} does not fit ${label}, whose tensors are those of ${oneOf(members)}.`,
      );
  const [first, ...others] = wishes;
  const other = others.find(({ cell }) => baseOf(cell) !== baseOf(first!.cell));
  if (other) throw new UserError('USAGE', `${first!.option} and ${other.option} contradict each other.`);
  const cell = withAskedFunctions(label, first?.cell ?? stated ?? members[0], options);
  // The members of a family of one place differ in their functions, and in nothing else.
  const isToldByFunction = new Set(members.map(baseOf)).size < members.length;
  return {
    cell,
    isAsked: first !== undefined || (isToldByFunction && options.activation !== undefined),
  };
}

function wishesOf({ cell, reset }: ModelOptions): Wish[] {
  const wishes: Wish[] = [];
  if (cell !== undefined) wishes.push({ option: `--cell ${cell}`, cell: knownCell(cell) });
  if (reset !== undefined)
    wishes.push({
      option: `--reset ${reset}`,
      cell: knownCell(reset === 'before' ? 'gru-reset-before' : 'gru'),
    });
  return wishes;
}

/** --activation and --clip. */
function withAskedFunctions(label: string, cell: Cell, { activation, clip }: ModelOptions): Cell {
  if (activation === undefined && clip === undefined) return cell;
  if (!cell.withFunctions) {
    const option = activation === undefined ? `--clip ${clip}` : `--activation ${activation}`;
    throw new UserError('USAGE', `${option} does not fit ${label}: the functions of ${cell.name} are fixed.`);
  }
  const changes = activation === undefined ? {} : parseFunctions(activation, cell);
  if (!changes) throw noSuchFunctions(label, cell, activation!);
  return cell.withFunctions(clip === undefined ? changes : { ...changes, clipState: clip });
}

function noSuchFunctions(label: string, cell: Cell, activation: string): UserError {
  const places = Object.keys(cell.functions!.activations);
  const usual = Object.values(cell.functions!.activations).map(activationText).join();
  const expected =
    places.length === 1
      ? 'one function'
      : `${places.join(',')}, such as ${usual} or ${places[0]}=hard_sigmoid`;
  return new UserError(
    'USAGE',
    `--activation ${activation} does not fit ${label}: ${cell.name} takes ${expected}. Functions: ${activationNames.join(', ')}.`,
  );
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

/** 'gru', 'gru or lstm', 'gru, lstm or mgu'. */
export const oneOf = (members: readonly Cell[]): string =>
  members
    .map(({ name }) => name)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1');

/** 'W [H, I], U [H, H], b [H]?': what a file for the cell has to hold; ? may be left out. */
export const signature = (cell: Cell): string =>
  cell.parameters
    .map(
      ({ name, rows, cols, optional }) =>
        `${name} [${cols ? `${rows}, ${cols}` : rows}]${optional ? '?' : ''}`,
    )
    .join(', ');
