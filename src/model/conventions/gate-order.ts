import { UserError } from '../../errors.js';

/** What other sources call a gate: TensorFlow's u and j, Keras' h and c, Haiku's a. */
const ALIASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  rzn: { u: 'z', h: 'n', c: 'n', g: 'n', a: 'n' },
  ifgo: { c: 'g', j: 'g' },
};

/** The gates in the order of their blocks: 'zrh' → z r n. `gates` are the letters that the cell's parameters end in. */
export function gateOrder(text: string, gates: readonly string[]): string[] {
  const aliases = ALIASES[gates.join('')] ?? {};
  const order = [...text.toLowerCase().replace(/[\s,_-]/g, '')].map((letter) => aliases[letter] ?? letter);
  const isPermutation = order.length === gates.length && gates.every((gate) => order.includes(gate));
  if (isPermutation) return order;
  const also = Object.entries(aliases).map(([alias, gate]) => `${alias} for ${gate}`);
  throw new UserError(
    'USAGE',
    `--gates ${text}: expected each of ${gates.join(' ')} once, in the order of the blocks (also ${also.join(', ')}).`,
  );
}
