import { UserError } from '../errors.js';
import { readNpy } from './npy.js';
import type { ZipMember } from './parts/zip.js';
import { type Contents, noTensors, type Reader } from './reader.js';
import type { Tensor } from './weight-file.js';

export const npz: Reader = {
  name: 'npz',
  reads: '.npz',
  extensions: [],
  sniff: (_head, { archive }) =>
    archive !== undefined && archive.size > 0 && [...archive.keys()].every((name) => name.endsWith('.npy')),
  read({ source, archive }) {
    const contents = readMembers([...archive!.values()]);
    if (contents.tensors.size > 0) return contents;
    const reason = contents.notes?.join('; ') || 'the archive is empty';
    throw noTensors(source, reason, 'Save the arrays under their names: np.savez.');
  },
};

/** Arrays of text or objects are passed over, unless there is nothing else. */
function readMembers(members: readonly ZipMember[]): Contents {
  const tensors = new Map<string, Tensor>();
  const refusals: UserError[] = [];
  for (const member of members) {
    try {
      const name = member.name.replace(/\.npy$/, '');
      tensors.set(name, readNpy(member, name));
    } catch (error) {
      if (!(error instanceof UserError) || !['UNSUPPORTED', 'REFUSED'].includes(error.code)) throw error;
      refusals.push(error);
    }
  }
  if (tensors.size === 0 && refusals.length > 0) throw refusals[0]!;
  return { tensors, notes: refusals.map((refusal) => `skipped an array: ${refusal.message}`) };
}
