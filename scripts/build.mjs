// Builds dist/ from scratch: the library by tsc, with its types, and the command as a few bundled files, because starting
// from a hundred small ones takes longer than everything that --help does.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(
  /package\.json$/,
  'bin/tsc',
);
execFileSync(process.execPath, [tsc, '-p', `${root}tsconfig.json`], { stdio: 'inherit' });
rmSync(`${root}dist/src/cli`, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: { rnnscope: 'src/cli/bin.ts' },
  outdir: 'dist/bin',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  chunkNames: '[name]-[hash]',
});
chmodSync(`${root}dist/bin/rnnscope.js`, 0o755);
