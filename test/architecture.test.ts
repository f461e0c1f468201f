import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * Which way things point, as data:
 * linalg ← cells ← calculus ← dynamics ← analyses ← reports ← cli, with formats ← model joining at dynamics.
 */
interface Place {
  /** Paths that begin so, or that match. The first place that a file fits is its own. */
  readonly files: string | RegExp;
  /** Places whose code it may run. */
  readonly uses?: readonly string[];
  /** Places that it may import types from, beside those. */
  readonly types?: readonly string[];
  /** The files that others enter by; all where absent. */
  readonly doors?: readonly string[];
  /** What is wrong with an arrow that this place does not have. */
  readonly rule: string;
}

const places: Readonly<Record<string, Place>> = {
  helpers: {
    files: /^src\/(?!ask|index|envelope|config)[a-z-]+\.ts$|\/did-you-mean\.ts$/,
    rule: 'a helper at the top of src/ knows nothing of the folders',
  },
  cli: {
    files: 'src/cli/',
    uses: ['library', 'reports', 'analyses', 'dynamics', 'formats', 'helpers'],
    doors: [],
    rule: 'the command line asks through src/ask.ts, and hands results to reports/index.ts',
  },
  library: {
    files: /^src\/(index|ask|config)\.ts$/,
    uses: [
      'envelope',
      'reports',
      'analyses',
      'dynamics',
      'model',
      'formats',
      'calculus',
      'cells',
      'linalg',
      'oracle',
      'helpers',
    ],
    rule: 'the library offers what is below it; it knows of no command line',
  },
  envelope: {
    files: 'src/envelope.ts',
    uses: ['model', 'helpers'],
    types: ['analyses', 'dynamics', 'formats'],
    rule: 'an envelope is made around a value that is at hand: it runs no analysis',
  },
  reports: {
    files: 'reports/',
    uses: ['helpers'],
    types: ['analyses'],
    doors: ['reports/index.ts', 'reports/section.ts'],
    rule: 'reports draw what they are given and compute nothing: import types from analyses/, helpers from src/*.ts',
  },
  inspection: {
    files: 'analyses/inspect.ts',
    uses: ['model'],
    types: ['formats'],
    rule: 'inspect looks at a file, not at a map: through src/model/index.ts',
  },
  analyses: {
    files: 'analyses/',
    uses: ['envelope', 'threads', 'dynamics', 'calculus', 'linalg', 'helpers'],
    types: ['inspection'],
    rule: 'an analysis is asked about a Subject (src/dynamics/subject.ts): it reads no file, knows no name and draws nothing',
  },
  threads: {
    files: 'src/threads/',
    uses: ['dynamics', 'cells', 'linalg', 'helpers'],
    types: ['model'],
    doors: ['src/threads/index.ts'],
    rule: 'threads carry plain data to what is below and back: what is computed there is a function of src/dynamics',
  },
  subject: {
    files: 'src/dynamics/subject.ts',
    uses: ['dynamics', 'formats', 'helpers'],
    types: ['model', 'linalg'],
    rule: 'the subject is where a model, its inputs and its first state come together',
  },
  dynamics: {
    files: 'src/dynamics/',
    uses: ['calculus', 'layout', 'linalg', 'helpers'],
    types: ['model', 'cells', 'subject'],
    rule: 'maps are made from a Model at hand: files are opened by src/dynamics/subject.ts alone',
  },
  model: {
    files: 'src/model/',
    uses: ['cells', 'linalg', 'helpers'],
    types: ['formats'],
    doors: ['src/model/index.ts', 'src/model/model.ts'],
    rule: 'a model is what tensors mean: it sees a WeightFile (src/formats/weight-file.ts) and the cells, no reader and no map',
  },
  formats: {
    files: 'src/formats/',
    uses: ['helpers'],
    doors: ['src/formats/index.ts', 'src/formats/weight-file.ts'],
    rule: 'containers do not know what names mean: that is for src/model',
  },
  oracle: {
    files: 'src/oracle/',
    uses: ['model', 'dynamics', 'formats', 'cells', 'layout', 'helpers'],
    types: ['analyses', 'linalg'],
    rule: 'what asks another program to compute the same hands over what it gave: analyses/verify.ts compares',
  },
  calculus: {
    files: 'src/calculus/',
    uses: ['layout', 'linalg'],
    types: ['cells'],
    rule: 'a reading of the equations knows them as a type (src/cells/index.ts), whichever they are',
  },
  layout: {
    files: 'src/cells/layout.ts',
    types: ['cells'],
    rule: 'where a state block lies follows from sizes and names alone',
  },
  cells: {
    files: 'src/cells/',
    uses: ['layout'],
    types: ['linalg'],
    doors: ['src/cells/index.ts'],
    rule: 'equations do not know who reads them: only the type in src/linalg/matrix.ts',
  },
  linalg: {
    files: 'src/linalg/',
    doors: ['src/linalg/index.ts', 'src/linalg/matrix.ts'],
    rule: 'linear algebra stands alone',
  },
};

