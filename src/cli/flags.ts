import { Command, Option } from 'commander';
import { compare } from '../../analyses/compare.js';
import { type AnalysisName, analyses } from '../../analyses/index.js';
import { verify } from '../../analyses/verify.js';
import { type Given, optionsOf, verifyOptions } from '../ask.js';
import { modelOptions } from '../dynamics/subject.js';
import { UserError } from '../errors.js';
import { didYouMean } from '../model/did-you-mean.js';
import { flagName, type OptionTable } from '../options.js';
import { version } from '../version.js';
import { terminalWidth } from './terminal.js';

/** What the command line asks for. */
export interface Request {
  readonly command: AnalysisName | 'inspect' | 'compare' | 'verify' | 'report';
  /** The weights file, or the saved result; the first of several. */
  readonly path: string;
  readonly paths: readonly string[];
  readonly given: Given;
  readonly output: OutputFlags;
}

export interface OutputFlags {
  /** true: standard output. */
  readonly json?: string | true;
  /** true: the default name. */
  readonly report?: string | true;
  /** A folder for charts, tables and results as files. */
  readonly output?: string;
  readonly figureWidth?: string;
  readonly font?: string;
  readonly assert?: readonly string[];
  readonly junit?: string;
  readonly github?: boolean;
  /** false: none is read, even where one lies there. */
  readonly config?: string | false;
  /** undefined: on a terminal. */
  readonly plots?: boolean;
  readonly watch?: boolean;
  readonly quiet?: boolean;
  readonly debug?: boolean;
}

const jsonOption = new Option(
  '--json [file]',
  'the result as JSON: to FILE, or to standard output with no FILE or with -',
);
const watchOption = new Option(
  '--watch',
  'run again whenever a file that is read changes, as training writes checkpoints; Ctrl-C ends it',
);
const outputOptions = [
  new Option('--report [file]', 'the HTML report (default: rnnscope-report.html)'),
  new Option(
    '--output <folder>',
    'a folder for each chart as SVG, PNG, Vega-Lite and CSV, each table as CSV, and the result',
  ),
  new Option('--figure-width <length>', 'width of those charts: 85mm, 3.3in, 240pt, 600px').default('120mm'),
  new Option('--font <name>', 'their font: sans, serif, mono, or a .ttf or .otf file').default('sans'),
  new Option(
    '--assert <expression>',
    'what has to hold, such as "lyapunov.exponents[1] < 0" or "name: …" (indices from 1); may be repeated; exit status 1 where it does not',
  ).argParser((given: string, before: string[] | undefined) => [...(before ?? []), given]),
  new Option('--junit <file>', 'the assertions as JUnit XML'),
  new Option('--github', 'failed assertions as annotations of GitHub Actions too'),
  new Option('--config <file>', 'defaults and assertions (default: rnnscope.config.json where it lies here)'),
  new Option('--no-config', 'leave rnnscope.config.json alone'),
  new Option('--plots', 'small plots in the text (default: on a terminal)'),
  new Option('--no-plots', 'none there either'),
  new Option('--quiet', 'no text on standard output and no progress'),
  new Option('--debug', 'show where an error came from'),
  new Option('--no-color', 'plain text (the variable NO_COLOR does the same)'),
];

/** Reads the arguments; `handle` is called with the request, unless help or the version was asked for. */
export async function parse(
  argv: readonly string[],
  handle: (request: Request) => Promise<void>,
): Promise<void> {
  const program = programOf(handle);
  refuseUnknownCommand(program, argv);
  await program.parseAsync([...argv], { from: 'user' });
}

