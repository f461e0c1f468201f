import { readFileSync } from 'node:fs';
import { type Cell, type CellWeights, cellNamed } from '../src/cells/index.js';
import { zeroDrive } from '../src/dynamics/drive.js';
import { functionSystem } from '../src/dynamics/function-system.js';
import { network } from '../src/dynamics/network.js';
import type { Subject } from '../src/dynamics/subject.js';
import type { System } from '../src/dynamics/system.js';
import { type Matrix, matrix, zeros } from '../src/linalg/matrix.js';

/** A case of cases.json: a system whose numbers are known on paper, published, or confirmed by a second program. */
export interface Case {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each kind of system has fields of its own
  readonly system: any;
  readonly initial_state: number[] | null;
  // biome-ignore lint/suspicious/noExplicitAny: expectations differ from case to case
  readonly expected: any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly tolerance: any;
}

export const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('fixtures/cases.json', import.meta.url), 'utf8'),
);

export const caseNamed = (name: string): Case => {
  const found = cases.find((c) => c.name === name);
  if (!found) throw new Error(`no case ${name}`);
  return found;
};

const rows = (m: readonly (readonly number[])[]): Matrix => matrix(m.length, m[0]?.length ?? 0, m.flat());

/** Weights of a cell from matrices by name; inputs that are not given do not exist. */
export function weightsOf(
  cell: Cell,
  hiddenSize: number,
  matrices: Record<string, Matrix>,
  vectors: Record<string, ArrayLike<number>> = {},
): CellWeights {
  const missing = cell.parameters.filter((p) => p.kind === 'matrix' && !p.optional && !matrices[p.name]);
  const filled = Object.fromEntries(
    missing.map((p) => [p.name, zeros(hiddenSize, p.cols === 'I' ? 0 : hiddenSize)]),
  );
  return {
    hiddenSize,
    inputSize: 0,
    matrices: { ...filled, ...matrices },
    vectors: Object.fromEntries(Object.entries(vectors).map(([k, v]) => [k, Float64Array.from(v)])),
  };
}

export const systemOf = (cell: Cell, weights: CellWeights): System =>
  network([{ name: 'layer0', cell, weights }]);

/** The subject that a system without inputs is, started at a state. */
export const autonomous = (system: System, start: ArrayLike<number>, seed = 0): Subject => ({
  system,
  drive: zeroDrive(system.inputSize),
  initialState: Float64Array.from(start),
  mode: 'autonomous',
  seed,
});

const cell = (name: string): Cell => cellNamed(name)!;

/** Gate blocks of a PyTorch weight_hh, bias_ih and bias_hh. */
function torchWeights(name: string, gates: string, state: Record<string, number[][] & number[]>): System {
  const W = state.weight_hh_l0 as number[][];
  const H = W.length / gates.length;
  const block = <T>(v: readonly T[], g: number): T[] => v.slice(g * H, (g + 1) * H);
  const matrices: Record<string, Matrix> = {};
  const vectors: Record<string, number[]> = {};
  [...gates].forEach((g, k) => {
    matrices[`U_${g}`] = rows(block(W, k));
    if (state.bias_ih_l0) vectors[`bx_${g}`] = block(state.bias_ih_l0 as number[], k);
    if (state.bias_hh_l0) vectors[`bh_${g}`] = block(state.bias_hh_l0 as number[], k);
  });
  return systemOf(cell(name), weightsOf(cell(name), H, matrices, vectors));
}

type Gates = Record<string, { weight_hh: number[][]; bias: number[] }>;

function gateWeights(name: string, gates: Gates, rename: Record<string, string> = {}): System {
  const entries = Object.entries(gates).map(([g, v]) => [rename[g] ?? g, v] as const);
  const H = entries[0]![1].bias.length;
  const matrices = Object.fromEntries(entries.map(([g, v]) => [`U_${g}`, rows(v.weight_hh)]));
  const vectors = Object.fromEntries(entries.map(([g, v]) => [`bh_${g}`, v.bias]));
  return systemOf(cell(name), weightsOf(cell(name), H, matrices, vectors));
}

/** x' = J tanh(x) through the equivalent h' = tanh(J h). */
function randomMap({ n, g, seed }: { n: number; g: number; seed: number }): System {
  const J = randomMatrix(n, g, xorshiftNormals(seed));
  return systemOf(cell('rnn-tanh'), weightsOf(cell('rnn-tanh'), n, { U_h: J }));
}

export function randomMatrix(n: number, g: number, normal: () => number): Matrix {
  return matrix(
    n,
    n,
    Float64Array.from({ length: n * n }, () => (g * normal()) / Math.sqrt(n)),
  );
}

/** xorshift32 (13, 17, 5), first 100 outputs dropped, Box–Muller cosine: the generator that the cases name. */
export function xorshiftNormals(seed: number): () => number {
  let s = seed >>> 0;
  const next = (): number => {
    s = (s ^ (s << 13)) >>> 0;
    s = (s ^ (s >>> 17)) >>> 0;
    s = (s ^ (s << 5)) >>> 0;
    return s / 4294967296;
  };
  for (let i = 0; i < 100; i++) next();
  return () => {
    const u1 = next();
    const u2 = next();
    return Math.sqrt(-2 * Math.log(u1)) * Math.cos(2 * Math.PI * u2);
  };
}

