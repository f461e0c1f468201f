import type { Command } from 'commander';
import { version } from '../version.js';

/** Text as roff takes it: no macro at the start of a line, no escape in it, and a hyphen that is one. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(['.])/gm, '\\&$1');

/** The manual page in man(7), made from the same commands and options as the help. */
export function manual(program: Command): string {
  const commands = program.commands.map((command) => [
    `.SS rnnscope ${roff(`${command.name()} ${command.usage()}`)}`,
    roff(command.description()),
    ...command.options.flatMap(({ flags, description }) => ['.TP', `.B ${roff(flags)}`, roff(description)]),
  ]);
  return [
    `.TH RNNSCOPE 1 "" "rnnscope ${version}" "User Commands"`,
    '.SH NAME',
    `rnnscope \\- ${roff('the dynamics of trained recurrent networks')}`,
    '.SH SYNOPSIS',
    '.B rnnscope',
    '.I QUESTION MODEL',
    '[options]',
    '.SH DESCRIPTION',
    roff(program.description()),
    '.SH COMMANDS',
    ...commands.flat(),
    '.SH EXIT STATUS',
    ...[
      ['0', 'done'],
      ['1', 'an assertion does not hold, or the run failed; what was found is written'],
      ['2', 'wrong usage, or a file that cannot be read'],
      ['70', 'a defect of rnnscope'],
      ['130', 'interrupted; what was finished is written, with outcome partial'],
    ].flatMap(([status, means]) => ['.TP', `.B ${status}`, roff(means!)]),
    '.SH ENVIRONMENT',
    '.TP',
    '.B NO_COLOR',
    'plain text',
    '.TP',
    '.B COLUMNS',
    'the width of text that goes to no terminal',
    '.SH FILES',
    '.TP',
    `.B ${roff('rnnscope.config.json')}`,
    'defaults and assertions, read from the folder that the command runs in',
    '',
  ].join('\n');
}
