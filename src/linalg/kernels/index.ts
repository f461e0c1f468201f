export { ceiling } from "./ceiling";
export { eigenvalues, eigenvaluesWork } from "./eigenvalues";
export { exp, multiply, sigmoid, tanh } from "./elementwise";
export { WORKSPACE, gemm, workspace } from "./gemm";
export { axpy, dot, gemv, gemvTransposed } from "./gemv";
export { hessenberg } from "./hessenberg";
export { qr, qrWork } from "./qr";
export { scaledRows1, scaledRows2, scaledRows3, scaledRows4 } from "./scaled-rows";
