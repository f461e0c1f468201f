import type { AnalysisResult } from '../src/result.js';

/** 'closedLoop' → 'closed-loop'. */
export const dashed = (option: string): string => option.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** A word as a POSIX shell reads it back. */
const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

function flagOf([key, value]: [string, unknown]): string[] {
  if (value === null || value === undefined || value === false) return [];
  const flag = `--${dashed(key)}`;
  if (value === true) return [flag];
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return [text.startsWith('-') ? `${flag}=${quoted(text)}` : `${flag} ${quoted(text)}`];
}

/** The command that gives this result again: every option as it was settled, so that later defaults change nothing. */
export const commandOf = ({ analysis, model, options, value }: AnalysisResult): string =>
  [
    'npx rnnscope',
    analysis,
    ...pathsOf(model.path, value).map(quoted),
    ...Object.entries(options).flatMap(flagOf),
  ].join(' ');

/** A comparison names all of its files, everything else its one. */
function pathsOf(path: string, value: unknown): string[] {
  const { models } = (value ?? {}) as { models?: readonly { path: string }[] };
  return models ? models.map((one) => String(one.path)) : [String(path)];
}
