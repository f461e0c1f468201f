import { expect, expectTypeOf, test } from 'vitest';
import type { LyapunovValue } from '../../analyses/lyapunov.js';
import { commandOf } from '../../reports/command.js';
import { rowsAsCsv, tableAsCsv } from '../../reports/csv.js';
import { readResults, renderReport, sectionOf, sections } from '../../reports/index.js';
import { scriptCode } from '../../reports/markup.js';
import { UserError } from '../../src/errors.js';
import { fromJson, toJson } from '../../src/json.js';
import type { AnalysisResult } from '../../src/result.js';
import { embedded, visible } from './page.js';
import { diagnosis, envelope, everyResult, flooredValue, lyapunovValue, partial } from './samples.js';

const hostile = '</script><img src=x onerror=alert(1)>"\'&<!--<script>';

test('sections take the value of their own analysis', () => {
  expectTypeOf(sections.lyapunov).parameter(0).toEqualTypeOf<AnalysisResult<LyapunovValue>>();
});

test('the same result gives the same bytes', () => {
  expect(renderReport(diagnosis)).toBe(renderReport(structuredClone(diagnosis)));
});

test('the result can be read back from the page, −∞ included', () => {
  const result = envelope('lyapunov', flooredValue);
  expect(fromJson(embedded(renderReport(result), 'rnnscope-result'))).toEqual(result);
});

test('a page drawn from saved JSON is the page drawn at once', () => {
  for (const result of Object.values(everyResult)) {
    expect(renderReport(readResults(toJson(result)))).toBe(renderReport([result]));
  }
});

test('names from a file stay text', () => {
  const result = envelope('lyapunov', lyapunovValue, { drive: hostile });
  const named = {
    ...result,
    model: { ...result.model, path: `dir/${hostile}`, module: hostile, assumptions: [hostile] },
  };
  const page = renderReport(named);
  expect(page).not.toContain('<img src=x');
  expect(page.match(/<script\b[^>]*>/g)).toHaveLength(page.match(/<\/script>/g)!.length);
  expect(fromJson(embedded(page, 'rnnscope-result'))).toEqual(named);
});

test('names from a file stay text in tables and verdicts', () => {
  const verdicts = [{ question: hostile, answer: hostile, level: 'good' as const, evidence: hostile }];
  expect(renderReport(envelope('diagnose', { verdicts, results: {} }))).not.toContain('<img src=x');
});

test('the page refers to nothing outside itself', () => {
  const page = visible(renderReport(diagnosis));
  const references = [...page.matchAll(/\b(?:src|href|action|srcset)="([^"]*)"/g)].map((m) => m[1]!);
  expect(references.filter((r) => !/^(#|data:)/.test(r))).toEqual([]);
  expect(page).not.toMatch(/url\(|@import|sourceMappingURL/);
  expect(page).toContain('default-src &#39;none&#39;');
});

test('inlined programs cannot end their element or ask for a source map', () => {
  const page = renderReport(diagnosis);
  expect(page).not.toContain('sourceMappingURL');
  const { markup } = scriptCode('a = "</script>";\n//# sourceMappingURL=a.js.map');
  expect(markup).toBe('a = "<\\/script>";\n');
});

test('inlined programs keep their licences', () => {
  expect(renderReport(diagnosis).match(/Redistributions in binary form/g)!.length).toBeGreaterThanOrEqual(3);
});

test('a partial outcome is said with its remedy', () => {
  const page = visible(renderReport(envelope('lyapunov', lyapunovValue, {}, partial)));
  expect(page).toContain('This result is partial: interrupted after 412 of 1024 starts.');
  expect(page).toContain('run again without interrupting');
});

test('a failed analysis without a value still has its section', () => {
  const failed = { kind: 'failed', what: 'it overflowed', remedy: 'shorten it' } as const;
  const page = visible(renderReport(envelope('fixed-points', null, {}, failed)));
  expect(page).toContain('This analysis failed: it overflowed.');
});

test('levels are words and outlines, not colours alone', () => {
  const page = visible(renderReport(diagnosis));
  for (const word of ['Good', 'Watch this', 'Problem', 'Not known']) expect(page).toContain(word);
});

test('headings go down one level at a time', () => {
  const levels = [...visible(renderReport(diagnosis)).matchAll(/<h([1-6])/g)].map((m) => Number(m[1]));
  expect(levels[0]).toBe(1);
  for (const [i, level] of levels.entries()) expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1);
});

test('every element has an id of its own', () => {
  const ids = [...renderReport(Object.values(everyResult)).matchAll(/\sid="([^"]+)"/g)].map((m) => m[1]!);
  expect(new Set(ids).size).toBe(ids.length);
});

test('the sections of a diagnosis follow its verdicts', () => {
  const sections = [...visible(renderReport(diagnosis)).matchAll(/<section id="([^"]+)"/g)].map((m) => m[1]);
  expect(sections).toEqual(['diagnose', 'inspect', 'lyapunov', 'gradients', 'fixed-points', 'jacobian']);
});

test('an analysis without a section is refused by name', () => {
  expect(() => sectionOf(envelope('tea-leaves', {}))).toThrow(/'tea-leaves': expected .*lyapunov/);
  expect(() => sectionOf(envelope('toString', {}))).toThrow(UserError);
});

test('what is not a result is refused with what was expected', () => {
  expect(() => readResults('not json')).toThrow(/Expected a result that rnnscope wrote/);
  expect(() => readResults('{"schema": 2}')).toThrow(/schema 1; found schema 2/);
  expect(() => readResults('[]')).not.toThrow();
  expect(() => readResults('null')).toThrow(/found no schema/);
  expect(() => renderReport([])).toThrow(UserError);
});

test('the command in a report is the whole of what has to be typed, read back by a shell as it was meant', () => {
  const result = {
    ...envelope('lyapunov', lyapunovValue, {
      drive: "expr:sin('t')",
      closedLoop: true,
      count: null,
      shift: -1,
    }),
    model: { ...diagnosis.model, path: 'my models/a.pt' },
  };
  expect(commandOf(result)).toBe(
    `npx rnnscope lyapunov 'my models/a.pt' --drive 'expr:sin('\\''t'\\'')' --state zero --closed-loop --warmup 200 --steps 1800 --shift=-1`,
  );
});

test('the foot of the page holds hash, seed, version, wall time and command', () => {
  const page = visible(renderReport(diagnosis, { seconds: 200 }));
  const foot = page.slice(page.indexOf('<footer>'));
  for (const said of [diagnosis.model.sha256, 'Seed', 'rnnscope 0.1.0', '3 min 20 s', commandOf(diagnosis)])
    expect(foot).toContain(said);
});

test('a table as CSV quotes what a comma or a quote would break', () => {
  expect(
    tableAsCsv(
      ['a', 'b, c'],
      [
        ['1', 'say "x"'],
        ['', 'two\nlines'],
      ],
    ),
  ).toBe('a,"b, c"\r\n1,"say ""x"""\r\n,"two\nlines"\r\n');
});

test('several datasets share one CSV, each row with the name of its own', () => {
  expect(rowsAsCsv({ points: [{ x: 1, y: 2 }], marks: [{ x: 3, label: 'h' }], none: [] })).toBe(
    'dataset,x,y,label\r\npoints,1,2,\r\nmarks,3,,h\r\n',
  );
});

test('the report of a flip-flop, programs and all, stays below 3 MB', () => {
  expect(renderReport(diagnosis).length).toBeLessThan(3e6);
});
