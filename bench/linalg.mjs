// The kernels, against their plain twins and ml-matrix.
import { EVD, Matrix as MlMatrix, QrDecomposition, SVD } from 'ml-matrix';
import {
  arithmetic,
  copy,
  eigenvalues,
  gemm,
  gemv,
  lu,
  qrInPlace,
  resident,
  residentVector,
  singularValues,
  spectralNorm,
  sumScaledRows,
  toRows,
  useArithmetic,
  vectorSigmoid,
  vectorTanh,
  zeros,
} from '../dist/src/linalg/index.js';
import { random } from '../dist/src/random.js';
import { milliseconds, once } from './measure.mjs';

const owner = {};

function gaussian(rows, cols = rows) {
  const next = random(rows + cols);
  const A = resident(owner, rows, cols);
  for (let i = 0; i < A.data.length; i++) A.data[i] = next.normal();
  return A;
}

/** What each row is: a question, the flops that it is counted with, and how the three answer it. */
function* cases() {
  for (const n of [64, 256, 512]) {
    const A = gaussian(n);
    const B = gaussian(n);
    const C = resident(owner, n, n);
    yield {
      name: 'product',
      size: `${n}×${n}`,
      flops: 2 * n ** 3,
      run: () => gemm(C, A, B),
      mlMatrix:
        n <= 256 &&
        (
          (ml) => () =>
            ml.mmul(ml)
        )(new MlMatrix(toRows(A))),
    };
  }
  for (const k of [8, 24]) {
    const [n, A] = [2048, gaussian(2048)];
    const B = gaussian(n, k);
    const C = resident(owner, n, k);
    yield { name: 'product', size: `${n}×${n}×${k}`, flops: 2 * n * n * k, run: () => gemm(C, A, B) };
  }
  for (const n of [256, 1024]) {
    const A = gaussian(n);
    const x = residentVector(owner, n).fill(0.5);
    const y = residentVector(owner, n);
    yield { name: 'matrix times vector', size: `${n}×${n}`, flops: 2 * n * n, run: () => gemv(y, A, x) };
    yield {
      name: 'transpose times vector',
      size: `${n}×${n}`,
      flops: 2 * n * n,
      run: () => gemv(y, A, x, { trans: true }),
    };
  }
  for (const n of [64, 256, 512]) {
    const A = gaussian(n);
    const work = resident(owner, n, n);
    yield {
      name: 'QR with Q',
      size: `${n}×${n}`,
      // 4/3 n³ for R and as many for Q: LAPACK's count of dgeqrf and dorgqr.
      flops: (8 / 3) * n ** 3,
      run: () => {
        work.data.set(A.data);
        qrInPlace(work);
      },
      mlMatrix:
        n <= 256 &&
        (
          (ml) => () =>
            new QrDecomposition(ml).orthogonalMatrix
        )(new MlMatrix(toRows(A))),
    };
  }
  for (const n of [64, 256, 512]) {
    const A = gaussian(n);
    const ml = new MlMatrix(toRows(A));
    yield {
      name: 'eigenvalues',
      size: `${n}×${n}`,
      run: () => eigenvalues(A),
      mlMatrix: n <= 256 && (() => new EVD(ml)),
    };
    yield { name: 'LU', size: `${n}×${n}`, flops: (2 / 3) * n ** 3, run: () => lu(A) };
  }
  for (const n of [64, 256, 384]) {
    const A = gaussian(n);
    const ml = new MlMatrix(toRows(A));
    const none = { computeLeftSingularVectors: false, computeRightSingularVectors: false };
    yield {
      name: 'singular values',
      size: `${n}×${n}`,
      run: () => singularValues(A),
      mlMatrix: n <= 256 && (() => new SVD(ml, none)),
    };
    yield { name: 'spectral norm', size: `${n}×${n}`, run: () => spectralNorm(A) };
  }
  {
    const n = 256;
    const W = [gaussian(n), gaussian(n), gaussian(n)];
    const out = resident(owner, n, n);
    const terms = W.map((M) => ({ coefficient: gaussian(n, 1).data, W: M }));
    yield {
      name: 'sum of 3 scaled',
      size: `${n}×${n}`,
      flops: 6 * n * n,
      run: () => sumScaledRows(out, terms),
    };
    const x = gaussian(1024, 1).data;
    const value = residentVector(owner, 1024);
    const slope = residentVector(owner, 1024);
    yield { name: 'tanh and slope', size: '1024', run: () => vectorTanh(value, x, slope) };
    yield { name: 'σ, 1 − σ, slope', size: '1024', run: () => vectorSigmoid(value, x, null, slope) };
  }
}

/** One measured row after another. Twins get ordinary matrices as well: what is resident costs them nothing. */
export function* rows({ quick }) {
  const fastest = arithmetic();
  for (const { name, size, flops, run, mlMatrix } of cases()) {
    const time = quick ? 60 : 300;
    const ms = milliseconds(run, time);
    const row = { name, size, milliseconds: ms };
    if (flops) row.gflops = flops / ms / 1e6;
    useArithmetic('plain');
    row.timesPlain = milliseconds(run, time / 2) / ms;
    useArithmetic(fastest);
    if (mlMatrix) row.timesMlMatrix = (ms > 5 ? once(mlMatrix) : milliseconds(mlMatrix, time / 2)) / ms;
    yield row;
  }
}

/** GF/s of multiplications and additions in registers alone: what a product cannot exceed. */
export function ceiling(kernels) {
  const rounds = 1e6;
  return (32 * rounds) / milliseconds(() => kernels.ceiling(rounds, 0.1), 200) / 1e6;
}

/** GF/s of the product of two 256×256 matrices: what everything is measured against. */
export function gemmRate() {
  const n = 256;
  const [A, B, C] = [gaussian(n), gaussian(n), zeros(n, n)];
  const into = resident(owner, n, n);
  gemm(C, copy(A), copy(B));
  return (2 * n ** 3) / milliseconds(() => gemm(into, A, B), 300) / 1e6;
}
