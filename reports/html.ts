import { toJson } from '../src/json.js';
import type { AnalysisResult, ModelSummary } from '../src/result.js';
import { clientScript } from './client.js';
import { commandOf, dashed } from './command.js';
import { drawn } from './drawn.js';
import { cellName, count, duration, fileName, integer, sentenceCase } from './format.js';
import { drawingScripts } from './libraries.js';
import { html, type Markup, scriptJson, trusted } from './markup.js';
import type { Card, Chart, Fact, Level, Note, Section, Table } from './section.js';
import { pageStyle } from './style.js';
import { chartThemes } from './theme.js';

/** A section and the result that it was written from. */
export interface Part {
  readonly result: AnalysisResult;
  readonly section: Section;
}

/** What is known of the run itself, beside its results. */
export interface Run {
  /** Wall time. Not part of a result, which is the same bytes each time. */
  readonly seconds?: number;
}

/** Forbids the page every request: what it needs is inside it. */
const contentPolicy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; connect-src 'none'; form-action 'none'; base-uri 'none'";

/** One page that opens anywhere without a network: same parts and run, same bytes. */
export function page(parts: readonly Part[], embedded: unknown, run: Run = {}): string {
  const model = parts[0]!.result.model;
  const analyses = parts.map((p) => p.result.analysis);
  const ids = parts.map((_, i) => anchor(analyses, i));
  const name = nameOf(parts[0]!.result);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} – rnnscope</title>
<link rel="icon" href="data:,">
<style>${trusted(pageStyle)}</style>
</head>
<body>
<a class="skip" href="#${ids[0]!}">Skip to the answers</a>
${heading(model, name)}
<main>
${parts.length > 1 ? contents(parts, ids) : ''}
<noscript><p class="notice">The charts need JavaScript; the readings and tables below do not.</p></noscript>
${parts.map((part, i) => sectionMarkup(part, ids[i]!, parts[i - 1]?.result))}
</main>
${closing(parts, name, run)}
<p class="unseen" role="status" id="rnnscope-status"></p>
<script type="application/json" id="rnnscope-result">${scriptJson(toJson(embedded))}</script>
<script type="application/json" id="rnnscope-charts">${scriptJson(JSON.stringify(chartList(parts, ids, name)))}</script>
<script type="application/json" id="rnnscope-themes">${scriptJson(JSON.stringify(chartThemes))}</script>
${drawingScripts().map((code) => html`<script>${trusted(code)}</script>\n`)}
<script>${trusted(clientScript)}</script>
</body>
</html>
`.markup;
}

/** The file, or how many there are where several are compared. */
function nameOf({ model, value }: AnalysisResult): string {
  const { models } = (value ?? {}) as { models?: readonly unknown[] };
  const name = fileName(String(model.path));
  return models ? `${name} and ${integer(models.length - 1)} more` : name;
}

/** The name of the analysis, numbered where it occurs again. */
function anchor(analyses: readonly string[], i: number): string {
  const before = analyses.slice(0, i).filter((a) => a === analyses[i]).length;
  return before === 0 ? analyses[i]! : `${analyses[i]}-${before + 1}`;
}

const chartId = (section: string, i: number): string => `chart-${section}-${i + 1}`;

function chartList(parts: readonly Part[], ids: readonly string[], name: string): unknown[] {
  return parts.flatMap(({ section }, k) =>
    section.charts.map((chart, i) => ({
      id: chartId(ids[k]!, i),
      file: `${name}.${ids[k]}-${i + 1}`,
      spec: drawn(chart, true).spec,
      decoration: chart.decoration ?? [],
      ...(chart.link !== undefined && { link: chart.link, section: ids[k] }),
    })),
  );
}

function heading(model: ModelSummary, name: string): Markup {
  const facts: Fact[] = [
    { label: 'Cell', value: cellName(model.cell) },
    { label: 'Module', value: String(model.module) || '(top level)' },
    {
      label: 'Size',
      value: `${count(model.layers, 'layer')} × ${count(model.hiddenSize, 'unit')}`,
      note: `${count(model.stateSize, 'state variable')}, ${count(model.inputSize, 'input')}`,
    },
    { label: 'Parameters', value: integer(model.parameters) },
    { label: 'Format', value: model.format, note: `sha256 ${String(model.sha256).slice(0, 12)}` },
  ];
  return html`<header>
