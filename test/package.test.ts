import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'rnnscope-package-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** npm as a stranger has it: without what the npm that runs this test has put into the environment. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !/^npm_(lifecycle|package|config_local_prefix)/.test(key)),
);
const windows = process.platform === 'win32';
const npm = (program: 'npm' | 'npx', args: string[], cwd: string) =>
  run(windows ? `${program}.cmd` : program, args, { cwd, env: environment, shell: windows, maxBuffer: 1e8 });

describe('what is published', () => {
  let names: string[];
  let tarball: string;

  beforeAll(async () => {
    const { stdout } = await npm(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
      root,
    );
    // npm up to 11 answers with a list, later ones with an object by name.
    const [packed] = Object.values(JSON.parse(stdout)) as { filename: string; files: { path: string }[] }[];
    names = packed!.files.map(({ path }) => path);
    tarball = join(folder, packed!.filename);
  });

  it('holds what runs, its types and what is to be read, and nothing else', () => {
    const kinds = new Set(
      names.map((name) =>
        name
          .replace(/^examples\/.*\.(pt|npy)$/, 'examples/*')
          .replace(/^dist\/.*?(\.d\.ts|\.js|\.wasm)$/, 'dist/*$1'),
      ),
    );
    expect([...kinds].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist/*.d.ts',
      'dist/*.js',
      'dist/*.wasm',
      'dist/rnnscope.1',
      'dist/rnnscope.config.schema.json',
      'examples/*',
      'examples/README.md',
      'package.json',
    ]);
    expect(names.filter((name) => /(^|\/)(test|node_modules)\//.test(name))).toEqual([]);
  });

  it('holds every file that package.json points at', () => {
    const { types, default: code } = manifest.exports['.'];
    for (const path of [manifest.bin.rnnscope, types, code]) expect(names).toContain(path.replace('./', ''));
  });

  it('does not try to build where it is installed', () => {
    for (const script of ['preinstall', 'install', 'postinstall'])
      expect(manifest.scripts[script]).toBeUndefined();
  });

  describe('installed in an empty folder', () => {
    const place = join(folder, 'empty');
    /** Why it could not be installed: no registry and not in the cache. */
    let unreachable: string | undefined;

    beforeAll(async () => {
      mkdirSync(place);
      writeFileSync(join(place, 'package.json'), '{ "private": true, "type": "module" }');
      const flags = [
        '--prefer-offline',
        '--no-audit',
        '--no-fund',
        '--fetch-retries=0',
        '--fetch-timeout=20000',
      ];
      unreachable = await npm('npm', ['install', ...flags, tarball], place).then(
        () => undefined,
        (error: Error & { stderr?: string }) => {
          const text = error.stderr ?? error.message;
          if (!/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENOTCACHED|ETIMEDOUT|ECONNRESET|network/i.test(text))
            throw error;
          return `npm cannot reach a registry: ${/error .*/.exec(text)?.[0] ?? text}`;
        },
      );
    });

    const installed = (name: string, check: () => Promise<void>) =>
      it(name, async ({ skip }) => {
        if (unreachable) skip(unreachable);
        await check();
      });

    installed('answers to npx rnnscope', async () => {
      const model = join(root, 'examples/flipflop3-gru32.pt');
      const { stdout: version } = await npm('npx', ['--no-install', 'rnnscope', '--version'], place);
      expect(version.trim()).toBe(manifest.version);
      const args = ['rnnscope', 'jacobian', model, '--json', '--report', 'page.html'];
      const { stdout: json } = await npm('npx', ['--no-install', ...args], place);
      expect(JSON.parse(json)).toMatchObject({ analysis: 'jacobian', outcome: { kind: 'complete' } });
      expect(readFileSync(join(place, 'page.html'), 'utf8')).toContain('vega');
    });

    installed("answers to import { ask } from 'rnnscope'", async () => {
      const model = join(root, 'examples/flipflop3-gru32.pt');
      const program = `import { ask } from 'rnnscope';
const { result } = await ask('lyapunov', ${JSON.stringify(model)}, { steps: 100 });
console.log(result.analysis, result.value.exponents.length);`;
      writeFileSync(join(place, 'program.js'), program);
      const { stdout } = await run(process.execPath, ['program.js'], { cwd: place });
      expect(stdout.trim()).toBe('lyapunov 32');
    });

    installed('brings its types', async () => {
      const program = `import { type AnalysisResult, ask, type LyapunovValue } from 'rnnscope';
const { result } = await ask('lyapunov', 'model.pt');
const { exponents } = (result as AnalysisResult<LyapunovValue>).value;
export const first: number | undefined = exponents[0];
// @ts-expect-error there is no such question
await ask('lyapunof', 'model.pt');
`;
      writeFileSync(join(place, 'program.ts'), program);
      const settings = { module: 'nodenext', target: 'es2022', strict: true, noEmit: true, types: [] };
      writeFileSync(
        join(place, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: settings, files: ['program.ts'] }),
      );
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(process.execPath, [tsc, '-p', place]).catch((error) => error);
      expect(stdout).toBe('');
    });
  });
});

describe('package-lock.json', () => {
  it('names no other registry than the public one', () => {
    const addresses = [...lock.matchAll(/https?:\/\/[^/"]+/g)].map(([address]) => address);
    const resolved = [...lock.matchAll(/"resolved": "([^"]+)"/g)].map(([, address]) => address!);
    expect(resolved.filter((address) => !address.startsWith('https://registry.npmjs.org/'))).toEqual([]);
    expect(addresses.filter((address) => /localhost|127\.0\.0\.1|\.local|\.internal/.test(address))).toEqual(
      [],
    );
  });

  it('has the version of package.json, and every tool for every platform', () => {
    const { version, packages } = JSON.parse(lock);
    expect(version).toBe(manifest.version);
    const missing = Object.values(packages as Record<string, { optionalDependencies?: object }>)
      .flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}))
      .filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)));
    expect(missing).toEqual([]);
  });
});

it('can be found by npx in a clone, where npm links no package to itself, and without a registry', async () => {
  const cache = join(folder, 'cache');
  const env = { ...environment, npm_config_cache: cache, npm_config_registry: 'http://127.0.0.1:9' };
  const options = { cwd: root, env, shell: windows };
  const { stdout } = await run(windows ? 'npx.cmd' : 'npx', ['rnnscope', '--version'], options);
  expect(stdout.trim()).toBe(manifest.version);
});
