import { Worker } from 'node:worker_threads';
import type { JobMessage, Reply } from './worker.js';

/** Idle workers are let go after this. */
const IDLE_MS = 5000;

/** A worker thread, and who listens to it. */
export class Helper {
  private readonly thread: Worker;
  private readonly listeners = new Map<number, (reply: Reply | undefined) => void>();
  private idle: NodeJS.Timeout | undefined;

  constructor(entry: URL) {
    this.thread = new Worker(entry);
    this.thread.on('message', (reply: Reply) => this.listeners.get(reply.job)?.(reply));
    this.thread.on('error', () => this.lost());
    this.thread.on('exit', () => this.lost());
    // A worker does not keep the process alive: whoever waits for it does.
    this.thread.unref();
  }

  /** Hands on a job; `hear` is told each reply, and undefined if the worker is lost. */
  begin(message: JobMessage, hear: (reply: Reply | undefined) => void): void {
    clearTimeout(this.idle);
    this.listeners.set(message.job, hear);
    this.thread.postMessage(message);
  }

  end(job: number): void {
    this.listeners.delete(job);
    if (this.listeners.size === 0) this.idle = setTimeout(() => void this.dismiss(), IDLE_MS).unref();
  }

  async dismiss(): Promise<void> {
    this.lost();
    await this.thread.terminate();
  }

  private lost(): void {
    const at = helpers.indexOf(this);
    if (at >= 0) helpers.splice(at, 1);
    for (const hear of [...this.listeners.values()]) hear(undefined);
    this.listeners.clear();
  }
}

/** Threads that have been started, for all jobs of the process. */
const helpers: Helper[] = [];

/**
 * Beside this file in dist/, bundled or not; for sources, which Node cannot run, in what was built from them. A worker that cannot be
 * started is lost like any other.
 */
const entry = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/src/threads/worker.js' : './worker.js',
  import.meta.url,
);

/** At most `count` worker threads, started where they are not there yet; none where Node forbids them (--permission). */
export function enlist(count: number): Helper[] {
  try {
    while (helpers.length < count) helpers.push(new Helper(entry));
  } catch {
    // One thread does it all.
  }
  return helpers.slice(0, count);
}

/** How many there are. */
export const started = (): number => helpers.length;
