import { readWeights } from './hdf5.js';
import { parseJson } from './parts/json-text.js';
import { DAMAGED, type Source } from './parts/source.js';
import type { Archive } from './parts/zip.js';
import type { Reader } from './reader.js';

const WEIGHTS = 'model.weights.h5';
const CONFIG = 'config.json';
const METADATA = 'metadata.json';
const MAX_TEXT = 64 * 2 ** 20;
const MAX_DEPTH = 200;

/** What Keras 3 (and 2.12 on) writes: a ZIP of the network's configuration and of its weights as HDF5. */
export const keras: Reader = {
  name: 'keras',
  reads: 'Keras .keras/.h5',
  extensions: ['.keras'],
  sniff: (_head, { archive }) =>
    archive !== undefined && (archive.has(WEIGHTS) || (archive.has(CONFIG) && archive.has(METADATA))),
  async read({ source, archive }) {
    if (archive === undefined)
      throw source.fault('CORRUPT', `is no ZIP archive, which a .keras file is. ${DAMAGED}`);
    const weights = archive.get(WEIGHTS);
    if (weights === undefined || !archive.has(CONFIG)) throw incomplete(source, archive);
    weights.verify();
    const model = readJson(source, archive, CONFIG);
    const metadata = readJson(source, archive, METADATA) as { keras_version?: unknown } | undefined;
    const contents = await readWeights(source, weights);
    const version = metadata?.keras_version;
    const facts = new Map(typeof version === 'string' ? [['keras_version', version]] : []);
    return {
      ...contents,
      modules: new Map([...(contents.modules ?? []), ['', { facts }]]),
      documents: new Map([['model_config', model]]),
    };
  },
};

function incomplete(source: Source, archive: Archive) {
  const missing = archive.has(CONFIG) ? WEIGHTS : CONFIG;
  const text = `is a Keras archive without ${missing}; it holds ${[...archive.keys()].slice(0, 6).join(', ')}`;
  return source.fault('UNSUPPORTED', `${text}. Save the network again: model.save("model.keras").`);
}

function readJson(source: Source, archive: Archive, name: string): unknown {
  const member = archive.get(name);
  if (member === undefined) return undefined;
  if (member.size > MAX_TEXT)
    throw member.fault('LIMIT', `has ${member.size} bytes; at most ${MAX_TEXT} are read.`);
  member.verify();
  return parseJson(source, member.read(0, member.size), MAX_DEPTH, `its ${name}`);
}
