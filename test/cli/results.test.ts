import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folder, rnnscope, writeModels } from './command.js';

const here = folder();
const run = (...args: string[]) => rnnscope(args, { cwd: here.path });
beforeAll(() => writeModels(here));
afterAll(here.remove);

// biome-ignore lint/suspicious/noExplicitAny: JSON as another program would read it
const json = async (...args: string[]): Promise<any> => {
  const { stdout, stderr, status } = await run(...args, '--json', '-', '--quiet');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout);
};

/** Fields that other programs read: names are a promise. */
const envelopeFields = ['schema', 'analysis', 'tool', 'model', 'options', 'seed', 'outcome', 'value'];
const modelFields = [
  'path',
  'sha256',
  'format',
  'module',
  'cell',
  'layers',
  'hiddenSize',
  'inputSize',
  'stateSize',
  'parameters',
  'assumptions',
];
const valueFields: [command: string, args: string[], fields: string[]][] = [
  ['inspect', [], ['modules', 'tensors']],
  [
    'jacobian',
    [],
    [
      'next',
      'spectralRadius',
      'spectralNorm',
      'frobeniusNorm',
      'logAbsDet',
      'eigenvalues',
      'timeConstants',
      'nonNormality',
    ],
  ],
  [
    'fixed-points',
    ['--starts', '32'],
    ['points', 'starts', 'converged', 'unconverged', 'outside', 'coverage'],
  ],
  [
    'lyapunov',
    ['--steps', '200'],
    [
      'unit',
      'exponents',
      'standardErrors',
      'sum',
      'meanLogAbsDet',
      'checkedSteps',
      'kaplanYorkeDimension',
      'entropyBound',
      'memoryTime',
      'predictionHorizon',
      'verdict',
      'finalState',
      'trace',
    ],
  ],
  [
    'gradients',
    ['--lags', '40'],
    [
      'lags',
      'log10SpectralNorm',
      'log10FrobeniusNorm',
      'singularValues',
      'rate',
      'halfLife',
      'horizon',
      'atLength',
      'verdict',
    ],
  ],
  ['diagnose', ['--steps', '200', '--starts', '16'], ['verdicts', 'results']],
];

