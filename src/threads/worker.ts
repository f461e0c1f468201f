import { parentPort } from 'node:worker_threads';
import { UserError } from '../errors.js';
import { type Arithmetic, useArithmetic } from '../linalg/index.js';
import type { Watch } from '../outcome.js';
import { Control } from './control.js';
import { orbitFrom, type Recipe } from './portable.js';
import { type TaskKind, workers } from './tasks.js';

/** What a worker is told of a job. It takes tasks until there are none. */
export interface JobMessage {
  readonly job: number;
  readonly kind: TaskKind;
  /** Which subject: jobs in a row are often about the same one. */
  readonly subject: number;
  readonly recipe: Recipe;
  readonly arithmetic: Arithmetic;
  readonly tasks: readonly unknown[];
  readonly control: SharedArrayBuffer;
}

/** What it says: an answer, an error, or that it takes no more. */
export type Reply =
  | { readonly job: number; readonly task: number; readonly answer: unknown }
  | { readonly job: number; readonly task: number; readonly error: PlainError }
  | { readonly job: number; readonly ended: true };

/** An error as plain data: a structured clone would forget what kind it is. */
export interface PlainError {
  readonly code: UserError['code'] | null;
  readonly message: string;
  readonly stack: string;
}

const say = (reply: Reply): void => parentPort!.postMessage(reply);

type Perform = (task: unknown, watch: Watch) => Promise<unknown>;

let ready: { readonly kind: TaskKind; readonly subject: number; readonly perform: Perform } | undefined;

/** What does a task of this job: made ready once for jobs of one kind about one subject. */
async function performer({ kind, subject, recipe }: JobMessage): Promise<Perform> {
  if (ready?.kind !== kind || ready.subject !== subject)
    ready = { kind, subject, perform: workers[kind](await orbitFrom(recipe)) as Perform };
  return ready.perform;
}

async function work(message: JobMessage): Promise<void> {
  const { job, tasks, arithmetic } = message;
  const control = new Control(tasks.length, message.control);
  // By the time that a worker has started, others may have done it all.
  if (control.open) {
    useArithmetic(arithmetic);
    const perform = await performer(message);
    for (let task = control.take(); task !== undefined; task = control.take()) {
      try {
        say({ job, task, answer: await perform(tasks[task], watchOf(control, task)) });
      } catch (error) {
        control.stop();
        say({ job, task, error: plain(error) });
      }
      control.report(task, 1);
    }
  }
  say({ job, ended: true });
}

const watchOf = (control: Control, task: number): Watch => ({
  tick(done, total) {
    control.report(task, done / total);
    return control.stopped;
  },
});

const plain = (error: unknown): PlainError => {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  return { code: error instanceof UserError ? error.code : null, message, stack };
};

parentPort?.on('message', (message: JobMessage) => void work(message));
