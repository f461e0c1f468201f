import { existsSync, statSync } from 'node:fs';
import { printable } from '../errors.js';
import { readCsv } from './csv.js';
import { refuseFolder, refuseForeign } from './foreign.js';
import { npy } from './npy.js';
import { npz } from './npz.js';
import { digestOf } from './parts/digest.js';
import { Folder } from './parts/folder.js';
import { CHUNK, chunks, openSource, type Source } from './parts/source.js';
import { openZip } from './parts/zip.js';
import type { Context, Reader } from './reader.js';
import { READERS, readable } from './readers.js';
import type { Tensor, WeightFile } from './weight-file.js';

export { npyBytes } from './npy.js';
export { READERS } from './readers.js';
export type { Fact, ModuleAttributes, Tensor, WeightFile } from './weight-file.js';

const HEAD = 64;
const ZIP_SIGNATURES = ['PK\x03\x04', 'PK\x05\x06'];

/**
 * Reads the tensors of a weights file, told by its content, or of a folder that a framework saves as one. Their bytes
 * are widened when their values are asked for.
 */
export async function readWeightFile(path: string): Promise<WeightFile> {
  const folder = isFolder(path) ? new Folder(path) : undefined;
  const source = folder ? openEntry(folder) : openSource(withSuffix(path));
  try {
    return { ...(await readSource(source, folder)), path };
  } finally {
    for (const file of filesOf(source, folder)) file.close();
  }
}

/** As `readWeightFile`, from bytes that are open already. */
export async function readSource(source: Source, folder?: Folder): Promise<WeightFile> {
  const { head, context } = examine(source, folder);
  const reader = chooseReader(head, context);
  const { tensors, modules, documents, program, step, notes } = await reader.read(context);
  return {
    path: source.path,
    format: reader.name,
    tensors,
    modules: modules ?? new Map(),
    documents: documents ?? new Map(),
    ...(program && { program }),
    ...(step !== undefined && { step }),
    notes: (notes ?? []).map(printable),
    sha256: digestOf(filesOf(source, folder)),
  };
}

const filesOf = (source: Source, folder: Folder | undefined): Source[] => folder?.files() ?? source.files();

function openEntry(folder: Folder): Source {
  for (const reader of READERS) {
    const name = reader.entry?.(folder);
    if (name !== undefined) return folder.open(name);
  }
  return refuseFolder(folder);
}

/** TensorFlow's users name a checkpoint by what its files begin with. */
function withSuffix(path: string): string {
  if (existsSync(path)) return path;
  const named = READERS.flatMap(({ suffix }) => (suffix === undefined ? [] : [path + suffix]));
  return named.find((candidate) => existsSync(candidate)) ?? path;
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** An array of numbers: the inputs of a network, a state. `key` names one of several in an .npz. */
export interface NumberArray {
  readonly shape: number[];
  readonly values: Float64Array;
  readonly dtype: string;
}

export async function readArray(path: string, key?: string): Promise<NumberArray> {
  if (isFolder(path)) return refuseFolder(new Folder(path));
  const source = openSource(path);
  try {
    const { head, context } = examine(source);
    const reader = arrayReader(head, context);
    if (reader !== undefined) return arrayOf(pick(source, (await reader.read(context)).tensors, reader, key));
    if (key !== undefined) {
      throw source.fault('USAGE', `is text, so it has no array '${key}'. Leave the key out.`);
    }
    return { ...readCsv(source), dtype: 'f64' };
  } finally {
    source.close();
  }
}

/** The reader of a NumPy file; undefined for text. */
function arrayReader(head: Uint8Array, context: Context): Reader | undefined {
  const { source } = context;
  const reader = READERS.find((candidate) => candidate.sniff(head, context));
  if (reader === npy || reader === npz) return reader;
  if (reader !== undefined) {
    const text = `is a file of format ${reader.name}; arrays are read from .npy, .npz and .csv`;
    throw source.fault('UNSUPPORTED', `${text}. Save it as one of these.`);
  }
  if (source.extension === '.npy') return npy;
  refuseForeign(head, context);
  return undefined;
}

function arrayOf(tensor: Tensor): NumberArray {
  return { shape: [...tensor.shape], values: tensor.values(), dtype: tensor.dtype };
}

/** The array of that name, or the only one. The name of an array in an .npy file is that of the file: not asked for. */
function pick(
  source: Source,
  tensors: ReadonlyMap<string, Tensor>,
  reader: Reader,
  key: string | undefined,
): Tensor {
  const [first, ...others] = tensors.values();
  if (first !== undefined && others.length === 0 && (key === undefined || key === first.name)) return first;
  const names = [...tensors.keys()].join(', ');
  if (key === undefined) {
    throw source.fault('USAGE', `holds several arrays: ${names}. Name one of them as ${source.label}:KEY.`);
  }
  const chosen = tensors.get(key);
  if (chosen !== undefined) return chosen;
  if (reader === npy)
    throw source.fault('USAGE', `holds one array without a name, not '${key}'. Leave the key out.`);
  throw source.fault('NOT_FOUND', `has no array '${key}'. It holds: ${names}.`);
}

function examine(source: Source, folder?: Folder): { head: Uint8Array; context: Context } {
  refuseEmpty(source);
  const head = source.read(0, Math.min(HEAD, source.size));
  const tail = source.read(Math.max(0, source.size - 8), Math.min(8, source.size));
  const signature = new TextDecoder('latin1').decode(head.subarray(0, 4));
  const archive = ZIP_SIGNATURES.includes(signature) ? openZip(source) : undefined;
  return { head, context: { source, tail, archive, ...(folder ? { folder } : {}) } };
}

const ZEROS = Buffer.alloc(CHUNK);

function refuseEmpty(source: Source): void {
  if (source.size === 0) throw source.fault('EMPTY', 'is empty. Save or copy it again.');
  for (const chunk of chunks(source)) if (!ZEROS.subarray(0, chunk.length).equals(chunk)) return;
  throw source.fault('EMPTY', `is empty: all of its ${source.size} bytes are zero. Save or copy it again.`);
}

/** Content before extension: the extension decides only which reader says what is wrong with the bytes. */
function chooseReader(head: Uint8Array, context: Context): Reader {
  const { source } = context;
  const sure = READERS.find((reader) => reader.sniff(head, context));
  if (sure !== undefined) return sure;
  refuseForeign(head, context);
  const named = READERS.find((reader) => reader.extensions.includes(source.extension));
  if (named !== undefined && context.archive === undefined) return named;
  const hex = [...head.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw source.fault('UNKNOWN', `is of no kind that we know; it begins with ${hex}. ${readable()}.`);
}
