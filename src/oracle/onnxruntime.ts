import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../errors.js';

/** A tensor as onnxruntime takes and gives it. */
export interface RuntimeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

interface Session {
  run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release?(): Promise<void>;
}

interface Ort {
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
  readonly InferenceSession: { create(bytes: Uint8Array, options: object): Promise<Session> };
  readonly env?: { readonly versions?: { readonly node?: string; readonly common?: string } };
}

const NAME = 'onnxruntime-node';

/** onnxruntime, where somebody has installed it: beside rnnscope, or in the folder that the command is run in. */
export class Runtime {
  private constructor(private readonly ort: Ort) {}

  static async load(): Promise<Runtime> {
    const here = pathToFileURL(join(process.cwd(), 'here.js'));
    for (const load of [() => import(NAME), () => createRequire(here)(NAME)]) {
      try {
        const found = await load();
        return new Runtime((found.default ?? found) as Ort);
      } catch (error) {
        if (!isMissing(error))
          throw new UserError(
            'UNSUPPORTED',
            `${NAME} is installed but does not start: ${(error as Error).message}. Install it again.`,
            { cause: error },
          );
      }
    }
    throw new UserError(
      'NOT_FOUND',
      `verify runs ONNX files in onnxruntime, which is not installed (about 300 MB, and no part of rnnscope): npm install ${NAME}, in this folder or beside rnnscope. Or compare with stored arrays: --expect X.npy Y.npy.`,
    );
  }

  get version(): string {
    return this.ort.env?.versions?.node ?? this.ort.env?.versions?.common ?? '';
  }

  tensor(type: string, data: unknown, dims: readonly number[]): RuntimeTensor {
    return new this.ort.Tensor(type, data, dims);
  }

  /** `folder`: where weights outside the model lie. */
  async run(
    bytes: Uint8Array,
    feeds: Readonly<Record<string, RuntimeTensor>>,
    folder?: string,
  ): Promise<Readonly<Record<string, RuntimeTensor>>> {
    const extra = folder && { session: { model_external_initializers_file_folder_path: folder } };
    try {
      const session = await this.ort.InferenceSession.create(bytes, {
        logSeverityLevel: 4,
        ...(extra && { extra }),
      });
      const values = await session.run(feeds);
      await session.release?.();
      return values;
    } catch (error) {
      throw new UserError(
        'UNSUPPORTED',
        `onnxruntime cannot run it: ${(error as Error).message.slice(0, 300).trim().replace(/\.$/, '')}. Sizes that the file leaves open are set with --size NAME=N.`,
        { cause: error },
      );
    }
  }
}

const isMissing = (error: unknown): boolean =>
  ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? '');
