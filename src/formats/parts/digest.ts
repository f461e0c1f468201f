import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Source } from './source.js';

/**
 * SHA-256 of the file; of several, that of their list as `sha256sum` prints it where they are, in the
 * order in which they were opened.
 */
export function digestOf(files: readonly Source[]): string {
  const [only, ...others] = files;
  if (only !== undefined && others.length === 0) return only.sha256();
  const list = files.map((file) => `${file.sha256()}  ${basename(file.path)}\n`);
  return createHash('sha256').update(list.join('')).digest('hex');
}
