import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import {
  addressOf,
  arithmetic,
  gemm,
  kernels,
  release,
  resident,
  residentVector,
  rowBlock,
  share,
  useArithmetic,
  viewAt,
  zeros,
} from '../../src/linalg/index.js';
import { gaussian } from './helpers.js';

const owners: object[] = [];
const owner = (): object => {
  owners.push({});
  return owners.at(-1)!;
};
afterEach(() => {
  for (const one of owners.splice(0)) release(one);
  useArithmetic('fused');
});

describe('kernel memory', () => {
  it('holds zeros at a multiple of a cache line, apart from everything else', () => {
    const mine = owner();
    const vectors = [1, 7, 8, 9, 1000, 200_000, 3].map((n) => residentVector(mine, n));
    vectors.forEach((x, i) => {
      expect(x.every((v) => v === 0)).toBe(true);
      expect(addressOf(x) % 64).toBe(0);
      expect(addressOf(x)).toBeGreaterThan(0);
      x.fill(i + 1);
    });
    vectors.forEach((x, i) => {
      expect(x.every((v) => v === i + 1)).toBe(true);
    });
  });

  it('grows under views that are in use', () => {
    const mine = owner();
    const x = residentVector(mine, 100).fill(3);
    const large = residentVector(mine, 12e6);
    large[large.length - 1] = 5;
    x[0] = 4;
    expect(viewAt(addressOf(x), 2)).toEqual(Float64Array.of(4, 3));
    expect(addressOf(large.subarray(10))).toBe(addressOf(large) + 80);
  });

  it('is used again once released, and zero again', () => {
    const first = {};
    const x = residentVector(first, 3e5).fill(1);
    const place = addressOf(x);
    release(first);
    release(first);
    const y = residentVector(owner(), 3e5);
    expect(addressOf(y)).toBe(place);
    expect(y.every((v) => v === 0)).toBe(true);
  });

  it('merges what is released, so that a large block fits where small ones were', () => {
    const parts = Array.from({ length: 8 }, () => ({}));
    const places = parts.map((part) => addressOf(residentVector(part, 1e5)));
    for (const part of [3, 1, 7, 0, 5, 2, 6, 4]) release(parts[part]!);
    const whole = addressOf(residentVector(owner(), 7e5));
    expect(whole).toBeLessThanOrEqual(Math.max(...places));
  });

  it('is not claimed for ordinary arrays, and not needed', () => {
    expect(addressOf(new Float64Array(3))).toBe(0);
    useArithmetic('plain');
    expect(kernels()).toBeNull();
    const m = resident(owner(), 2, 2);
    expect(addressOf(m.data)).toBe(0);
    expect(Array.from(m.data)).toEqual([0, 0, 0, 0]);
  });

  it('sees parts of residents as residents', () => {
    const m = resident(owner(), 10, 3);
    expect(addressOf(rowBlock(m, 2, 4).data)).toBe(addressOf(m.data) + 48);
  });
});

describe('arithmetic', () => {
  it('is fused unless another is asked for', () => {
    expect(arithmetic()).toBe('fused');
    useArithmetic('strict');
    expect(arithmetic()).toBe('strict');
  });

  it('rounds every product before it is added if strict', () => {
    // (1 + ε)(1 − ε) − 1 = −ε², which rounding the product first loses.
    const e = 2 ** -30;
    const A = zeros(32, 32);
    const B = zeros(32, 32);
    for (let i = 0; i < 32; i++) {
      A.data[i * 32] = -1;
      A.data[i * 32 + 1] = 1 + e;
      B.data[i] = 1;
      B.data[32 + i] = 1 - e;
    }
    const C = zeros(32, 32);
    for (const [kind, least] of [
      ['strict', 0],
      ['plain', 0],
    ] as const) {
      useArithmetic(kind);
      gemm(C, A, B);
      expect(C.data.every((x) => x === least)).toBe(true);
    }
  });
});

describe('another thread', () => {
  const program = `
    const { workerData, parentPort } = require('node:worker_threads');
    const { memory, modules, arithmetic } = workerData.shared;
    const kernels = new WebAssembly.Instance(modules[arithmetic], { env: { memory } }).exports;
    kernels.workspace(workerData.workspace);
    const { n, a, b, c } = workerData;
    kernels.gemm(n, n, n, 1, a, n, 1, b, n, 1, 0, c, n);
    parentPort.postMessage('done');`;

  it('computes in the same memory, with packing space of its own, to the same bytes', async () => {
    const n = 70;
    const mine = owner();
    const [A, B, C, D] = Array.from({ length: 4 }, () => resident(mine, n, n));
    A!.data.set(gaussian(n, n, 1).data);
    B!.data.set(gaussian(n, n, 2).data);
    const workspace = residentVector(mine, kernels()!.WORKSPACE.value / 8);
    const workerData = {
      shared: share(),
      n,
      workspace: addressOf(workspace),
      a: addressOf(A!.data),
      b: addressOf(B!.data),
      c: addressOf(C!.data),
    };
    const worker = new Worker(program, { eval: true, workerData });
    await new Promise((done, failed) => worker.on('message', done).on('error', failed));
    await worker.terminate();
    gemm(D!, A!, B!);
    expect(C!.data).toEqual(D!.data);
  });
});
