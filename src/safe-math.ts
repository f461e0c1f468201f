import type { MathNode } from 'mathjs';
import { UserError } from './errors.js';

/**
 * What a formula must not name: reading and evaluating text, changing the library or its parser, and making units or
 * functions (https://mathjs.org/docs/expressions/security.html). A formula reaches a function by its name alone, mathjs
 * itself keeps the properties of JavaScript's objects from it, and nothing left turns text into a name.
 */
const forbidden: ReadonlySet<string> = new Set([
  'chain',
  'compile',
  'config',
  'createUnit',
  'derivative',
  'evaluate',
  'help',
  'import',
  'leafCount',
  'parse',
  'parser',
  'pickRandom',
  'rationalize',
  'replacer',
  'resolve',
  'reviver',
  'simplify',
  'simplifyConstant',
  'simplifyCore',
  'symbolicEqual',
  'typed',
]);

type Functions = Readonly<Record<string, (...given: never[]) => unknown>>;

/**
 * mathjs for formulas from outside, with functions of one's own beside its own. It is loaded only here and only when there
 * is a formula, since that alone takes about a second. `where` says in a refusal what the formula is for.
 */
export async function safeMath(where: string, own: Functions = {}): Promise<(formula: string) => MathNode> {
  const { create, all } = await import('mathjs');
  const math = create(all!);
  math.import({ ...own }, { override: true });
  return (formula) => {
    const node = math.parse(formula);
    node.traverse((part) => {
      const { name } = part as { name?: unknown };
      if (typeof name === 'string' && forbidden.has(name))
        throw new UserError('REFUSED', `the function '${name}' may not be used in ${where}`);
    });
    return node;
  };
}
