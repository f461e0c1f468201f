import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bin, folder, models, writeModels } from './command.js';

const here = folder();
beforeAll(() => writeModels(here));
afterAll(here.remove);

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: () => boolean, ms = 20_000): Promise<void> {
  for (const end = Date.now() + ms; !what(); await wait(50))
    if (Date.now() > end) throw new Error('waited in vain');
}

const network: Record<string, unknown> = models['gru.json'];
const recurrent = network['rnn.weight_hh_l0'] as number[][];
const changed = (scale: number): string =>
  JSON.stringify({ ...network, 'rnn.weight_hh_l0': recurrent.map((row) => row.map((v) => scale * v)) });

test('--watch runs again when the file has changed, waits for a half-written one, and ends by Ctrl-C', async () => {
  const file = here.file('live.json');
  const out = here.file('out.json');
  writeFileSync(file, changed(1));
  const args = [bin, 'lyapunov', 'live.json', '--steps', '100', '--watch', '--json', 'out.json'];
  const child = spawn(process.execPath, args, { cwd: here.path, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const turns = (): number => said.split('waiting for the next change').length - 1;
  const first = (): number => JSON.parse(readFileSync(out, 'utf8')).value.exponents[0];
  try {
    await until(() => existsSync(out) && turns() === 1);
    const before = first();
    // Half a file, that lies still for long enough to be taken for a whole one, is said and waited for.
    const whole = changed(0.3);
    writeFileSync(file, whole.slice(0, whole.length >> 1));
    await until(() => turns() === 2);
    expect(said).toMatch(/rnnscope: live\.json: [^\n]*\n/);
    expect(first()).toBe(before);
    writeFileSync(file, whole);
    await until(() => turns() === 3);
    const after = first();
    expect(after).not.toBe(before);
    // A file that keeps growing is left alone until it lies still.
    truncateSync(file, 10);
    for (let k = 10; k < 60; k += 10) {
      writeFileSync(file, whole.slice(0, k));
      await wait(150);
    }
    writeFileSync(file, changed(1));
    await until(() => turns() === 4);
    expect(first()).toBe(before);
    expect(statSync(out).size).toBeGreaterThan(100);
  } finally {
    child.kill('SIGINT');
  }
  expect(await ended).toBe(130);
});
