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

/** Whether braille, bars and frames can be expected to be drawn; what is not known to be UTF-8 gets plain text. */
export const drawsUnicode = ({
  env,
  platform,
}: Pick<NodeJS.Process, 'env' | 'platform'> = process): boolean => {
  if (env.TERM === 'dumb' || env.TERM === 'linux') return false;
  if (platform === 'win32') return Boolean(env.WT_SESSION || env.TERM_PROGRAM);
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '');
};

export const pc = picocolors.createColors(coloured(process));
