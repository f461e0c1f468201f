import { parseJson } from './parts/json-text.js';
import { DAMAGED, type Source } from './parts/source.js';
import { openZip } from './parts/zip.js';
import { torchArchive } from './pytorch.js';
import { type Contents, noTensors, type Reader } from './reader.js';
import { readSafetensors } from './safetensors.js';
import type { Tensor } from './weight-file.js';

// Hugging Face's sharded checkpoints: { "metadata": {...}, "weight_map": { tensor: file } }, the files beside it.

const MAX_INDEX = 64 * 2 ** 20;
const MAX_DEPTH = 8;
const MAX_SHARDS = 10_000;
/** Where the key has to stand for the index to be told by its content. */
const BEGINNING = 64 * 2 ** 10;

export const safetensorsIndex: Reader = {
  name: 'safetensors-index',
  reads: '.safetensors.index.json',
  extensions: [],
  sniff(head, { source }) {
    if (!/^\s*\{/.test(latin1(head))) return false;
    if (source.path.endsWith('.index.json')) return true;
    return latin1(source.read(0, Math.min(BEGINNING, source.size))).includes('"weight_map"');
  },
  entry(folder) {
    const names = folder.names();
    const index = names.filter((name) => /\.(safetensors|bin)\.index\.json$/.test(name));
    if (index.length > 0) return index[0];
    const single = names.filter((name) => name.endsWith('.safetensors'));
    return single.length === 1 ? single[0] : undefined;
  },
  read({ source }) {
    const shards = shardsOf(source);
    if (shards.size > MAX_SHARDS)
      throw source.fault('LIMIT', `names ${shards.size} files; at most ${MAX_SHARDS} are opened.`);
    const tensors = new Map<string, Tensor>();
    const notes: string[] = [];
    for (const [name, wanted] of shards) {
      const shard = readShard(source.sibling(name));
      notes.push(...(shard.notes ?? []));
      for (const tensor of wanted) tensors.set(tensor, pick(source, shard, name, tensor));
    }
    if (tensors.size > 0) return { tensors, notes };
    throw noTensors(source, 'its weight_map is empty', 'Save the weights again.');
  },
};

const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

/** File → the tensors that are said to be in it. */
function shardsOf(source: Source): Map<string, string[]> {
  if (source.size > MAX_INDEX)
    throw source.fault('LIMIT', `is an index of ${source.size} bytes; at most ${MAX_INDEX} are read.`);
  const root = parseJson(source, source.read(0, source.size), MAX_DEPTH, 'its text') as {
    weight_map?: unknown;
  };
  const map = root.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw source.fault('CORRUPT', `has no weight_map, which an index of shards has. ${DAMAGED}`);
  const shards = new Map<string, string[]>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string')
      throw source.fault(
        'CORRUPT',
        `its weight_map has ${JSON.stringify(file)} for '${tensor}', not a file. ${DAMAGED}`,
      );
    const wanted = shards.get(file);
    if (wanted === undefined) shards.set(file, [tensor]);
    else wanted.push(tensor);
  }
  return shards;
}

/** pytorch_model.bin.index.json speaks of files of torch.save in the same way. */
function readShard(shard: Source): Contents {
  const isZip = shard.size >= 2 && latin1(shard.read(0, 2)) === 'PK';
  return isZip ? torchArchive(shard, openZip(shard)) : readSafetensors(shard);
}

function pick(source: Source, { tensors }: Contents, file: string, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor !== undefined) return tensor;
  throw source.fault(
    'CORRUPT',
    `says that the tensor '${name}' is in ${file}, which has no such tensor. ${DAMAGED}`,
  );
}
