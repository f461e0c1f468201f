import { type Explanation, explanations } from './mathematics.js';
import { wrap } from './print.js';
import { pc, terminalWidth } from './terminal.js';

/** A question's mathematics as text; undefined for what is no question. */
export function explained(question: string, width = terminalWidth()): string | undefined {
  if (!Object.hasOwn(explanations, question)) return undefined;
  const { paragraphs, formulas, references } = explanations[
    question as keyof typeof explanations
  ] as Explanation;
  const blocks = [
    [pc.bold(`rnnscope ${question}`)],
    ...paragraphs.map((text) => wrap(text, width)),
    formulas.flatMap((formula) => wrap(formula, width, '      ', '  ')),
    references.flatMap((reference) => wrap(reference, width, '  ')),
    wrap(`Options: rnnscope ${question} --help`, width),
  ];
  return `${blocks.map((block) => block.join('\n')).join('\n\n')}\n`;
}