describe.each(valueFields)('the JSON of %s', (command, args, fields) => {
  test('is alone on standard output and has the fields that are promised', async () => {
    const result = await json(command, 'gru.json', ...args);
    expect(Object.keys(result)).toEqual(envelopeFields);
    expect(Object.keys(result.model)).toEqual(expect.arrayContaining(modelFields));
    expect(Object.keys(result.value)).toEqual(expect.arrayContaining(fields));
    expect(result).toMatchObject({ schema: 1, analysis: command, seed: 0, outcome: { kind: 'complete' } });
    expect(result.tool.name).toBe('rnnscope');
  });

  test('tells which file was read, and every option with its default', async () => {
    const { model, options } = await json(command, 'gru.json', ...args);
    const bytes = readFileSync(here.file('gru.json'));
    expect(model).toMatchObject({ path: 'gru.json', format: 'json', module: 'rnn', cell: 'gru', layers: 1 });
    expect(model).toMatchObject({ hiddenSize: 4, inputSize: 2, stateSize: 4, parameters: 96 });
    expect(model.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(options).toMatchObject({ module: null, cell: null, reset: null });
    if (command !== 'inspect')
      expect(options).toMatchObject({ drive: 'zero', closedLoop: false, state: 'zero', seed: 0 });
  });

  test('is the same to the last byte each time', async () => {
    const [a, b] = await Promise.all(
      [1, 2].map(() => run(command, 'gru.json', ...args, '--json', '--quiet')),
    );
    expect(a!.stdout).toBe(b!.stdout);
  });
});

describe('the fields within', () => {
  test('of inspect name each module with its sizes and what others of its size would have', async () => {
    const { value } = await json('inspect', 'gru.json');
    expect(value.modules).toHaveLength(1);
    expect(value.modules[0]).toMatchObject({
      name: 'rnn',
      cell: 'gru',
      layers: 1,
      bidirectional: false,
      inputSize: 2,
      hiddenSize: 4,
      stateSize: 4,
      // PyTorch: gates · (H I + H H + 2 H), with 3 gates for a GRU, 1 for an RNN, 4 for an LSTM.
      parameters: 96,
      parametersIf: { rnn: 32, gru: 96, lstm: 128 },
    });
    expect(value.tensors).toContainEqual({ name: 'rnn.weight_hh_l0', shape: [12, 4], dtype: 'f64' });
  });

  test('of fixed-points describe each point and what was not seen', async () => {
    const { value } = await json('fixed-points', 'gru.json', '--starts', '32');
    for (const point of value.points) {
      expect(Object.keys(point)).toEqual(
        expect.arrayContaining([
          'kind',
          'state',
          'q',
          'residual',
          'spectralRadius',
          'unstableDimensions',
          'stability',
          'eigenvalues',
          'timeConstants',
          'hits',
        ]),
      );
      expect(['fixed', 'slow']).toContain(point.kind);
      expect(['stable', 'saddle', 'unstable', 'marginal']).toContain(point.stability);
    }
    expect(value.points.length).toBeGreaterThan(0);
    expect(value.coverage).toMatchObject({ method: 'chao1' });
    expect(Object.keys(value.coverage)).toEqual(expect.arrayContaining(['unseen', 'seenOnce', 'seenTwice']));
  });

  test('of lyapunov say the unit and give a trace of the leading exponents', async () => {
    const { value } = await json('lyapunov', 'gru.json', '--steps', '200');
    expect(value.unit).toBe('nats per step');
    expect(['stable', 'chaotic', 'marginal', 'undetermined']).toContain(value.verdict);
    expect(value.trace.exponents).toHaveLength(value.trace.steps.length);
    expect(value.trace.steps.at(-1)).toBe(200);
  });

  test('of gradients give a length asked about, and complex numbers and singular values as lists', async () => {
    const { value } = await json('gradients', 'gru.json', '--lags', '40', '--length', '20');
    expect(value.lags).toEqual(Array.from({ length: 41 }, (_, k) => k));
    expect(value.atLength).toEqual({ lag: 20, log10: value.log10SpectralNorm[20] });
    expect(value.singularValues.log10).toHaveLength(value.singularValues.lags.length);
    expect(['vanishing', 'exploding', 'preserved', 'undetermined']).toContain(value.verdict);
    const jacobian = await json('jacobian', 'gru.json');
    for (const pair of jacobian.value.eigenvalues) expect(pair).toHaveLength(2);
  });

  test('of diagnose answer each question and hold each result with its envelope', async () => {
    const { value } = await json('diagnose', 'gru.json', '--steps', '200', '--starts', '16');
    for (const verdict of value.verdicts) {
      expect(Object.keys(verdict)).toEqual(['question', 'answer', 'level', 'evidence']);
      expect(['good', 'warn', 'bad', 'unknown']).toContain(verdict.level);
    }
    for (const [name, result] of Object.entries<Record<string, unknown>>(value.results)) {
      expect(Object.keys(result)).toEqual(envelopeFields);
      expect(result.analysis).toBe(name);
    }
    expect(Object.keys(value.results)).toEqual(
      expect.arrayContaining(['jacobian', 'lyapunov', 'gradients', 'fixed-points']),
    );
  });
});

test('numbers that JSON cannot say are strings', async () => {
  // h' = max(0, 1.5 h + 1) at h = −10: the unit is off, its derivative is 0, ln 0 = −∞.
  const { stdout } = await run(
    'jacobian',
    'growing.json',
    '--activation',
    'relu',
    '--drive',
    'constant:-20',
    '--json',
  );
  const { value } = JSON.parse(stdout);
  expect(value.logAbsDet).toBe('-Infinity');
  const failed = await run('lyapunov', 'growing.json', '--activation', 'relu', '--steps', '4000', '--json');
  expect(JSON.parse(failed.stdout).value.exponents).toEqual(['NaN']);
});

describe('the seed', () => {
  const noisy = ['lyapunov', 'gru.json', '--drive', 'noise:1', '--steps', '300', '--json', '--quiet'];

  test('decides what noise is', async () => {
    const [one, again, two] = await Promise.all(['1', '1', '2'].map((seed) => run(...noisy, '--seed', seed)));
    expect(one!.stdout).toBe(again!.stdout);
    expect(JSON.parse(one!.stdout).seed).toBe(1);
    expect(JSON.parse(two!.stdout).value.exponents).not.toEqual(JSON.parse(one!.stdout).value.exponents);
  });

  test('decides a random first state', async () => {
    const start = ['jacobian', 'gru.json', '--state', 'random:0.5', '--json'];
    const [one, two] = await Promise.all(['1', '2'].map((seed) => run(...start, '--seed', seed)));
    expect(JSON.parse(one!.stdout).value.state).not.toEqual(JSON.parse(two!.stdout).value.state);
  });
});

describe('options of lyapunov', () => {
  test('count, align, warmup and the interval are taken as given and written down', async () => {
    const given = [
      '--count',
      '1',
      '--align',
      '7',
      '--warmup',
      '3',
      '--steps',
      '50',
      '--reorthonormalise',
      '5',
    ];
    const { value, options } = await json('lyapunov', 'gru.json', ...given);
    expect(options).toMatchObject({ count: 1, align: 7, warmup: 3, steps: 50, reorthonormalise: 5 });
    expect(value.exponents).toHaveLength(1);
    expect(value.meanInterval).toBe(5);
    expect(value.meanLogAbsDet).toBe(null);
  });

  test('more exponents than there are coordinates are all that there are', async () => {
    const { value, options } = await json('lyapunov', 'gru.json', '--count', '99', '--steps', '50');
    expect(value.exponents).toHaveLength(4);
    expect(options.count).toBe(4);
  });
});

test('more lags than the drive has rows are cut to what there is', async () => {
  const given = ['--drive', 'expr:t', '--end', '20', '--lags', '50'];
  const { value, options } = await json('gradients', 'gru.json', ...given);
  expect(value.lags).toHaveLength(21);
  expect(options).toMatchObject({ lags: 20, end: 20 });
});

test('a result in a file leaves standard output to the text', async () => {
  const { stdout, status } = await run('jacobian', 'gru.json', '--json', 'j.json');
  expect(status).toBe(0);
  expect(stdout).toContain('Spectral radius');
  const inFile = JSON.parse(readFileSync(here.file('j.json'), 'utf8'));
  expect(inFile).toEqual(await json('jacobian', 'gru.json'));
});

/** How long the run took stands in the page alone: a result is the same bytes each time. */
const withoutWallTime = (page: string): string => page.replace(/<div><dt>Wall time<\/dt>.*?<\/div>\n/s, '');

test('a report is drawn again from its JSON to the same bytes, but for the wall time', async () => {
  for (const [command, ...more] of [
    ['lyapunov', '--steps', '200'],
    ['diagnose', '--steps', '200', '--starts', '16'],
  ]) {
    const first = await run(command!, 'gru.json', ...more, '--json', 'r.json', '--report', 'first.html');
    expect(first.stderr).toBe('report: first.html\n');
    const second = await run('report', 'r.json', '--report', 'second.html');
    expect(second.status).toBe(0);
    const [one, other] = ['first.html', 'second.html'].map((name) => readFileSync(here.file(name), 'utf8'));
    expect(one).toContain('<dt>Wall time</dt>');
    expect(other === withoutWallTime(one!)).toBe(true);
  }
});

test('a diagnosis writes its report under the default name, other questions only when asked', async () => {
  expect(existsSync(here.file('rnnscope-report.html'))).toBe(true);
  const other = folder();
  writeModels(other);
  await rnnscope(['jacobian', 'gru.json'], { cwd: other.path });
  expect(existsSync(other.file('rnnscope-report.html'))).toBe(false);
  await rnnscope(['jacobian', 'gru.json', '--report'], { cwd: other.path });
  expect(existsSync(other.file('rnnscope-report.html'))).toBe(true);
  other.remove();
});
