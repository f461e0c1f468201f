import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../../reports/index.js';
import { fromJson, toJson } from '../../src/json.js';
import { diagnosis, everyResult } from './samples.js';

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
    folder = mkdtempSync(join(tmpdir(), 'rnnscope-report-'));
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(html: string, width: number, colorScheme: 'light' | 'dark'): Promise<Opened> {
    const file = join(folder, 'report.html');
    writeFileSync(file, html);
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
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
    await page.waitForSelector('html[data-paper]', { state: 'attached' });
    return { page, complaints };
  }

  const hard = Object.values(everyResult);
  const marks =
    'svg .mark-symbol path, svg .mark-line path, svg .mark-rect path, svg .mark-rule line, canvas';

  test.each([
    [1280, 'light'],
    [1280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const)(
    'at %i px in the %s theme every chart is drawn, nothing overflows, nothing complains',
    async (width, scheme) => {
      const { page, complaints } = await open(renderReport(hard), width, scheme);
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
      expect(await page.evaluate(() => document.documentElement.dataset.drawn)).toBe(scheme);
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );

  test('charts follow a change of the reader’s appearance', async () => {
    const { page, complaints } = await open(renderReport(diagnosis), 1280, 'light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.waitForSelector('html[data-drawn=dark]', { state: 'attached' });
    expect(await page.locator('.chart svg').count()).toBe(await page.locator('.chart').count());
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('on paper charts are their light copies and closed tables are open', async () => {
    const { page } = await open(renderReport(diagnosis), 1280, 'dark');
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

  test('the result, and each chart as PNG and SVG, can be saved', async () => {
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
    const png = await save('button[data-save=png] >> nth=0');
    expect(png.bytes.subarray(1, 4).toString()).toBe('PNG');
    const svg = await save('button[data-save=svg] >> nth=0');
    expect(svg.bytes.toString()).toContain('<svg');
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
