import type { Subject } from '../dynamics/subject.js';
import { UserError } from '../errors.js';
import { arithmetic } from '../linalg/index.js';
import type { Watch } from '../outcome.js';
import { Control } from './control.js';
import type { Helper } from './pool.js';
import { recipeOf } from './portable.js';
import { type TaskKind, type Tasks, workers } from './tasks.js';
import type { PlainError, Reply } from './worker.js';

/** A worker takes this long to start, so that a job has to be longer by some for one to be worth it. */
const WORTH_MS = 150;
/** How long a job is watched before its length is judged. */
const PROBE_MS = 30;
const TURN_MS = 20;
/** Workers that do not stop within this time are ended. */
const GRACE_MS = 1000;

export interface Job<K extends TaskKind> {
  readonly kind: K;
  readonly tasks: readonly Tasks[K]['given'][];
  /** Threads at most, this one included. */
  readonly threads: number;
  /** What a task is made of, for progress: steps, starts. */
  readonly unitsPerTask: number;
  readonly label: string;
}

/**
 * Does independent tasks in this thread and in workers, and answers what they answered, in their order; undefined for those
 * that were not begun when the watch said to stop. A task is done by whoever is free, and no answer depends on who that is.
 * Workers are started once the job turns out to be long enough to pay for it.
 */
export function parallel<K extends TaskKind>(
  subject: Subject,
  job: Job<K>,
  watch: Watch,
): Promise<(Tasks[K]['answer'] | undefined)[]> {
  return new Crew(subject, job, watch).run();
}

let jobs = 0;
const subjects = new WeakMap<Subject, number>();
let numbered = 0;

function numberOf(subject: Subject): number {
  const known = subjects.get(subject) ?? ++numbered;
  subjects.set(subject, known);
  return known;
}

class Crew<K extends TaskKind> {
  private readonly number = ++jobs;
  private readonly control: Control;
  private readonly answers: (Tasks[K]['answer'] | undefined)[];
  private readonly began = performance.now();
  private turned = this.began;
  private helpers: Helper[] | undefined;
  /** Workers that have not said that they are done. */
  private busy = 0;
  private error: Error | undefined;
  private wake = (): void => {};

  constructor(
    private readonly subject: Subject,
    private readonly job: Job<K>,
    private readonly watch: Watch,
  ) {
    this.control = new Control(job.tasks.length);
    this.answers = new Array(job.tasks.length).fill(undefined);
    if (job.threads === 1 || job.tasks.length === 1) this.helpers = [];
  }

  async run(): Promise<(Tasks[K]['answer'] | undefined)[]> {
    const perform = workers[this.job.kind](this.subject);
    const one = async (task: number): Promise<void> => {
      this.answers[task] = await perform(this.job.tasks[task]!, { tick: (n, of) => this.tick(task, n, of) });
      this.control.report(task, 1);
    };
    try {
      for (let task = this.control.take(); task !== undefined; task = this.control.take()) await one(task);
      await this.others();
      // What a worker has taken with it.
      for (let task = 0; task < this.answers.length && !this.control.stopped; task++)
        if (this.answers[task] === undefined) await one(task);
    } finally {
      this.control.stop();
      for (const helper of this.helpers ?? []) helper.end(this.number);
    }
    if (this.error) throw this.error;
    return this.answers;
  }

  /** Progress of a task in this thread. */
  private tick(task: number, done: number, total: number): boolean | Promise<boolean> {
    this.control.report(task, done / total);
    const now = performance.now();
    if (now - this.turned < TURN_MS) return this.control.stopped;
    this.turned = now;
    return this.turn(now);
  }

  /** Tells how far all are, and hears whether to stop. */
  private async turn(now: number): Promise<boolean> {
    if (!this.helpers && this.isWorthIt(now - this.began)) await this.enlist();
    const { unitsPerTask, label, tasks } = this.job;
    const done = Math.floor(this.control.done * unitsPerTask);
    if (await this.watch.tick(done, tasks.length * unitsPerTask, label)) this.control.stop();
    return this.control.stopped;
  }

  /** By the pace so far: a job that has not come far enough to tell is taken to be long. */
  private isWorthIt(elapsed: number): boolean {
    const share = this.control.done / this.job.tasks.length;
    if (share === 0) return elapsed > WORTH_MS;
    return elapsed > PROBE_MS && elapsed / share - elapsed > WORTH_MS;
  }

  private async enlist(): Promise<void> {
    this.helpers = [];
    const recipe = recipeOf(this.subject);
    if (!recipe) return;
    const { kind, tasks, threads } = this.job;
    const { enlist } = await import('./pool.js');
    this.helpers = enlist(Math.min(threads, tasks.length) - 1);
    this.busy = this.helpers.length;
    const message = {
      job: this.number,
      kind,
      subject: numberOf(this.subject),
      recipe,
      tasks,
      arithmetic: arithmetic(),
      control: this.control.memory,
    };
    for (const helper of this.helpers) helper.begin(message, (reply) => this.hear(reply));
  }

  private hear(reply: Reply | undefined): void {
    if (!reply || 'ended' in reply) this.busy--;
    else if ('error' in reply) this.error ??= revived(reply.error);
    else this.answers[reply.task] = reply.answer as Tasks[K]['answer'];
    this.wake();
  }

  /** Waits for what workers have taken. */
  private async others(): Promise<void> {
    let stoppedAt: number | undefined;
    while (this.busy > 0) {
      const awake = new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, TURN_MS);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      await awake;
      const now = performance.now();
      if (await this.turn(now)) {
        stoppedAt ??= now;
        if (now - stoppedAt > GRACE_MS) {
          await Promise.all(this.helpers!.map((helper) => helper.dismiss()));
          return;
        }
      }
    }
  }
}

function revived({ code, message, stack }: PlainError): Error {
  const error = code ? new UserError(code, message) : new Error(message);
  error.stack = stack;
  return error;
}
