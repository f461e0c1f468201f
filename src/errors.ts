/** What kind of trouble a UserError reports; a stable word for programs, the message is for people. */
export type ErrorCode =
  | 'EMPTY'
  | 'UNKNOWN'
  | 'TRUNCATED'
  | 'CORRUPT'
  | 'REFUSED'
  | 'LIMIT'
  | 'UNSUPPORTED'
  | 'SHAPE'
  | 'AMBIGUOUS'
  | 'NOT_FOUND'
  | 'USAGE';

/**
 * A refusal that a stranger can act on: one line that says what was expected, what was found and what to do.
 * The command line prints it as `rnnscope: MESSAGE` and exits with 2. Any other error is a defect of ours.
 */
export class UserError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(printable(message).replace(/\s*\n\s*/g, ' '), options);
    this.name = 'UserError';
  }
}

/** Text that came from a file, made safe for a terminal: control characters become \xNN. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being removed
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (c) => {
    return `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
