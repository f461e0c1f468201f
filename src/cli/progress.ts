import type { SingleBar } from 'cli-progress';
import { show } from '../numbers.js';
import type { Watch } from '../outcome.js';

/** Progress is shown only once a run has taken this long, and only on a terminal. */
const PATIENCE_MS = 1000;
const TURN_MS = 50;
const REDRAW_MS = 100;
/** Wrappers (npx, timeout) hand on a Ctrl-C that the terminal has sent as well: so soon after the first it is the same. */
const SAME_KEY_MS = 300;

/**
 * Shows how far a run is and hears Ctrl-C: the first asks the run to stop and report what it has, the second ends the
 * process at once.
 */
export class Progress implements Watch {
  interrupted = false;
  private readonly began = Date.now();
  private turned = this.began;
  private drawn = 0;
  private bar: SingleBar | undefined;
  private heard = 0;
  private since: { label: string; now: number; done: number } | undefined;
  private readonly onInterrupt = (): void => {
    if (this.interrupted) {
      if (Date.now() - this.heard > SAME_KEY_MS) process.exit(130);
      return;
    }
    this.interrupted = true;
    this.heard = Date.now();
    this.bar?.stop();
    if (this.visible) process.stderr.write('stopping: Ctrl-C again ends at once, without a result\n');
    // The system then ends the process also where a long computation keeps signals from being heard.
    setTimeout(() => this.unlisten(), SAME_KEY_MS).unref();
  };

  constructor(private readonly visible: boolean) {
    process.on('SIGINT', this.onInterrupt);
    process.on('SIGTERM', this.onInterrupt);
  }

  tick(done: number, total: number, label = ''): boolean | Promise<boolean> {
    const now = Date.now();
    if (now - this.turned < TURN_MS) return this.interrupted;
    this.turned = now;
    return this.turn(now, done, total, label);
  }

  /** Lets signals in, and redraws. */
  private async turn(now: number, done: number, total: number, label: string): Promise<boolean> {
    if (this.visible && !this.interrupted && now - this.began > PATIENCE_MS && now - this.drawn > REDRAW_MS) {
      this.drawn = now;
      this.bar ??= await newBar(total);
      this.bar.setTotal(total);
      this.bar.update(done, { label, rate: this.rate(now, done, label) });
    }
    await new Promise((resolve) => setImmediate(resolve));
    return this.interrupted;
  }

  /** Units a second since this label first came up: the parts of a run go at speeds of their own. */
  private rate(now: number, done: number, label: string): string {
    if (label !== this.since?.label) this.since = { label, now, done };
    const seconds = (now - this.since.now) / 1000;
    return seconds < 0.5 ? '–' : show((done - this.since.done) / seconds, 2);
  }

  end(): void {
    this.bar?.stop();
    this.unlisten();
  }

  private unlisten(): void {
    process.off('SIGINT', this.onInterrupt);
    process.off('SIGTERM', this.onInterrupt);
  }
}

async function newBar(total: number): Promise<SingleBar> {
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar(
    {
      // A narrow terminal cuts off the end.
      format: '{bar} {percentage}% · {eta_formatted} left · {rate}/s · {label} {value}/{total}',
      barsize: 12,
      clearOnComplete: true,
      stopOnComplete: false,
      hideCursor: true,
      gracefulExit: false,
      linewrap: false,
      stream: process.stderr,
    },
    progress.Presets.shades_classic,
  );
  bar.start(total, 0, { label: 'working', rate: '–' });
  return bar;
}
