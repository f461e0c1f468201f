import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { figurePng, figureSpec, figureSvg } from '../../reports/figures.js';
import {
  figureFiles,
  readTypeface,
  renderReport,
  sectionOf,
  sectionsOf,
  shippedTypeface,
} from '../../reports/index.js';
import { UserError } from '../../src/errors.js';
import { embedded } from './page.js';
import { diagnosis, everyResult } from './samples.js';

const style = { width: 321, typeface: shippedTypeface('sans') };
const everyChart = Object.entries(everyResult).flatMap(([name, result]) =>
  sectionOf(result).charts.map((chart) => ({ name: `${chart.title}: ${name}`, chart })),
);

/** Width, height and the bytes of all rows, filters included. */
function png(bytes: Uint8Array): { width: number; height: number; rows: Buffer } {
  const file = Buffer.from(bytes);
  const data: Buffer[] = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at))
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  return {
    width: file.readUInt32BE(16),
    height: file.readUInt32BE(20),
    rows: inflateSync(Buffer.concat(data)),
  };
}

test('every chart of a report is drawn without a browser, from the rows that the page holds', async () => {
  const page = JSON.parse(embedded(renderReport(diagnosis), 'rnnscope-charts')) as {
    spec: { datasets: unknown };
  }[];
  const parts = sectionsOf(diagnosis);
  const charts = parts.flatMap(({ section }) => section.charts);
  expect(charts).toHaveLength(page.length);
  for (const [k, chart] of charts.entries())
    expect((figureSpec(chart, style) as { datasets?: unknown }).datasets).toEqual(page[k]!.spec.datasets);
  for (const { result, section } of parts) {
    const files = await figureFiles(result, section, style);
    for (const kind of ['.vl.json', '.svg', '.png'])
      expect(files.filter(({ name }) => name.endsWith(kind))).toHaveLength(section.charts.length);
    expect(new Set(files.map(({ name }) => name)).size).toBe(files.length);
    for (const { name } of files) expect(name).toMatch(/^[a-z0-9-]+(\.vl)?\.(json|svg|png|csv)$/);
  }
});

test.each(everyChart)(
  '$name is as wide as was asked for, to the millimetre and the dot',
  async ({ chart }) => {
    const svg = await figureSvg(figureSpec(chart, style), style);
    const [, width, height] = /^<svg[^>]* width="([\d.]+)mm" height="([\d.]+)mm"/.exec(svg)!.map(Number);
    expect(width).toBeCloseTo(85, 0);
    const image = png(await figurePng(svg, style.typeface));
    expect(image.width / 300).toBeCloseTo(width! / 25.4, 1);
    expect(image.height / 300).toBeCloseTo(height! / 25.4, 1);
    expect(new Set(image.rows).size).toBeGreaterThan(8);
  },
);

test('text of a figure is drawn with the font that is given, and none of the machine', async () => {
  const text = (family: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40" viewBox="0 0 200 40"><text x="5" y="30" font-size="24" font-family="${family}">λ₁ ∂s ‖Jᵏ‖</text></svg>`;
  const drawnWith = async (name: 'sans' | 'serif', family: string) =>
    png(await figurePng(text(family), shippedTypeface(name))).rows;
  const sans = await drawnWith('sans', 'No Such Font');
  expect(new Set(sans).size).toBeGreaterThan(8);
  expect(sans.equals(await drawnWith('serif', 'No Such Font'))).toBe(false);
});

describe('a typeface', () => {
  // hmtx of DejaVu Sans by its subtable of format 4, read apart from this program: m 1995, i 569, λ 1212, ₁ 821 of 2048.
  test('is as wide as its own table of metrics says', () => {
    const { width, family } = shippedTypeface('sans');
    expect(family).toBe('DejaVu Sans');
    expect(width('mi', 2048)).toBe(1995 + 569);
    expect(width('λ₁', 2048)).toBe(1212 + 821);
  });

  test('of fixed width gives all letters the same', () => {
    const { width } = shippedTypeface('mono');
    expect(width('iiii', 10)).toBeCloseTo(width('mλ₁∂', 10), 12);
  });

  test('that is no font, or a part of one, is refused', () => {
    const { bytes } = shippedTypeface('sans');
    for (const damaged of [
      Uint8Array.of(),
      new Uint8Array(64),
      bytes.subarray(0, 500),
      bytes.subarray(0, 9000),
    ])
      expect(() => readTypeface(damaged, 'x.ttf')).toThrow(UserError);
  });
});