/** `subject` and `inspection` are single files with a rule of their own; who may see the folder may see them. */
const partOf: Readonly<Record<string, string>> = { subject: 'dynamics', inspection: 'analyses' };

interface Package {
  /** Files that may import it. */
  readonly by: RegExp;
  /** How: 'lazily' is `import()`, which costs nothing until it is needed. */
  readonly how?: 'lazily' | 'as types';
}

const packages: Readonly<Record<string, Package>> = {
  commander: { by: /^src\/cli\// },
  picocolors: { by: /^src\/cli\// },
  'cli-table3': { by: /^src\/cli\//, how: 'lazily' },
  'cli-progress': { by: /^src\/cli\//, how: 'lazily' },
  'fastest-levenshtein': { by: /\/did-you-mean\.ts$/ },
  h5wasm: { by: /^src\/formats\/parts\/hdf5-library\.ts$/, how: 'lazily' },
  mathjs: { by: /^src\/(safe-math|cli\/assertions)\.ts$/, how: 'lazily' },
  // Their built files stand in a report as text; here they draw figures without a browser.
  vega: { by: /^reports\/figures\.ts$/, how: 'lazily' },
  'vega-lite': { by: /^reports\//, how: 'lazily' },
  'vega-embed': { by: /^reports\//, how: 'as types' },
  '@resvg/resvg-wasm': { by: /^reports\/figures\.ts$/, how: 'lazily' },
  // Of Node: reading and writing is for those who are told to.
  'node:fs': {
    by: /^src\/(cli|formats|oracle)\/|^src\/(version|linalg\/wasm)\.ts$|^reports\/(libraries|typeface|figures)\.ts$/,
  },
  'node:fs/promises': { by: /^src\/cli\// },
  'node:path': { by: /^src\/(cli|formats|model|oracle)\/|^reports\/libraries\.ts$/ },
  'node:module': { by: /^reports\/(libraries|typeface|figures)\.ts$|^src\/oracle\// },
  'node:url': { by: /^src\/(oracle|cli)\// },
  'node:os': { by: /^src\/threads\/|^src\/dynamics\/memory\.ts$/ },
  'node:worker_threads': { by: /^src\/threads\// },
  'node:crypto': { by: /^src\/(cli|formats)\// },
  'node:v8': { by: /^src\/linalg\/wasm\.ts$/ },
  'node:vm': { by: /^src\/formats\/parts\/hdf5-library\.ts$/ },
  'node:zlib': { by: /^src\/formats\// },
};

/** Words that a place does not say: whoever prints or stops the process is src/cli. */
const silent = {
  files: /^(analyses|reports)\/|^src\/(?!cli\/)/,
  words: /\bconsole\.|\bprocess\.(exit|stdout|stderr|argv|env|on)\b/,
};

interface Import {
  readonly from: string;
  /** A file of the project, or the name of a package. */
  readonly to: string;
  readonly how: 'as code' | 'lazily' | 'as types';
}

const root = fileURLToPath(new URL('..', import.meta.url));
const list = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
/** AssemblyScript, which imports nothing of ours. */
const isKernel = (file: string): boolean => file.startsWith('src/linalg/kernels/');
const files = ['src', 'analyses', 'reports']
  .flatMap(list)
  .filter((file) => !isKernel(file))
  .sort();
const textOf = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const imports = files.flatMap(importsOf);

function importsOf(from: string): Import[] {
  const text = withoutComments(textOf.get(from)!);
  const found: Import[] = [];
  for (const [, kind, named, path] of text.matchAll(
    /^(?:import|export)\s+(type\s+)?(?:([\w*{][^'"();]*?)\s+from\s+)?['"]([^'"]+)['"]/gm,
  )) {
    const names = /^\{([^}]*)\}$/.exec(named?.trim() ?? '')?.[1]?.split(',') ?? [];
    const onlyTypes = names.length > 0 && names.every((name) => /^\s*(type\s.*)?$/s.test(name));
    found.push({ from, to: target(from, path!), how: kind || onlyTypes ? 'as types' : 'as code' });
  }
  for (const [, path] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g))
    found.push({ from, to: target(from, path!), how: 'lazily' });
  return found;
}

function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '');
}

function target(from: string, path: string): string {
  if (!path.startsWith('.')) return path;
  const file = relative(root, join(root, dirname(from), path));
  return file.replaceAll('\\', '/').replace(/\.js$/, '.ts');
}

const placeOf = (file: string): string =>
  Object.entries(places).find(([, { files }]) =>
    typeof files === 'string' ? file.startsWith(files) : files.test(file),
  )?.[0] ?? 'nowhere';

const isOurs = ({ to }: Import): boolean => textOf.has(to);

/** What is wrong with an import; undefined where nothing is. */
function wrongArrow({ from, to, how }: Import): string | undefined {
  const [here, there] = [placeOf(from), placeOf(to)];
  if (here === there || partOf[here] === there) return undefined;
  const { uses = [], types = [], rule } = places[here]!;
  const seen = [there, partOf[there] ?? there];
  const may = seen.some((name) => uses.includes(name) || (how === 'as types' && types.includes(name)));
  if (!may) {
    const asType = seen.some((name) => types.includes(name)) ? ' other than as a type' : '';
    return `${from} may not import ${to}${asType}: ${rule}`;
  }
  const doors = places[partOf[there] ?? there]!.doors;
  if (doors && !doors.includes(to)) return `${from} reaches into ${to}: enter by ${doors.join(' or ')}`;
  return undefined;
}

function wrongPackage({ from, to, how }: Import): string | undefined {
  const known = packages[to];
  if (!known)
    return `${from} imports ${to}, which the table of packages in test/architecture.test.ts does not know`;
  if (!known.by.test(from)) return `${from} may not import ${to}: that is for ${known.by.source}`;
  if (known.how && how !== known.how && how !== 'as types')
    return `${from} may import ${to} only ${known.how}`;
  return undefined;
}

const complaints = <T>(over: readonly T[], check: (one: T) => string | undefined): string[] =>
  over.map(check).filter((line) => line !== undefined);

describe('which way things point', () => {
  it('knows the place of every file', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => placeOf(file) === 'nowhere')).toEqual([]);
  });

  it('finds what every relative import points at', () => {
    expect(
      complaints(imports, (one) => (/\.[jt]s$/.test(one.to) && !isOurs(one) ? one.to : undefined)),
    ).toEqual([]);
  });

  it('has no arrow that the table does not allow, and enters each folder by its doors', () => {
    expect(complaints(imports.filter(isOurs), wrongArrow)).toEqual([]);
  });

  it('says WebAssembly only where kernels are loaded and where the memory of the HDF5 library is bounded', () => {
    const saying = files.filter((file) => /\bWebAssembly\b/.test(withoutComments(textOf.get(file)!)));
    expect(saying).toEqual(['src/formats/parts/hdf5-library.ts', 'src/linalg/wasm.ts']);
  });

  it('imports each package only where its work is done', () => {
    expect(
      complaints(
        imports.filter((one) => !isOurs(one)),
        wrongPackage,
      ),
    ).toEqual([]);
  });

  it('names a wrong arrow and the right door', () => {
    const arrow = (from: string, to: string, how: Import['how'] = 'as code') => wrongArrow({ from, to, how });
    expect(arrow('src/cells/gru.ts', 'src/linalg/gemm.ts')).toMatch(
      /only the type in src\/linalg\/matrix\.ts/,
    );
    expect(arrow('reports/lyapunov.ts', 'analyses/lyapunov.ts')).toMatch(/other than as a type/);
    expect(arrow('src/calculus/plan.ts', 'src/linalg/lu.ts')).toMatch(/enter by src\/linalg\/index\.ts/);
    expect(arrow('src/ask.ts', 'src/cli/run.ts')).toMatch(/knows of no command line/);
    expect(arrow('analyses/gradients.ts', 'src/formats/index.ts', 'as types')).toMatch(/reads no file/);
    expect(wrongPackage({ from: 'src/cells/gru.ts', to: 'mathjs', how: 'lazily' })).toMatch(/safe-math/);
  });

  it('goes in no circle, file by file', () => {
    expect(circles()).toEqual([]);
  });

  it('goes in no circle, place by place', () => {
    const names = Object.keys(places);
    const below = new Map(names.map((name) => [name, new Set(places[name]!.uses)]));
    for (const name of names) expect(reach(name, below), `${name} is below itself`).not.toContain(name);
  });
});

/** Everything that can be reached from `start`, itself only if there is a way back. */
function reach(start: string, arrows: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const seen = new Set<string>();
  const open = [...(arrows.get(start) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(arrows.get(next) ?? []));
  }
  return seen;
}

function circles(): string[] {
  const running = imports.filter((one) => isOurs(one) && one.how !== 'as types');
  const below = new Map(
    files.map((file) => [file, new Set(running.filter(({ from }) => from === file).map(({ to }) => to))]),
  );
  return files.filter((file) => reach(file, below).has(file));
}

describe('what each part leaves to others', () => {
  it('prints and stops the process in src/cli alone', () => {
    const loud = files.filter(
      (file) => silent.files.test(file) && silent.words.test(withoutComments(textOf.get(file)!)),
    );
    expect(loud).toEqual([]);
  });

  it('uses every package that installing rnnscope brings along', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const unused = Object.keys(dependencies).filter(
      (name) => !files.some((file) => new RegExp(`['"\`]${name}['/]`).test(textOf.get(file)!)),
    );
    expect(unused).toEqual([]);
    const brought = new Set([...Object.keys(dependencies)]);
    const missing = imports.filter(
      (one) => !isOurs(one) && !one.to.startsWith('node:') && !brought.has(one.to),
    );
    expect(missing).toEqual([]);
  });
});

describe('a question has one name everywhere', () => {
  const questions = list('analyses')
    .map((file) => file.slice('analyses/'.length, -'.ts'.length))
    .filter((name) => name !== 'analysis' && name !== 'index');

  it.each(questions)('%s is the name of the analysis, its report and its test', (name) => {
    expect(textOf.get(`analyses/${name}.ts`)).toContain(`name: '${name}'`);
    expect(existsSync(join(root, `reports/${name}.ts`)), `reports/${name}.ts is missing`).toBe(true);
    const tests = list('test').filter((file) => file.endsWith(`/${name}.test.ts`));
    expect(tests, `no test is called ${name}.test.ts`).not.toEqual([]);
  });
});
