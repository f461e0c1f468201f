import type { UserError } from '../errors.js';
import type { Folder } from './parts/folder.js';
import type { Bytes, Source } from './parts/source.js';
import type { Archive } from './parts/zip.js';
import type { ModuleAttributes, Program, Tensor } from './weight-file.js';

/** What a reader gives back; the door adds path, format and hash. */
export interface Contents {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly modules?: ReadonlyMap<string, ModuleAttributes>;
  readonly documents?: ReadonlyMap<string, unknown>;
  readonly program?: Program;
  readonly step?: number;
  readonly notes?: readonly string[];
}

/** What can be learnt about a file before a reader is chosen. */
export interface Context {
  readonly source: Source;
  /** The folder that the user named, where one was named: `source` is then the file in it that `entry` chose. */
  readonly folder?: Folder;
  /** The last 8 bytes; fewer if the file is shorter. */
  readonly tail: Uint8Array;
  /** The file as a ZIP archive, opened once; undefined if it does not begin as one. */
  readonly archive: Archive | undefined;
}

/** One container: how to tell it by its bytes, and how to read it. */
export interface Reader {
  readonly name: string;
  /** What people call such files, for messages and the table in README.md: 'NumPy archives (.npz)'. */
  readonly reads: string;
  /** Files so named come here when no reader knows their bytes, so that the message says what is wrong with them. */
  readonly extensions: readonly string[];
  /** Cheap, and sure: true only if `read` is the one to say what is wrong with the file. */
  sniff(head: Uint8Array, context: Context): boolean;
  /** The file to begin with in a folder of this format, such as 'model.json'; undefined if it is none. */
  entry?(folder: Folder): string | undefined;
  /** Beside `NAME` that does not exist, `NAME` + suffix may: TensorFlow's checkpoints are named by a prefix. */
  readonly suffix?: string;
  read(context: Context): Contents | Promise<Contents>;
}

export function noTensors(source: Bytes, what: string, remedy: string): UserError {
  return source.fault('UNSUPPORTED', `holds no tensors that can be read: ${what}. ${remedy}`);
}
