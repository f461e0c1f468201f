import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { CommanderError } from 'commander';
import type { AnalysisName } from '../../analyses/index.js';
import { type Asked, ask, compare, inspect, verify } from '../ask.js';
import { UserError } from '../errors.js';
import { toJson } from '../json.js';
import { counted } from '../numbers.js';
import type { AnalysisResult } from '../result.js';
import type { Assertion } from './assertions.js';
import { parse, type Request } from './flags.js';
import { Progress } from './progress.js';

/** Options that name the .npy file of an array which is too large for the result. */
const arrayOptions = ['matrix', 'inputMatrix'] as const;

const DEFAULT_REPORT = 'rnnscope-report.html';

const exit = { done: 0, failed: 1, usage: 2, defect: 70, interrupted: 130 } as const;

/** Runs one command and answers its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  // A reader that closes the pipe early, such as head, has had enough: no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exit.done);
    throw error;
  });
  let status: number = exit.done;
  try {
    await parse(argv, async (request) => {
      status = await handle(request);
    });
  } catch (error) {
    status = complain(error, argv);
  }
  return status;
}

async function handle(asked: Request): Promise<number> {
  const { request, assertions } = await withConfig(asked);
  await checkOutputs(request);
  const check = await checker(assertions, request);
  if (!request.output.watch) return once(request, check);
  const { watchFiles } = await import('./watch.js');
  return watchFiles(request, () => once(request, check), say);
}

async function once(request: Request, check: Check): Promise<number> {
  // 1. what was asked: a new result, or a saved one
  if (request.command === 'report') return redraw(request, check);
  // 2. bytes → WeightFile → Model → System → result
  const began = performance.now();
  const progress = new Progress(process.stderr.isTTY === true && !request.output.quiet);
  let answered: Asked;
  try {
    answered = await answer(request, progress);
  } finally {
    progress.end();
  }
  // 3. result → arrays, report, JSON, text: files first, as a reader of standard output may close it early
  await writeArrays(answered, request);
  const seconds = (performance.now() - began) / 1000;
  const report = await writeReport(
    [answered.result],
    request,
    request.command === 'diagnose' || request.command === 'compare',
    seconds,
  );
  await writeFolder([answered.result], request);
  await writeJson(answered.result, request);
  if (speaks(request)) await speak(answered.result, request);
  if (report) announce(report, request);
  // 4. how it went
  const holds = await check([answered.result], seconds);
  if (progress.interrupted) return exit.interrupted;
  return answered.result.outcome.kind === 'failed' || !holds ? exit.failed : exit.done;
}

async function answer({ command, path, paths, given }: Request, progress: Progress): Promise<Asked> {
  if (command === 'inspect') return { result: await inspect(path, given), arrays: {} };
  if (command === 'compare') return { result: await compare(paths, given, progress), arrays: {} };
  if (command === 'verify') return { result: await verify(path, given, progress), arrays: {} };
  return ask(command as AnalysisName, path, given, progress);
}

async function redraw(request: Request, check: Check): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const { readResults } = await import('../../reports/index.js');
  const text = await readFile(request.path, 'utf8').catch((cause: Error) => {
    throw new UserError('NOT_FOUND', `${request.path} cannot be read (${cause.message})`, { cause });
  });
  const results = readResults(text);
  await writeFolder(results, request);
  const report = await writeReport(results, request, true);
  if (report) announce(report, request);
  return (await check(results, 0)) ? exit.done : exit.failed;
}

/** The request with what the configuration file adds to it: its options where none were given, and its assertions. */
async function withConfig(request: Request): Promise<{ request: Request; assertions: readonly Assertion[] }> {
  const { command, output, given } = request;
  const said = output.assert ?? [];
  const path = await configPath(output);
  if (path === undefined && said.length === 0) return { request, assertions: [] };
  const { readAssertion } = await import('./assertions.js');
  const asked = said.map(readAssertion);
  if (path === undefined) return { request, assertions: asked };
  const [{ readConfig }, { readFile }] = await Promise.all([
    import('../config.js'),
    import('node:fs/promises'),
  ]);
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new UserError('NOT_FOUND', `--config ${path} cannot be read (${cause.message})`, { cause });
  });
  const { options, assert } = readConfig(text, path).of(command);
  const configured = assert.map(({ name, that }) =>
    name ? { name, expression: that } : readAssertion(that),
  );
  return {
    request: { ...request, given: { ...options, ...given } },
    assertions: [...configured, ...asked],
  };
}

const CONFIG = 'rnnscope.config.json';

async function configPath({ config }: Request['output']): Promise<string | undefined> {
  if (typeof config === 'string') return config;
  return config !== false && existsSync(CONFIG) ? CONFIG : undefined;
}

/** Says which assertions fail of results, and whether none does. */
type Check = (results: readonly AnalysisResult[], seconds: number) => Promise<boolean>;

async function checker(assertions: readonly Assertion[], { output }: Request): Promise<Check> {
  if (assertions.length === 0) {
    if (output.junit !== undefined)
      throw new UserError(
        'USAGE',
        '--junit writes what assertions gave: name one with --assert or in the configuration file',
      );
    return async () => true;
  }
  const { failureLine, githubAnnotations, judgeOf, junit } = await import('./assertions.js');
  const judge = await judgeOf(assertions);
  return async (results, seconds) => {
    const all = results.map((result) => ({ result, verdicts: judge(result) }));
    const verdicts = all.flatMap(({ verdicts }) => verdicts);
    for (const verdict of verdicts) if (!verdict.holds) say(failureLine(verdict));
    if (output.github)
      process.stderr.write(
        githubAnnotations(verdicts)
          .map((line) => `${line}\n`)
          .join(''),
      );
    if (output.junit !== undefined)
      await (await import('./output.js')).writeWhole(output.junit, junit(all, seconds));
    return verdicts.every(({ holds }) => holds);
  };
}

