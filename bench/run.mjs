// npm run bench: how fast this machine answers, in ratios to the rate of its own matrix product, measured in the same run.
//
//   npm run bench                     everything
//   npm run bench -- linalg           one suite
//   npm run bench -- --quick          less time for each row
//   npm run bench -- --json           for programs
import { cpus } from 'node:os';
import { arithmetic, kernels } from '../dist/src/linalg/index.js';
import { ceiling, gemmRate } from './linalg.mjs';

const suites = {
  linalg: () => import('./linalg.mjs'),
  analyses: () => import('./analyses.mjs'),
  threads: () => import('./threads.mjs'),
};

const args = process.argv.slice(2);
const json = args.includes('--json');
const quick = args.includes('--quick');
const asked = args.filter((arg) => !arg.startsWith('--'));
const unknown = asked.filter((name) => !(name in suites));
if (unknown.length > 0) {
  console.error(`there is no suite ${unknown.join(', ')}: ${Object.keys(suites).join(', ')}`);
  process.exit(2);
}

const machine = {
  node: process.version,
  processor: cpus()[0]?.model ?? 'unknown',
  arithmetic: arithmetic(),
  ceiling: kernels() ? ceiling(kernels()) : null,
  gemmRate: gemmRate(),
};
const percent = (x) => `${Math.round(100 * x)} %`;
if (!json) {
  console.log(`Node ${machine.node.slice(1)}, ${machine.processor}, ${machine.arithmetic} arithmetic`);
  const of = machine.ceiling
    ? `, ${percent(machine.gemmRate / machine.ceiling)} of ${machine.ceiling.toFixed(1)} in registers alone`
    : '';
  console.log(`product of two 256×256: ${machine.gemmRate.toFixed(1)} GF/s${of}`);
}

const results = [];
for (const suite of asked.length > 0 ? asked : Object.keys(suites)) {
  const { rows } = await suites[suite]();
  if (!json) heading(suite);
  for await (const row of rows({ quick, gemmRate: machine.gemmRate })) {
    if (row.gflops) row.ofGemm = row.gflops / machine.gemmRate;
    results.push({ suite, ...row });
    if (!json) console.log(line(row));
  }
}
if (json) console.log(JSON.stringify({ ...machine, results }, null, 2));

function heading(suite) {
  console.log(
    `\n${suite.padEnd(24)}${'size'.padEnd(16)}        ms    GF/s  of GEMM  × plain  × ml-matrix  × one thread`,
  );
}

function line({ name, size, milliseconds, gflops, ofGemm, timesPlain, timesMlMatrix, timesOneThread }) {
  const cell = (value, width, text) => (value === undefined ? '' : text(value)).padStart(width);
  const short = (x) => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toPrecision(3));
  return [
    name.padEnd(24),
    size.padEnd(16),
    cell(milliseconds, 10, short),
    cell(gflops, 8, (x) => x.toFixed(1)),
    cell(ofGemm, 9, percent),
    cell(timesPlain, 9, (x) => x.toFixed(1)),
    cell(timesMlMatrix, 13, (x) => x.toFixed(1)),
    cell(timesOneThread, 14, (x) => x.toFixed(2)),
  ]
    .join('')
    .trimEnd();
}
