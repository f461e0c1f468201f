// Builds dist/ from scratch: the library by tsc, with its types, the command as a few bundled files, because starting
// from a hundred small ones takes longer than everything that --help does, and the kernels.
//
// With --if-changed nothing is done where dist/ was made from the same bytes: `npm ci`, the first `npx rnnscope` and
// `npm test` all ask for a build.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { makeKernels } from './kernels.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stamp = join(root, 'node_modules/.cache/rnnscope/built-from');

const sources = [
  'src',
  'analyses',
  'reports',
  'scripts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
];
const made = [
  'rnnscope.config.schema.json',
  'rnnscope.1',
  'bin/rnnscope.js',
  'bin/worker.js',
  'src/index.js',
  'src/index.d.ts',
  'kernels/fused.wasm',
  'kernels/strict.wasm',
];

const digest = fingerprint();
const isCurrent =
  existsSync(stamp) &&
  readFileSync(stamp, 'utf8') === digest &&
  made.every((file) => existsSync(join(dist, file)));
if (!process.argv.includes('--if-changed') || !isCurrent) {
  rmSync(stamp, { force: true });
  await make();
  mkdirSync(join(stamp, '..'), { recursive: true });
  writeFileSync(stamp, digest);
}

/** Builds beside dist/ and moves the result there, so that a build that fails, or two at once, leave a whole one. */
async function make() {
  const beside = `dist-${process.pid}`;
  const out = join(root, beside);
  const old = `${out}-old`;
  try {
    const { build } = await import('esbuild');
    const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(
      /package\.json$/,
      'bin/tsc',
    );
    execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json'), '--outDir', out], {
      stdio: 'inherit',
    });
    rmSync(join(out, 'src/cli'), { recursive: true });
    await build({
      absWorkingDir: root,
      entryPoints: { rnnscope: 'src/cli/bin.ts', worker: 'src/threads/worker.ts' },
      outdir: `${beside}/bin`,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      chunkNames: '[name]-[hash]',
    });
    const { configSchema } = await import(pathToFileURL(join(out, 'src/config.js')).href);
    writeFileSync(join(out, 'rnnscope.config.schema.json'), `${JSON.stringify(configSchema(), null, 1)}\n`);
    const page = execFileSync(process.execPath, [join(out, 'bin/rnnscope.js'), 'man'], { encoding: 'utf8' });
    writeFileSync(join(out, 'rnnscope.1'), page);
    chmodSync(join(out, 'bin/rnnscope.js'), 0o755);
    await makeKernels(join(out, 'kernels'));
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(out, dist);
  } finally {
    for (const left of [out, old]) rmSync(left, { recursive: true, force: true });
  }
}

/** Of every file that the build reads. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const source of sources) {
    const path = join(root, source);
    const inside = statSync(path).isDirectory() ? readdirSync(path, { recursive: true }).sort() : [''];
    for (const name of inside) {
      const file = join(path, name);
      if (statSync(file).isFile()) hash.update(`${source}/${name}\0`).update(readFileSync(file)).update('\0');
    }
  }
  return hash.digest('hex');
}
