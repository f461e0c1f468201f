import { lstatSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ErrorCode, UserError } from '../../errors.js';
import { isPlainName, type Opening, openOwnFile, type Source } from './source.js';

/** A folder that a user named. Only files inside are opened, by plain names. */
export class Folder {
  readonly label: string;
  private readonly opened = new Map<string, Source>();

  constructor(readonly path: string) {
    this.label = basename(path);
  }

  /** Names in the folder, or in the folder of that name within, in alphabetical order; none if there is no such folder. */
  names(within = ''): string[] {
    try {
      return readdirSync(join(this.path, ...plainSteps(within, this))).sort();
    } catch (error) {
      if (error instanceof UserError) throw error;
      return [];
    }
  }

  has(name: string): boolean {
    const [file, ...folders] = name.split('/').reverse();
    return this.names(folders.reverse().join('/')).includes(file!);
  }

  /** A file of the folder, such as 'variables/variables.index'. Links are not followed. */
  open(name: string): Source {
    let source = this.opened.get(name);
    if (source === undefined) {
      const steps = plainSteps(name, this);
      for (let k = 1; k < steps.length; k++) this.refuseLink(steps.slice(0, k));
      source = openOwnFile(join(this.path, ...steps), `${this.label}/${name}`, this.opening);
      this.opened.set(name, source);
    }
    return source;
  }

  /** What was opened, with the neighbours of each. */
  files(): Source[] {
    return [...this.opened.values()].flatMap((source) => source.files());
  }

  fault(code: ErrorCode, text: string): UserError {
    return new UserError(code, `${this.label}: ${text}`);
  }

  private refuseLink(steps: readonly string[]): void {
    if (lstatSync(join(this.path, ...steps), { throwIfNoEntry: false })?.isSymbolicLink())
      throw this.fault(
        'REFUSED',
        `${steps.join('/')} is a link, which is not followed. Copy what it points to.`,
      );
  }

  private readonly opening: Opening = {
    fault: (code, text) => this.fault(code, text),
    where: 'in the folder',
  };
}

const MAX_STEPS = 16;

function plainSteps(name: string, folder: Folder): string[] {
  const steps = name === '' ? [] : name.split('/');
  if (steps.length <= MAX_STEPS && steps.every(isPlainName)) return steps;
  throw folder.fault('REFUSED', `names the file '${name}', which is not one of its own.`);
}
