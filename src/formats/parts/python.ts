// What a pickle can hold, as inert data. Python's str, int, float, bool, bytes and None become string, number or
// bigint, number, boolean, Uint8Array and null.

export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyList
  | PyTuple
  | PyDict
  | PyGlobal
  | PyRecord
  | PyOpaque;

export class PyList {
  constructor(readonly items: PyValue[] = []) {}
}

export class PyTuple {
  /** Nesting of tuples in tuples: 1 for a flat one. */
  readonly depth: number;

  constructor(readonly items: readonly PyValue[]) {
    this.depth =
      1 + items.reduce((most: number, item) => Math.max(most, item instanceof PyTuple ? item.depth : 0), 0);
  }
}

/** A Map, so that a key such as `__proto__` is a key like any other. Made when needed: a pickle may hold millions. */
export class PyDict {
  private map: Map<PyValue, PyValue> | undefined;

  get entries(): Map<PyValue, PyValue> {
    this.map ??= new Map();
    return this.map;
  }

  get size(): number {
    return this.map?.size ?? 0;
  }
}

/** A class or function that the pickle names. It is never looked up. */
export class PyGlobal {
  readonly name: string;

  constructor(module: string, qualifiedName: string) {
    this.name = `${module}.${qualifiedName}`;
  }
}

/** An object of a class that we do not know: its name and its attributes, nothing that could run. */
export class PyRecord {
  readonly attributes = new PyDict();
  private ownEntries: PyDict | undefined;
  private ownItems: PyList | undefined;

  constructor(readonly className: string) {}

  /** Filled when the class is derived from dict. */
  get entries(): PyDict {
    this.ownEntries ??= new PyDict();
    return this.ownEntries;
  }

  /** Filled when the class is derived from list. */
  get items(): PyList {
    this.ownItems ??= new PyList();
    return this.ownItems;
  }
}

/** Base of what the owner of a pickle builds: tensors, storages, arrays. */
export abstract class PyOpaque {
  /** State that BUILD hands over; most have none. */
  build(_state: PyValue): void {}
}
