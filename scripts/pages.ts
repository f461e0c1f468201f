import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { analyses } from '../analyses/index.js';
import { optionsOf, verifyOptions } from '../src/ask.js';
import { type Explanation, explanations } from '../src/cli/mathematics.js';
import { modelOptions, subjectOptions } from '../src/dynamics/subject.js';
import type { OptionTable } from '../src/options.js';

// The pages in docs/questions: from the option rows, the docstrings of the results and the explanations that `rnnscope help`
// prints. What a ```console block shows is put there by scripts/docs.mjs, which runs it.

const root = fileURLToPath(new URL('..', import.meta.url));

type Question = keyof typeof explanations;

interface Page {
  /** Where the fields of the result's value are described. */
  readonly fields: readonly (readonly [file: string, name: string])[];
  readonly lead: string;
  readonly command: string;
}

const own = (file: string, name: string): [string, string] => [`analyses/${file}.ts`, name];

const pages: Readonly<Record<Question, Page>> = {
  inspect: {
    fields: [['src/model/inspect.ts', 'InspectedFile']],
    lead: 'The file of a memory of three bits:',
    command: 'npx rnnscope inspect examples/flipflop3-gru32.pt',
  },
  jacobian: {
    fields: [own('jacobian', 'JacobianValue')],
    lead: 'One step of the memory of three bits, where it rests after a while:',
    command: 'npx rnnscope jacobian examples/flipflop3-gru32.pt --warmup 500 | head -n 40',
  },
  'fixed-points': {
    fields: [own('fixed-points', 'FixedPointsValue'), own('fixed-points', 'RestPoint')],
    lead: 'The memory of three bits holds one of eight states; saddles lie between them:',
    command: 'npx rnnscope fixed-points examples/flipflop3-gru32.pt --starts 512 | head -n 30',
  },
  lyapunov: {
    fields: [
      own('lyapunov', 'LyapunovValue'),
      ['src/dynamics/from-exponents.ts', 'Told'],
      ['src/dynamics/from-exponents.ts', 'ToldErrors'],
    ],
    lead: 'A network that imitates the Lorenz attractor, its output fed back as its input:',
    command:
      'npx rnnscope lyapunov examples/lorenz-gru48.pt --closed-loop --steps 8000 --count 4 --strict | head -n 40',
  },
  gradients: {
    fields: [own('gradients', 'GradientsValue')],
    lead: 'A plain RNN that failed to learn a task with long gaps:',
    command: 'npx rnnscope gradients examples/adding-rnn64.pt | head -n 40',
  },
  gates: {
    fields: [own('gates', 'GatesValue'), own('gates', 'GatesLayer'), own('gates', 'GateValue')],
    lead: 'The gates of a network that makes a sine wave of the frequency that its input sets:',
    command: 'npx rnnscope gates examples/sine-gru48.pt --drive examples/sine-gru48.drive.npy | head -n 40',
  },
  diagnose: {
    fields: [own('diagnose', 'DiagnoseValue'), own('diagnose', 'Finding')],
    lead: 'Everything at once, of the LSTM that learnt the task with long gaps:',
    command:
      'npx rnnscope diagnose examples/adding-lstm64.pt --starts 64 --report /dev/null 2>/dev/null | head -n 40',
  },
  compare: {
    fields: [own('compare', 'CompareValue'), own('compare', 'Quantity'), own('compare', 'Change')],
    lead: 'The LSTM that learnt the task beside the plain RNN that did not:',
    command:
      'npx rnnscope compare examples/adding-rnn64.pt examples/adding-lstm64.pt --steps 1000 --starts 32 --report /dev/null 2>/dev/null | head -n 40',
  },
  verify: {
    fields: [own('verify', 'VerifyValue')],
    lead: 'What has to be given is a file of inputs and one of what another program made of them:',
    command: 'npx rnnscope verify --help | head -n 12',
  },
};

export const questions = Object.keys(pages) as readonly Question[];

export const pathOf = (question: Question): string => `docs/questions/${question}.md`;

/** The page of a question; `shown` is what its command prints. */
export function pageOf(question: Question, shown: string): string {
  const { fields, lead, command } = pages[question];
  const { paragraphs, formulas, references } = explanations[question] as Explanation;
  return `${[
    `# rnnscope ${question}`,
    ...paragraphs,
    ['```text', ...formulas, '```'].join('\n'),
    references.map((reference) => `- ${reference}`).join('\n'),
    '## An example',
    lead,
    ['```console', `$ ${command}`, `${shown.trimEnd()}`, '```'].join('\n'),
    '## Options',
    optionTable(ownOptions(question)),
    shared(question),
    '## The value in the JSON',
    fields.map(([file, name]) => fieldTable(file, name)).join('\n\n'),
    '*Made by `npm run docs` from the source.*',
  ].join('\n\n')}\n`;
}

export const commandOf = (question: Question): string => pages[question].command;

function ownOptions(question: Question): OptionTable {
  if (question === 'inspect') return modelOptions;
  if (question === 'verify') return verifyOptions;
  const table = question === 'compare' ? analyses.diagnose.options : analyses[question].options;
  return table as OptionTable;
}

/** Which module and which inputs: the same for all questions that are asked of a map. */
const shared = (question: Question): string =>
  question === 'inspect' || question === 'verify'
    ? 'Options of all commands, such as `--json` and `--report`, are in the [README](../../README.md#what-it-answers).'
    : `Shared with the other questions: ${Object.values({ ...modelOptions, ...subjectOptions })
        .filter((row) => Object.values(optionsOf('lyapunov')).includes(row))
        .map(({ flags }) => `\`${flags}\``)
        .join(', ')}, and those for output in the [README](../../README.md#what-it-answers).`;

const inCell = (text: string): string =>
  text.replaceAll('|', '\\|').replace(/\s+/g, ' ').replaceAll('<', '&lt;');

const optionTable = (table: OptionTable): string =>
  [
    '| option | meaning | default |',
    '|---|---|---|',
    ...Object.values(table).map(
      ({ flags, help, fallback, fallbackText }) =>
        `| \`${flags}\` | ${inCell(help)} | ${inCell(fallbackText ?? (fallback === undefined || fallback === false ? '' : String(fallback)))} |`,
    ),
  ].join('\n');

/** The fields of an interface with their docstrings, read as text: names, types and comments stand on lines of their own. */
export function fieldTable(file: string, name: string): string {
  const source = readFileSync(`${root}/${file}`, 'utf8');
  const from = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n`, 'm').exec(source);
  if (!from) throw new Error(`${file} has no interface ${name}`);
  const start = from.index + from[0].length;
  const body = source.slice(start, source.indexOf('\n}\n', start) + 1);
  const rows = [
    ...body.matchAll(
      /^(?: {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)? {2}readonly (\w+)\??: ([\s\S]*?;)\n(?= {2}(?:\/\*\*|readonly)|$)/gm,
    ),
  ];
  return [
    `\`${name}\``,
    '',
    '| field | type | meaning |',
    '|---|---|---|',
    ...rows.map(
      ([, said = '', field, type]) =>
        `| \`${field}\` | ${code(type!)} | ${inCell(said.replace(/^\s*\* ?/gm, '').trim())} |`,
    ),
  ].join('\n');
}

const LONGEST_TYPE = 60;

const code = (type: string): string => {
  const short = type.replace(/\s+/g, ' ').replaceAll('readonly ', '').replace(/;$/, '').trim();
  return short.length > LONGEST_TYPE ? 'object' : `\`${short.replaceAll('|', '\\|')}\``;
};
