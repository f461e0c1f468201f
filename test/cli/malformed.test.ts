import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { measured } from './command.js';

const fixtures = fileURLToPath(new URL('../fixtures/malformed/', import.meta.url));
const megabytes = 1024;

describe('a damaged or hostile file', () => {
  test.each(readdirSync(fixtures))('%s is refused in one line, soon and in little memory', async (name) => {
    const { status, stdout, stderr, peak, seconds } = await measured(['lyapunov', join(fixtures, name)]);
    expect(stderr).toMatch(/^rnnscope: [^\n]+\n$/);
    expect(stderr).toContain(name);
    expect(stdout).toBe('');
    expect(status).toBe(2);
    expect(peak).toBeLessThan(500 * megabytes);
    expect(seconds).toBeLessThan(2);
  });
});
