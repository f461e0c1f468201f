import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { rnnscope } from './command.js';

const fixtures = fileURLToPath(new URL('../fixtures/malformed/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'rnnscope-malformed-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Leaves behind the largest resident size of the process, in kilobytes, and the CPU seconds that it took. */
const measuring = (file: string): string[] => {
  const write = `process.on('exit', () => { const u = process.resourceUsage(); require('fs').writeFileSync(${JSON.stringify(file)}, JSON.stringify([u.maxRSS, (u.userCPUTime + u.systemCPUTime) / 1e6])); });`;
  return [
    '--import',
    `data:text/javascript,${encodeURIComponent(`import { createRequire } from 'node:module'; const require = createRequire('file:///');${write}`)}`,
  ];
};

const megabytes = 1024;

describe('a damaged or hostile file', () => {
  test.each(readdirSync(fixtures))('%s is refused in one line, soon and in little memory', async (name) => {
    const usage = join(scratch, name);
    const { status, stdout, stderr } = await rnnscope(['lyapunov', join(fixtures, name)], {
      node: measuring(usage),
    });
    expect(stderr).toMatch(/^rnnscope: [^\n]+\n$/);
    expect(stderr).toContain(name);
    expect(stdout).toBe('');
    expect(status).toBe(2);
    const [size, seconds] = JSON.parse(readFileSync(usage, 'utf8'));
    expect(size).toBeLessThan(500 * megabytes);
    expect(seconds).toBeLessThan(2);
  });
});
