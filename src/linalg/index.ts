export { KrylovSpace, orthogonalise, type RitzValue } from './arnoldi.js';
export * from './eig.js';
export * from './eigenvalue-condition.js';
export * from './elementwise.js';
export { type GemmOptions, gemm } from './gemm.js';
export * from './gemv.js';
export { type GmresOptions, type GmresSolution, gmres, type Operator } from './gmres.js';
export { logAbsDet } from './log-abs-det.js';
export { Lu, lu } from './lu.js';
export * from './matrix.js';
export * from './norm.js';
export { qrInPlace } from './qr.js';
export * from './reference.js';
export { Resolvent } from './resolvent.js';
export * from './scaled-rows.js';
export { singularValues, spectralNorm } from './svd.js';
export { axpy, dot, norm2 } from './vector.js';
export {
  type Arithmetic,
  addressOf,
  arithmetic,
  join,
  kernels,
  release,
  resident,
  residentVector,
  type Shared,
  share,
  useArithmetic,
  viewAt,
} from './wasm.js';
