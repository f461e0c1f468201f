import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { describe, expect, test } from 'vitest';
import { drawn } from '../../reports/drawn.js';
import { sectionOf } from '../../reports/index.js';
import { thin } from '../../reports/shape.js';
import { chartThemes } from '../../reports/theme.js';
import { compiled, listen } from './page.js';
import { everyResult } from './samples.js';

const everyChart = Object.entries(everyResult).flatMap(([name, result]) =>
  sectionOf(result).charts.map((chart) => ({ name: `${chart.title}: ${name}`, chart })),
);

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test.each(everyChart)('$name compiles and draws without a warning', async ({ chart }) => {
    const { messages, logger } = listen();
    const spec = compiled(chart, chartThemes[theme], logger);
    const view = new View(parse(spec), { renderer: 'none', logger });
    const svg = await view.runAsync().then(() => view.toSVG());
    view.finalize();
    expect(messages).toEqual([]);
    expect(svg).not.toContain('NaN');
  });
});

test.each(everyChart)('$name compiles at the width of its container without a warning', ({ chart }) => {
  const { messages, logger } = listen();
  const { spec } = drawn(chart, true) as { spec: TopLevelSpec };
  compile(spec, { config: chartThemes.light, logger });
  expect(messages).toEqual([]);
});

test.each(everyChart)(
  '$name names every dataset that it carries, and carries every one that it names',
  ({ chart }) => {
    const named = [...JSON.stringify(chart.spec).matchAll(/"data":\{"name":"(\w+)"\}/g)].map((m) => m[1]!);
    expect([...new Set(named)].sort()).toEqual(Object.keys(chart.datasets).sort());
  },
);

test.each(everyChart)('$name has finite numbers only and a description', ({ chart }) => {
  const cells = Object.values(chart.datasets).flatMap((rows) => rows.flatMap((row) => Object.values(row)));
  const notFinite = cells.filter((x) => typeof x === 'number' && !Number.isFinite(x));
  expect(notFinite).toEqual([]);
  expect(chart.description.length).toBeGreaterThan(20);
  expect(chart.description).not.toMatch(/undefined|NaN/);
});

test.each(everyChart)('$name says what it means and what to do', ({ chart }) => {
  for (const words of [chart.note.means, chart.note.todo]) expect(words).toMatch(/^[A-Z].{30,}\.$/s);
});

test.each(everyChart.filter(({ chart }) => chart.zoom))('$name can be moved along both axes', ({ chart }) => {
  expect(JSON.stringify(drawn(chart, true).spec)).toContain('"bind":"scales"');
});

test.each(everyChart)('$name sketches fields that its rows have', ({ chart }) => {
  if (!chart.sketch) return;
  const { dataset, x, y, only } = chart.sketch;
  const rows = chart.datasets[dataset]!;
  for (const field of [x, y, ...(only ? [only[0]] : [])])
    expect(Object.keys(rows[0] ?? { [field]: 0 })).toContain(field);
});

test('no chart names a colour: themes do', () => {
  for (const { chart } of everyChart) expect(JSON.stringify(chart.spec)).not.toMatch(/#[0-9a-f]{3,8}\b/i);
});

test('thinning keeps the ends and the order', () => {
  const rows = Array.from({ length: 12_345 }, (_, i) => i);
  const kept = thin(rows);
  expect(kept).toHaveLength(5000);
  expect([kept[0], kept.at(-1)]).toEqual([0, 12_344]);
  expect([...kept].sort((a, b) => a - b)).toEqual(kept);
});

test('short series are drawn whole', () => {
  const rows = [3, 1, 2];
  expect(thin(rows)).toBe(rows);
});
