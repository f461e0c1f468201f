import { CoMoments } from '../src/dynamics/co-moments.js';
import { isHeld } from '../src/dynamics/drive.js';
import { GateStatistics, type Openness, type TimeScales } from '../src/dynamics/openness.js';
import { runLength } from '../src/dynamics/run-length.js';
import type { Subject } from '../src/dynamics/subject.js';
import type { Part } from '../src/dynamics/system.js';
import { Trajectory } from '../src/dynamics/trajectory.js';
import { integer, number, type Values } from '../src/options.js';
import { complete, interrupted } from '../src/outcome.js';
import type { Analysis } from './analysis.js';

export type GateRole = Part['quantities'][number]['role'];

export interface InputCorrelation {
  /** Of each unit, the input (from 0) that its gate follows most closely, in either direction. */
  readonly input: readonly number[];
  /** Pearson's r with that input at the same step; null where one of the two did not move. */
  readonly r: readonly (number | null)[];
}

export interface GateValue extends Openness {
  /** As the cell's formula has it. */
  readonly name: string;
  readonly role: GateRole;
  /** The state block that it acts on. */
  readonly block: string;
  /** Of a gate that keeps, or whose rest 1 − gate does: how long each unit holds on to what is in it; null for other gates. */
  readonly timeScales:
    | (TimeScales & {
        /** Over the units, at the shares of 5, 25, 50, 75 and 95 %. */
        readonly quantiles: readonly number[];
        /** Units (from 0) that hold on for at least `integratorSteps`. */
        readonly integrators: readonly number[];
      })
    | null;
  /** null where the input does not change. */
  readonly inputCorrelation: InputCorrelation | null;
}

/** What the units that a layer hands on do. */
export interface Activity {
  /** Standard deviation of each unit over the run. */
  readonly deviation: readonly number[];
  /** Units (from 0) that move less than a thousandth of what the layer's units do in the mean; null where the layer is at rest. */
  readonly dead: readonly number[] | null;
  /** Groups of units that go up and down together, |r| ≥ `redundantAbove`; null where the layer is at rest or has more than 4096 units. */
  readonly redundant: readonly (readonly number[])[] | null;
  /** (Σ variances)²/Σ variances² along the principal axes: how many directions the units use; null where the layer is at rest. */
  readonly dimension: number | null;
  readonly inputCorrelation: InputCorrelation | null;
}

export interface GatesLayer {
  readonly name: string;
  readonly cell: string;
  readonly units: number;
  readonly gates: readonly GateValue[];
  readonly activity: Activity;
  /** Mean openness of each gate, in the order of `gates`, over stretches that end after so many steps. */
  readonly trace: { readonly steps: readonly number[]; readonly mean: readonly (readonly number[])[] };
}

export interface GatesValue {
  /** The lowest first; none for a map that is no network. */
  readonly layers: readonly GatesLayer[];
  /** Share of all readings of gates below 0.05 or above 0.95; null without gates. */
  readonly saturated: number | null;
  /** Steps that were looked at. */
  readonly steps: number;
  readonly mode: Subject['mode'];
  readonly integratorSteps: number;
  readonly redundantAbove: number;
}

const TRACE_POINTS = 200;
/** A unit that moves less than this share of the layer's root-mean-square deviation is dead. */
const DEAD = 1e-3;
/** A layer that moves less than this altogether is at rest, where nothing can be said of its units. */
const AT_REST = 1e-9;
/** Comparing all pairs takes memory that grows with their square. */
const MOST_COMPARED = 4096;
const QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95];

const options = {
  warmup: integer({
    flags: '--warmup <steps>',
    help: 'steps that let the state settle first',
    fallback: undefined,
    fallbackText: '200, or a tenth of a short drive',
  }),
  steps: integer({
    flags: '--steps <n>',
    help: 'steps that are looked at',
    fallback: undefined,
    min: 1,
    fallbackText: 'the rest of the drive, or 2000',
  }),
  integrator: number({
    flags: '--integrator <steps>',
    help: 'a unit that holds on at least this long is called an integrator',
    fallback: 100,
    above: 0,
  }),
  redundant: number({
    flags: '--redundant <r>',
    help: 'units whose |correlation| is at least this say the same',
    fallback: 0.99,
    above: 0,
  }),
};