/** Whatever is asked to be written has to be writable before the run begins. */
async function checkOutputs({ paths, given, output }: Request): Promise<void> {
  if (output.output !== undefined) await (await import('./folder.js')).checkFolder(output);
  const named = [output.json, output.report, output.junit, ...arrayOptions.map((option) => given[option])];
  const files = named.filter((file): file is string => typeof file === 'string' && file !== '-');
  if (files.length === 0) return;
  const twice = files.find((file, k) => files.indexOf(file) < k);
  if (twice) throw new UserError('USAGE', `${twice} is asked for twice: give each output a file of its own`);
  const { checkWritable } = await import('./output.js');
  for (const file of files) for (const path of paths) await checkWritable(file, path);
}

/** Text is for people: not beside JSON on the same stream. */
const speaks = ({ output }: Request): boolean => !output.quiet && output.json !== true && output.json !== '-';

async function speak(result: AnalysisResult, request: Request): Promise<void> {
  const [{ print, wrap }, { sectionOf }, { terminalWidth }] = await Promise.all([
    import('./print.js'),
    import('../../reports/index.js'),
    import('./terminal.js'),
  ]);
  const plots = request.output.plots ?? process.stdout.isTTY === true;
  process.stdout.write(await print(result, sectionOf(result), { plots }));
  const hint = driveHint(request);
  if (hint) process.stdout.write(`\n${wrap(hint, terminalWidth()).join('\n')}\n`);
}

/** Most networks say more under data than under zero input. */
function driveHint({ command, path, given }: Request): string | undefined {
  const beside = path.replace(/\.[^./\\]+$/, '.drive.npy');
  if (
    command === 'inspect' ||
    command === 'compare' ||
    command === 'verify' ||
    given.drive !== undefined ||
    given.closedLoop ||
    !existsSync(beside)
  )
    return undefined;
  return `The input was zero. ${basename(beside)} lies beside the model: --drive ${beside} shows the network under that data.`;
}

async function writeArrays({ arrays }: Asked, { given }: Request): Promise<void> {
  for (const option of arrayOptions) {
    const path = given[option];
    const array = arrays[option];
    if (typeof path !== 'string' || !array) continue;
    const { rows, cols, data } = array;
    const [{ npyBytes }, { writeWhole }] = await Promise.all([
      import('../formats/index.js'),
      import('./output.js'),
    ]);
    await writeWhole(path, npyBytes([rows, cols], data));
  }
}

async function writeJson(result: AnalysisResult, { output }: Request): Promise<void> {
  if (output.json === undefined) return;
  const text = `${toJson(result, 1)}\n`;
  if (output.json === true || output.json === '-') process.stdout.write(text);
  else await (await import('./output.js')).writeWhole(output.json, text);
}

async function writeReport(
  results: readonly AnalysisResult[],
  request: Request,
  always: boolean,
  seconds?: number,
): Promise<string | undefined> {
  const { report } = request.output;
  if (report === undefined && !always) return undefined;
  const path = typeof report === 'string' ? report : DEFAULT_REPORT;
  const [{ renderReport }, { writeWhole }] = await Promise.all([
    import('../../reports/index.js'),
    import('./output.js'),
  ]);
  await writeWhole(path, renderReport(results, seconds === undefined ? {} : { seconds }));
  return path;
}

async function writeFolder(results: readonly AnalysisResult[], { output }: Request): Promise<void> {
  if (output.output === undefined) return;
  const { writeResults } = await import('./folder.js');
  const files = await writeResults(results, output);
  if (!output.quiet) process.stderr.write(`${output.output}: ${counted(files, 'file')}\n`);
}

const announce = (report: string, { output }: Request): void => {
  if (!output.quiet) process.stderr.write(`report: ${report}\n`);
};

/** One line on standard error, and the exit status that goes with it. */
function complain(error: unknown, argv: readonly string[]): number {
  const debug = argv.includes('--debug');
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exit.done;
    // Without arguments commander has printed the help, which says it all.
    if (error.code !== 'commander.help')
      say(`${oneLine(error.message.replace(/^error: /, ''))}${hint(error.code, argv)}`);
    return exit.usage;
  }
  if (error instanceof UserError) {
    say(error.message);
    if (debug)
      process.stderr.write(`${error.stack}\n${error.cause ? `caused by ${String(error.cause)}\n` : ''}`);
    return exit.usage;
  }
  say(
    `this is a defect of rnnscope, not of your file: ${error instanceof Error ? oneLine(error.message) : String(error)}`,
  );
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  else process.stderr.write('rnnscope: run again with --debug and report what it shows\n');
  return exit.defect;
}

/** A file that was meant as the model but became the value of an option; otherwise where to read on. */
function hint(code: string, [command, ...rest]: readonly string[]): string {
  const taker = rest.findIndex((word) => word === '--json' || word === '--report');
  const taken = rest[taker + 1];
  if (code === 'commander.missingArgument' && taker >= 0 && taken && !taken.startsWith('-'))
    return `: ${rest[taker]} took ${taken} as the file to write; name the model first`;
  return `; see rnnscope ${command?.startsWith('-') ? '' : `${command} `}--help`;
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');
const say = (text: string): void => void process.stderr.write(`rnnscope: ${text}\n`);
