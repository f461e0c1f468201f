/** Bytes before the progress of the tasks: which is next, and whether to stop. */
const HEADER = 8;
const NEXT = 0;
const STOP = 1;

/**
 * What the threads that share a job say to one another, in memory that all see: the number of the next task to be taken, how far each
 * task is, and whether to stop. Nobody waits for anybody.
 */
export class Control {
  private readonly words: Int32Array;
  private readonly progress: Float64Array;

  constructor(
    readonly tasks: number,
    readonly memory: SharedArrayBuffer = new SharedArrayBuffer(HEADER + 8 * tasks),
  ) {
    this.words = new Int32Array(memory, 0, HEADER / 4);
    this.progress = new Float64Array(memory, HEADER, tasks);
  }

  /** A task that nobody has taken; undefined where there is none, or the job is to stop. */
  take(): number | undefined {
    if (this.stopped) return undefined;
    const task = Atomics.add(this.words, NEXT, 1);
    return task < this.tasks ? task : undefined;
  }

  /** Whether there is something left to take. */
  get open(): boolean {
    return !this.stopped && Atomics.load(this.words, NEXT) < this.tasks;
  }

  get stopped(): boolean {
    return Atomics.load(this.words, STOP) === 1;
  }

  stop(): void {
    Atomics.store(this.words, STOP, 1);
  }

  /** Says which share of a task is done. */
  report(task: number, share: number): void {
    this.progress[task] = share;
  }

  /** How many tasks are done, parts of tasks included. */
  get done(): number {
    let sum = 0;
    for (const share of this.progress) sum += share;
    return sum;
  }
}
