import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { analyses } from '../../analyses/index.js';
import { programOf } from '../../src/cli/flags.js';
import { folder, rnnscope } from './command.js';

const here = folder();
afterAll(here.remove);

const run = (...args: string[]) => rnnscope(args, { cwd: here.path });
const has = (program: string): boolean => spawnSync(program, ['-c', 'true']).status === 0;
const shown = new URL('../../examples/', import.meta.url);

describe('examples', () => {
  test('are listed, every file that comes along among them', async () => {
    const { status, stdout } = await run('examples');
    expect(status).toBe(0);
    for (const file of readdirSync(shown).filter((name) => name.endsWith('.pt')))
      expect(stdout).toContain(file.replace('.pt', ''));
  });

  test('are copied with their inputs, and the command that is named next runs on them', async () => {
    const { status, stdout } = await run('examples', 'sine-gru48', 'new/place');
    expect(status).toBe(0);
    for (const name of ['sine-gru48.pt', 'sine-gru48.drive.npy'])
      expect(readFileSync(here.file(`new/place/${name}`)).equals(readFileSync(new URL(name, shown)))).toBe(
        true,
      );
    expect(stdout).toMatch(/rnnscope diagnose new\/place\/sine-gru48\.pt\n$/);
    expect((await run('inspect', 'new/place/sine-gru48.pt', '--quiet')).status).toBe(0);
  });

  test('do not overwrite what is there', async () => {
    writeFileSync(here.file('adding-rnn64.pt'), 'mine');
    const { status, stderr } = await run('examples', 'all');
    expect(stderr).toMatch(/^rnnscope: adding-rnn64\.pt is there already: name another folder[^\n]*\n$/);
    expect(status).toBe(2);
    expect(readFileSync(here.file('adding-rnn64.pt'), 'utf8')).toBe('mine');
    expect(existsSync(here.file('flipflop3-gru32.pt'))).toBe(false);
  });

  test('of another name are refused with the nearest', async () => {
    expect((await run('examples', 'flipflop-gru32')).stderr).toMatch(/Did you mean "flipflop3-gru32"/);
  });
});

describe('help QUESTION', () => {
  test.each([...Object.keys(analyses), 'inspect', 'compare', 'verify'])(
    'explains %s in half a page, with a reference',
    async (question) => {
      const { status, stdout } = await rnnscope(['help', question], { env: { COLUMNS: '80' } });
      expect(status).toBe(0);
      expect(stdout).toMatch(/\(?\b(19|20)\d\d\)?\./);
      expect(stdout).toContain(`rnnscope ${question} --help`);
      const rows = stdout.split('\n');
      expect(rows.length).toBeGreaterThan(8);
      expect(rows.length).toBeLessThan(45);
      for (const row of rows) expect(row.length).toBeLessThanOrEqual(80);
    },
  );

  test('shows the options of what is no question, and everything without a word', async () => {
    expect((await run('help', 'report')).stdout).toContain('Usage: rnnscope report');
    expect((await run('help')).stdout).toBe((await run('--help')).stdout);
    expect((await run('help', 'lyapunof')).stderr).toMatch(/Did you mean "lyapunov"/);
  });
});

describe('completion', () => {
  const script = async (shell: string): Promise<string> => {
    const { stdout } = await run('completion', shell);
    writeFileSync(here.file(`c.${shell}`), stdout);
    return here.file(`c.${shell}`);
  };

  /** What bash offers when Tab is pressed after these words. */
  async function offered(...words: string[]): Promise<string[]> {
    const file = await script('bash');
    const line = `source ${file}; COMP_WORDS=(${words.map((w) => `'${w}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _rnnscope; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', line], { encoding: 'utf8' }).trim().split('\n');
  }

  test('in bash offers commands, then the options of the command, then the words of an option', async () => {
    expect(await offered('rnnscope', 'lya')).toEqual(['lyapunov']);
    expect(await offered('rnnscope', 'lyapunov', '--reortho')).toEqual(['--reorthonormalise']);
    expect(await offered('rnnscope', 'jacobian', '--reortho')).toEqual(['']);
    expect(await offered('rnnscope', 'lyapunov', 'a.pt', '--reset', '')).toEqual(['before', 'after']);
  });

  test('in bash knows every option of every command', async () => {
    for (const command of programOf(async () => {}).commands)
      if (command.options.length > 0)
        expect((await offered('rnnscope', command.name(), '--')).toSorted()).toEqual(
          [...new Set(command.options.map(({ long }) => long!))].toSorted(),
        );
  });

  test.skipIf(!has('fish'))('in fish does the same', async () => {
    const file = await script('fish');
    const fish = (line: string): string[] =>
      execFileSync('fish', ['--no-config', '-c', `source ${file}; complete -C '${line}'`], {
        encoding: 'utf8',
      })
        .trim()
        .split('\n')
        .map((row) => row.split('\t')[0]!);
    expect(fish('rnnscope lyap')).toEqual(['lyapunov']);
    expect(fish('rnnscope lyapunov --reorthon')).toEqual(['--reorthonormalise']);
    expect(fish('rnnscope gradients --reset b')).toContain('before');
  });

  test.skipIf(!has('zsh'))('in zsh is read without complaint', async () => {
    const file = await script('zsh');
    const read = spawnSync('zsh', [
      '-f',
      '-c',
      `autoload -U compinit; compinit -u -d ${here.file('dump')}; source ${file}; print $_comps[rnnscope]`,
    ]);
    expect(read.stderr.toString()).toBe('');
    expect(read.stdout.toString().trim()).toBe('_rnnscope');
  });

  test('for another shell is refused with those that there are', async () => {
    const { status, stderr } = await run('completion', 'tcsh');
    expect(stderr).toBe("rnnscope: completion takes one of bash, zsh, fish, not 'tcsh'\n");
    expect(status).toBe(2);
  });
});

describe('the manual page', () => {
  const page = fileURLToPath(new URL('../../dist/rnnscope.1', import.meta.url));

  test('is the one that the package holds, with every command and option', async () => {
    const { stdout } = await run('man');
    expect(stdout).toBe(readFileSync(page, 'utf8'));
    for (const command of programOf(async () => {}).commands) {
      expect(stdout).toContain(`.SS rnnscope ${command.name().replaceAll('-', '\\-')}`);
      for (const { flags } of command.options) expect(stdout).toContain(`.B ${flags.replaceAll('-', '\\-')}`);
    }
  });

  test('has no line that a formatter would take for a macro by mistake', () => {
    const macros = readFileSync(page, 'utf8').match(/^\.\w+/gm)!;
    expect([...new Set(macros)].toSorted()).toEqual(['.B', '.I', '.SH', '.SS', '.TH', '.TP']);
  });

  test.skipIf(spawnSync('mandoc', ['-T', 'ascii', '/dev/null']).error)('is accepted by mandoc', () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', page], { encoding: 'utf8' });
    expect(
      stdout.split('\n').filter((line) => /WARNING|ERROR/.test(line) && !/missing date/.test(line)),
    ).toEqual([]);
  });
});
