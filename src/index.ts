/**
 * rnnscope as a library: everything that the command line can do.
 *
 * `ask('lyapunov', 'model.pt', { drive: 'inputs.npy' })` is the whole line; the parts that it is made of follow below.
 */
export type { Analysis, Answer } from '../analyses/analysis.js';
export type { CompareValue } from '../analyses/compare.js';
export type { DiagnoseValue, Finding } from '../analyses/diagnose.js';
export type { FixedPointsValue, RestPoint } from '../analyses/fixed-points.js';
export type { GatesValue } from '../analyses/gates.js';
export type { GradientsValue } from '../analyses/gradients.js';
export { type AnalysisName, analyses } from '../analyses/index.js';
export type { InspectValue } from '../analyses/inspect.js';
export type { JacobianValue } from '../analyses/jacobian.js';
export type { LyapunovValue } from '../analyses/lyapunov.js';
export type { VerifyValue } from '../analyses/verify.js';
export { readResults, renderReport, sectionOf } from '../reports/index.js';
export { type Asked, ask, askOf, compare, type Given, inspect, verify } from './ask.js';
export { type Cell, cellNamed, cells } from './cells/index.js';
export { closedLoop } from './dynamics/closed-loop.js';
export * from './dynamics/drive.js';
export { functionSystem, type MapDefinition } from './dynamics/function-system.js';
export { network } from './dynamics/network.js';
export { type Subject, subjectOf } from './dynamics/subject.js';
export type { Linearisation, System } from './dynamics/system.js';
export { Trajectory } from './dynamics/trajectory.js';
export { type ErrorCode, UserError } from './errors.js';
export { npyBytes, readArray, readWeightFile } from './formats/index.js';
export type { Tensor, WeightFile } from './formats/weight-file.js';
export { fromJson, toJson } from './json.js';
export type { Matrix } from './linalg/matrix.js';
export { listModules, readModel } from './model/index.js';
export type { Model, ModelOptions } from './model/model.js';
export type { Outcome, Watch } from './outcome.js';
export type { AnalysisResult, Complex, ModelSummary } from './result.js';
export { version } from './version.js';
