import { readFileSync } from 'node:fs';

/** The version in package.json, which lies at the package's root whether run from source or from dist. */
export const version: string = ['../package.json', '../../package.json'].reduce((found, path) => {
  if (found) return found;
  try {
    const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
    return name === 'rnnscope' ? version : found;
  } catch {
    return found;
  }
}, '');