export const henon = (a: number, b: number): System =>
  functionSystem({
    dimension: 2,
    step: ([x, y]) => [1 - a * x! * x! + y!, b * x!],
    jacobian: ([x]) => [
      [-2 * a * x!, 1],
      [b, 0],
    ],
  });

export const logistic = (A: number): System =>
  functionSystem({
    dimension: 1,
    step: ([x]) => [A * x! * (1 - x!)],
    jacobian: ([x]) => [[A * (1 - 2 * x!)]],
  });

export const diagonal = (p: readonly number[]): System =>
  functionSystem({
    dimension: p.length,
    step: (s) => p.map((v, i) => v * s[i]!),
    jacobian: () => p.map((v, i) => p.map((_, j) => (i === j ? v : 0))),
  });

export const cat = (M: number[][]): System =>
  functionSystem({
    dimension: 2,
    step: (s) => M.map((row) => (((row[0]! * s[0]! + row[1]! * s[1]!) % 1) + 1) % 1),
    jacobian: () => M,
  });

type Field = (s: number[]) => number[];

/** One step of the classical Runge–Kutta method for a flow and its tangent vectors together. */
export function flow(f: Field, df: (s: number[]) => number[][], dt: number, dimension: number): System {
  const both = (s: number[], V: number[][]): [number[], number[][]] => [
    f(s),
    df(s).map((row) => V[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * V[k]![j]!, 0))),
  ];
  const step = (s: number[]): [number[], number[][]] => {
    const I = s.map((_, i) => s.map((_, j) => (i === j ? 1 : 0)));
    const at = (h: number, [ds, dV]: [number[], number[][]]): [number[], number[][]] =>
      both(
        s.map((v, i) => v + h * ds[i]!),
        I.map((r, i) => r.map((v, j) => v + h * dV[i]![j]!)),
      );
    const k1 = both(s, I);
    const k2 = at(dt / 2, k1);
    const k3 = at(dt / 2, k2);
    const k4 = at(dt, k3);
    const mix = (a: number, b: number, c: number, d: number) => (dt / 6) * (a + 2 * b + 2 * c + d);
    return [
      s.map((v, i) => v + mix(k1[0][i]!, k2[0][i]!, k3[0][i]!, k4[0][i]!)),
      I.map((r, i) => r.map((v, j) => v + mix(k1[1][i]![j]!, k2[1][i]![j]!, k3[1][i]![j]!, k4[1][i]![j]!))),
    ];
  };
  return functionSystem({
    dimension,
    step: (s) => step(Array.from(s))[0],
    jacobian: (s) => step(Array.from(s))[1],
  });
}

const lorenz63 = ({ sigma, rho, beta }: Record<string, number>, dt: number): System =>
  flow(
    ([x, y, z]) => [sigma! * (y! - x!), x! * (rho! - z!) - y!, x! * y! - beta! * z!],
    ([x, y, z]) => [
      [-sigma!, sigma!, 0],
      [rho! - z!, -1, -x!],
      [y!, x!, -beta!],
    ],
    dt,
    3,
  );

const roessler = ({ a, b, c }: Record<string, number>, dt: number): System =>
  flow(
    ([x, y, z]) => [-y! - z!, x! + a! * y!, b! + z! * (x! - c!)],
    ([x, , z]) => [
      [0, -1, -1],
      [1, a!, 0],
      [z!, 0, x! - c!],
    ],
    dt,
    3,
  );

/** The map that a case describes, built from the file's weights and equation id. */
export function systemFor({ system: s }: Case): System {
  switch (s.equations) {
    case 'torch-rnn-tanh':
      return torchWeights('rnn-tanh', 'h', s.state_dict);
    case 'torch-gru':
      return torchWeights('gru', 'rzn', s.state_dict);
    case 'torch-lstm':
      return torchWeights('lstm', 'ifgo', s.state_dict);
    case 'gru-reset-before':
      return gateWeights('gru-reset-before', s.gates);
    case 'cfn':
      return gateWeights('cfn', {
        t: s.theta,
        e: {
          weight_hh: [
            [0, 0],
            [0, 0],
          ],
          bias: [0, 0],
        },
      });
    case 'plrnn':
      return systemOf(
        cell('plrnn'),
        weightsOf(cell('plrnn'), s.A.length, { W: rows(s.W) }, { A: s.A, b: s.h }),
      );
    case 'tanh-map':
      return randomMap(s);
    case 'henon':
      return henon(s.parameters.a, s.parameters.b);
    case 'logistic':
      return logistic(s.parameters.A);
    case 'diagonal':
      return diagonal(s.parameters.p);
    case 'cat':
      return cat(s.parameters.M);
    case 'lorenz':
      return lorenz63(s.parameters, s.dt);
    case 'roessler':
      return roessler(s.parameters, s.dt);
    default:
      throw new Error(`no equations ${s.equations}`);
  }
}
