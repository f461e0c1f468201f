import { UserError } from '../errors.js';
import { norm2 } from '../linalg/index.js';
import { matrix, zeros } from '../linalg/matrix.js';
import type { Readout } from '../model/model.js';
import { random } from '../random.js';
import { applyReadout } from './closed-loop.js';
import type { Drive } from './drive.js';
import { outputRows } from './network.js';
import type { Subject } from './subject.js';
import type { System } from './system.js';

export type Loss = 'mse' | 'cross-entropy';

/** Rows of targets: one for each row of the drive, or a single one for the last step. */
export interface Targets {
  readonly spec: string;
  readonly rows: number;
  readonly cols: number;
  readonly values: Float64Array;
}

interface Ends {
  readonly readout: Readout;
  readonly rows: { readonly from: number; readonly to: number };
}

function endsOf({ model }: Subject, what: string): Ends {
  if (!model?.readout) {
    throw new UserError(
      'NOT_FOUND',
      `${what} needs a readout and none was found without doubt: name one with --readout`,
    );
  }
  return { readout: model.readout, rows: outputRows(model.layers) };
}

/** Cᵀ e_row: the gradient of one entry of the readout. */
export function readoutCotangent(subject: Subject, row: number): Float64Array {
  const ends = endsOf(subject, '--cotangent readout');
  if (row >= ends.readout.weight.rows) {
    throw new UserError(
      'USAGE',
      `--cotangent readout:${row}: the readout '${ends.readout.name}' has ${ends.readout.weight.rows} rows, counted from 0`,
    );
  }
  const y = new Float64Array(ends.readout.weight.rows);
  y[row] = 1;
  return through(ends, y, subject.system.dimension);
}

/** ∂L/∂s_T for the loss of the readout at state s_T; `end` rows of the drive were consumed. PyTorch's mean over the outputs. */
export function lossCotangent(
  subject: Subject,
  state: Float64Array,
  targets: Targets,
  loss: Loss,
  end: number,
): Float64Array {
  const ends = endsOf(subject, '--targets');
  const m = ends.readout.weight.rows;
  const row = rowOf(targets, loss === 'mse' ? m : 1, end);
  const y = new Float64Array(m);
  applyReadout(ends.readout, state.subarray(ends.rows.from, ends.rows.to), y);
  return through(
    ends,
    loss === 'mse' ? squared(y, row) : crossEntropy(y, row[0]!, targets.spec),
    subject.system.dimension,
  );
}

function rowOf({ spec, rows, cols, values }: Targets, expected: number, end: number): Float64Array {
  if (cols !== expected) {
    throw new UserError(
      'SHAPE',
      `--targets ${spec} has ${cols} columns, but this loss takes ${expected}: one row a step`,
    );
  }
  if (rows > 1 && rows < end) {
    throw new UserError(
      'SHAPE',
      `--targets ${spec} has ${rows} rows, but the gradient is taken after row ${end}: give one row a step, or a single one`,
    );
  }
  const at = rows === 1 ? 0 : end - 1;
  return values.subarray(at * cols, (at + 1) * cols);
}

/** ∂/∂y of Σ (y − t)²/m. */
const squared = (y: Float64Array, target: Float64Array): Float64Array =>
  y.map((v, i) => (2 * (v - target[i]!)) / y.length);

/** ∂/∂y of −ln softmax(y)_class: softmax(y) − e_class. */
function crossEntropy(y: Float64Array, target: number, spec: string): Float64Array {
  if (!Number.isInteger(target) || target < 0 || target >= y.length) {
    throw new UserError(
      'USAGE',
      `--targets ${spec}: ${target} is no class of a readout with ${y.length} outputs`,
    );
  }
  const most = Math.max(...y);
  const weights = y.map((v) => Math.exp(v - most));
  const sum = weights.reduce((total, v) => total + v, 0);
  return weights.map((v, i) => v / sum - (i === target ? 1 : 0));
}

/** Cᵀ y, at the rows that the readout reads. */
function through({ readout, rows }: Ends, y: Float64Array, dimension: number): Float64Array {
  const out = new Float64Array(dimension);
  const { cols, data } = readout.weight;
  for (let i = 0; i < y.length; i++)
    for (let j = 0; j < cols; j++) out[rows.from + j] = out[rows.from + j]! + y[i]! * data[i * cols + j]!;
  return out;
}

const ROUNDS = 12;

/**
 * The direction of s_T whose gradient is largest so many lags back: the leading left singular vector of J_T … J_{T−L+1}, by power
 * iteration. It only chooses where to look, so that a few rounds will do. `states` are s_{T−L} … s_{T−1}.
 */
export function leadingCotangent(
  system: System,
  drive: Drive,
  states: readonly Float64Array[],
  end: number,
): Float64Array {
  const n = system.dimension;
  const draw = random(0x1ead);
  const x = new Float64Array(system.inputSize);
  let g = matrix(
    n,
    1,
    Float64Array.from({ length: n }, () => draw.normal()),
  );
  let spare = zeros(n, 1);
  const apply = (k: number, back: boolean): boolean => {
    drive.at(end - states.length + k, x);
    const here = system.linearise(states[k]!, x);
    if (back) here.vjp(g, spare);
    else here.jvp(g, spare);
    [g, spare] = [spare, g];
    const size = norm2(g.data);
    for (let i = 0; i < n; i++) g.data[i] = g.data[i]! / size;
    return size > 0;
  };
  for (let round = 0; round < ROUNDS; round++) {
    const before = g.data.slice();
    for (let k = states.length - 1; k >= 0; k--) if (!apply(k, true)) return before;
    for (let k = 0; k < states.length; k++) if (!apply(k, false)) return before;
  }
  return g.data.slice();
}
