import type { Algebra, Cell, CellWeights, State } from '../cells/index.js';

/**
 * A cell with the same rest points as another, and without the gates that only slow the way to them: where a new block is
 * (1 − z) n + z s, a mixture with the old block s by a logistic gate, it is n. At rest (1 − z)(n − s) = 0, and z < 1. As z
 * nears 1 the left side vanishes wherever s is, which draws a search for its zeros away from all roots; n − s does not.
 * null where no block is such a mixture.
 */
export function cellAtRest(cell: Cell): Cell | null {
  let mixes = false;
  equationsAtRest(cell, opaque, noWeights, stateOf(cell), {}, () => {
    mixes = true;
  });
  if (!mixes) return null;
  const { quantities: _none, withFunctions: _fixed, ...rest } = cell;
  return { ...rest, equations: (op, w, s, x) => equationsAtRest(cell, op, w, s, x) };
}

function equationsAtRest<Q>(
  cell: Cell,
  op: Algebra<Q>,
  w: CellWeights,
  s: State<Q>,
  x: Q,
  found: () => void = () => {},
): State<Q> {
  const gates = new Set<Q>();
  const mixtures = new Map<Q, readonly [Q, Q]>();
  const watching: Algebra<Q> = Object.assign(Object.create(op) as Algebra<Q>, {
    unary(f: Parameters<Algebra<Q>['unary']>[0], q: Q): Q {
      const out = op.unary(f, q);
      if (f.name === 'sigmoid') gates.add(out);
      return out;
    },
    // Gates that are gone have no name either.
    named: (_name: string, q: Q): Q => q,
    mix(z: Q, a: Q, b: Q): Q {
      const out = op.mix(z, a, b);
      if (gates.has(z)) mixtures.set(out, [a, b]);
      return out;
    },
  });
  const next = cell.equations(watching, w, s, x);
  return Object.fromEntries(
    Object.entries(next).map(([name, q]) => {
      const [a, b] = mixtures.get(q) ?? [];
      if (a === undefined || b === undefined || (a !== s[name] && b !== s[name])) return [name, q];
      found();
      return [name, b === s[name] ? a : b];
    }),
  );
}

/** Quantities that are nothing but themselves: enough to see what is mixed with what. */
const something = (): object => ({});
const opaque: Algebra<object> = {
  affine: something,
  concat: something,
  add: something,
  mul: something,
  scale: something,
  shift: something,
  complement: something,
  mix: something,
  unary: something,
  named: (_name, q) => q,
};
const noWeights: CellWeights = { hiddenSize: 0, inputSize: 0, matrices: {}, vectors: {} };
const stateOf = (cell: Cell): State<object> => Object.fromEntries(cell.blocks.map((name) => [name, {}]));
