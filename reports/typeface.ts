import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { UserError } from '../src/errors.js';

/** A font file, as far as a drawing needs it: what it is called and how wide its letters are. */
export interface Typeface {
  readonly family: string;
  readonly bytes: Uint8Array;
  /** Width of a line of text, in units of `size`. Kerning is left out: labels need room, not type-setting. */
  width(text: string, size: number): number;
}

/** DejaVu: free to hand on, and it has the Greek, the subscripts and the signs that charts here use. */
const shipped = { sans: 'DejaVuSans.ttf', serif: 'DejaVuSerif.ttf', mono: 'DejaVuSansMono.ttf' } as const;

export const typefaceNames = Object.keys(shipped) as readonly (keyof typeof shipped)[];

/** One of the fonts that come along, so that text is drawn on a machine without any. */
export function shippedTypeface(name: keyof typeof shipped): Typeface {
  const path = createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${shipped[name]}`);
  return readTypeface(readFileSync(path), path);
}

/** Reads a TrueType or OpenType file (https://learn.microsoft.com/typography/opentype/spec/otff). */
export function readTypeface(bytes: Uint8Array, path: string): Typeface {
  try {
    return parse(bytes);
  } catch (cause) {
    throw new UserError(
      'CORRUPT',
      `${path}: expected a TrueType or OpenType font (.ttf, .otf), found none that can be read; name another, or one of ${typefaceNames.join(', ')}`,
      { cause },
    );
  }
}

function parse(bytes: Uint8Array): Typeface {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = tables(view);
  const unitsPerEm = view.getUint16(at('head') + 18);
  const metrics = view.getUint16(at('hhea') + 34);
  const advances = at('hmtx');
  if (unitsPerEm === 0 || metrics === 0) throw new RangeError('no metrics');
  const glyphOf = characterMap(view, at('cmap'));
  const advance = (character: string): number =>
    view.getUint16(advances + 4 * Math.min(glyphOf(character.codePointAt(0)!), metrics - 1)) / unitsPerEm;
  advance('m');
  return {
    family: familyName(view, at('name')),
    bytes,
    width: (text, size) => size * [...text].reduce((sum, character) => sum + advance(character), 0),
  };
}

/** Offset of a table by its tag. */
function tables(view: DataView): (tag: string) => number {
  const found = new Map<string, number>();
  for (let i = 0; i < view.getUint16(4); i++) {
    const entry = 12 + 16 * i;
    found.set(latin(view, entry, 4), view.getUint32(entry + 8));
  }
  return (tag) => {
    const offset = found.get(tag);
    if (offset === undefined) throw new RangeError(`no table ${tag}`);
    return offset;
  };
}

const latin = (view: DataView, from: number, length: number): string =>
  Array.from({ length }, (_, i) => String.fromCharCode(view.getUint8(from + i))).join('');

/** Unicode to glyph, by the subtables of format 12 (all of Unicode) or 4 (its first plane); 0 is the missing glyph. */
function characterMap(view: DataView, cmap: number): (code: number) => number {
  const subtables = Array.from({ length: view.getUint16(cmap + 2) }, (_, i) => {
    const record = cmap + 4 + 8 * i;
    const at = cmap + view.getUint32(record + 4);
    return { at, format: view.getUint16(at), unicode: [0, 3].includes(view.getUint16(record)) };
  }).filter(({ unicode }) => unicode);
  const all = subtables.find(({ format }) => format === 12);
  if (all) return (code) => glyphInGroups(view, all.at, code);
  const plane = subtables.find(({ format }) => format === 4);
  if (!plane) throw new RangeError('no Unicode map');
  return (code) => glyphInSegments(view, plane.at, code);
}

function glyphInGroups(view: DataView, at: number, code: number): number {
  let low = 0;
  let high = view.getUint32(at + 12) - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const group = at + 16 + 12 * middle;
    if (code < view.getUint32(group)) high = middle - 1;
    else if (code > view.getUint32(group + 4)) low = middle + 1;
    else return view.getUint32(group + 8) + code - view.getUint32(group);
  }
  return 0;
}

function glyphInSegments(view: DataView, at: number, code: number): number {
  const doubled = view.getUint16(at + 6);
  for (let k = 0; k < doubled; k += 2) {
    if (code > view.getUint16(at + 14 + k)) continue;
    const start = view.getUint16(at + 16 + doubled + k);
    if (code < start) return 0;
    const delta = view.getUint16(at + 16 + 2 * doubled + k);
    const rangeAt = at + 16 + 3 * doubled + k;
    const range = view.getUint16(rangeAt);
    if (range === 0) return (code + delta) & 0xffff;
    const glyph = view.getUint16(rangeAt + range + 2 * (code - start));
    return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
  }
  return 0;
}

const FAMILY = 1;
const WINDOWS = 3;

/** What drawing programs know the font by. */
function familyName(view: DataView, name: number): string {
  const strings = name + view.getUint16(name + 4);
  for (let i = 0; i < view.getUint16(name + 2); i++) {
    const record = name + 6 + 12 * i;
    if (view.getUint16(record) !== WINDOWS || view.getUint16(record + 6) !== FAMILY) continue;
    const from = strings + view.getUint16(record + 10);
    const length = view.getUint16(record + 8) / 2;
    return Array.from({ length }, (_, k) => String.fromCharCode(view.getUint16(from + 2 * k))).join('');
  }
  throw new RangeError('no family name');
}
