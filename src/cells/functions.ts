import {
  type Activation,
  activationText,
  clip,
  parseActivation,
  staysInUnitInterval,
} from './activations.js';
import type { ActivationPlace, Algebra, Cell, CellWeights, Functions, State } from './cell.js';

/** The exchangeable functions as a cell's equations apply them, clipping included. */
export type Apply<Q> = Readonly<Record<ActivationPlace, (q: Q) => Q>>;

/** A cell whose equations leave open which functions they apply. */
export interface OpenCell
  extends Omit<Cell, 'base' | 'formula' | 'equations' | 'functions' | 'withFunctions'> {
  /** The functions that the plain name stands for. */
  readonly activations: Functions['activations'];
  /** Names that choices of functions have had before the others could be chosen: 'relu' → 'rnn-relu'. */
  readonly names?: Readonly<Record<string, string>>;
  /** The equations as text, with the functions written as given. */
  formula(f: Readonly<Record<ActivationPlace, string>>): readonly string[];
  equations<Q>(op: Algebra<Q>, w: CellWeights, s: State<Q>, x: Q, f: Apply<Q>): State<Q>;
}

/** One object a name, so that cells can be compared. */
const made = new Map<string, Cell>();

/** The cell with its functions filled in. */
export function cellWith(open: OpenCell, changed: Partial<Functions> = {}): Cell {
  const functions: Functions = { ...changed, activations: { ...open.activations, ...changed.activations } };
  const name = nameOf(open, functions);
  const cell = made.get(name) ?? make(open, functions, name);
  made.set(name, cell);
  return cell;
}

function make(open: OpenCell, functions: Functions, name: string): Cell {
  const { activations: _defaults, names: _names, formula, leaky, quantities, ...rest } = open;
  const { activations, clipGates, clipState } = functions;
  // A gate outside [0, 1] keeps no share of anything: c' = f c + a may then grow, and 1 − f vanish.
  const areGates = !activations.gate || staysInUnitInterval(activations.gate);
  return {
    ...rest,
    name,
    base: open.name,
    summary: summaryOf(open, functions),
    formula: [...formula(texts(activations)), ...clippingText(functions)],
    ...(areGates && leaky ? { leaky } : {}),
    ...(areGates && quantities ? { quantities } : {}),
    functions,
    withFunctions: (changed) =>
      cellWith(open, { ...functions, ...changed, activations: { ...activations, ...changed.activations } }),
    equations(op, w, s, x) {
      const next = open.equations(op, w, s, x, applied(op, activations, clipGates));
      return clipState === undefined ? next : { ...next, h: op.unary(clip(clipState), next.h!) };
    },
  };
}

function applied<Q>(
  op: Algebra<Q>,
  { gate, candidate, output }: Functions['activations'],
  clipGates: number | undefined,
): Apply<Q> {
  const held = (q: Q): Q => (clipGates === undefined ? q : op.unary(clip(clipGates), q));
  return {
    gate: (q) => op.unary(gate!, held(q)),
    candidate: (q) => op.unary(candidate!, held(q)),
    output: (q) => op.unary(output!, q),
  };
}

/** 'lstm', 'lstm(hard_sigmoid,tanh,tanh)', 'gru(clip_state=5)': what `cellNamed` takes apart again. */
function nameOf({ name, names, activations: usual }: OpenCell, functions: Functions): string {
  const chosen = Object.values(functions.activations).map(activationText);
  const isUsual = chosen.join() === Object.values(usual).map(activationText).join();
  const own = names?.[chosen.join()];
  const items = [
    ...(own || isUsual ? [] : chosen),
    ...(functions.clipGates === undefined ? [] : [`clip_gates=${functions.clipGates}`]),
    ...(functions.clipState === undefined ? [] : [`clip_state=${functions.clipState}`]),
  ];
  return items.length === 0 ? (own ?? name) : `${own ?? name}(${items.join(',')})`;
}

function summaryOf({ summary, activations: usual }: OpenCell, functions: Functions): string {
  const changed = Object.entries(functions.activations)
    .filter(([place, f]) => activationText(f) !== activationText(usual[place as ActivationPlace]!))
    .map(([place, f]) => `${activationText(f)} ${place === 'gate' ? 'gates' : `as ${place} activation`}`);
  return [summary, ...changed, ...clippingText(functions)].join(', ');
}

const texts = (activations: Functions['activations']): Record<ActivationPlace, string> => {
  const text = (f: Activation | undefined): string =>
    f?.name === 'sigmoid' ? 'σ' : f ? activationText(f) : '';
  return {
    gate: text(activations.gate),
    candidate: text(activations.candidate),
    output: text(activations.output),
  };
};

const clippingText = ({ clipGates, clipState }: Functions): string[] => [
  ...(clipGates === undefined ? [] : [`pre-activations held between −${clipGates} and ${clipGates}`]),
  ...(clipState === undefined ? [] : [`h' held between −${clipState} and ${clipState}`]),
];

/** The changes that stand in the parentheses of a name, or in --activation; undefined where they fit no such cell. */
export function parseFunctions(text: string, { functions }: Cell): Partial<Functions> | undefined {
  if (!functions) return undefined;
  const places = Object.keys(functions.activations) as ActivationPlace[];
  const activations: Partial<Record<ActivationPlace, Activation>> = {};
  const clips: { clipGates?: number; clipState?: number } = {};
  let place = 0;
  for (const item of splitOutside(text)) {
    const [, key, value] = /^\s*(\w+)\s*=\s*(.*)$/.exec(item) ?? [];
    if (key === 'clip_gates' || key === 'clip_state') {
      const most = Number(value);
      if (!(most > 0 && most < Number.POSITIVE_INFINITY)) return undefined;
      clips[key === 'clip_gates' ? 'clipGates' : 'clipState'] = most;
      continue;
    }
    const at = key === undefined ? places[place++] : places.find((known) => known === key);
    const f = parseActivation(value ?? item);
    if (!at || !f) return undefined;
    activations[at] = f;
  }
  return place > 0 && place !== places.length ? undefined : { activations, ...clips };
}

/** At commas that stand in no parentheses. */
const splitOutside = (text: string): string[] => text.split(/,(?![^(]*\))/);