type Options = Values<typeof options>;

/**
 * What the gates do on this input: how open they are, how often saturated (below 0.05, above 0.95), how long a unit keeps
 * what it holds, τ = −1/⟨ln f⟩ (C. Tallec, Y. Ollivier, ICLR 2018, arXiv 1804.11188), which units are dead or say the same, and
 * what follows the input. The values are the cell's own, read as it steps.
 */
export const gates: Analysis<typeof options, GatesValue> = {
  name: 'gates',
  summary: 'what do the gates do on this input: openness, saturation, time scales',
  options,
  async run(subject, given, watch) {
    const { system, drive } = subject;
    const settled = { ...given, ...runLength(drive, given, 'gates') };
    const trajectory = new Trajectory(system, drive, subject.initialState);
    const layers = (system.parts ?? []).map((part) => new LayerStatistics(part, subject, settled.steps));
    let stopped = await trajectory.run(settled.warmup, watch, 'warming up');
    let done = 0;
    for (; done < settled.steps && !stopped; done++) {
      if (done % 64 === 0 && (await watch.tick(done, settled.steps, 'stepping'))) {
        stopped = true;
        break;
      }
      trajectory.advance();
      for (const layer of layers) layer.add(trajectory.state, trajectory.input);
    }
    return {
      value: summarise(done > 0 ? layers.map((layer) => layer.value(settled)) : [], subject, settled, done),
      outcome: stopped ? interrupted(done, settled.steps, 'steps') : complete,
      settled,
    };
  },
};

function summarise(
  layers: readonly GatesLayer[],
  { mode }: Subject,
  { integrator, redundant }: Options,
  steps: number,
): GatesValue {
  const readings = layers.flatMap(({ gates }) =>
    gates.map((gate) => ({ gate, units: gate.units.mean.length })),
  );
  const all = readings.reduce((sum, { units }) => sum + units, 0);
  const saturated = readings.reduce((sum, { gate, units }) => sum + units * (gate.shut + gate.open), 0);
  return {
    layers,
    saturated: all > 0 ? saturated / all : null,
    steps,
    mode,
    integratorSteps: integrator,
    redundantAbove: redundant,
  };
}

/** Everything that is kept of one layer: it grows with the layer, not with the run. */
class LayerStatistics {
  private readonly names: readonly Part['quantities'][number][];
  private readonly gates: readonly GateStatistics[];
  private readonly withInput: readonly CoMoments[];
  private readonly outputWithInput: CoMoments | null;
  private readonly among: CoMoments;
  private readonly trace: Trace;

  constructor(
    private readonly part: Part,
    { drive, system, mode }: Subject,
    steps: number,
  ) {
    const units = this.units;
    const inputs = mode === 'driven' && !isHeld(drive) ? system.inputSize : 0;
    this.names = part.quantities.filter(({ role }) => role !== 'candidate');
    // A projected layer hands on fewer entries than it has gates.
    const sizes = this.names.map(({ name }) => part.read(name).value.length);
    this.gates = this.names.map(({ keepsRest }, g) => new GateStatistics(sizes[g]!, keepsRest));
    this.withInput = inputs > 0 ? sizes.map((size) => new CoMoments(size, inputs)) : [];
    this.outputWithInput = inputs > 0 ? new CoMoments(units, inputs) : null;
    this.among = new CoMoments(units, units <= MOST_COMPARED ? units : 0);
    this.trace = new Trace(Math.ceil(steps / TRACE_POINTS), this.names.length);
  }

  private get units(): number {
    return this.part.output.to - this.part.output.from;
  }

  add(state: Float64Array, input: Float64Array): void {
    const means = this.names.map(({ name }, g) => {
      const { value, logit } = this.part.read(name);
      this.withInput[g]?.add(value, input);
      return this.gates[g]!.add(value, logit);
    });
    const h = state.subarray(this.part.output.from, this.part.output.to);
    this.outputWithInput?.add(h, input);
    this.among.add(h, h);
    this.trace.note(means);
  }

