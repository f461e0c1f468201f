export { threadOptions, threadsOf } from './options.js';
export { type Job, parallel } from './parallel.js';
export type { RestTask, SegmentTask, TaskKind, Tasks, TrajectoryTask } from './tasks.js';
