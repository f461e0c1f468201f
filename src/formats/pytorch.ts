import { readPickle } from './parts/pickle.js';
import type { Bytes } from './parts/source.js';
import { torchContents } from './parts/torch-contents.js';
import { TORCH_BUILDERS } from './parts/torch-objects.js';
import type { Archive } from './parts/zip.js';
import { type Contents, noTensors, type Reader } from './reader.js';

/** What torch.save and torch.jit.save write since PyTorch 1.6: a ZIP of one pickle and one member a storage. */
export const pytorch: Reader = {
  name: 'pytorch-zip',
  reads: 'PyTorch .pt/.pth/.ckpt',
  extensions: [],
  sniff: (_head, { archive }) => archive !== undefined && picklesOf(archive).length > 0,
  read: ({ source, archive }) => torchArchive(source, archive!),
};

/** The tensors of one torch.save. `source` is what holds the archive: a file, or a member of another archive. */
export function torchArchive(source: Bytes, archive: Archive): Contents {
  const names = picklesOf(archive);
  if (names.length > 1) {
    throw source.fault('AMBIGUOUS', `holds several models (${names.join(', ')}). Save one model a file.`);
  }
  const pickle = archive.get(names[0] ?? '');
  if (pickle === undefined) throw noTensors(source, 'it has no data.pkl', 'Save it again.');
  const root = pickle.name.slice(0, -'data.pkl'.length);
  const { value } = readPickle(pickle, TORCH_BUILDERS);
  pickle.verify();
  const file = {
    source,
    bigEndian: isBigEndian(archive, root),
    storage: (key: string) => storageMember(archive, `${root}data/${key}`),
    classFacts: (className: string) => scriptFacts(archive, root, className),
  };
  return torchContents(file, value);
}

/** Members called data.pkl at the top, or in a folder at the top. */
function picklesOf(archive: Archive): string[] {
  return [...archive.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
}

function storageMember(archive: Archive, name: string) {
  const member = archive.get(name);
  return member && { bytes: member, offset: 0, size: member.size };
}

export function isBigEndian(archive: Archive, root: string): boolean {
  const member = archive.get(`${root}byteorder`);
  return member?.size === 3 && new TextDecoder().decode(member.read(0, 3)) === 'big';
}

const MAX_CODE = 4 * 2 ** 20;

/** TorchScript keeps the constants of a module (mode, hidden_size ...) in its code: `name : Final[type] = value`. */
function scriptFacts(
  archive: Archive,
  root: string,
  className: string,
): Map<string, string | number | boolean> {
  const facts = new Map<string, string | number | boolean>();
  const parts = className.split('.');
  const simpleName = parts.pop()!;
  const member = archive.get(`${root}code/${parts.join('/')}.py`);
  if (member === undefined || member.size > MAX_CODE) return facts;
  const code = new TextDecoder().decode(member.read(0, member.size));
  const begin = code.indexOf(`class ${simpleName}(Module):`);
  if (begin < 0) return facts;
  const end = code.indexOf('\nclass ', begin);
  const body = code.slice(begin, end < 0 ? code.length : end);
  for (const [, name, type, text] of body.matchAll(/^ {2}(\w+) : Final\[(\w+)\] = (.+)$/gm)) {
    const value = constantOf(type!, text!);
    if (value !== undefined) facts.set(name!, value);
  }
  return facts;
}

function constantOf(type: string, text: string): string | number | boolean | undefined {
  if (type === 'bool') return text === 'True';
  if (type === 'str') return /^"([^"]*)"$/.exec(text)?.[1];
  const value = Number(text);
  return (type === 'int' || type === 'float') && Number.isFinite(value) ? value : undefined;
}