<p class="overline">rnnscope report</p>
<h1>${name}</h1>
${factList(facts)}
</header>`;
}

const contents = (
  parts: readonly Part[],
  ids: readonly string[],
): Markup => html`<nav aria-label="Sections"><ul>
${parts.map(({ section }, i) => html`<li><a href="#${ids[i]!}">${section.title}</a></li>\n`)}</ul></nav>`;

function sectionMarkup({ result, section }: Part, id: string, before: AnalysisResult | undefined): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<p class="question"><code>${result.analysis}</code></p>
<h2 id="${id}-title">${section.title}</h2>
${notice(result)}
<p class="reading">${section.reading}</p>
${section.cards ? cards(section.cards) : ''}
${section.caveats.length > 0 ? html`<ul class="caveats">${section.caveats.map((c) => html`<li>${c}</li>`)}</ul>` : ''}
${factList(section.facts)}
${section.charts.length > 0 ? html`<div class="charts">${section.charts.map((c, i) => figure(c, chartId(id, i)))}</div>` : ''}
${(section.listings ?? []).map(({ title, lines }) => html`<details><summary>${title}</summary><pre tabindex="0" role="region" aria-label="${title}"><code>${lines.join('\n')}</code></pre></details>`)}
${section.tables.filter((t) => t.rows.length > 0).map(tableMarkup)}
${provenance(result, before)}
</section>
`;
}

function notice({ outcome }: AnalysisResult): Markup | '' {
  if (outcome.kind === 'complete') return '';
  const lead = outcome.kind === 'failed' ? 'This analysis failed' : 'This result is partial';
  return html`<div class="notice ${outcome.kind}" role="note"><strong>${lead}: ${outcome.what}.</strong> What to do: ${outcome.remedy}.</div>`;
}

const levelWords: Record<Level, string> = {
  good: 'Good',
  warn: 'Watch this',
  bad: 'Problem',
  unknown: 'Not known',
};

/** A different outline for each level, so that none depends on colour. */
const levelIcons: Record<Level, string> = {
  good: '<circle cx="10" cy="10" r="8.5"/><path d="m6 10.3 2.8 2.8L14.2 7.4"/>',
  warn: '<path d="M10 2 18.6 17.5H1.4Z"/><path d="M10 8v4.2M10 14.6v.3"/>',
  bad: '<path d="M6.4 1.5h7.2l4.9 4.9v7.2l-4.9 4.9H6.4l-4.9-4.9V6.4Z"/><path d="m7 7 6 6m0-6-6 6"/>',
  unknown:
    '<circle cx="10" cy="10" r="8.5" stroke-dasharray="3 2.2"/><path d="M7.6 7.8a2.4 2.4 0 1 1 3.5 2.2c-.8.4-1.1.9-1.1 1.8M10 14.4v.3"/>',
};

const icon = (level: Level): Markup =>
  trusted(
    `<svg viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${levelIcons[level]}</svg>`,
  );

const known = (level: Level): Level => (Object.hasOwn(levelWords, level) ? level : 'unknown');

const cards = (all: readonly Card[]): Markup => html`<ul class="cards">
${all.map((c) => {
  const level = known(c.level);
  return html`<li class="card ${level}">
<p class="level">${icon(level)}${levelWords[level]}</p>
<h3>${c.question}</h3>
<p class="answer">${sentenceCase(c.answer)}</p>
<p class="evidence">${sentenceCase(c.evidence)}</p>
</li>
`;
})}</ul>`;

function factList(facts: readonly Fact[]): Markup | '' {
  if (facts.length === 0) return '';
  return html`<dl class="facts">
${facts.map((f) => html`<div><dt>${f.label}</dt><dd>${f.value}</dd>${f.note ? html`<dd class="note">${f.note}</dd>` : ''}</div>\n`)}</dl>`;
}

const figure = (
  chart: Chart,
  id: string,
): Markup => html`<figure${chart.wide ? trusted(' class="wide"') : ''}>
<figcaption><h3>${chart.title}</h3>
<p class="save">${(['PNG', 'SVG', 'CSV'] as const).map((kind) => html`<button type="button" data-save="${kind.toLowerCase()}" data-chart="${id}" aria-label="Save “${chart.title}” as ${kind}">${kind}</button>`)}</p>
</figcaption>
<div class="chart" id="${id}" role="img" aria-label="${chart.description}"></div>
<img class="paper" alt="${chart.description}">
${handling(chart)}
${noteMarkup(chart.note)}
</figure>
`;

