import { UserError } from '../errors.js';
import { matrixOf } from './conventions/stored.js';
import { didYouMean } from './did-you-mean.js';
import { isEmbeddingClass, isNamedEmbedding, type Linear, linearText } from './linear.js';
import type { Embedding, Readout } from './model.js';
import { label } from './source.js';

/** What a network's other matrices are to its recurrent module. */
export interface Ends {
  readonly readout?: Readout;
  readonly embedding?: Embedding;
  readonly assumptions: readonly string[];
}

/** The recurrent part as its neighbours see it. */
export interface Middle {
  readonly name: string;
  readonly inputSize: number;
  /** Entries of the h that the last layer hands on. */
  readonly outputSize: number;
  /** A readout of a bidirectional module needs both directions at once. */
  readonly bidirectional: boolean;
  /** Whether the layers taken begin with the first, end with the last. */
  readonly hasFirst: boolean;
  readonly hasLast: boolean;
}

export function findEnds(all: readonly Linear[], middle: Middle, wanted: string | undefined): Ends {
  const readout =
    wanted === undefined ? inferredReadout(all, middle) : { linear: named(all, middle, wanted) };
  const others = all.filter((one) => one !== readout.linear);
  const embedding = inferredEmbedding(others, middle);
  return {
    ...(readout.linear ? { readout: asReadout(readout.linear) } : {}),
    ...(embedding.linear ? { embedding: asEmbedding(embedding.linear) } : {}),
    assumptions: [readout.remark, embedding.remark].filter((remark) => remark !== undefined),
  };
}

interface Guess {
  readonly linear?: Linear;
  readonly remark?: string;
}

const asReadout = ({ name, weight, bias }: Linear): Readout => ({
  name,
  weight: fresh(weight),
  ...(bias ? { bias: bias.values().slice() } : {}),
});

const asEmbedding = ({ name, weight }: Linear): Embedding => ({ name, weight: fresh(weight) });

function fresh(tensor: Linear['weight']) {
  const m = matrixOf(tensor);
  return { ...m, data: m.data.slice() };
}

/** --readout NAME. */
function named(all: readonly Linear[], middle: Middle, wanted: string): Linear {
  const linear = all.find(({ name, weight }) => name === wanted || weight.name === wanted);
  if (!linear) {
    const known = all.map(({ name }) => name);
    const list =
      known.length === 0 ? 'It holds no matrix beside the recurrent ones.' : `It holds ${known.join(', ')}.`;
    throw new UserError('NOT_FOUND', `has no readout "${wanted}".${didYouMean(wanted, known)} ${list}`);
  }
  if (linear.cols === middle.outputSize) return linear;
  throw new UserError(
    'SHAPE',
    `--readout ${wanted}: ${linearText(linear)} takes ${linear.cols} numbers, but ${label(middle.name)} gives ${middle.outputSize}.`,
  );
}

function inferredReadout(all: readonly Linear[], middle: Middle): Guess {
  if (!middle.hasLast) return {};
  if (middle.bidirectional) return bothDirections(all, middle);
  const candidates = all.filter(
    (one) =>
      one.cols === middle.outputSize && !isEmbedding(one) && (one.reads ?? middle.name) === middle.name,
  );
  if (candidates.length > 1)
    return {
      remark: `several matrices could be the readout, none is taken: ${candidates.map(linearText).join(', ')}; --readout NAME chooses`,
    };
  const [linear] = candidates;
  const next = linear && followerOf(linear, all);
  if (next)
    return {
      remark: `${linearText(linear)} feeds ${linearText(next)} and is no readout by itself; none is taken`,
    };
  if (linear?.activation !== undefined)
    return {
      linear,
      remark: `${linearText(linear)} is the readout without the ${linear.activation} behind it`,
    };
  return linear ? { linear } : {};
}

const isEmbedding = (one: Linear): boolean => isEmbeddingClass(one) || isNamedEmbedding(one);

function bothDirections(all: readonly Linear[], { name, outputSize }: Middle): Guess {
  const linear = all.find(
    (one) =>
      (one.reads === undefined ? one.cols === 2 * outputSize : one.reads === name) && !isEmbedding(one),
  );
  return linear
    ? {
        remark: `${linearText(linear)} reads both directions and is left out, as one direction alone is taken`,
      }
    : {};
}

const followerOf = (linear: Linear, all: readonly Linear[]): Linear | undefined =>
  linear.feeds === undefined ? nextInSequence(linear, all) : all.find(({ name }) => name === linear.feeds);

/** In an nn.Sequential, 'head.0' is followed by 'head.2': a network of several layers, not one linear readout. */
function nextInSequence(linear: Linear, all: readonly Linear[]): Linear | undefined {
  const place = sequencePlace(linear);
  return (
    place &&
    all.find((other) => {
      const its = sequencePlace(other);
      return its?.parent === place.parent && its.index > place.index && other.cols === linear.rows;
    })
  );
}

function sequencePlace({ name }: Linear): { parent: string; index: number } | undefined {
  const match = /^(?:(.*)\.)?(\d+)$/.exec(name);
  return match ? { parent: match[1] ?? '', index: Number(match[2]) } : undefined;
}

function inferredEmbedding(others: readonly Linear[], middle: Middle): Guess {
  if (!middle.hasFirst || middle.inputSize === 0) return {};
  const fitting = others.filter(
    (one) => one.cols === middle.inputSize && !one.bias && !/Linear$/.test(one.className),
  );
  const sure = fitting.filter(isEmbedding);
  if (sure.length === 1) return { linear: sure[0]! };
  if (sure.length > 1)
    return {
      remark: `several matrices could be the embedding, none is taken: ${sure.map(linearText).join(', ')}`,
    };
  const [only, ...rest] = fitting;
  // When H == I, or the matrix is square, a matrix without a name that tells could as well be a readout or a mixing.
  const tellable =
    only && rest.length === 0 && middle.inputSize !== middle.outputSize && only.rows !== only.cols;
  if (!tellable) return {};
  return { linear: only, remark: `${linearText(only)} is taken for the embedding of tokens by its shape` };
}
