import picocolors from 'picocolors';

const WIDEST = 100;
const NARROWEST = 40;

/** A pipe has no width of its own: COLUMNS says what it leads to. */
const columnsOf = ({ stdout, env }: NodeJS.Process): number => stdout.columns || Number(env.COLUMNS) || 80;

export const terminalWidth = (columns = columnsOf(process)): number =>
  Math.max(NARROWEST, Math.min(WIDEST, columns));

/** https://no-color.org; unlike the default of picocolors, a pipe is plain in continuous integration too. */
const coloured = ({ stdout, env, argv }: NodeJS.Process): boolean =>
  !env.NO_COLOR &&
  !argv.includes('--no-color') &&
  (Boolean(env.FORCE_COLOR) || (stdout.isTTY === true && env.TERM !== 'dumb'));

export const pc = picocolors.createColors(coloured(process));
