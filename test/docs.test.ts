import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commandOf, fieldTable, pageOf, pathOf, questions } from '../scripts/pages.js';
import { bin } from './cli/command.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const pageText = (question: (typeof questions)[number]): string =>
  readFileSync(`${root}/${pathOf(question)}`, 'utf8');
const shownIn = (page: string): string => /^```console\n\$ [^\n]+\n([\s\S]*?)\n```$/m.exec(page)![1]!;

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const numberPattern = /[−-]?\d[\d,]*(?:\.\d+)?(?:·10(⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?/g;

/** The numbers of a text, and what is left when they are taken out; spaces follow from how long numbers are. */
function split(text: string): { numbers: number[]; words: string } {
  const numbers = [...text.matchAll(numberPattern)].map(([whole, power]) => {
    const mantissa = Number(
      whole
        .replace(/·10.*$/, '')
        .replaceAll(',', '')
        .replace('−', '-'),
    );
    if (!power) return mantissa;
    const digits = [...power.replace('⁻', '')].map((c) => superscripts.indexOf(c)).join('');
    return mantissa * 10 ** (power.startsWith('⁻') ? -Number(digits) : Number(digits));
  });
  return { numbers, words: text.replace(numberPattern, '#').replace(/[\s─-╿]+/g, ' ') };
}

/** Below this a number is rounding, which differs from one processor to another. */
const ROUNDING = 1e-9;

describe.each(questions)('the page of %s', (question) => {
  test('is the one that is made of the options, docstrings and explanation of now (npm run docs)', () => {
    const page = pageText(question);
    expect(pageOf(question, shownIn(page))).toBe(page);
  });

  test('shows what its command prints, to two digits', () => {
    const command = commandOf(question).replace('npx rnnscope', `"${process.execPath}" "${bin}"`);
    const env = { ...process.env, NO_COLOR: '1', COLUMNS: '80', LC_ALL: 'C.UTF-8' };
    const printed = execFileSync('sh', ['-c', `(${command}) 2>&1`], { cwd: root, env, encoding: 'utf8' });
    const [now, then] = [split(printed.trimEnd()), split(shownIn(pageText(question)))];
    expect(now.words).toBe(then.words);
    for (const [k, x] of now.numbers.entries()) {
      const y = then.numbers[k]!;
      if (Math.abs(x) > ROUNDING || Math.abs(y) > ROUNDING)
        expect(Math.abs(x - y), `${x} beside ${y}`).toBeLessThanOrEqual(
          0.02 * Math.max(Math.abs(x), Math.abs(y)),
        );
    }
  });
});

test('fields are read with their docstrings, over several lines too', () => {
  const table = fieldTable('analyses/compare.ts', 'Change');
  expect(table.split('\n').slice(4)).toEqual([
    '| `difference` | `number` |  |',
    '| `error` | `number \\| null` | Of the difference: √(SE₁² + SE₂²); null where one of the two is not known. |',
    '| `beyondError` | `boolean \\| null` | Whether the difference is more than three of its errors; null where that cannot be told. |',
  ]);
});
