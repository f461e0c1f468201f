import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JacobianValue } from '../../analyses/jacobian.js';
import { commandOf } from '../../reports/command.js';
import { renderReport, sectionOf } from '../../reports/index.js';
import { fromJson, toJson } from '../../src/json.js';
import { diagnosis, envelope, everyResult, lyapunovValue } from './samples.js';

const executable = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const installed = existsSync(executable);
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Kept for people to look at, and not part of the repository. */
const screenshots = fileURLToPath(new URL('screenshots/', import.meta.url));

interface Opened {
  readonly page: Page;
  /** Console messages, page errors and requests beyond the file itself. */
  readonly complaints: string[];
}

const name = installed ? 'in Chromium' : 'in Chromium: skipped, none at CHROMIUM_PATH or /usr/bin/chromium';

describe.skipIf(!installed)(name, () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executable, args: quiet });
    mkdirSync(screenshots, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'rnnscope-report-'));
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(
    html: string,
    width: number,
    colorScheme: 'light' | 'dark',
    until = 'html[data-drawn]',
  ): Promise<Opened> {
    const file = join(folder, 'report.html');
    writeFileSync(file, html);
    const context = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme,
      reducedMotion: 'reduce',
    });
    await context.setOffline(true);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && request.url() !== pathToFileURL(file).href)
        complaints.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector(until, { state: 'attached' });
    return { page, complaints };
  }

  const stableSpectrum = envelope('lyapunov', lyapunovValue);
  const hard = Object.values(everyResult);
  const marks =
    'svg .mark-symbol path, svg .mark-line path, svg .mark-rect path, svg .mark-rule line, canvas';
  const widths = [390, 768, 1280];
  const schemes = ['light', 'dark'] as const;

  const show = async (page: Page, colorScheme: (typeof schemes)[number]): Promise<void> => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.waitForSelector(`html[data-drawn=${colorScheme}]`, { state: 'attached' });
  };

  test.each(widths)(
    'at %i px, light and dark, every chart is drawn, nothing overflows, nothing complains',
    async (width) => {
      const { page, complaints } = await open(renderReport(hard), width, 'light');
      for (const scheme of schemes) {
        await show(page, scheme);
        const charts = await page.$$eval(
          '.chart',
          (all, selector) =>
            all.map((c) => ({
              id: c.id,
              marks: c.querySelectorAll(selector).length,
              fits: [c, ...c.querySelectorAll('.role-legend, .role-axis')].every(
                (part) => part.getBoundingClientRect().right <= c.getBoundingClientRect().right + 2,
              ),
            })),
          marks,
        );
        expect(charts.length).toBeGreaterThan(30);
        expect(charts.filter((c) => c.marks === 0 || !c.fits)).toEqual([]);
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
        ).toBeLessThanOrEqual(0);
      }
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );

  test.each(widths)('at %i px, light and dark, axe finds nothing against WCAG 2.2 AA', async (width) => {
    const { page } = await open(renderReport(diagnosis, { seconds: 12.3 }), width, 'light');
    // Not as a script element: the page forbids those that it did not bring along.
    await page.evaluate(axe);
    for (const scheme of schemes) {
      await show(page, scheme);
      await page.screenshot({ path: join(screenshots, `diagnose-${width}-${scheme}.png`), fullPage: true });
      const violations = await page.evaluate(async () => {
        for (const box of document.querySelectorAll('details')) box.open = true;
        // biome-ignore lint/suspicious/noExplicitAny: axe hangs itself on the window
        const { violations } = await (globalThis as any).axe.run(document, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        });
        // biome-ignore lint/suspicious/noExplicitAny: and its result has no types here
        return violations.map((v: any) => `${v.impact} ${v.id}: ${v.nodes[0].html.slice(0, 120)}`);
      });
      expect(violations).toEqual([]);
    }
    await page.context().close();
  });

  test('charts follow a change of the reader’s appearance', async () => {
    const { page, complaints } = await open(renderReport(diagnosis), 1280, 'light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.waitForSelector('html[data-drawn=dark]', { state: 'attached' });
    expect(await page.locator('.chart svg').count()).toBe(await page.locator('.chart').count());
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('on paper charts are their light copies and closed tables are open', async () => {
    const { page } = await open(renderReport(diagnosis), 1280, 'dark', 'html[data-paper]');
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const shown = await page.$$eval('figure', (all) =>
      all.map((f) => [
        f.querySelector('.chart')!.checkVisibility(),
        f.querySelector('img')!.naturalWidth > 0,
      ]),
    );
    expect(new Set(shown.map(String))).toEqual(new Set(['false,true']));
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
      'rgb(255, 255, 255)',
    );
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    expect(await page.locator('details:not([open])').count()).toBe(0);
    await page.context().close();
  });

  test('the result, and each chart as PNG, SVG and CSV, can be saved', async () => {
    const { page, complaints } = await open(renderReport(diagnosis), 1280, 'light');
    const save = async (selector: string) => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
      const chunks: Buffer[] = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
      return { name: download.suggestedFilename(), bytes: Buffer.concat(chunks) };
    };
    const json = await save('button[data-save=json]');
    expect(json.name).toBe('flipflop3-gru32.pt.diagnose.json');
    expect(fromJson(json.bytes.toString())).toEqual(fromJson(toJson(diagnosis)));
    const ids = await page.$$eval('.chart', (all) => all.map((c) => c.id));
    for (const id of ids) {
      const png = await save(`button[data-save=png][data-chart=${id}]`);
      expect(png.bytes.subarray(1, 4).toString(), id).toBe('PNG');
      const svg = await save(`button[data-save=svg][data-chart=${id}]`);
      expect(svg.bytes.toString(), id).toContain('<svg');
      const csv = await save(`button[data-save=csv][data-chart=${id}]`);
      expect(csv.bytes.toString().split('\r\n').length, id).toBeGreaterThan(2);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('the CSV of a chart holds the numbers of the result', async () => {
    const { page } = await open(renderReport(diagnosis), 1280, 'light');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.click('#jacobian button[data-save=csv] >> nth=0'),
    ]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    const [head, ...all] = Buffer.concat(chunks).toString().trim().split('\r\n');
    // The circle of the baseline stands behind the eigenvalues, each row with the name of its dataset in front.
    const rows = all.filter((row) => row.startsWith('eigenvalues,'));
    expect(all.length).toBeGreaterThan(rows.length);
    const [re, im] = ['re', 'im'].map((name) => head!.split(',').indexOf(name)) as [number, number];
    const jacobian = diagnosis.value.results.jacobian!.value as JacobianValue;
    expect(rows).toHaveLength(jacobian.eigenvalues.length);
    for (const [k, row] of rows.entries()) {
      const cells = row.split(',').map(Number);
      expect(cells[re]).toBeCloseTo(jacobian.eigenvalues[k]![0], 6);
      expect(cells[im]).toBeCloseTo(jacobian.eigenvalues[k]![1], 6);
    }
    await page.context().close();
  });

  test('a mode that is pointed at in the plane is marked among the time constants', async () => {
    const { page, complaints } = await open(renderReport(diagnosis.value.results.jacobian!), 1280, 'light');
    const [plane, modes] = await page.$$('.chart');
    const opacities = () =>
      modes!.$$eval('.mark-symbol.role-mark path', (all) => all.map((p) => p.getAttribute('opacity')));
    expect(new Set(await opacities()).size).toBe(1);
    await (await plane!.$$('.mark-symbol.role-mark path'))[0]!.hover({ force: true });
    await page.waitForTimeout(100);
    const marked = (await opacities()).filter((o) => o !== '0.18');
    expect(marked).toHaveLength(1);
    await page.mouse.click(5, 5);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('Shift and wheel zoom a chart, the wheel alone scrolls the page, a double click shows the whole', async () => {
    const { page, complaints } = await open(renderReport(stableSpectrum), 1280, 'light');
    const chart = (await page.$('.chart'))!;
    await chart.scrollIntoViewIfNeeded();
    const labels = () =>
      chart.$$eval('.role-axis-label text', (all) =>
        all
          .map((t) => t.textContent)
          .toSorted()
          .join(' '),
      );
    const whole = await labels();
    const box = (await chart.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.keyboard.down('Shift');
    await page.mouse.wheel(0, -600);
    await page.keyboard.up('Shift');
    await page.waitForTimeout(200);
    expect(await labels()).not.toBe(whole);
    await page.mouse.dblclick(box.x + box.width / 2 + 3, box.y + box.height / 2);
    await page.waitForTimeout(200);
    expect(await labels()).toBe(whole);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('everything that can be clicked is reached by Tab, in order, and shows that it is', async () => {
    const { page } = await open(renderReport(diagnosis), 1280, 'light');
    const wanted = await page.$$eval(
      'a[href], button, summary, [tabindex="0"]',
      (all) => all.filter((e) => e.checkVisibility()).length,
    );
    const seen: string[] = [];
    for (let k = 0; k < wanted; k++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const e = document.activeElement as HTMLElement;
        const outlined = getComputedStyle(e).outlineStyle !== 'none';
        return outlined ? [...document.querySelectorAll('*')].indexOf(e) : -1;
      });
      seen.push(String(at));
    }
    expect(seen).not.toContain('-1');
    expect(new Set(seen).size).toBe(wanted);
    expect(seen.map(Number)).toEqual(seen.map(Number).toSorted((a, b) => a - b));
    await page.context().close();
  });

  test('the first Tab and Enter skip to the answers, and Enter on a button saves', async () => {
    const { page } = await open(renderReport(diagnosis), 1280, 'light');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).hash).toBe('#diagnose');
    await page.focus('button[data-save=svg] >> nth=0');
    await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    await page.waitForFunction(() => document.getElementById('rnnscope-status')?.textContent === 'Saved.');
    await page.context().close();
  });

  test('the command that repeats the report is copied', async () => {
    const { page } = await open(renderReport(diagnosis), 1280, 'light');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.click('footer button[data-copy]');
    await page.waitForFunction(() => document.getElementById('rnnscope-status')?.textContent !== '');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(commandOf(diagnosis));
    await page.context().close();
  });

  test('rows beyond what a chart can show are thinned, which is said', async () => {
    const steps = Array.from({ length: 30_000 }, (_, k) => k + 1);
    const result = {
      ...stableSpectrum,
      value: { ...lyapunovValue, trace: { steps, exponents: steps.map((k) => [1 / k]) } },
    };
    const { page, complaints } = await open(renderReport(result), 1280, 'light');
    expect(await page.locator('figure').nth(1).textContent()).toContain(
      'Drawn: 5,000 of the 30,000 rows of “trace”',
    );
    expect(sectionOf(result).charts[1]!.datasets.trace).toHaveLength(30_000);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
