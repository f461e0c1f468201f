// Compiles src/linalg/kernels, written in AssemblyScript, to two modules: fused.wasm, with multiply-add where the processor
// has it, and strict.wasm, with the SIMD of the standard, whose results are the same everywhere. Done once for the same
// sources and compiler; vitest asks too, so that a single test file runs on the kernels as they are now.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src/linalg/kernels');
const cache = join(root, 'node_modules/.cache/rnnscope');
const modules = { fused: 'simd,relaxed-simd,threads', strict: 'simd,threads' };

/** Puts the compiled kernels into a folder. */
export async function makeKernels(into) {
  const compiled = join(cache, `kernels-${fingerprint()}`);
  if (!existsSync(compiled)) await compile(compiled);
  mkdirSync(into, { recursive: true });
  for (const name of Object.keys(modules)) {
    const beside = join(into, `${name}-${process.pid}`);
    copyFileSync(join(compiled, `${name}.wasm`), beside);
    renameSync(beside, join(into, `${name}.wasm`));
  }
}

/** What vitest runs before the tests. */
export const setup = () => makeKernels(join(root, 'dist/kernels'));

async function compile(compiled) {
  const { default: asc } = await import('assemblyscript/asc');
  const beside = `${compiled}-${process.pid}`;
  mkdirSync(beside, { recursive: true });
  for (const [name, features] of Object.entries(modules)) {
    const { error, stderr } = await asc.main([
      'index.ts',
      ...['--baseDir', source, '--outFile', join(beside, `${name}.wasm`)],
      ...['--runtime', 'stub', '--use', 'abort=', '--enable', features],
      // -O3 makes long dependency chains of unrolled loops.
      '-O1',
      ...['--importMemory', '--noExportMemory', '--sharedMemory', '--maximumMemory', '65536'],
    ]);
    if (error) throw new Error(`the kernels do not compile: ${error.message}\n${stderr}`);
  }
  for (const old of readdirSync(cache))
    if (/^kernels-[0-9a-f]+$/.test(old)) rmSync(join(cache, old), { recursive: true, force: true });
  try {
    renameSync(beside, compiled);
  } catch (error) {
    // Another process was first, with the same.
    if (!existsSync(compiled)) throw error;
    rmSync(beside, { recursive: true });
  }
}

function fingerprint() {
  const { version } = createRequire(import.meta.url)('assemblyscript/package.json');
  const hash = createHash('sha256')
    .update(version)
    .update(readFileSync(fileURLToPath(import.meta.url)));
  for (const name of readdirSync(source).sort())
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(source, name)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}
