import type { Tensor } from '../formats/weight-file.js';
import { leafName, parentPath, type Source } from './source.js';

/** A matrix outside the recurrent modules, with its bias if it has one: a linear layer or an embedding. */
export interface Linear {
  /** 'readout' of 'readout.weight'; 'W_y' for a bare matrix. */
  readonly name: string;
  readonly weight: Tensor;
  readonly bias?: Tensor;
  readonly rows: number;
  readonly cols: number;
  /** What the file says that it is. */
  readonly className: string;
  /** The module whose output it takes, and the matrix that takes its own, where the file says it. */
  readonly reads?: string;
  readonly feeds?: string;
  /** The function that it applies to its output, where the file says that it applies one. */
  readonly activation?: string;
}

/** PyTorch's way: every matrix `….weight` or `W_…` that no recurrent module owns, in file order. */
export function linears(source: Source, owned: ReadonlySet<Tensor>): Linear[] {
  return [...source.tensors].flatMap(([name, weight]) => {
    if (weight.shape.length !== 2 || owned.has(weight) || !/^(weight|W_\w+)$/.test(leafName(name))) return [];
    return [linear(source, name, weight)];
  });
}

function linear(source: Source, name: string, weight: Tensor): Linear {
  const [rows, cols] = weight.shape as [number, number];
  const bias = source.tensors.get(biasName(name));
  const path = leafName(name) === 'weight' ? parentPath(name) : name;
  const isBias = bias !== undefined && bias.shape.length === 1 && bias.shape[0] === rows;
  return {
    name: path === '' ? name : path,
    weight,
    ...(isBias ? { bias } : {}),
    rows,
    cols,
    className: source.attributes(path)?.className ?? '',
  };
}

/** 'readout.bias' of 'readout.weight', 'b_y' of 'W_y'. */
const biasName = (name: string): string => name.replace(/W_(\w+)$/, 'b_$1').replace(/weight$/, 'bias');

export const isEmbeddingClass = ({ className }: Linear): boolean => /(^|\.)Embedding(Bag)?$/.test(className);

export const isNamedEmbedding = ({ name }: Linear): boolean => /emb|wte/i.test(name);

export const linearText = ({ weight, rows, cols }: Linear): string => `${weight.name} (${rows}×${cols})`;
