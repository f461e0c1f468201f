import { stat } from 'node:fs/promises';
import { UserError } from '../errors.js';
import type { Request } from './flags.js';

/** Files are asked for their time and size: notices of the system do not come from all kinds of storage. */
const LOOK_MS = 250;
/** A file is taken to be whole once it has not changed for this long, and a broken one is given up only then. */
const STILL_MS = 750;
const INTERRUPTED = 130;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What tells one writing of the files from the next; undefined while one is missing. */
async function stateOf(files: readonly string[]): Promise<string | undefined> {
  const found = await Promise.all(files.map((file) => stat(file).catch(() => null)));
  return found.includes(null) ? undefined : found.map((s) => `${s!.mtimeMs} ${s!.size} ${s!.ino}`).join(' ');
}

/** The models, and the inputs where they are a file. */
function filesOf({ paths, given }: Request): string[] {
  const { drive } = given;
  const named =
    typeof drive === 'string' && !/^(zero|constant|noise|expr|tokens)\b/.test(drive) ? [drive] : [];
  return [...paths, ...named.map((spec) => spec.replace(/(\.npz):.*$/i, '$1'))];
}

/**
 * Runs at once, and again whenever the files have changed and lain still for a moment: training may be half way through
 * writing one. A file that cannot be read is said, and waited for. Ends by Ctrl-C, with the status of an interrupted run.
 */
export async function watchFiles(
  request: Request,
  once: () => Promise<number>,
  say: (text: string) => void,
): Promise<number> {
  const files = filesOf(request);
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    while (!stopped) {
      const seen = await stillState(files, () => stopped);
      if (seen === undefined) break;
      await attempt(once, say);
      if (!request.output.quiet && !stopped)
        process.stderr.write('waiting for the next change (Ctrl-C ends)\n');
      while (!stopped && (await stateOf(files)) === seen) await wait(LOOK_MS);
    }
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
  return INTERRUPTED;
}

/** The state of the files once it has stayed the same for a while; undefined where that is not waited for any more. */
async function stillState(files: readonly string[], stopped: () => boolean): Promise<string | undefined> {
  let before: string | undefined;
  let since = Date.now();
  while (!stopped()) {
    const now = await stateOf(files);
    if (now === undefined || now !== before) {
      before = now;
      since = Date.now();
    } else if (Date.now() - since >= STILL_MS) return now;
    await wait(LOOK_MS);
  }
  return undefined;
}

/** A mistake in a file is for whoever writes it to mend, with the next one: said, and not the end. */
async function attempt(once: () => Promise<number>, say: (text: string) => void): Promise<void> {
  try {
    await once();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    say(error.message);
  }
}
