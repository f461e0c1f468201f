import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npyBytes } from '../../src/formats/index.js';
import { folder, rnnscope, writeModels } from './command.js';

const here = folder();
const run = (args: readonly string[]) => rnnscope(args, { cwd: here.path });

beforeAll(() => {
  writeModels(here);
  writeFileSync(here.file('three.npy'), npyBytes([10, 3], new Float64Array(30)));
  writeFileSync(here.file('holes.npy'), npyBytes([10, 2], new Float64Array(20).fill(Number.NaN, 5, 6)));
  writeFileSync(here.file('short.npy'), npyBytes([10, 2], new Float64Array(20)));
  writeFileSync(here.file('negative.npy'), npyBytes([3], Float64Array.of(0, -1, 2)));
  writeFileSync(here.file('large.npy'), npyBytes([3], Float64Array.of(0, 5, 2)));
  writeFileSync(here.file('state5.npy'), npyBytes([5], new Float64Array(5)));
  writeFileSync(here.file('hole4.npy'), npyBytes([4], Float64Array.of(0, Number.NaN, 0, 0)));
  writeFileSync(here.file('notes.txt'), 'not numbers at all\n');
  writeFileSync(here.file('other.json'), '{"schema": 2, "analysis": "lyapunov"}');
});
afterAll(here.remove);

const on = (model: string, ...rest: string[]): string[] => ['lyapunov', model, ...rest];
const gru = (...rest: string[]): string[] => on('gru.json', ...rest);

/** What is wrong, the arguments, and what the one line has to say. */
const faults: [string, string[], RegExp][] = [
  ['a command that is nearly one', ['lyapnov', 'gru.json'], /unknown command 'lyapnov'.*"lyapunov"/],
  ['a command that is none', ['frobnicate'], /unknown command 'frobnicate'.*diagnose/],
  ['help on a command that is none', ['help', 'frobnicate'], /unknown command 'frobnicate'/],
  ['a command that is none with --help', ['frobnicate', '--help'], /unknown command 'frobnicate'/],
  ['an option that is nearly one', gru('--step', '3'), /'--step'.*--steps/],
  ['an option that is none', gru('--zzzzzz'), /unknown option '--zzzzzz'.*lyapunov --help/],
  ['an option of another command', gru('--starts', '3'), /unknown option '--starts'/],
  ['no model', ['lyapunov'], /missing required argument 'model'/],
  ['a model that --json has taken', ['lyapunov', '--json', 'gru.json'], /--json took gru\.json.*model first/],
  ['two models', gru('two.json'), /too many arguments/],
  ['an option without its value', gru('--steps'), /--steps.*missing/],
  ['no file of that name', on('missing.pt'), /missing\.pt: no such file/],
  ['a folder for a file', on('.'), /folder/],
  ['text that holds no network', on('notes.txt'), /notes\.txt/],
  ['letters for a number', gru('--steps', 'many'), /--steps takes a whole number of at least 1, not 'many'/],
  ['nothing for a number', gru('--steps', ''), /--steps takes a whole number of at least 1, not ''/],
  ['no steps', gru('--steps', '0'), /--steps takes a whole number of at least 1, not '0'/],
  ['a negative number', gru('--warmup', '-1'), /--warmup takes a whole number of at least 0, not '-1'/],
  ['half a seed', gru('--seed', '1.5'), /--seed takes a whole number/],
  ['no exponents', gru('--count', '0'), /--count takes a whole number of at least 1/],
  [
    'no interval',
    gru('--reorthonormalise', '0'),
    /--reorthonormalise takes auto or a whole number of at least 1/,
  ],
  [
    'a tolerance of zero',
    ['fixed-points', 'gru.json', '--tolerance', '0'],
    /--tolerance takes a number above 0/,
  ],
  [
    'too many held inputs',
    ['fixed-points', 'gru.json', '--constant', '1,2,3'],
    /--constant takes one number or 2/,
  ],
  ['a held input that is no number', ['fixed-points', 'gru.json', '--constant', '1,x'], /--constant takes/],
  ['a drive of the wrong width', gru('--drive', 'three.npy'), /three\.npy has shape \[10, 3\].*\[steps, 2\]/],
  ['a drive with holes', gru('--drive', 'holes.npy'), /row 2, column 1 is NaN/],
  ['no drive of that name', gru('--drive', 'missing.npy'), /missing\.npy: no such file/],
  ['a drive of an unknown kind', gru('--drive', 'notes.txt'), /notes\.txt/],
  ['a constant drive of the wrong width', gru('--drive', 'constant:1,2,3'), /gives 3 numbers.*2 inputs/],
  ['a constant drive without numbers', gru('--drive', 'constant:'), /not a finite number/],
  ['noise of no known size', gru('--drive', 'noise:loud'), /SIGMA is not a finite number/],
  ['noise of negative size', gru('--drive', 'noise:-1'), /SIGMA is a standard deviation/],
  ['a zero drive with a size', gru('--drive', 'zero:3'), /zero takes nothing more/],
  ['an expression that does not end', gru('--drive', 'expr:sin('), /Unexpected end of expression/],
  ['an expression of nothing', gru('--drive', 'expr:'), /needs a formula/],
  ['an expression that evaluates text', gru('--drive', 'expr:evaluate("1")'), /'evaluate' may not be used/],
  ['an expression that is not a number', gru('--drive', 'expr:0/0'), /gives NaN at t = 0, i = 0/],
  ['an expression that is infinite later', gru('--drive', 'expr:1/(t-5)'), /gives Infinity at t = 5, i = 0/],
  ['an expression that is complex', gru('--drive', 'expr:sqrt(-1)'), /finite real number/],
  ['an expression with an unknown name', gru('--drive', 'expr:y + 1'), /y/],
  ['a token below zero', gru('--drive', 'tokens:negative.npy'), /token 1 is -1.*rows 0 to 4/],
  ['a token beyond the embedding', gru('--drive', 'tokens:large.npy'), /token 1 is 5.*rows 0 to 4/],
  [
    'tokens without an embedding',
    on('no-readout.json', '--drive', 'tokens:large.npy'),
    /no embedding was found/,
  ],
  [
    'a drive that is too short',
    gru('--drive', 'short.npy', '--steps', '100'),
    /needs 102 rows of input, but short\.npy has 10/,
  ],
  [
    'gradients beyond the end of the drive',
    ['gradients', 'gru.json', '--drive', 'short.npy', '--end', '11'],
    /needs 11 rows/,
  ],
  [
    'a Jacobian beyond the end of the drive',
    ['jacobian', 'gru.json', '--drive', 'short.npy', '--warmup', '10'],
    /needs 11 rows/,
  ],
  ['a state of the wrong size', gru('--state', 'state5.npy'), /state5\.npy has shape \[5\].*4 entries/],
  ['a state with a hole', gru('--state', 'hole4.npy'), /entry 1 \(.*h\[1\]\) is NaN/],
  ['a random state of no known size', gru('--state', 'random:x'), /SCALE is not a finite number/],
  ['a state that is no file', gru('--state', 'somewhere'), /somewhere: no such file/],
  ['a loop without a readout', on('no-readout.json', '--closed-loop'), /--closed-loop needs a readout/],
  [
    'a loop whose readout does not fit',
    on('wide-readout.json', '--closed-loop'),
    /gives 3 numbers.*2 inputs/,
  ],
  ['several modules', on('two.json'), /--module/],
  ['a module that is nearly one', on('two.json', '--module', 'decodr'), /no module "decodr".*"decoder"/],
  ['a direction that is none', gru('--direction', 'sideways'), /--direction takes one of forward, backward/],
  ['a direction that the module lacks', gru('--direction', 'backward'), /backward/],
  ['a layer that the stack lacks', gru('--layer', '3'), /only layer 0/],
  ['gates in no order', gru('--gates', 'qqq'), /--gates qqq/],
  ['a cell that is nearly one', gru('--cell', 'lstmm'), /no cell "lstmm".*"lstm"/],
  ['a saved result that is missing', ['report', 'missing.json'], /missing\.json cannot be read/],
  ['a saved result that is not JSON', ['report', 'notes.txt'], /not JSON/],
  ['a result of another schema', ['report', 'other.json'], /schema 2/],
];

