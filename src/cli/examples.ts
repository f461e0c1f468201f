import { copyFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.js';
import { didYouMean } from '../model/did-you-mean.js';

interface Example {
  readonly name: string;
  readonly files: readonly string[];
  readonly what: string;
}

/** The networks that come along; examples/README.md says how each was trained. */
export const examples: readonly Example[] = [
  {
    name: 'flipflop3-gru32',
    files: ['flipflop3-gru32.pt'],
    what: 'GRU, 32 units: a memory of three bits, eight stable fixed points',
  },
  {
    name: 'adding-lstm64',
    files: ['adding-lstm64.pt'],
    what: 'LSTM, 64 units: sums two numbers over a long gap; gradients preserved',
  },
  {
    name: 'adding-rnn64',
    files: ['adding-rnn64.pt'],
    what: 'RNN, 64 units: the same task, not learnt; gradients vanish',
  },
  {
    name: 'lorenz-gru48',
    files: ['lorenz-gru48.pt', 'lorenz-gru48.drive.npy'],
    what: 'GRU, 48 units: imitates the Lorenz attractor; chaotic when fed back',
  },
  {
    name: 'sine-gru48',
    files: ['sine-gru48.pt', 'sine-gru48.drive.npy'],
    what: 'GRU, 48 units: a sine wave of a frequency that its input sets; a cycle',
  },
];

/** examples/ lies at the root of the package, whether run from source or from dist/bin. */
const source = fileURLToPath(new URL('../../examples/', import.meta.url));

export function listExamples(): string[] {
  const width = Math.max(...examples.map(({ name }) => name.length)) + 2;
  return [
    ...examples.map(({ name, what }) => `${name.padEnd(width)}${what}`),
    '',
    'rnnscope examples NAME [FOLDER] copies one, rnnscope examples all [FOLDER] copies them all.',
  ];
}

/** Copies the files of one example, or of all, and answers what to type next. Files that are there already stay. */
export async function copyExamples(name: string, folder = '.'): Promise<string[]> {
  const names = ['all', ...examples.map((one) => one.name)];
  const chosen = name === 'all' ? examples : examples.filter((one) => one.name === name);
  if (chosen.length === 0)
    throw new UserError(
      'USAGE',
      `there is no example '${name}'.${didYouMean(name, names)} There are ${names.join(', ')}.`,
    );
  const files = chosen.flatMap((one) => one.files);
  for (const file of files)
    if (await stat(join(folder, file)).catch(() => null))
      throw new UserError(
        'USAGE',
        `${join(folder, file)} is there already: name another folder, or move it away`,
      );
  try {
    await mkdir(folder, { recursive: true });
    for (const file of files) await copyFile(join(source, file), join(folder, file));
  } catch (cause) {
    throw new UserError(
      'USAGE',
      `${folder} cannot be written (${(cause as Error).message}): name a folder that you may write to`,
      { cause },
    );
  }
  const [first] = chosen;
  return [
    ...files.map((file) => join(folder, file)),
    '',
    `rnnscope diagnose ${join(folder, first!.files[0]!)}`,
  ];
}
