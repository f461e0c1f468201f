import { constants } from 'node:fs';
import { access, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FigureStyle } from '../../reports/index.js';
import { UserError } from '../errors.js';
import { toJson } from '../json.js';
import type { AnalysisResult } from '../result.js';
import type { OutputFlags } from './flags.js';
import { writeWhole } from './output.js';

/** CSS pixels, 96 to the inch, in one of each unit. */
const units: Readonly<Record<string, number>> = { mm: 96 / 25.4, cm: 96 / 2.54, in: 96, pt: 96 / 72, px: 1 };
const NARROWEST = 120;
const WIDEST = 4000;

/** 85mm, 3.3in, 240pt, 600px → CSS pixels. */
export function pixels(length: string): number {
  const [, size, unit] = /^(\d*\.?\d+)\s*(mm|cm|in|pt|px)$/.exec(length) ?? [];
  const width = Number(size) * (units[unit ?? ''] ?? Number.NaN);
  if (width >= NARROWEST && width <= WIDEST) return width;
  throw new UserError(
    'USAGE',
    `--figure-width takes a length such as 85mm, 3.3in, 240pt or 600px, from ${NARROWEST} to ${WIDEST} px, not '${length}'`,
  );
}

/** Makes the folder and reads the font before a run that may be long, so that neither can spoil it afterwards. */
export async function checkFolder(output: OutputFlags): Promise<void> {
  const folder = output.output!;
  const found = await stat(folder).catch(() => null);
  if (found && !found.isDirectory())
    throw new UserError('USAGE', `--output ${folder} is a file: name a folder, which may be a new one`);
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new UserError(
      'USAGE',
      `--output ${folder} cannot be written (${(cause as Error).message}): name a folder that you may write to`,
      { cause },
    );
  }
  await styleOf(output);
}

async function styleOf({ figureWidth = '120mm', font = 'sans' }: OutputFlags): Promise<FigureStyle> {
  const width = pixels(figureWidth);
  const { readTypeface, shippedTypeface, typefaceNames } = await import('../../reports/index.js');
  const shipped = typefaceNames.find((name) => name === font);
  if (shipped) return { width, typeface: shippedTypeface(shipped) };
  const bytes = await readFile(font).catch((cause: Error) => {
    throw new UserError(
      'NOT_FOUND',
      `--font ${font} is neither ${typefaceNames.join(', ')} nor a file that can be read (${cause.message})`,
      { cause },
    );
  });
  return { width, typeface: readTypeface(bytes, font) };
}

/** Writes every chart and table of the results, and the results themselves; answers how many files there are. */
export async function writeResults(results: readonly AnalysisResult[], output: OutputFlags): Promise<number> {
  const { figureFiles, sectionsOf } = await import('../../reports/index.js');
  const style = await styleOf(output);
  const folder = output.output!;
  let written = 0;
  const write = async (name: string, data: string | Uint8Array): Promise<void> => {
    await writeWhole(join(folder, name), data);
    written++;
  };
  for (const [k, result] of results.entries()) {
    const prefix = results.length > 1 ? `${k + 1}-` : '';
    for (const part of sectionsOf(result))
      for (const { name, data } of await figureFiles(part.result, part.section, style))
        await write(prefix + name, data);
    await write(`${prefix}${result.analysis}.json`, `${toJson(result, 1)}\n`);
  }
  return written;
}
