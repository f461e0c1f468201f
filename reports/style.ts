import { pageFont, pageVariables } from './theme.js';

/** The page's style sheet: one column on a phone, charts in pairs where there is room, light on paper. */
export const pageStyle = `
:root { color-scheme: light dark; ${pageVariables.light} }
@media (prefers-color-scheme: dark) { :root { ${pageVariables.dark} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 ${pageFont}; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
.overline { margin: 0; color: var(--muted); font-size: 14px; }
h1 { margin: 2px 0 14px; font-size: 32px; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 10px; font-size: 24px; line-height: 1.25; }
h3 { margin: 0; font-size: 16px; line-height: 1.35; }
h4 { margin: 18px 0 6px; font-size: 15px; }
p { margin: 0 0 12px; }
code { font: 0.92em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(158px, 1fr)); gap: 14px 20px; margin: 0 0 20px; }
.facts div { min-width: 0; }
.facts dt { color: var(--muted); font-size: 13.5px; line-height: 1.35; }
.facts dd { margin: 0; font-size: 15.5px; font-weight: 600; overflow-wrap: break-word; font-variant-numeric: tabular-nums; }
.facts dd.note { font-weight: 400; font-size: 13px; line-height: 1.35; color: var(--muted); }
nav ul { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 0; padding: 12px 0; list-style: none;
  border-top: 1px solid var(--grid); border-bottom: 1px solid var(--grid); font-size: 15px; }
a { color: var(--accent); text-underline-offset: 3px; }
a:focus-visible, button:focus-visible, summary:focus-visible, .scroll:focus-visible, pre:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
section { padding-top: 36px; scroll-margin-top: 8px; }
section + section { margin-top: 36px; border-top: 1px solid var(--grid); }
.question { margin: 0 0 4px; color: var(--muted); font-size: 14px; }
.reading { max-width: 74ch; font-size: 18px; line-height: 1.5; }
.caveats { max-width: 78ch; margin: 0 0 18px; padding-left: 20px; color: var(--muted); }
.caveats li { margin-bottom: 4px; }
.notice { margin: 0 0 18px; padding: 12px 16px; border-left: 4px solid var(--warn); background: var(--raised); }
.notice.failed { border-color: var(--bad); }
.notice strong { display: block; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 14px; margin: 0; padding: 0; list-style: none; }
.card { padding: 14px 16px; border: 1px solid var(--grid); border-top: 4px solid var(--level); border-radius: 6px; background: var(--raised); }
.card .level { display: flex; align-items: center; gap: 7px; margin: 0 0 8px; color: var(--level); font-size: 14px; font-weight: 600; }
.card .level svg { width: 18px; height: 18px; flex: none; }
.card h3 { font-weight: 400; color: var(--muted); font-size: 14.5px; }
.card .answer { margin: 2px 0 8px; font-size: 18px; font-weight: 600; line-height: 1.35; overflow-wrap: anywhere; }
.card .evidence { margin: 0; font-size: 14px; line-height: 1.45; overflow-wrap: anywhere; }
.good { --level: var(--good); } .warn { --level: var(--warn); } .bad { --level: var(--bad); } .unknown { --level: var(--unknown); }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px 32px; margin: 22px 0; align-items: start; }
figure { margin: 0; min-width: 0; }
figure.wide, figure:only-child { grid-column: 1 / -1; }
figure:only-child:not(.wide) { max-width: 640px; }
figcaption { display: flex; justify-content: space-between; align-items: flex-start; gap: 12px; margin-bottom: 8px; }
.chart { min-height: 60px; }
.chart.vega-embed, .chart .chart-wrapper { position: relative; display: block; width: 100%; }
.chart svg, .chart canvas { display: block; max-width: 100%; }
.save { display: flex; gap: 6px; margin: 0; }
button { font: inherit; font-size: 13px; line-height: 1.4; color: var(--muted); background: transparent; border: 1px solid var(--grid); border-radius: 5px; padding: 2px 9px; min-height: 26px; cursor: pointer; }
button:hover { color: var(--ink); background: var(--raised); border-color: var(--muted); }
img.paper { display: none; width: 100%; }
details { margin: 10px 0; border-top: 1px solid var(--grid); padding-top: 8px; }
summary { cursor: pointer; font-weight: 600; font-size: 15px; padding: 3px 0; }
.scroll { overflow-x: auto; margin: 4px 0 14px; }
.tall { max-height: 460px; overflow-y: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 14px 5px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
th { font-weight: 600; color: var(--muted); vertical-align: bottom; background: var(--paper); }
thead th { position: sticky; top: 0; white-space: normal; min-width: 5em; }
.words { text-align: left; }
.option td { white-space: normal; overflow-wrap: anywhere; }
pre { overflow-x: auto; margin: 6px 0 12px; padding: 10px 12px; background: var(--raised); border-radius: 5px; }
.skip { position: absolute; left: 8px; top: -60px; padding: 8px 12px; background: var(--raised); border-radius: 5px; }
.skip:focus { top: 8px; z-index: 10; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; margin: 0; }
.hint { margin: 6px 0 0; color: var(--muted); font-size: 13px; line-height: 1.4; }
.meaning { margin: 10px 0 0; padding-left: 12px; border-left: 3px solid var(--grid); font-size: 14.5px; line-height: 1.45; max-width: 78ch; }
.meaning dt { color: var(--muted); font-size: 13px; font-weight: 600; }
.meaning dd { margin: 0 0 6px; }
.command { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 10px; align-items: start; margin: 0 0 14px; }
.command p { grid-column: 1 / -1; margin: 0; }
.command pre { white-space: pre-wrap; overflow-wrap: anywhere; color: var(--ink); }
.command button { margin-top: 6px; }
.hash { overflow-wrap: anywhere; }
footer .facts dd { color: var(--ink); }
footer { margin-top: 48px; padding-top: 18px; padding-bottom: 48px; border-top: 1px solid var(--grid); color: var(--muted); font-size: 14px; }
#vg-tooltip-element { visibility: hidden; position: fixed; z-index: 1000; padding: 7px 10px; max-width: 90vw; font: 13px/1.4 ${pageFont};
  color: var(--ink); background: var(--paper); border: 1px solid var(--muted); border-radius: 5px; box-shadow: 0 2px 10px rgb(0 0 0 / 0.18); pointer-events: none; }
#vg-tooltip-element.visible { visibility: visible; }
#vg-tooltip-element td { padding: 1px 0; border: 0; white-space: normal; text-align: left; }
#vg-tooltip-element td.key { padding-right: 10px; color: var(--muted); }
@media (max-width: 900px) { .charts { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 760px) {
  header, main, footer { padding-left: 16px; padding-right: 16px; }
  h1 { font-size: 25px; } h2 { font-size: 21px; } .reading { font-size: 16.5px; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  :root { color-scheme: light; ${pageVariables.light} }
  @page { margin: 16mm 14mm; }
  body { font-size: 10.5pt; }
  header, main, footer { max-width: none; padding: 0; }
  nav, .save, .no-print { display: none; }
  .charts { display: block; }
  figure, .card, .facts div, .notice, tr { break-inside: avoid; }
  figure { margin: 0 0 16pt; }
  .command { display: block; }
  .skip, .unseen { display: none; }
  h2, h3, h4, figcaption, summary { break-after: avoid; }
  thead { display: table-header-group; }
  thead th { position: static; }
  .has-paper .chart { display: none; }
  .has-paper img.paper { display: block; }
  .reading { font-size: 12pt; }
  .scroll, .tall { overflow: visible; max-height: none; }
  table { font-size: 8.5pt; }
  th, td { padding: 2pt 8pt 2pt 0; white-space: normal; }
  details::details-content { content-visibility: visible; display: block; }
  #vg-tooltip-element { display: none; }
}
`;
