/** Text that is already HTML. Only `html` and `trusted` make it. */
export interface Markup {
  readonly markup: string;
}

export const trusted = (markup: string): Markup => ({ markup });

type Part = string | number | Markup | readonly Part[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const render = (part: Part): string => {
  if (Array.isArray(part)) return part.map(render).join('');
  if (typeof part === 'object') return (part as Markup).markup;
  return String(part).replace(/[&<>"']/g, (c) => entities[c]!);
};

/** A template whose interpolations are escaped, unless they are markup themselves; arrays are joined. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  trusted(strings.reduce((text, s, i) => text + render(parts[i - 1]!) + s));

/** JSON that can stand inside a script element: no `<` can end it or open a comment. */
export const scriptJson = (json: string): Markup =>
  trusted(json.replace(/[<\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`));

/** Program text that can stand inside a script element. */
export function scriptCode(code: string): Markup {
  // In minified code these occur inside strings and expressions only, where the backslash changes nothing.
  return trusted(code.replace(/<\/(?=script)/gi, '<\\/').replace(/^\/\/# sourceMappingURL=.*$/gm, ''));
}
