import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../errors.js';

/** Refuses, before a run that may be long, files that could not be written after it, and the network's own file. */
export async function checkWritable(path: string, modelPath: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory())
    throw new UserError('USAGE', `${path} cannot be written (it is a folder): name a file in it`);
  if (there && (await realpath(path)) === (await realpath(modelPath).catch(() => undefined)))
    throw new UserError('USAGE', `${path} is the file that is read: name another one to write to`);
  const folder = dirname(path);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw unwritable(path, `there is no folder ${folder}`);
  // A device in a folder that is closed, such as /dev/null, is still open to all.
  await access(there && !there.isFile() ? path : folder, constants.W_OK).catch((cause: Error) => {
    throw unwritable(path, cause.message, cause);
  });
}

const unwritable = (path: string, why: string, cause?: unknown): UserError =>
  new UserError(
    'USAGE',
    `${path} cannot be written (${why}): name a file in a folder that you may write to`,
    {
      cause,
    },
  );

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
    throw unwritable(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}
