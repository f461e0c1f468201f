import {
  type Cell,
  type CellParameter,
  type CellWeights,
  cells,
  extentSize,
  type Sizes,
} from '../../cells/index.js';
import { UserError } from '../../errors.js';
import type { Tensor } from '../../formats/weight-file.js';
import { type Matrix, zeros } from '../../linalg/matrix.js';
import type { ModelOptions } from '../model.js';
import { label, leafName, parentPath, type Source, shapeText } from '../source.js';
import { chooseCell, knownCell, oneOf, signature } from './choose-cell.js';
import {
  type Convention,
  elements,
  examined,
  type Found,
  type OpenModule,
  storedNumbers,
} from './convention.js';
import { matrixOf, matrixShape, vectorOf } from './stored.js';

type Parts = ReadonlyMap<string, Tensor>;

/** Tensors named as the parameters of a cell of `src/cells`: W_r, U_r, bx_r … One layer, one direction. */
export const byCellName: Convention = {
  name: 'by-cell-name',
  match(source, options) {
    const modules = [...byPath(source)];
    if (options.cell === undefined) return modules.flatMap(([path, tensors]) => recognised(path, tensors));
    return named(knownCell(options.cell), modules);
  },
};

function byPath(source: Source): Map<string, Map<string, Tensor>> {
  const modules = new Map<string, Map<string, Tensor>>();
  for (const [name, tensor] of source.tensors) {
    const path = parentPath(name);
    if (!modules.has(path)) modules.set(path, new Map());
    modules.get(path)!.set(leafName(name), tensor);
  }
  return modules;
}

/** Modules of the cell that the user named; when none is whole, those that lack something say what. */
function named(cell: Cell, modules: readonly [string, Parts][]): Found[] {
  const whole = modules.filter(([, tensors]) => missingOf(cell, tensors).length === 0);
  return (whole.length > 0 ? whole : modules)
    .map(([path, tensors]) => foundModule([cell], path, partsOf(cell, tensors)))
    .filter(({ parts }) => parts.size > 0);
}

/** The cell whose parameters are all there; of several the one that accounts for the most tensors. */
function recognised(path: string, tensors: Parts): Found[] {
  const found = cells
    .filter((cell) => missingOf(cell, tensors).length === 0)
    .map((cell) => ({ cell, parts: partsOf(cell, tensors) }))
    .filter(({ cell, parts }) => fits(cell, parts));
  const most = Math.max(...found.map(({ parts }) => parts.size));
  const best = found.filter(({ parts }) => parts.size === most);
  if (best.length === 0) return [];
  const members = best.map(({ cell }) => cell);
  return [foundModule(members, path, best[0]!.parts)];
}

