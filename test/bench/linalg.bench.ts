import { EVD, Matrix as MlMatrix, QrDecomposition, SVD } from 'ml-matrix';
import { bench, describe } from 'vitest';
import {
  copy,
  eigenvalues,
  gemm,
  type Matrix,
  qrInPlace,
  singularValues,
  toRows,
  zeros,
} from '../../src/linalg/index.js';
import { random } from '../../src/random.js';

const short = { time: 400, warmupTime: 100, warmupIterations: 2 };

function gaussian(n: number): Matrix {
  const next = random(n);
  const A = zeros(n, n);
  for (let i = 0; i < A.data.length; i++) A.data[i] = next.normal();
  return A;
}

for (const n of [64, 128]) {
  const A = gaussian(n);
  const work = copy(A);
  const C = zeros(n, n);
  const ml = new MlMatrix(toRows(A));

  describe(`product ${n}×${n}`, () => {
    bench('rnnscope', () => gemm(C, A, A), short);
    bench('ml-matrix', () => void ml.mmul(ml), short);
  });

  describe(`QR with Q ${n}×${n}`, () => {
    bench(
      'rnnscope',
      () => {
        work.data.set(A.data);
        qrInPlace(work);
      },
      short,
    );
    bench('ml-matrix', () => void new QrDecomposition(ml).orthogonalMatrix, short);
  });

  describe(`eigenvalues ${n}×${n}`, () => {
    bench('rnnscope', () => void eigenvalues(A), short);
    bench('ml-matrix', () => void new EVD(ml), short);
  });

  describe(`singular values ${n}×${n}`, () => {
    bench('rnnscope', () => void singularValues(A), short);
    bench(
      'ml-matrix',
      () =>
        void new SVD(ml, { computeLeftSingularVectors: false, computeRightSingularVectors: false }).diagonal,
      short,
    );
  });
}
