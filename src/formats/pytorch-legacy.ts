import { readPickle } from './parts/pickle.js';
import { PyDict, PyList, type PyValue } from './parts/python.js';
import { DAMAGED, INCOMPLETE, type Source, safeLength, view } from './parts/source.js';
import { type StorageBytes, torchContents } from './parts/torch-contents.js';
import { TORCH_BUILDERS, TorchStorage } from './parts/torch-objects.js';
import type { Reader } from './reader.js';

// torch/serialization.py, _legacy_save: five pickles (magic number, protocol, system, object, storage keys), and then
// for each key the number of elements as i64 and the bytes.

/** The pickle of the magic number 0x1950a86a20f9469cfc6c. */
const MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/** What torch.save wrote before PyTorch 1.6, and writes with _use_new_zipfile_serialization=False. */
export const pytorchLegacy: Reader = {
  name: 'pytorch-legacy',
  reads: 'PyTorch .pt/.pth/.ckpt',
  extensions: [],
  sniff: (head) => MAGIC.every((byte, i) => head[i] === byte),
  read({ source }) {
    const itemSizes = new Map<string, number>();
    let end = 0;
    const next = () => {
      const pickle = readPickle(source, rememberSizes(itemSizes), end);
      end = pickle.end;
      return pickle.value;
    };
    const [, , system, root, keys] = [next(), next(), next(), next(), next()];
    const storages = findStorages(source, keys!, itemSizes, end);
    const file = {
      source,
      bigEndian: isBigEndian(system!),
      storage: (key: string) => storages.get(key),
      classFacts: () => new Map<string, string>(),
    };
    return torchContents(file, root!);
  },
};

/** The list at the end has no types: those that the persistent ids name say how many bytes an element has. */
function rememberSizes(itemSizes: Map<string, number>): typeof TORCH_BUILDERS {
  return {
    ...TORCH_BUILDERS,
    persistent(id) {
      const value = TORCH_BUILDERS.persistent(id);
      if (value instanceof TorchStorage) itemSizes.set(value.key, value.type?.itemSize ?? 1);
      return value;
    },
  };
}

function findStorages(
  source: Source,
  keys: PyValue,
  itemSizes: ReadonlyMap<string, number>,
  start: number,
): Map<string, StorageBytes> {
  if (!(keys instanceof PyList))
    throw source.fault('CORRUPT', `its list of storages is not a list. ${DAMAGED}`);
  const storages = new Map<string, StorageBytes>();
  let at = start;
  for (const key of keys.items.map(String)) {
    const count = safeLength(view(source.read(at, 8)).getBigInt64(0, true));
    const itemSize = itemSizes.get(key);
    if (count === undefined || itemSize === undefined) {
      throw source.fault(
        'CORRUPT',
        `storage ${key} at byte ${at} is not one that the model uses. ${DAMAGED}`,
      );
    }
    const [offset, size] = [at + 8, count * itemSize];
    if (offset + size > source.size) {
      const text = `storage ${key} needs ${size} bytes but ${source.size - offset} are left`;
      throw source.fault('TRUNCATED', `${text}. ${INCOMPLETE}`);
    }
    storages.set(key, { bytes: source, offset, size });
    at = offset + size;
  }
  return storages;
}

function isBigEndian(system: PyValue): boolean {
  return system instanceof PyDict && system.entries.get('little_endian') === false;
}
