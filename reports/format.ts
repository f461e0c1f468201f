/** Numbers and words as people read them. */

import { show, showPowerOfTen } from '../src/numbers.js';

const minus = '−';
const missing = '–';

/** A number in a sentence: 0.531, −∞, 2·10⁻⁸; a dash for one that is missing. */
export const number = (x: number | null | undefined, digits = 3): string =>
  x === null || x === undefined ? missing : show(x, digits);

/** A number in a column: trailing zeros kept, thousands grouped. */
export function aligned(x: number | null | undefined, digits = 4): string {
  if (x === null || x === undefined) return missing;
  const size = Math.abs(x);
  if (!Number.isFinite(x) || size < 1e-4 || size >= 1e6) return show(x, digits);
  const power = Math.floor(Math.log10(size));
  return withMinus(grouped(x.toFixed(Math.max(0, digits - 1 - power))));
}

/** 10^log10, also where it is beyond the range of doubles. */
export const powerOfTen = (log10: number, digits = 2): string => showPowerOfTen(log10, digits);

const withMinus = (text: string): string => text.replace('-', minus);

/** A number that somebody chose, such as a threshold: no digits that were not given. */
export const chosen = (x: number): string => show(x, 6);

/** x ± error with as many decimals as two digits of the error justify. */
export function withError(x: number, error: number | null | undefined): string {
  if (error === null || error === undefined || !Number.isFinite(error) || !Number.isFinite(x)) {
    return number(x, 4);
  }
  if (error === 0) return `${number(x, 4)}\u00a0±\u00a00`;
  const decimals = 1 - Math.floor(Math.log10(error));
  if (decimals > 8 || decimals < 0 || Math.abs(x) >= 1e6)
    return `${number(x, 4)}\u00a0±\u00a0${number(error, 2)}`;
  return `${withMinus(x.toFixed(decimals))}\u00a0±\u00a0${error.toFixed(decimals)}`;
}

const grouped = (text: string): string => {
  const [whole, fraction] = text.split('.') as [string, string?];
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
};

export const integer = (n: number): string =>
  Number.isFinite(n) ? withMinus(grouped(String(Math.round(n)))) : show(n);

/** 1 start, 2 starts. */
export const count = (n: number, singular: string, plural = `${singular}s`): string =>
  `${integer(n)} ${n === 1 ? singular : plural}`;

/** A duration in steps. */
export const steps = (x: number): string => `${number(x)} ${x === 1 ? 'step' : 'steps'}`;

export const percent = (share: number, digits = 2): string => `${number(100 * share, digits)}\u00a0%`;

/** The modulus of an eigenvalue: more digits near the unit circle, where they decide. */
export const modulus = (x: number): string => aligned(x, Math.abs(x - 1) < 0.01 ? 7 : 4);

export const complex = ([re, im]: readonly [number, number]): string =>
  im === 0 ? aligned(re) : `${aligned(re)} ${im < 0 ? minus : '+'} ${aligned(Math.abs(im))} i`;

/** a, b and c. */
export const list = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

/** Capitalises a first word, but leaves a symbol such as λ or q as it is. */
export const sentenceCase = (text: string): string =>
  /^[a-z]{2}/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;

const acronyms: Readonly<Record<string, string>> = { rnn: 'RNN', gru: 'GRU', lstm: 'LSTM' };

/** A cell as papers write it; the cells of a stack that has several are joined by plus signs. */
export const cellName = (cell: string): string =>
  cell
    .split('+')
    .map((one) => (Object.hasOwn(acronyms, one) ? acronyms[one]! : one))
    .join(' + ');

/** The last part of a path, whichever way its slashes lean. */
export const fileName = (path: string): string => path.split(/[\\/]/).at(-1) || path;

/** Wall time for people: 0.4 s, 42 s, 3 min 20 s. */
export const duration = (seconds: number): string => {
  if (seconds < 59.5) return `${number(seconds, 2)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
};
