import { isHdf5 } from './hdf5.js';
import type { Folder } from './parts/folder.js';
import type { Context } from './reader.js';
import { readable } from './readers.js';

/** What can be read, and how to get there. Asked for when it is needed: by then all readers are known. */
const instead = (way: string) => () => `${readable()}; ${way}`;
const EXPORT = instead('export the weights to one of these.');
const FROM_ORT = instead('give the .onnx file that it was made from.');
const FROM_ORBAX = instead(
  'convert: params = orbax.checkpoint.PyTreeCheckpointer().restore(PATH), then flax.serialization.to_bytes(params) into a .msgpack.',
);
const RESAVE = 'save it again with a current PyTorch: torch.save(model.state_dict(), "model.pt").';
const DOWNLOAD = 'Download the file itself';
const WEIGHTS = 'Give the path of a weights file.';

/** A kind of file that is known and not read. */
interface Foreign {
  readonly what: string | ((context: Context) => string);
  readonly remedy: string | (() => string);
  is(head: Uint8Array, context: Context): boolean;
}

/** Told by their first bytes, or by the members of an archive. */
const KINDS: readonly Foreign[] = [
  {
    what: 'a MATLAB file (HDF5)',
    remedy: instead('save the arrays as .npy or JSON.'),
    is: (_head, { source }) => isHdf5(source),
  },
  { what: 'a torch.package archive', remedy: RESAVE, is: holds(/(^|\/)\.data\/extern_modules$/) },
  {
    what: ({ archive }) => `a ZIP archive without a model that we know${listed([...archive!.keys()])}`,
    remedy: EXPORT,
    is: (_head, { archive }) => archive !== undefined,
  },
  { what: 'a GGUF file', remedy: EXPORT, is: begins('GGUF') },
  { what: 'an ONNX Runtime (.ort) file', remedy: FROM_ORT, is: begins('ORTM', 4) },
  { what: 'a TensorFlow Lite file', remedy: EXPORT, is: begins('TFL3', 4) },
  {
    what: 'the data of a TensorFlow checkpoint',
    remedy: 'Give the name of the checkpoint, without .data-…, or its .index.',
    is: (_head, { source }) => /\.data-\d{5}-of-\d{5}$/.test(source.path),
  },
  { what: 'a tar archive, as PyTorch wrote before 0.1.10', remedy: RESAVE, is: begins('ustar', 257) },
  {
    what: 'a Git LFS pointer, not the file itself',
    remedy: `${DOWNLOAD}: git lfs pull.`,
    is: begins('version https://git-lfs'),
  },
  {
    what: 'a git-annex link, not the file itself',
    remedy: `${DOWNLOAD}: git annex get.`,
    is: (head) => /^(\/annex\/objects\/|.*\.git\/annex\/)/.test(text(head)),
  },
  {
    what: 'an HTML page, perhaps an error page of a download',
    remedy: `${DOWNLOAD}.`,
    is: (head) => /^\s*<(!doctype html|html|head|body)/i.test(text(head)),
  },
  {
    what: 'an OpenVINO description of a network',
    remedy: FROM_ORT,
    is: (head, { source }) => /^\s*<(\?xml|net )/i.test(text(head)) && /<net[ >]/.test(beginning(source)),
  },
  {
    what: 'an XML document, perhaps an error page of a download',
    remedy: `${DOWNLOAD}.`,
    is: (head) => /^\s*<\?xml/i.test(text(head)),
  },
  {
    what: 'a GGML file',
    remedy: EXPORT,
    is: (head) => ['lmgg', 'tjgg', 'fmgg'].includes(text(head.subarray(0, 4))),
  },
  {
    what: 'a Core ML model',
    remedy: EXPORT,
    is: (head, { source }) => source.extension === '.mlmodel' && head[0] === 0x08,
  },
  { what: 'a picture', remedy: WEIGHTS, is: starts(0x89, 0x50, 0x4e, 0x47) },
  { what: 'a picture', remedy: WEIGHTS, is: starts(0xff, 0xd8, 0xff) },
  { what: 'a PDF document', remedy: WEIGHTS, is: begins('%PDF') },
  { what: 'a database of SQLite', remedy: WEIGHTS, is: begins('SQLite format 3') },
  { what: 'a table of Parquet', remedy: WEIGHTS, is: begins('PAR1') },
  { what: 'compressed by gzip', remedy: 'Unpack it first: gunzip.', is: starts(0x1f, 0x8b) },
  { what: 'compressed by zstd', remedy: 'Unpack it first: unzstd.', is: starts(0x28, 0xb5, 0x2f, 0xfd) },
  { what: 'compressed by xz', remedy: 'Unpack it first: unxz.', is: starts(0xfd, 0x37, 0x7a, 0x58, 0x5a) },
  { what: 'compressed by bzip2', remedy: 'Unpack it first: bunzip2.', is: begins('BZh') },
  { what: 'a 7-Zip archive', remedy: 'Unpack it first.', is: starts(0x37, 0x7a, 0xbc, 0xaf) },
  { what: 'a MATLAB file', remedy: instead('save the arrays as JSON.'), is: begins('MATLAB 5.0') },
];

