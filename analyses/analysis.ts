import type { Subject } from '../src/dynamics/subject.js';
import type { Matrix } from '../src/linalg/matrix.js';
import type { OptionTable, Values } from '../src/options.js';
import type { Outcome, Watch } from '../src/outcome.js';

/** A question that can be asked of a network: what the command, the options, the result and the report are made from. */
export interface Analysis<Table extends OptionTable, Value> {
  /** The command, the JSON key, the report's and the test's name. */
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  readonly options: Table;
  run(subject: Subject, options: Values<Table>, watch: Watch): Promise<Answer<Table, Value>>;
}

export interface Answer<Table extends OptionTable, Value> {
  readonly value: Value;
  readonly outcome: Outcome;
  /** Options that were settled on the way (steps from the drive's length, …). */
  readonly settled?: Partial<Values<Table>>;
  /** Arrays too large for the result, by the name of the option that says which .npy file they go to. */
  readonly arrays?: Readonly<Record<string, Matrix>>;
}
