import type { Command, Option } from 'commander';

/** Scripts for shells, made from the same commands and options as the help: `source <(rnnscope completion bash)`. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** `wordsOf`: what an option takes, where there are few and known words. */
export const completion = (shell: Shell, program: Command, wordsOf: WordsOf): string =>
  ({ bash, zsh, fish })[shell](program.commands.map((command) => described(command, wordsOf)));

type WordsOf = (option: Option) => readonly string[];

interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
}

interface OptionWords {
  readonly long: string;
  readonly help: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

const described = (command: Command, wordsOf: WordsOf): Described => ({
  name: command.name(),
  summary: command.summary(),
  options: command.options.filter(({ long }) => long).map((option) => optionWords(option, wordsOf)),
});

const optionWords = (option: Option, wordsOf: WordsOf): OptionWords => ({
  long: option.long!,
  help: firstClause(option.description),
  takesValue: option.required,
  choices: wordsOf(option),
});

/** Descriptions in a menu are short, and hold nothing that a shell would act on. */
const firstClause = (text: string): string =>
  text
    .split(/[:(;]/)[0]!
    .trim()
    .replace(/['"`$\\[\]]/g, '');

const flagsOf = ({ options }: Described): string => options.map(({ long }) => long).join(' ');

function bash(commands: readonly Described[]): string {
  const cases = commands.map((command) => `    ${command.name}) words='${flagsOf(command)}' ;;`);
  const valued = [
    ...new Set(commands.flatMap(({ options }) => options.filter((o) => o.takesValue).map((o) => o.long))),
  ];
  const chosen = new Map(
    commands.flatMap(({ options }) =>
      options.filter((o) => o.choices.length > 0).map((o) => [o.long, o.choices] as const),
    ),
  );
  return `# bash completion of rnnscope: source <(rnnscope completion bash)
_rnnscope() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')}' -- "$current"))
    return
  fi
  case $previous in
${[...chosen].map(([long, choices]) => `    ${long}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current")); return ;;`).join('\n')}
    ${valued.join('|')}) return ;;
  esac
  case $command in
${cases.join('\n')}
    *) words='' ;;
  esac
  if [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
}
complete -o default -F _rnnscope rnnscope
`;
}

function zsh(commands: readonly Described[]): string {
  const names = commands.map(({ name, summary }) => `    '${name}:${firstClause(summary)}'`);
  const cases = commands.map(({ name, options }) => {
    const flags = options.map(({ long, help, takesValue, choices }) => {
      const value = choices.length > 0 ? `:value:(${choices.join(' ')})` : takesValue ? ':value:_files' : '';
      return `        '${long}[${help}]${value}'`;
    });
    return `      ${name})\n        _arguments \\\n${flags.map((f) => `  ${f.trim()} \\`).join('\n')}\n        '*:file:_files' ;;`;
  });
  return `#compdef rnnscope
# zsh completion of rnnscope: source <(rnnscope completion zsh), or save it as _rnnscope in a folder of fpath
_rnnscope() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'question' commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
    *) _files ;;
  esac
}
compdef _rnnscope rnnscope
`;
}

function fish(commands: readonly Described[]): string {
  const names = commands.map(
    ({ name, summary }) =>
      `complete -c rnnscope -n __fish_use_subcommand -a ${name} -d '${firstClause(summary)}'`,
  );
  const flags = commands.flatMap(({ name, options }) =>
    options.map(({ long, help, takesValue, choices }) => {
      const value = choices.length > 0 ? ` -x -a '${choices.join(' ')}'` : takesValue ? ' -r' : '';
      return `complete -c rnnscope -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)}${value} -d '${help}'`;
    }),
  );
  return ['# fish completion of rnnscope: rnnscope completion fish | source', ...names, ...flags, ''].join(
    '\n',
  );
}