/** Throws if the bytes are those of a file that is known and not read. */
export function refuseForeign(head: Uint8Array, context: Context): void {
  refusePickle(head, context);
  const kind = KINDS.find((candidate) => candidate.is(head, context));
  if (kind !== undefined) throw context.source.fault('UNSUPPORTED', sentence(kind, context));
}

function refusePickle(head: Uint8Array, { source }: Context): void {
  if (head[0] !== 0x80 || !(head[1]! >= 2 && head[1]! <= 5)) return;
  const text = 'this is a plain Python pickle, which is neither a current nor an old PyTorch file.';
  throw source.fault('UNKNOWN', `${text} If PyTorch can load it, ${RESAVE}`);
}

/** Several frameworks save folders. */
const FOLDERS: readonly (Pick<Foreign, 'what' | 'remedy'> & { is(names: readonly string[]): boolean })[] = [
  {
    what: 'an Orbax checkpoint',
    remedy: FROM_ORBAX,
    is: (names) => names.includes('_METADATA') || names.includes('_CHECKPOINT_METADATA'),
  },
  {
    what: 'a folder with several TensorFlow checkpoints',
    remedy: 'Give the name of one of them, without .index.',
    is: (names) => names.some((name) => name.endsWith('.index')),
  },
  { what: 'a Core ML package', remedy: EXPORT, is: holdsFile('Manifest.json') },
];

export function refuseFolder(folder: Folder): never {
  const names = folder.names();
  const kind = FOLDERS.find(({ is }) => is(names));
  if (kind !== undefined) throw folder.fault('UNSUPPORTED', sentence(kind));
  throw folder.fault('UNSUPPORTED', 'this is a folder. Give the path of a weights file.');
}

function sentence({ what, remedy }: Pick<Foreign, 'what' | 'remedy'>, context?: Context): string {
  const kind = typeof what === 'string' ? what : what(context!);
  return `this is ${kind}. ${typeof remedy === 'string' ? remedy : remedy()}`;
}

/** ' (it holds a, b, c and 5 more)'. */
function listed(names: readonly string[]): string {
  if (names.length === 0) return ', as it is empty';
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return ` (it holds ${names.slice(0, 3).join(', ')}${more})`;
}

const beginning = (source: Context['source']): string => text(source.read(0, Math.min(4096, source.size)));

function holdsFile(name: string): (names: readonly string[]) => boolean {
  return (names) => names.includes(name);
}

function holds(member: RegExp): Foreign['is'] {
  return (_head, { archive }) =>
    archive !== undefined && [...archive.keys()].some((name) => member.test(name));
}

function begins(letters: string, at = 0): Foreign['is'] {
  return (_head, { source }) =>
    source.size >= at + letters.length && text(source.read(at, letters.length)) === letters;
}

function starts(...magic: number[]): Foreign['is'] {
  return (head) => matches(head, magic);
}

function matches(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
