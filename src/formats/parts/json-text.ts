import { type Bytes, DAMAGED } from './source.js';

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** JSON that is nested no deeper than `maxDepth`, so that what reads it may recurse. `what` names it in messages. */
export function parseJson(source: Bytes, bytes: Uint8Array, maxDepth: number, what: string): unknown {
  const tooDeep = findDepth(bytes, maxDepth + 1);
  if (tooDeep !== undefined) {
    const text = `${what} is nested deeper than ${maxDepth} at its byte ${tooDeep}, which no weights file needs`;
    throw source.fault('LIMIT', `${text}. ${DAMAGED}`);
  }
  const text = decode(source, bytes, what);
  try {
    return JSON.parse(text);
  } catch (error) {
    const bare = /[[,:\s](NaN|-?Infinity)\b/.exec(text)?.[1];
    const hint = bare === undefined ? DAMAGED : `JSON has no ${bare}; write it as the string "${bare}".`;
    throw source.fault('CORRUPT', `${what} is not JSON: ${(error as Error).message}. ${hint}`);
  }
}

/** Where this depth is reached. Looked for beforehand: JSON.parse takes seconds for millions of open brackets. */
function findDepth(bytes: Uint8Array, wanted: number): number | undefined {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (inText && byte === BACKSLASH) at++;
    else if (byte === QUOTE) inText = !inText;
    else if (!inText && (byte === OPEN_BRACE || byte === OPEN_BRACKET)) depth++;
    else if (!inText && (byte === CLOSE_BRACE || byte === CLOSE_BRACKET)) depth--;
    if (depth === wanted) return at;
  }
  return undefined;
}

function decode(source: Bytes, bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw source.fault('CORRUPT', `${what} is not UTF-8. ${DAMAGED}`);
  }
}
