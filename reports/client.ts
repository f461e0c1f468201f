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
  const manyMarks = 4000;
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
    drawn.set(chart.id, result);
  }

  /** The chart in light colours at a fixed width, for paper and for files. */
  async function onPaper(chart, use) {
    const config = { ...themes.light, background: 'white', padding: 8 };
    const spec = { ...chart.spec, width: paperWidth };
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

  async function drawAll() {
    for (const chart of charts) await draw(chart).catch((error) => fail(chart, error));
    document.documentElement.dataset.drawn = prefersDark.matches ? 'dark' : 'light';
  }

  let queue = Promise.resolve();
  const redraw = () => {
    delete document.documentElement.dataset.drawn;
    queue = queue.then(drawAll);
    return queue;
  };

  function save(href, name) {
    const link = document.createElement('a');
    link.href = href;
    link.download = name;
    link.click();
  }

  function saveText(text, type, name) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    save(url, name);
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  const formats = {
    svg: (chart) => onPaper(chart, async (view) => saveText(await view.toSVG(), 'image/svg+xml', chart.file + '.svg')),
    png: (chart) => onPaper(chart, async (view) => save(await view.toImageURL('png', 2), chart.file + '.png')),
  };

  document.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-save]');
    if (!button) return;
    if (button.dataset.save === 'json') {
      const text = document.getElementById('rnnscope-result').textContent;
      saveText(text, 'application/json', button.dataset.file);
    } else {
      formats[button.dataset.save](charts.find((chart) => chart.id === button.dataset.chart));
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
