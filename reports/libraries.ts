import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { scriptCode } from './markup.js';

const require = createRequire(import.meta.url);

/** The browser builds sit beside each package's entry. They hang themselves on `window`, in this order. */
const builds = [
  ['vega', 'vega.min.js'],
  ['vega-lite', 'vega-lite.min.js'],
  ['vega-embed', 'vega-embed.min.js'],
] as const;

function readBuild([name, file]: (typeof builds)[number]): string {
  const folder = dirname(require.resolve(name));
  const licence = readFileSync(join(folder, '..', 'LICENSE'), 'utf8').trim();
  const code = readFileSync(join(folder, file), 'utf8');
  return `/*! ${name}\n${licence.replaceAll('*/', '* /')}\n*/\n${code}`;
}

let scripts: readonly string[] | undefined;

/** The drawing programs as the text of script elements, licences included; read once. */
export function drawingScripts(): readonly string[] {
  scripts ??= builds.map((build) => scriptCode(readBuild(build)).markup);
  return scripts;
}
