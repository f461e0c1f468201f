import type { System } from '../src/dynamics/system.js';
import { UserError } from '../src/errors.js';
import { integer, number, type OptionTable, text, type Values } from '../src/options.js';
import { complete, interrupted, type Outcome, type Watch } from '../src/outcome.js';
import type { Answer } from './analysis.js';

/** Inputs that another program was given, and what it gave. */
export interface Trial {
  /** 'h of /rnn/GRU, sequence 0'. */
  readonly name: string;
  readonly system: System;
  readonly initialState: Float64Array;
  /** Row by row, in the order in which the map takes them. */
  readonly inputs: readonly Float64Array[];
  readonly expected: readonly Float64Array[];
  /** What of the state is compared. */
  output(state: Float64Array): ArrayLike<number>;
}

/** Who was asked, and with what. */
export interface Witness {
  /** 'onnxruntime 1.30.0', 'Y.npy'. */
  readonly against: string;
  readonly trials: readonly Trial[];
  readonly fed: readonly Fed[];
  readonly notes: readonly string[];
}

/** An input of the whole network, and what it was given. */
export interface Fed {
  readonly name: string;
  readonly shape: readonly number[];
  readonly with: string;
}

export interface VerifyValue {
  readonly against: string;
  readonly agrees: boolean;
  /** max |ours − theirs| over all trials, steps and entries, and where it is. */
  readonly largestDifference: number;
  readonly at: { readonly trial: string; readonly step: number; readonly entry: number };
  readonly rootMeanSquare: number;
  /** max |theirs|. */
  readonly largestValue: number;
  /** As given; the difference may be so much times max(1, largestValue). */
  readonly tolerance: number;
  /** Numbers that were compared. */
  readonly compared: number;
  readonly trials: readonly {
    readonly name: string;
    readonly steps: number;
    readonly width: number;
    readonly largestDifference: number;
  }[];
  /** Largest difference over all trials at each step, from 0. */
  readonly byStep: readonly number[];
  readonly fed: readonly Fed[];
  readonly notes: readonly string[];
}

const options = {
  expect: {
    flags: '--expect <files...>',
    help: 'stored arrays: inputs X.npy and the states or readouts Y.npy that belong to them (rows are steps)',
    fallback: undefined,
    schema: { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 2 },
    parse: (given: unknown, flag: string): readonly string[] | undefined => twoFiles(given, flag),
  },
  length: integer({
    flags: '--length <steps>',
    help: 'steps of random input for onnxruntime, where the file leaves their number open',
    fallback: 32,
    min: 1,
  }),
  size: text({
    flags: '--size <sizes>',
    help: 'other sizes that the file leaves open, by name: batch=1,sequence=576',
    fallback: undefined,
  }),
  tolerance: number({
    flags: '--tolerance <most>',
    help: 'difference that still agrees, as a share of the largest value or of 1',
    fallback: 1e-5,
    above: 0,
  }),
} satisfies OptionTable;

function twoFiles(given: unknown, flag: string): readonly string[] {
  const files = Array.isArray(given) ? given : [];
  if (files.length === 2 && files.every((file) => typeof file === 'string' && file !== '')) return files;
  throw new UserError('USAGE', `${flag} takes two files, X.npy and Y.npy, not '${String(given)}'`);
}

/** Whether another program that computes the same network gives the same. */
export const verify = {
  name: 'verify',
  summary: 'does onnxruntime, or what was stored of another program, give the same trajectory',
  options,
  async run(
    { against, trials, fed, notes }: Witness,
    { tolerance }: Values<typeof options>,
    watch: Watch,
  ): Promise<Answer<typeof options, VerifyValue>> {
    const sum = new Comparison();
    let done = 0;
    for (const trial of trials) {
      if (await watch.tick(done, trials.length, 'comparing')) break;
      sum.add(trial);
      done++;
    }
    const bound = tolerance * Math.max(1, sum.largestValue);
    const agrees = sum.compared > 0 && sum.largestDifference <= bound;
    return {
      outcome: outcomeOf(sum, bound, done, trials.length),
      value: {
        against,
        agrees,
        largestDifference: sum.largestDifference,
        at: sum.at,
        rootMeanSquare: Math.sqrt(sum.squares / Math.max(1, sum.compared)),
        largestValue: sum.largestValue,
        tolerance,
        compared: sum.compared,
        trials: sum.trials,
        byStep: sum.byStep,
        fed,
        notes,
      },
    };
  },
} as const;

function outcomeOf(sum: Comparison, bound: number, done: number, total: number): Outcome {
  if (done < total) return interrupted(done, total, 'trials');
  if (sum.largestDifference <= bound) return complete;
  const { trial, step, entry } = sum.at;
  return {
    kind: 'failed',
    what: `the trajectories differ by ${sum.largestDifference.toPrecision(3)} (${trial}, step ${step}, entry ${entry}), more than ${bound.toPrecision(3)}`,
    remedy:
      'see the assumptions: an option such as --gates, --reset or --activation may say what the file does not',
  };
}

/** Sums over trials as they are run. A value that is not a number agrees with another such, and with nothing else. */
class Comparison {
  largestDifference = 0;
  at = { trial: '', step: 0, entry: 0 };
  squares = 0;
  largestValue = 0;
  compared = 0;
  readonly trials: VerifyValue['trials'][number][] = [];
  readonly byStep: number[] = [];

  add({ name, system, initialState, inputs, expected, output }: Trial): void {
    let state = Float64Array.from(initialState);
    let next = new Float64Array(state.length);
    let own = 0;
    expected.forEach((theirs, step) => {
      system.step(state, inputs[step]!, next);
      [state, next] = [next, state];
      const ours = output(state);
      let most = 0;
      for (let entry = 0; entry < theirs.length; entry++) {
        const difference = distance(ours[entry]!, theirs[entry]!);
        if (difference > this.largestDifference) {
          this.largestDifference = difference;
          this.at = { trial: name, step, entry };
        }
        most = Math.max(most, difference);
        this.squares += difference * difference;
        this.largestValue = Math.max(this.largestValue, Math.abs(theirs[entry]!));
      }
      this.compared += theirs.length;
      own = Math.max(own, most);
      this.byStep[step] = Math.max(this.byStep[step] ?? 0, most);
    });
    this.trials.push({
      name,
      steps: expected.length,
      width: expected[0]?.length ?? 0,
      largestDifference: own,
    });
  }
}

const distance = (a: number, b: number): number => {
  if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
};
