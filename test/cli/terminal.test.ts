import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bin, folder, writeModels } from './command.js';

const here = folder();
const flipflop = fileURLToPath(new URL('../../examples/flipflop3-gru32.pt', import.meta.url));
beforeAll(() => {
  writeModels(here);
  writeFileSync(here.file('net.pt'), readFileSync(flipflop), { mode: 0o644 });
});
afterAll(here.remove);

/** util-linux's script gives a command a terminal of its own. */
const hasTerminal = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
const hasJq = spawnSync('jq', ['--version']).status === 0;

interface Session {
  /** Everything that the terminal received, both streams. */
  readonly screen: string;
  readonly status: number | null;
}

interface Setting {
  readonly columns?: number;
  readonly env?: Record<string, string>;
  /** Typed once the screen shows something that matches. */
  readonly type?: readonly [when: RegExp, keys: string];
}

const words = (args: readonly string[]): string =>
  args.map((a) => `'${a.replaceAll("'", `'\\''`)}'`).join(' ');
const quiet = {
  CI: '',
  NO_COLOR: '',
  FORCE_COLOR: '',
  COLUMNS: '',
  LC_ALL: 'C.UTF-8',
  TERM: 'xterm-256color',
};

/** Runs a line of shell on a terminal; `rnnscope` in it is the built command. */
function onTerminal(line: string, { columns = 60, env = {}, type }: Setting = {}): Promise<Session> {
  const shell = `stty cols ${columns} rows 30; rnnscope() { ${words([process.execPath, bin])} "$@"; }; ${line}`;
  const child: ChildProcess = spawn('script', ['-qefc', shell, '/dev/null'], {
    cwd: here.path,
    env: { ...process.env, ...quiet, SHELL: '/bin/bash', ...env },
  });
  let screen = '';
  let typed = false;
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    if (type && !typed && type[0].test(screen)) {
      typed = true;
      child.stdin!.write(type[1]);
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ screen: screen.replaceAll('\r\n', '\n'), status }));
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals are sent
const escapes = /\x1b\[[0-9;?]*[A-Za-z]/g;
const text = (screen: string): string => screen.replace(escapes, '');
// biome-ignore lint/suspicious/noControlCharactersInRegex: the bar goes back to where its line begins
const toLineStart = /\x1b\[\d*G|\r/g;
/** Of what stays: the bar is cut off by the terminal, which is told not to break its line. */
const widest = (screen: string): number =>
  Math.max(
    ...text(screen.replace(toLineStart, '\n'))
      .split('\n')
      .filter((line) => !line.includes('% · '))
      .map((line) => [...line].length),
  );
const short = '--steps 300 --starts 32 --lags 50';

describe.skipIf(!hasTerminal)('diagnose on a terminal', () => {
  test.each([40, 60, 100])(
    'of %i columns is in colour, drawn in braille nowhere beyond its edge',
    async (columns) => {
      const { screen, status } = await onTerminal(`rnnscope diagnose net.pt ${short}`, {
        columns,
      });
      expect(status).toBe(0);
      expect(screen).toContain('\x1b[32m');
      expect(text(screen)).toMatch(/✔ /);
      expect(widest(screen)).toBeLessThanOrEqual(columns);
      expect(text(screen)).toContain('report: rnnscope-report.html');
    },
  );

  test('shows plots beside its numbers where a question has them', async () => {
    const { screen } = await onTerminal(`rnnscope lyapunov net.pt --steps 300`);
    expect(screen).toMatch(/[\u2801-\u28ff]{3}/u);
    expect(widest(screen)).toBeLessThanOrEqual(60);
    const without = await onTerminal(`rnnscope lyapunov net.pt --steps 300 --no-plots`);
    expect(without.screen).not.toMatch(/[\u2801-\u28ff]/u);
  });

  test('that draws no Unicode gets plots in plain characters', async () => {
    const { screen } = await onTerminal(`rnnscope lyapunov net.pt --steps 300`, {
      env: { LC_ALL: 'C' },
    });
    expect(screen).not.toMatch(/[\u2801-\u28ff┤│┌]/u);
    expect(text(screen)).toMatch(/\| *\*/);
  });

  test('with NO_COLOR has no colour', async () => {
    const { screen } = await onTerminal(`rnnscope diagnose net.pt ${short}`, {
      env: { NO_COLOR: '1' },
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours, as opposed to the bar that is cleared
    expect(screen).not.toMatch(/\x1b\[\d+m/);
    expect(screen).toContain('✔');
  });

  test('piped to a file leaves plain text there, without plots, and the rest on the screen', async () => {
    const { screen, status } = await onTerminal(`rnnscope lyapunov net.pt --steps 300 > out.txt`);
    expect(status).toBe(0);
    expect(text(screen).trim()).toBe('');
    const written = readFileSync(here.file('out.txt'), 'utf8');
    expect(written).toContain('Do nearby trajectories merge or separate?');
    expect(written).not.toContain('\x1b');
    expect(written).not.toMatch(/[\u2801-\u28ff]/u);
  });

  test.skipIf(!hasJq)('with --json into jq is read there whole', async () => {
    const { screen, status } = await onTerminal(
      `rnnscope diagnose net.pt ${short} --json --report j.html | jq -r '.value.verdicts | length, (.[0] | .level)'`,
    );
    expect(status).toBe(0);
    expect(text(screen).split('\n').slice(0, 2)).toEqual([
      expect.stringMatching(/^\d+$|report/),
      expect.any(String),
    ]);
    expect(text(screen)).toMatch(/^good$/m);
  });

  test('interrupted by Ctrl-C shows what it has, takes its bar away, and gives the cursor back', async () => {
    const { screen, status } = await onTerminal(
      `rnnscope diagnose net.pt --steps 100000000 --report i.html --json i.json; echo "status $?"`,
      { type: [/\/s · /, '\x03'] },
    );
    expect(status).toBe(0);
    expect(text(screen)).toContain('stopping: Ctrl-C again ends at once');
    expect(text(screen)).toMatch(/partial: interrupted after/);
    expect(text(screen)).toContain('status 130');
    expect(screen.lastIndexOf('\x1b[?25h')).toBeGreaterThan(screen.lastIndexOf('\x1b[?25l'));
    expect(JSON.parse(readFileSync(here.file('i.json'), 'utf8')).outcome.kind).toBe('partial');
    expect(existsSync(here.file('i.html'))).toBe(true);
    expect(readdirSync(here.path).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('shows rate and time left while it runs', async () => {
    const { screen } = await onTerminal(`rnnscope lyapunov net.pt --steps 100000000`, {
      columns: 90,
      type: [/\d\/s · /, '\x03'],
    });
    expect(text(screen)).toMatch(/% · \S+ left · [\d.,·⁰-⁹]+\/s · /);
  });
});

describe('a folder that is closed to writing', () => {
  // To root no folder is closed: the command is run as somebody else, where that can be.
  const root = process.getuid?.() === 0;
  const other = root ? { uid: 65534, gid: 65534 } : {};
  const runs = spawnSync(process.execPath, [bin, '--version'], other).status === 0;

  test.skipIf(!runs)('is refused before the run, in one line that names the way out', () => {
    mkdirSync(here.file('closed'));
    chmodSync(here.path, 0o755);
    chmodSync(here.file('closed'), 0o555);
    for (const [option, file] of [
      ['--report', 'closed/r.html'],
      ['--json', 'closed/r.json'],
      ['--output', 'closed'],
      ['--output', 'closed/inside'],
    ]) {
      const args = [bin, 'diagnose', 'net.pt', '--steps', '100000000', option!, file!];
      if (option !== '--report') args.push('--report', '/dev/null');
      const { status, stdout, stderr } = spawnSync(process.execPath, args, {
        ...other,
        cwd: here.path,
        encoding: 'utf8',
      });
      expect(stderr).toMatch(/^rnnscope: [^\n]*cannot be written[^\n]*folder that you may write to\n$/);
      expect(stdout).toBe('');
      expect(status).toBe(2);
    }
  });
});