  value({ integrator, redundant }: Options): GatesLayer {
    return {
      name: this.part.name,
      cell: this.part.cell,
      units: this.units,
      gates: this.names.map(({ name, role, block, keepsRest }, g) => ({
        name,
        role,
        block,
        ...this.gates[g]!.openness(),
        timeScales: role === 'keep' || keepsRest ? timeScales(this.gates[g]!.timeScales(), integrator) : null,
        inputCorrelation: this.withInput[g] ? strongest(this.withInput[g]!) : null,
      })),
      activity: this.activity(redundant),
      trace: this.trace.value(),
    };
  }

  private activity(redundantAbove: number): Activity {
    const deviation = this.among.deviations();
    const power = deviation.reduce((sum, v) => sum + v * v, 0);
    const typical = Math.sqrt(power / deviation.length);
    const moves = typical > AT_REST;
    const dead = Array.from(deviation.keys()).filter((i) => deviation[i]! <= DEAD * typical);
    const compared = this.among.others === deviation.length;
    const squares = this.among.covariance().data.reduce((sum, v) => sum + v * v, 0);
    return {
      deviation: Array.from(deviation),
      dead: moves ? dead : null,
      redundant:
        moves && compared ? alike(this.among, deviation.length, redundantAbove, new Set(dead)) : null,
      // tr C and tr C² are the sums over the principal axes, which need not be found for it.
      dimension: moves && compared ? (power * power) / squares : null,
      inputCorrelation: this.outputWithInput ? strongest(this.outputWithInput) : null,
    };
  }
}

function timeScales(found: TimeScales, integratorSteps: number): NonNullable<GateValue['timeScales']> {
  const sorted = [...found.units].sort((a, b) => a - b);
  return {
    ...found,
    quantiles: QUANTILES.map((share) => quantile(sorted, share)),
    integrators: found.units.flatMap((tau, i) => (tau >= integratorSteps ? [i] : [])),
  };
}

/** Between the two values next to it, in proportion. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low === high ? low : low + (at - Math.floor(at)) * (high - low);
}

function strongest(moments: CoMoments): InputCorrelation {
  const best = Array.from(moments.deviations(), (_, i) => {
    let found = { input: 0, r: Number.NaN };
    for (let j = 0; j < moments.others; j++) {
      const r = moments.correlation(i, j);
      if (!(Math.abs(r) <= Math.abs(found.r)) && !Number.isNaN(r)) found = { input: j, r };
    }
    return found;
  });
  return {
    input: best.map(({ input }) => input),
    r: best.map(({ r }) => (Number.isNaN(r) ? null : r)),
  };
}

/** Groups of at least two units that are linked by |r| ≥ border, directly or through others. */
function alike(moments: CoMoments, units: number, border: number, without: ReadonlySet<number>): number[][] {
  const group = Array.from({ length: units }, (_, i) => i);
  const root = (i: number): number => {
    while (group[i] !== i) i = group[i]!;
    return i;
  };
  for (let i = 0; i < units; i++) {
    for (let j = 0; j < i; j++) {
      if (without.has(i) || without.has(j)) continue;
      if (Math.abs(moments.correlation(i, j)) >= border) group[root(i)] = root(j);
    }
  }
  const members = new Map<number, number[]>();
  for (let i = 0; i < units; i++) members.set(root(i), [...(members.get(root(i)) ?? []), i]);
  return [...members.values()].filter((those) => those.length > 1);
}

/** Means over stretches of equal length. */
class Trace {
  private readonly steps: number[] = [];
  private readonly means: number[][] = [];
  private readonly sums: Float64Array;
  private filled = 0;

  constructor(
    private readonly every: number,
    gates: number,
  ) {
    this.sums = new Float64Array(gates);
  }

  note(means: readonly number[]): void {
    for (let g = 0; g < means.length; g++) this.sums[g] = this.sums[g]! + means[g]!;
    if (++this.filled === this.every) this.close();
  }

  private close(): void {
    this.steps.push((this.steps.at(-1) ?? 0) + this.filled);
    this.means.push(Array.from(this.sums, (sum) => sum / this.filled));
    this.sums.fill(0);
    this.filled = 0;
  }

  value(): GatesLayer['trace'] {
    if (this.filled > 0) this.close();
    return { steps: this.steps, mean: this.means };
  }
}
