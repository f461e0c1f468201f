import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.js';
import { folder, rnnscope } from './cli/command.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = (language: string): string[] =>
  [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, tag]) => tag === language)
    .map(([, , text]) => text!);

/** The words of a line for a shell that has double quotes only. */
const words = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);

describe('the example for continuous integration', () => {
  const runs = blocks('yaml').flatMap((text) =>
    [...text.matchAll(/- run: npx rnnscope (.+)$/gm)].map(([, args]) => args!),
  );

  test('is there', () => expect(runs.length).toBeGreaterThanOrEqual(2));

  test.each(runs)('passes as printed: %s', async (args) => {
    const at = folder();
    // In the clone, but what is written goes elsewhere.
    const moved = words(args).map((word) => (word.endsWith('.xml') ? at.file(word) : word));
    const { status, stderr } = await rnnscope([...moved, '--quiet'], { cwd: root });
    at.remove();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

test('the configuration that is shown is one', () => {
  for (const text of blocks('json')) expect(() => readConfig(text, 'README.md')).not.toThrow();
});
