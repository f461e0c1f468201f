import { rowsAsCsv } from './csv.js';
import { still } from './interaction.js';

/**
 * The program of the page: draws each chart in the reader's appearance, again when that changes, and keeps a light
 * copy of each for paper, made beforehand because printing does not wait. Plain text, because it runs in the browser.
 */
export const clientScript = `(() => {
  'use strict';
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const charts = read('rnnscope-charts');
  const themes = read('rnnscope-themes');
  const prefersDark = matchMedia('(prefers-color-scheme: dark)');
  const paperWidth = 640;
  const manyMarks = 1500;
  /** Between two looks at what the reader does: each costs a layout and a painting of the page. */
  const patience = 150;
  const drawn = new Map();

  const options = (config, more) => ({
    mode: 'vega-lite', actions: false, ast: true, defaultStyle: false, config, ...more,
  });
  const marks = (chart) => Object.values(chart.spec.datasets).reduce((n, rows) => n + rows.length, 0);
  const place = (chart) => document.getElementById(chart.id);

  async function draw(chart) {
    const dark = prefersDark.matches;
    drawn.get(chart.id)?.finalize();
    drawn.delete(chart.id);
    const result = await vegaEmbed(place(chart), chart.spec, options(dark ? themes.dark : themes.light, {
      renderer: marks(chart) > manyMarks ? 'canvas' : 'svg',
      tooltip: { theme: dark ? 'dark' : 'light' },
    }));
    // The element around it carries the description; read aloud, the parts of a drawing say nothing.
    place(chart).querySelector('svg')?.setAttribute('aria-hidden', 'true');
    drawn.set(chart.id, result);
    if (chart.link) link(chart, result.view);
  }

  /** Pointing at a point, or keeping it by a click, marks what belongs to it in all linked charts of the section. */
  let kept = null;
  function link(chart, view) {
    const valueAt = (item) => item?.datum?.[chart.link] ?? null;
    const mark = (value) => {
      for (const other of charts) {
        if (other.link !== chart.link || other.section !== chart.section) continue;
        const view = drawn.get(other.id)?.view;
        if (view && view.signal('linked') !== value) view.signal('linked', value).runAsync();
      }
    };
    view.addEventListener('pointermove', (event, item) => mark(valueAt(item) ?? kept));
    view.addEventListener('pointerout', () => mark(kept));
    view.addEventListener('click', (event, item) => {
      kept = valueAt(item) === kept ? null : valueAt(item);
      mark(kept);
    });
  }

  const still = ${still.toString()};

  /** The chart in light colours at a fixed width, for paper and for files. */
  async function onPaper(chart, use) {
    const config = { ...themes.light, background: 'white', padding: 8 };
    const spec = { ...still(chart.spec), width: paperWidth };
    const result = await vegaEmbed(document.createElement('div'), spec, options(config, { renderer: 'svg', tooltip: false }));
    try {
      return await use(result.view);
    } finally {
      result.finalize();
    }
  }

  async function addPaperCopy(chart) {
    const svg = await onPaper(chart, (view) => view.toSVG());
    const image = place(chart).parentElement.querySelector('img.paper');
    image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(svg);
    await image.decode();
    image.closest('figure').classList.add('has-paper');
  }

  function fail(chart, error) {
    place(chart).textContent = 'This chart could not be drawn: ' + error.message + ' The table below has its numbers.';
  }

  /** The first of the charts that the reader has before them; -1 where there is none. */
  const inView = (some) => some.findIndex((chart) => {
    const { top, bottom } = place(chart).getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  });

  /** Says that everything before the reader is drawn, and lets it be painted; a page that is not looked at paints nothing. */
  async function show() {
    if (document.documentElement.dataset.shown) return;
    document.documentElement.dataset.shown = 'yes';
    await new Promise((resolve) => {
      requestAnimationFrame(() => setTimeout(resolve));
      setTimeout(resolve, 100);
    });
  }

  async function drawAll() {
    if (inView(charts) < 0) await show();
    const left = [...charts];
    let looked = performance.now();
    let next = inView(left);
    while (left.length > 0) {
      const chart = left.splice(Math.max(0, next), 1)[0];
      await draw(chart).catch((error) => fail(chart, error));
      next = inView(left);
      if (next < 0) await show();
      if (next >= 0 || performance.now() - looked < patience) continue;
      // Lets the page answer: the reader may have gone elsewhere.
      await new Promise((resolve) => setTimeout(resolve));
      looked = performance.now();
      next = inView(left);
    }
    document.documentElement.dataset.shown = 'yes';
    document.documentElement.dataset.drawn = prefersDark.matches ? 'dark' : 'light';
  }

  let queue = Promise.resolve();
  const redraw = () => {
    delete document.documentElement.dataset.drawn;
    queue = queue.then(drawAll);
    return queue;
  };

  function saveBlob(blob, name) {
    const url = URL.createObjectURL(blob);
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }
  const saveText = (text, type, name) => saveBlob(new Blob([text], { type }), name);
  const pngOf = async (view) => {
    const canvas = await view.toCanvas(2);
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  };

  const asCsv = ${rowsAsCsv.toString()};
  const measured = ({ spec, decoration }) =>
    Object.fromEntries(Object.entries(spec.datasets).filter(([name]) => !decoration.includes(name)));

  const formats = {
    csv: async (chart) => saveText(asCsv(measured(chart)), 'text/csv;charset=utf-8', chart.file + '.csv'),
    svg: (chart) => onPaper(chart, async (view) => saveText(await view.toSVG(), 'image/svg+xml', chart.file + '.svg')),
    png: (chart) => onPaper(chart, async (view) => saveBlob(await pngOf(view), chart.file + '.png')),
  };

  const say = (text) => { document.getElementById('rnnscope-status').textContent = text; };

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      // Where a page may not write there itself: the command stays selected, for the keyboard to copy.
      getSelection().selectAllChildren(button.parentElement.querySelector('code'));
      if (!document.execCommand('copy')) return say('Selected: copy it with the keyboard.');
    }
    button.textContent = 'Copied';
    say('Copied.');
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  }

  document.addEventListener('click', (event) => {
    const copied = event.target.closest('button[data-copy]');
    if (copied) return void copy(copied);
    const button = event.target.closest('button[data-save]');
    if (!button) return;
    if (button.dataset.save === 'json') {
      const text = document.getElementById('rnnscope-result').textContent;
      saveText(text, 'application/json', button.dataset.file);
    } else {
      formats[button.dataset.save](charts.find((chart) => chart.id === button.dataset.chart))
        .then(() => say('Saved.'), (error) => say('Not saved: ' + error.message));
    }
  });

  let closed = [];
  addEventListener('beforeprint', () => {
    closed = [...document.querySelectorAll('details:not([open])')];
    for (const box of closed) box.open = true;
  });
  addEventListener('afterprint', () => {
    for (const box of closed) box.open = false;
  });

  prefersDark.addEventListener('change', redraw);
  redraw().then(async () => {
    for (const chart of charts) await addPaperCopy(chart).catch(() => {});
    document.documentElement.dataset.paper = 'ready';
  });
})();
`;
