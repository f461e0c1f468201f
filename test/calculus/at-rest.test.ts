import { describe, expect, test } from 'vitest';
import { cellAtRest } from '../../src/calculus/at-rest.js';
import { trace } from '../../src/calculus/trace.js';
import { value } from '../../src/calculus/value.js';
import { type Cell, cellNamed, cells } from '../../src/cells/index.js';
import { network } from '../../src/dynamics/network.js';
import { findRest, restSpace, searchRest } from '../../src/dynamics/rest-point.js';
import { random } from '../../src/random.js';
import { none, normals, randomLayer, randomWeights, step } from '../dynamics/helpers.js';

const sizes = { hidden: 6, inputs: 2 };
const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a));

describe('a cell without its mixing gate', () => {
  test.each(['gru', 'gru-reset-before', 'gru-flipped', 'gru-flipped-reset-before'])(
    'of %s moves towards the same place: F(s) − s is a gate times G(s) − s',
    (name) => {
      const cell = cellNamed(name)!;
      const w = randomWeights(cell, sizes, 3, { gain: 2 });
      const draw = random(1);
      const [h, x] = [normals(6, draw), normals(2, draw)];
      const F = cell.equations(value, w, { h }, x).h!;
      const G = cellAtRest(cell)!.equations(value, w, { h }, x).h!;
      for (let i = 0; i < 6; i++) {
        const row = (W: string, v: Float64Array): number =>
          v.reduce((sum, entry, j) => sum + w.matrices[W]!.data[i * v.length + j]! * entry, 0);
        const z = sigmoid(row('W_z', x) + w.vectors.bx_z![i]! + row('U_z', h) + w.vectors.bh_z![i]!);
        const share = name.includes('flipped') ? z : 1 - z;
        expect(F[i]! - h[i]!).toBeCloseTo(share * (G[i]! - h[i]!), 12);
      }
    },
  );

  test('is there for cells that mix by a logistic gate alone: one that reaches 1 holds states that are no roots without it', () => {
    const having = cells.filter((cell) => cellAtRest(cell) !== null).map((cell) => cell.name);
    expect(having).toEqual(
      expect.arrayContaining(['gru', 'gru-reset-before', 'gru-flipped', 'lstm-coupled']),
    );
    for (const name of ['rnn-tanh', 'lstm', 'cfn', 'plrnn', 'gated-rnn', 'gru-separate-gates'])
      expect(having).not.toContain(name);
    expect(cellAtRest(cellNamed('gru(hard_sigmoid,tanh)')!)).toBeNull();
    expect(cellAtRest(cellNamed('gru(clip_state=0.5)')!)).toBeNull();
  });

  test('computes nothing for the gate that is gone', () => {
    const cell = cellNamed('gru')!;
    const w = randomWeights(cell, sizes, 3);
    const matrices = (of: Cell): unknown[] =>
      trace(of, w).nodes.flatMap((node) => (node.op === 'affine' ? [node.W] : []));
    expect(matrices(cell)).toContain(w.matrices.U_z);
    expect(matrices(cellAtRest(cell)!)).not.toContain(w.matrices.U_z);
    expect(matrices(cellAtRest(cell)!)).toContain(w.matrices.U_n);
  });
});

describe('a search without the gates', () => {
  const options = { tolerance: 1e-24, iterations: 120, box: null };

  test('finds what a search with them cannot: where z is next to 1, everything seems to rest', () => {
    const gru = cellNamed('gru')!;
    const layers = [
      randomLayer(gru, { hidden: 5, inputs: 0 }, 2, { gain: 3, bias: 0.5 }),
      { ...randomLayer(gru, { hidden: 4, inputs: 5 }, 4, { gain: 3, bias: 0.5 }), name: 'layer1' },
    ];
    const system = network(layers);
    const draw = random(7);
    let [with_, without] = [0, 0];
    for (let k = 0; k < 60; k++) {
      const start = normals(9, draw, 2);
      const inside = ({ kind, state }: { kind: string; state: Float64Array }): boolean =>
        kind === 'root' && state.every((v) => Math.abs(v) <= 1);
      const found = searchRest(system, restSpace(system), none, start, options);
      if (inside(found)) {
        without++;
        const next = step(system, found.state);
        found.state.forEach((v, i) => void expect(next[i]).toBeCloseTo(v, 13));
      }
      if (inside(findRest(system, none, start, options))) with_++;
    }
    expect(without).toBeGreaterThan(30);
    expect(with_).toBeLessThan(without / 3);
  });

  test('goes on at large where descent creeps, and what it finds is at rest', () => {
    const gru = cellNamed('gru')!;
    const system = network([randomLayer(gru, { hidden: 48, inputs: 0 }, 1, { gain: 3.5, bias: 0.3 })]);
    const range = new Float64Array(48).fill(1);
    const draw = random(5);
    const roots = { descent: 0, large: 0 };
    for (let k = 0; k < 40; k++) {
      const start = normals(48, draw, 0.5);
      if (searchRest(system, restSpace(system), none, start, options).kind === 'root') roots.descent++;
      const found = searchRest(system, restSpace(system), none, start, { ...options, range });
      if (found.kind !== 'root') continue;
      roots.large++;
      const next = step(system, found.state);
      found.state.forEach((v, i) => void expect(next[i]).toBeCloseTo(v, 12));
    }
    expect(roots.large).toBeGreaterThan(2 * roots.descent);
  });
});
