import type { ModuleAttributes, Tensor, WeightFile } from '../../src/formats/weight-file.js';

/** Nested lists of numbers, as JSON holds tensors. */
export type Nested = number | readonly Nested[];

const shapeOf = (value: Nested): number[] =>
  typeof value === 'number' ? [] : [value.length, ...(value.length > 0 ? shapeOf(value[0]!) : [])];

const flat = (value: Nested): number[] => (typeof value === 'number' ? [value] : value.flatMap(flat));

export const tensor = (name: string, shape: readonly number[], values: ArrayLike<number>): Tensor => ({
  name,
  shape,
  dtype: 'f32',
  values: () => Float64Array.from(values),
});

/** A weights file in memory. */
export const weightFile = (
  tensors: readonly Tensor[],
  modules: Readonly<Record<string, ModuleAttributes>> = {},
): WeightFile => ({
  path: 'net.pt',
  format: 'json',
  tensors: new Map(tensors.map((one) => [one.name, one])),
  modules: new Map(Object.entries(modules)),
  notes: [],
  sha256: '00',
});

export const fromNested = (
  content: Readonly<Record<string, Nested>>,
  modules: Readonly<Record<string, ModuleAttributes>> = {},
): WeightFile =>
  weightFile(
    Object.entries(content).map(([name, value]) => tensor(name, shapeOf(value), flat(value))),
    modules,
  );

/** Tensors of these shapes, filled with numbers that differ from one to the next and from `seed` to `seed`. */
export const fromShapes = (
  shapes: Readonly<Record<string, readonly number[]>>,
  modules: Readonly<Record<string, ModuleAttributes>> = {},
  seed = 0,
): WeightFile =>
  weightFile(
    Object.entries(shapes).map(([name, shape]) => filled(name, shape, seed)),
    modules,
  );

export function filled(name: string, shape: readonly number[], seed = 0): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tensor(
    name,
    shape,
    Float64Array.from({ length: size }, (_, i) => Math.sin(1 + i + 7 * seed)),
  );
}

/** Both files' tensors in one. */
export const together = (...files: readonly WeightFile[]): WeightFile => ({
  ...files[0]!,
  tensors: new Map(files.flatMap(({ tensors }) => [...tensors])),
});

/** The same tensors under a path. */
export const under = (path: string, file: WeightFile): WeightFile => ({
  ...file,
  tensors: new Map(
    [...file.tensors].map(([name, one]) => [`${path}${name}`, { ...one, name: `${path}${name}` }]),
  ),
});

type Shapes = Record<string, readonly number[]>;

/** Shapes of torch.nn.RNN, GRU, LSTM (1, 3, 4 blocks). */
export function torchShapes(
  blocks: 1 | 3 | 4,
  inputSize: number,
  H: number,
  { layers = 1, bidirectional = false } = {},
): Shapes {
  const shapes: Shapes = {};
  for (let layer = 0; layer < layers; layer++)
    for (const suffix of bidirectional ? ['', '_reverse'] : ['']) {
      const below = layer === 0 ? inputSize : H * (bidirectional ? 2 : 1);
      shapes[`weight_ih_l${layer}${suffix}`] = [blocks * H, below];
      shapes[`weight_hh_l${layer}${suffix}`] = [blocks * H, H];
      shapes[`bias_ih_l${layer}${suffix}`] = [blocks * H];
      shapes[`bias_hh_l${layer}${suffix}`] = [blocks * H];
    }
  return shapes;
}
