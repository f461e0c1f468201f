import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { random } from '../../src/random.js';

const bin = fileURLToPath(new URL('../../dist/bin/rnnscope.js', import.meta.url));
if (!existsSync(bin)) throw new Error(`${bin} does not exist: run npm run build first`);

export { bin };

export interface Ran {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface How {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of node itself. */
  readonly node?: readonly string[];
  /** Signals to send: each so long after the one before it. */
  readonly signals?: readonly { readonly after: number; readonly name: NodeJS.Signals }[];
}

/** What a terminal, a shell or CI would otherwise say of colours and width. */
const silent = ['NO_COLOR', 'FORCE_COLOR', 'CI', 'COLUMNS', 'NODE_OPTIONS', 'TERM'];
const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !silent.includes(key)));

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the built command and waits for its end. */
export async function rnnscope(args: readonly string[], how: How = {}): Promise<Ran> {
  const child = spawn(process.execPath, [...(how.node ?? []), bin, ...args], {
    cwd: how.cwd,
    env: { ...environment, ...how.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, ...output }));
  });
  for (const { after, name } of how.signals ?? []) {
    await wait(after);
    child.kill(name);
  }
  return ended;
}

export interface Measured extends Ran {
  /** Largest resident size, in KiB. */
  readonly peak: number;
  /** CPU time. */
  readonly seconds: number;
}

/** As `rnnscope`, with what the process took. */
export async function measured(args: readonly string[]): Promise<Measured> {
  const at = folder();
  const usage = at.file('usage.json');
  try {
    const ran = await rnnscope(args, { node: reportingTo(usage) });
    const [peak, seconds] = JSON.parse(readFileSync(usage, 'utf8')) as [number, number];
    return { ...ran, peak, seconds };
  } finally {
    at.remove();
  }
}

/** Leaves the largest resident size and the CPU seconds behind in a file when the process ends. */
const reportingTo = (file: string): string[] => {
  const write = `process.on('exit', () => { const u = process.resourceUsage(); require('fs').writeFileSync(${JSON.stringify(file)}, JSON.stringify([u.maxRSS, (u.userCPUTime + u.systemCPUTime) / 1e6])); });`;
  const preload = `import { createRequire } from 'node:module'; const require = createRequire('file:///');${write}`;
  return ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
};

/** A folder of its own for a test file; `remove` takes it away again. */
export function folder(): { path: string; file: (name: string) => string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'rnnscope-cli-'));
  return {
    path,
    file: (name) => join(path, name),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

const draw = random(20);
const matrix = (rows: number, cols: number, scale: number): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: cols }, () => scale * draw.normal()));
const vector = (rows: number): number[] => matrix(1, rows, 0.3)[0]!;

/** PyTorch's names for a GRU of 2 inputs and 4 units, in one direction or both. */
const gru = (suffixes: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(
    suffixes.flatMap((suffix) => [
      [`rnn.weight_ih_l0${suffix}`, matrix(12, 2, 0.8)],
      [`rnn.weight_hh_l0${suffix}`, matrix(12, 4, 0.9)],
      [`rnn.bias_ih_l0${suffix}`, vector(12)],
      [`rnn.bias_hh_l0${suffix}`, vector(12)],
    ]),
  );

export const embedding = matrix(5, 2, 1);

/** Small networks as text. */
export const models = {
  /** With a readout that can be fed back, and an embedding of five tokens. */
  'gru.json': {
    ...gru(['']),
    'out.weight': matrix(2, 4, 0.7),
    'out.bias': vector(2),
    'embedding.weight': embedding,
  },
  'no-readout.json': gru(['']),
  'wide-readout.json': { ...gru(['']), 'out.weight': matrix(3, 4, 0.7), 'out.bias': vector(3) },
  'both-ways.json': gru(['', '_reverse']),
  'two.json': {
    ...gru(['']),
    'decoder.weight_ih_l0': matrix(4, 4, 0.5),
    'decoder.weight_hh_l0': matrix(4, 4, 0.5),
  },
  /** h' = max(0, 1.5 h + 1): overflows after about 1750 steps. */
  'growing.json': { weight_ih_l0: [[1]], weight_hh_l0: [[1.5]], bias_ih_l0: [1], bias_hh_l0: [0] },
} as const;

export function writeModels(at: { file: (name: string) => string }): void {
  for (const [name, weights] of Object.entries(models)) writeFileSync(at.file(name), JSON.stringify(weights));
}