/** What a pointer can do here, and what was left out of the drawing. */
function handling(chart: Chart): Markup {
  const { thinned } = drawn(chart, true);
  const said = [
    ...(chart.zoom ? ['Drag to move, Shift and wheel to zoom, double click for the whole.'] : []),
    ...(chart.link !== undefined ? ['Click to keep a point marked here and in the linked charts.'] : []),
  ];
  return html`${said.length > 0 ? html`<p class="hint no-print">${said.join(' ')}</p>` : ''}${thinned ? html`<p class="hint">${thinned}</p>` : ''}`;
}

const noteMarkup = ({ means, todo }: Note): Markup =>
  html`<dl class="meaning"><dt>What this means</dt><dd>${means}</dd><dt>What to do</dt><dd>${todo}</dd></dl>`;

const shortTable = 8;
const tallTable = 16;

function tableMarkup(table: Table): Markup {
  const open = table.rows.length <= shortTable ? trusted(' open') : '';
  const tall = table.rows.length > tallTable ? ' tall' : '';
  const words = table.columns.map((c) => (table.text?.includes(c) ? trusted(' class="words"') : ''));
  return html`<details${open}><summary>${table.title} (${integer(table.rows.length)})</summary>
<div class="scroll${tall}" role="region" aria-label="${table.title}" tabindex="0"><table>
<thead><tr>${table.columns.map((c, i) => html`<th scope="col"${words[i]!}>${c}</th>`)}</tr></thead>
<tbody>${table.rows.map((row) => html`<tr>${row.map((cell, i) => html`<td${words[i] ?? ''}>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div></details>
`;
}

const optionText = (value: unknown): string =>
  value === null || value === undefined ? 'not given' : typeof value === 'string' ? value : toJson(value);

/** Where the numbers come from; the file and the tool once, where the section before had the same. */
function provenance(result: AnalysisResult, before: AnalysisResult | undefined): Markup {
  const { model } = result;
  const again = before !== undefined && origin(before) === origin(result);
  const rows: [string, string][] = [
    ...Object.entries(result.options).map(([k, v]): [string, string] => [`--${dashed(k)}`, optionText(v)]),
    ...('seed' in result.options ? [] : [['seed', String(result.seed)] as [string, string]]),
    ...(again ? [] : originRows(result)),
  ];
  const command = commandOf(result);
  return html`<details><summary>Options and provenance</summary>
<div class="scroll" role="region" aria-label="Options and provenance of ${result.analysis}" tabindex="0"><table class="option">
<tbody>${rows.map(([k, v]) => html`<tr><th scope="row" class="words">${k}</th><td class="words">${v}</td></tr>\n`)}</tbody>
</table></div>
${again ? '' : assumptions(model)}
${model.path === '' ? '' : repeatable(command, `This section alone`)}
</details>`;
}

const originRows = ({ tool, model }: AnalysisResult): [string, string][] => [
  ['tool', `${tool.name} ${tool.version}`],
  ['file', String(model.path)],
  ['sha256', String(model.sha256)],
  ['module', String(model.module)],
];

const origin = (result: AnalysisResult): string => JSON.stringify(originRows(result));

const assumptions = ({ assumptions: said }: ModelSummary): Markup | '' =>
  said.length === 0
    ? ''
    : html`<h3>Assumptions about the file</h3><ul class="caveats">${said.map((a) => html`<li>${a}</li>`)}</ul>`;

const repeatable = (command: string, title: string): Markup => html`<div class="command">
<p>${title}, again:</p>
<pre><code>${command}</code></pre>
<button type="button" class="no-print" data-copy="${command}" aria-label="Copy the command: ${title}">Copy</button>
</div>`;

/** The foot: where everything above comes from, and how to get it again. */
function closing(parts: readonly Part[], name: string, { seconds }: Run): Markup {
  const { tool, model, analysis, seed } = parts[0]!.result;
  const facts: Fact[] = [
    { label: 'File', value: String(model.path) || '(a map given by hand)' },
    { label: 'Program', value: `${tool.name} ${tool.version}` },
    { label: 'Seed', value: String(seed), note: 'same file, options and seed: same numbers' },
    ...(seconds === undefined ? [] : [{ label: 'Wall time', value: duration(seconds) }]),
  ];
  return html`<footer>
<h2 id="provenance">Provenance</h2>
${factList(facts)}
${model.sha256 === '' ? '' : html`<p class="hash">sha256 <code>${String(model.sha256)}</code></p>`}
${model.path === '' ? '' : repeatable(commandOf(parts[0]!.result), 'This report')}
<p>Exponents and rates are natural logarithms per step (nats per step). This file holds everything it shows and asks the network for nothing.</p>
<p class="no-print"><button type="button" data-save="json" data-file="${name}.${analysis}.json">Save the result as JSON</button></p>
</footer>`;
}