/** All commands with their options: what is parsed, and what help, completion and manual are made from. */
export function programOf(handle: (request: Request) => Promise<void>): Command {
  const program = new Command('rnnscope')
    .description(
      'A weights file in, its dynamics out: what a trained GRU, LSTM or RNN does as a dynamical system.',
    )
    .version(version)
    .exitOverride()
    .configureHelp({ minWidthToWrap: 20 })
    .configureOutput({ outputError: () => {}, getOutHelpWidth: () => terminalWidth() })
    .addHelpText(
      'after',
      '\nFirst steps: rnnscope diagnose MODEL.pt, rnnscope help QUESTION, rnnscope QUESTION --help',
    );
  const add = (
    command: Request['command'],
    summary: string,
    argument: keyof typeof argumentHelp,
    table: OptionTable,
  ): void => {
    const sub = program
      .command(command)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
      .argument(`<${argument}>`, argumentHelp[argument])
      .exitOverride()
      .configureOutput({ outputError: () => {}, getOutHelpWidth: () => terminalWidth() });
    for (const [key, row] of Object.entries(table)) sub.addOption(optionOf(key, row));
    if (command !== 'report') sub.addOption(jsonOption).addOption(watchOption);
    for (const option of outputOptions) sub.addOption(option);
    sub.action(async (named: string | string[], options: Record<string, unknown>) => {
      const own = new Set(Object.keys(table));
      const given = Object.fromEntries(Object.entries(options).filter(([key]) => own.has(key)));
      const output = Object.fromEntries(Object.entries(options).filter(([key]) => !own.has(key)));
      const paths = [named].flat();
      await handle({ command, path: paths[0]!, paths, given, output });
    });
  };
  add('inspect', 'what is in this file: modules, cells, sizes, weights, assumptions', 'model', modelOptions);
  for (const name of Object.keys(analyses) as AnalysisName[])
    add(name, analyses[name].summary, 'model', optionsOf(name));
  add('compare', compare.summary, 'models...', optionsOf('diagnose'));
  add('verify', verify.summary, 'model', verifyOptions);
  add('report', 'draw a report again from a saved JSON result', 'result', {});
  addTools(program);
  return program;
}

/** Commands that ask nothing of a network; each is loaded when it is called. */
function addTools(program: Command): void {
  const add = (usage: string, summary: string, print: (...given: string[]) => Promise<string>): void => {
    const sub = program
      .command(usage)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
    sub.exitOverride().configureOutput({ outputError: () => {}, getOutHelpWidth: () => terminalWidth() });
    sub.action(async (...given: unknown[]) => {
      process.stdout.write(await print(...given.filter((one) => typeof one === 'string')));
    });
  };
  add(
    'examples [name] [folder]',
    'the networks that come along: list them, or copy one (or all)',
    async (name, folder) => {
      const { copyExamples, listExamples } = await import('./examples.js');
      return lines(name === undefined ? listExamples() : await copyExamples(name, folder));
    },
  );
  add(
    'completion <shell>',
    'a script that completes commands and options: bash, zsh or fish',
    async (name) => {
      const { completion, shells } = await import('./completion.js');
      const shell = shells.find((one) => one === name);
      if (!shell) throw new UserError('USAGE', `completion takes one of ${shells.join(', ')}, not '${name}'`);
      return completion(shell, program, wordsOf);
    },
  );
  add('man', 'the manual page, for man -l or a folder of MANPATH', async () =>
    (await import('./manual.js')).manual(program),
  );
  program.helpCommand(false);
  add(
    'help [question]',
    'the mathematics of a question in half a page, with references',
    async (question) => {
      if (question === undefined) {
        program.outputHelp();
        return '';
      }
      const { explained } = await import('./explain.js');
      return explained(question) ?? program.commands.find((c) => c.name() === question)!.helpInformation();
    },
  );
}

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;

const argumentHelp = {
  model: 'the weights file',
  'models...': 'the weights files, two or more',
  result: 'a result that --json wrote',
} as const;

/** commander answers `help nonsense` and `nonsense --help` with the help of the whole program. */
function refuseUnknownCommand(program: Command, [first, second]: readonly string[]): void {
  const name = first === 'help' ? second : first;
  if (name === undefined || name.startsWith('-')) return;
  const names = program.commands.map((command) => command.name());
  if (names.includes(name)) return;
  throw new UserError(
    'USAGE',
    `unknown command '${name}'.${didYouMean(name, names)} The commands are ${names.join(', ')}.`,
  );
}

const known = new WeakMap<Option, readonly string[]>();

/** The words that an option takes, where there are few and known ones. */
const wordsOf = (option: Option): readonly string[] => known.get(option) ?? [];

function optionOf(key: string, row: OptionTable[string]): Option {
  const option = new Option(row.flags, `${row.help}${fallbackText(row)}`);
  const choices = row.schema?.enum;
  if (Array.isArray(choices)) known.set(option, choices.map(String));
  if (option.attributeName() !== key) throw new Error(`${flagName(row)} would not be read as '${key}'`);
  return option;
}

function fallbackText({ fallback, fallbackText: words }: OptionTable[string]): string {
  if (words) return ` (default: ${words})`;
  return fallback === undefined || fallback === false ? '' : ` (default: ${fallback})`;
}
