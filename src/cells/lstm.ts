import { sigmoid, tanh } from './activations.js';
import {
  type Algebra,
  type Cell,
  type CellParameter,
  type CellWeights,
  gateParameters,
  preactivation,
  type Quantity,
  vectorParameter,
} from './cell.js';
import { cellWith } from './functions.js';

interface Kind {
  /** Gates see c, the output gate the new one. F. Gers, N. Schraudolph, J. Schmidhuber, JMLR 3 (2002). */
  readonly peephole?: true;
  /** f = 1 − i. K. Greff et al., arXiv 1503.04069, CIFG; `input_forget` of ONNX. */
  readonly coupled?: true;
  /** h = W_hr (o ⊙ tanh(c')), of P entries. H. Sak, A. Senior, F. Beaufays, arXiv 1402.1128. */
  readonly projected?: true;
}

/** Long short-term memory with a forget gate, F. Gers, J. Schmidhuber, F. Cummins, Neural Computation 12 (2000). */
const longShortTermMemory = (kind: Kind): Cell => {
  const { peephole, coupled, projected } = kind;
  const traits = Object.keys(kind);
  const gates = coupled ? ['i', 'o'] : ['i', 'f', 'o'];
  const leaky = peephole ? {} : { leaky: ['c'] };
  return cellWith({
    name: ['lstm', ...traits].join('-'),
    family: 'lstm',
    summary: ['long short-term memory', ...traits.map((trait) => SUMMARIES[trait]!)].join(', '),
    activations: { gate: sigmoid, candidate: tanh, output: tanh },
    formula: (f) => formula(kind, gates, f),
    blocks: ['h', 'c'],
    ...(projected ? { projected: ['h'] } : {}),
    ...leaky,
    quantities: coupled ? COUPLED : QUANTITIES,
    parameters: parameters(kind),
    equations(op, w, { h, c }, x, f) {
      const gate = (name: string, cell: typeof x) =>
        op.named(name, f.gate(gateArgument(op, w, name, h!, x, peephole && cell)));
      const i = gate('i', c!);
      const forget = coupled ? null : gate('f', c!);
      const g = op.named('g', f.candidate(preactivation(op, w, 'g', h!, x)));
      // (1 − i) c + i g stays between c and g.
      const next = forget !== null ? op.add(op.mul(forget, c!), op.mul(i, g)) : op.mix(i, c!, g);
      const shown = op.mul(gate('o', next), f.output(next));
      return { h: projected ? op.affine(w.matrices.W_hr!, shown) : shown, c: next };
    },
  });
};

/** W_g x + bx_g + U_g h + bh_g, and p_g ⊙ c if the gate sees c. */
function gateArgument<Q>(op: Algebra<Q>, w: CellWeights, g: string, h: Q, x: Q, c: Q | undefined): Q {
  const sum = preactivation(op, w, g, h, x);
  return c === undefined ? sum : op.add(sum, op.scale(w.vectors[`p_${g}`]!, c));
}

const SUMMARIES: Readonly<Record<string, string>> = {
  peephole: 'gates see the cell',
  coupled: 'forget gate 1 − i',
  projected: 'state projected',
};

const QUANTITIES: readonly Quantity[] = [
  { name: 'i', role: 'write', block: 'c' },
  { name: 'f', role: 'keep', block: 'c' },
  { name: 'g', role: 'candidate', block: 'c' },
  { name: 'o', role: 'show', block: 'h' },
];

/** Where i enters, 1 − i stays. */
const COUPLED: readonly Quantity[] = QUANTITIES.flatMap((q): Quantity[] =>
  q.name === 'f' ? [] : [q.name === 'i' ? { ...q, keepsRest: true } : q],
);

function parameters({ peephole, coupled, projected }: Kind): CellParameter[] {
  const names = coupled ? ['i', 'g', 'o'] : ['i', 'f', 'g', 'o'];
  return [
    ...names.flatMap((g) => gateParameters(g, projected ? 'P' : 'H')),
    ...(peephole ? names.filter((g) => g !== 'g').map((g) => vectorParameter(`p_${g}`, false)) : []),
    ...(projected ? [{ name: 'W_hr', kind: 'matrix', rows: 'P', cols: 'H' } as const] : []),
  ];
}

function formula(
  { peephole, coupled, projected }: Kind,
  gates: readonly string[],
  f: Readonly<Record<'gate' | 'candidate' | 'output', string>>,
): string[] {
  const sum = 'W_g x + bx_g + U_g h + bh_g';
  const inward = gates.filter((g) => g !== 'o').join(', ');
  return [
    ...(peephole
      ? [
          `${inward} = ${f.gate}(${sum} + p_g ⊙ c), g = ${inward}`,
          `o = ${f.gate}(W_o x + bx_o + U_o h + bh_o + p_o ⊙ c')`,
        ]
      : [`${gates.join(', ')} = ${f.gate}(${sum}), g = ${gates.join(', ')}`]),
    `g = ${f.candidate}(${sum})`,
    coupled ? "c' = (1 − i) ⊙ c + i ⊙ g" : "c' = f ⊙ c + i ⊙ g",
    projected ? `h' = W_hr (o ⊙ ${f.output}(c'))` : `h' = o ⊙ ${f.output}(c')`,
  ];
}

export const lstm = longShortTermMemory({});
export const lstmPeephole = longShortTermMemory({ peephole: true });
export const lstmCoupled = longShortTermMemory({ coupled: true });
export const lstmPeepholeCoupled = longShortTermMemory({ peephole: true, coupled: true });
export const lstmProjected = longShortTermMemory({ projected: true });
export const lstmPeepholeProjected = longShortTermMemory({ peephole: true, projected: true });