function fits(cell: Cell, parts: Parts): boolean {
  try {
    checkedSizes(cell, '', parts);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

const partsOf = (cell: Cell, tensors: Parts): Parts =>
  new Map([...tensors].filter(([name]) => cell.parameters.some((parameter) => parameter.name === name)));

/** Parameters that have to be there; matrices of the input may be absent from a system without inputs. */
const missingOf = (cell: Cell, tensors: Parts): string[] =>
  cell.parameters
    .filter(({ name, optional, cols }) => !optional && cols !== 'I' && !tensors.has(name))
    .map(({ name }) => name);

function foundModule(members: readonly Cell[], path: string, parts: Parts): Found {
  const cell = members[0]!;
  const common = {
    name: path,
    aliases: [],
    convention: byCellName.name,
    layers: 1,
    bidirectional: false,
    parameters: storedNumbers(parts),
    parts,
    notes: [],
  };
  return examined(common, () => {
    const sizes = checkedSizes(cell, path, parts);
    return {
      ...sizes,
      family: cell.family,
      cell: cell.name,
      hasBiases: cell.parameters.some(({ name, kind }) => kind === 'vector' && parts.has(name)),
      open: (options) => open(members, path, parts, sizes, options),
    };
  });
}

/** H and I, after every tensor was found to have the shape that they give it. */
function checkedSizes(cell: Cell, path: string, parts: Parts): Sizes {
  const missing = missingOf(cell, parts);
  if (missing.length > 0)
    throw new UserError(
      'CORRUPT',
      `${label(path)} lacks ${missing.join(', ')}: the parameters of ${cell.name} are ${signature(cell)}.`,
    );
  const sizes = impliedSizes(cell, parts);
  if (sizes.hiddenSize === 0) throw new UserError('SHAPE', `${label(path)} has no hidden units.`);
  for (const parameter of cell.parameters) checkShape(parameter, parts, sizes, cell);
  return sizes;
}

/**
 * H from the first tensor with H rows, P from the one that projects, I from the first one that sees the input; no such
 * tensor means no projection, no input.
 */
function impliedSizes(cell: Cell, parts: Parts): Sizes {
  const there = cell.parameters.filter(({ name }) => parts.has(name));
  const matrices = there.filter(({ kind }) => kind === 'matrix');
  const rowsOf = (extent: string): number | undefined => {
    const found = [...matrices, ...there].find(({ rows }) => rows === extent);
    if (found?.kind === 'vector') return elements(parts.get(found.name)!.shape);
    return found && matrixShape(parts.get(found.name)!)[0];
  };
  const hiddenSize = rowsOf('H') ?? 0;
  const projectionSize = rowsOf('P');
  const known = { hiddenSize, inputSize: 0, ...(projectionSize !== undefined && { projectionSize }) };
  const seesInput = matrices.find(({ cols }) => cols?.endsWith('I'));
  if (!seesInput) return known;
  const cols = matrixShape(parts.get(seesInput.name)!)[1];
  return { ...known, inputSize: Math.max(0, cols - extentSize(seesInput.cols!, known)) };
}

function checkShape(parameter: CellParameter, parts: Parts, sizes: Sizes, cell: Cell): void {
  const tensor = parts.get(parameter.name);
  const why = `(H = ${sizes.hiddenSize}, I = ${sizes.inputSize})`;
  if (!tensor) {
    if (parameter.cols === 'I' && sizes.inputSize > 0 && !parameter.optional)
      throw new UserError(
        'CORRUPT',
        `${parameter.name} of ${cell.name} is missing, though other tensors see an input ${why}.`,
      );
    return;
  }
  if (parameter.cols === undefined) {
    vectorOf(tensor, extentSize(parameter.rows, sizes), why);
    return;
  }
  const [rows, cols] = matrixShape(tensor);
  const expected = [extentSize(parameter.rows, sizes), extentSize(parameter.cols, sizes)];
  if (rows !== expected[0] || cols !== expected[1])
    throw new UserError(
      'SHAPE',
      `${tensor.name} is ${shapeText(tensor.shape)}, expected ${shapeText(expected)} ${why}.`,
    );
}

function open(
  members: readonly Cell[],
  path: string,
  parts: Parts,
  sizes: Sizes,
  options: ModelOptions,
): OpenModule {
  if (options.gates !== undefined)
    throw new UserError(
      'USAGE',
      `--gates ${options.gates} does not fit ${label(path)}: its gates are told apart by name.`,
    );
  const { cell, isAsked } = chooseCell(label(path), members as [Cell, ...Cell[]], undefined, options);
  const guessed = `${label(path)}: the tensors are named as those of ${oneOf(members)}; ${cell.name} is assumed, --cell overrides`;
  return {
    cell,
    assumptions: isAsked ? [] : [guessed],
    layer: () => ({ name: 'layer0', cell, weights: weightsOf(cell, parts, sizes) }),
  };
}

function weightsOf(cell: Cell, parts: Parts, sizes: Sizes): CellWeights {
  const matrices: Record<string, Matrix> = {};
  const vectors: Record<string, Float64Array> = {};
  for (const { name, rows, cols, optional } of cell.parameters) {
    const tensor = parts.get(name);
    if (tensor && cols) matrices[name] = freshMatrix(tensor);
    else if (tensor) vectors[name] = vectorOf(tensor, extentSize(rows, sizes), '');
    else if (cols && !optional) matrices[name] = zeros(extentSize(rows, sizes), extentSize(cols, sizes));
  }
  return { ...sizes, matrices, vectors };
}

function freshMatrix(tensor: Tensor): Matrix {
  const m = matrixOf(tensor);
  return { ...m, data: m.data.slice() };
}