describe('one line on standard error and status 2', () => {
  test.each(faults)('are the answer to %s', async (_what, args, said) => {
    const { status, stdout, stderr } = await run(args);
    expect(stderr).toMatch(said);
    expect(stderr).toMatch(/^rnnscope: [^\n]+\n$/);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

test('an error is traced only with --debug', async () => {
  const { status, stderr } = await run(gru('--drive', 'three.npy', '--debug'));
  expect(stderr.split('\n')[0]).toMatch(/^rnnscope: three\.npy has shape/);
  expect(stderr).toMatch(/\n\s+at .*\.js:\d+/);
  expect(status).toBe(2);
});

test('no arguments at all give the help on standard error, and status 2', async () => {
  const { status, stdout, stderr } = await run([]);
  expect(stderr).toContain('Usage: rnnscope');
  expect(stdout).toBe('');
  expect(status).toBe(2);
});

describe('a state that overflows', () => {
  const growing = ['growing.json', '--activation', 'relu'];
  test.each([
    ['jacobian', ['--warmup', '4000']],
    ['gradients', ['--end', '4000']],
    ['lyapunov', ['--steps', '4000']],
    ['diagnose', ['--warmup', '4000', '--starts', '4']],
  ])('fails %s with status 1 and a result that says so', async (command, more) => {
    const { status, stdout, stderr } = await run([command, ...growing, ...more, '--json', '-', '--quiet']);
    const { outcome } = JSON.parse(stdout);
    expect(outcome.kind).toBe('failed');
    expect(outcome.what).toMatch(/overflowed at step \d+: layer0\.h\[0\]/);
    expect(stderr).toBe('');
    expect(status).toBe(1);
  });
});
