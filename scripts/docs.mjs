// Brings what README.md and examples/README.md show up to date: after each line "$ npx rnnscope …" of a ```console block
// stands what that command prints, on 80 columns and without colour; docs/questions are made anew (scripts/pages.ts), and docs/*.png are
// taken from a report. Build first.
//
//   node scripts/docs.mjs            write
//   node scripts/docs.mjs --pages    write docs/questions alone
//   node scripts/docs.mjs --check    say which blocks differ, write nothing, take no pictures
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const checking = process.argv.includes('--check');
const pagesAlone = process.argv.includes('--pages');
const folder = mkdtempSync(join(tmpdir(), 'rnnscope-docs-'));
let differing = 0;

try {
  if (!pagesAlone) for (const page of ['README.md', 'examples/README.md']) refresh(page);
  await questionPages();
  if (!checking && !pagesAlone) await pictures();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = differing > 0 ? 1 : 0;

function refresh(page) {
  const path = join(root, page);
  const before = readFileSync(path, 'utf8');
  const after = before.replace(/^```console\n([\s\S]*?)^```$/gm, (block, body) => {
    const commands = body.split('\n').filter((line) => line.startsWith('$ '));
    if (!commands.every((command) => command.startsWith('$ npx rnnscope '))) return block;
    const text = commands.map((command) => `${command}\n${printed(command.slice(2))}`).join('\n');
    const fresh = `\`\`\`console\n${text}\`\`\``;
    if (fresh !== block) {
      differing += checking ? 1 : 0;
      console.log(`${page}: ${commands[0]} ${checking ? 'prints something else now' : 'brought up to date'}`);
    }
    return fresh;
  });
  if (!checking && after !== before) writeFileSync(path, after);
}

/** docs/questions: scripts/pages.ts says what stands there, bundled because Node.js does not run TypeScript everywhere yet. */
async function questionPages() {
  const { build } = await import('esbuild');
  const outfile = join(root, 'node_modules/.cache/rnnscope/scripts/pages.mjs');
  const entryPoints = [join(root, 'scripts/pages.ts')];
  await build({
    entryPoints,
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    define: { 'import.meta.url': JSON.stringify(new URL('pages.ts', import.meta.url).href) },
  });
  const { questions, pageOf, pathOf, commandOf } = await import(pathToFileURL(outfile).href);
  for (const question of questions) {
    const path = join(root, pathOf(question));
    const fresh = pageOf(question, printed(commandOf(question)));
    const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
    if (fresh === before) continue;
    differing += checking ? 1 : 0;
    console.log(`${pathOf(question)}: ${checking ? 'would be something else now' : 'brought up to date'}`);
    if (!checking) {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, fresh);
    }
  }
}

/** What a terminal shows, the line about the report included. */
function printed(command) {
  const program = command.replace('npx rnnscope', `"${process.execPath}" dist/bin/rnnscope.js`);
  const env = { ...process.env, NO_COLOR: '1', COLUMNS: '80' };
  // Not every example ends with status 0: a failed assertion is shown too.
  const { stdout, error } = spawnSync('sh', ['-c', `(${program}) 2>&1`], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  if (error) throw error;
  return stdout;
}

/** The verdicts and the rest points of the first example's report. */
async function pictures() {
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    console.log('no pictures: there is no Chromium at CHROMIUM_PATH or /usr/bin/chromium');
    return;
  }
  const { chromium } = await import('playwright-core');
  const report = join(folder, 'report.html');
  const args = [
    'dist/bin/rnnscope.js',
    'diagnose',
    'examples/flipflop3-gru32.pt',
    '--report',
    report,
    '--quiet',
  ];
  execFileSync(process.execPath, args, { cwd: root });
  const width = 960;
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  try {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: 'light' });
    await page.goto(`file://${report}`);
    await page.waitForTimeout(4000);
    const topOf = async (found) => (await found.first().boundingBox()).y;
    const shot = (name, from, to) =>
      page.screenshot({
        path: join(root, 'docs', name),
        fullPage: true,
        clip: { x: 0, y: from, width, height: to - from },
      });
    await shot('report.png', 0, (await topOf(page.getByText('Options and provenance'))) - 12);
    const rest = page.locator('section', { has: page.locator('h2', { hasText: 'Where does it rest?' }) });
    const chart = await rest.locator('.chart').first().boundingBox();
    await shot('rest-points.png', (await topOf(rest.locator('h3'))) - 8, chart.y + chart.height + 8);
  } finally {
    await browser.close();
  }
}
