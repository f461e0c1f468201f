import { randomBytes } from 'node:crypto';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { UserError } from '../errors.js';

/** Writes a file whole or not at all: beside its place first, then moved there. Devices and pipes are written to directly. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  const special = await lstat(path).then(
    (stat) => !stat.isFile() && !stat.isDirectory(),
    () => false,
  );
  const beside = special ? path : `${path}.${randomBytes(4).toString('hex')}.part`;
  try {
    await writeFile(beside, data);
    if (!special) await rename(beside, path);
  } catch (cause) {
    if (!special) await rm(beside, { force: true });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      'USAGE',
      `${path} cannot be written (${why}): name a file in a folder that you may write to`,
      { cause },
    );
  }
}
