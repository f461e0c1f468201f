export { WORKSPACE, gemm, workspace } from "./gemm";
export { ceiling } from "./ceiling";
