import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { READERS } from '../../src/formats/index.js';
import { conventions, lastResort } from '../../src/model/conventions/index.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const section = readme.slice(readme.indexOf('## What it reads'), readme.indexOf('## What it answers'));

/** Cells of the table: what people call a file, what is in it, its format. */
const rows = [...section.matchAll(/^\| (.*?) \| (.*?) \| (`.*`) \|$/gm)].map(([, file, , formats]) => ({
  file: file!,
  formats: [...formats!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
}));

test('the table in README.md has every reader, and no other', () => {
  const named = rows.flatMap(({ formats }) => formats).filter((name) => name !== 'format');
  expect(named.toSorted()).toEqual(READERS.map(({ name }) => name).toSorted());
});

test.each(READERS.map(({ name, reads }) => [name, reads]))(
  'the row of %s says %s as the refusals do',
  (name, reads) => {
    const { file } = rows.find(({ formats }) => formats.includes(name))!;
    const words = reads.split(/[ /]/).filter((word) => word !== '');
    for (const word of words) expect(file.toLowerCase()).toContain(word.toLowerCase());
  },
);

test('README.md says of every convention how it understands names', () => {
  const headings = [...section.matchAll(/^- \*\*(.*?)\*\*/gm)].map(([, heading]) => heading!.toLowerCase());
  const called: Readonly<Record<string, string>> = { 'by-cell-name': 'by gate', 'by-shape': 'by shape' };
  for (const { name } of [...conventions, lastResort])
    expect(headings.some((heading) => heading.startsWith(called[name] ?? name))).toBe(true);
});
