import { frobeniusNorm, spectralNorm } from '../linalg/index.js';
import { identity, type Matrix, zeros } from '../linalg/matrix.js';
import type { Watch } from '../outcome.js';
import type { Drive } from './drive.js';
import type { Part, Rows, System } from './system.js';

/** Part of ∂s_T/∂s_{T−lag}: rows of the later state by entries of the earlier one. */
export interface Block {
  readonly name: string;
  readonly of: readonly Rows[];
  readonly by: readonly Rows[];
}

/** What is worth telling apart in a stack: h alone where a layer holds more, each layer by itself, the top's output by each layer. */
export function blocksOf(parts: readonly Part[]): Block[] {
  const outputs = parts.map(({ output }) => output);
  const hidden = parts.some(({ rows, output }) => rows.to - rows.from > output.to - output.from);
  const top = parts.at(-1);
  return [
    ...(hidden ? [{ name: 'h by h', of: outputs, by: outputs }] : []),
    ...(parts.length > 1
      ? parts.flatMap(({ name, rows }) => [
          { name: `${name} by itself`, of: [rows], by: [rows] },
          ...(name === top!.name
            ? []
            : [{ name: `output of ${top!.name} by ${name}`, of: [top!.output], by: [rows] }]),
        ])
      : []),
  ];
}

/** ln of the spectral norm of each block at lags 0 … K. `states` are s_{T−K} … s_{T−1}. Fewer lags where the watch asked to stop. */
export async function blockGradients(
  { system, drive }: { readonly system: System; readonly drive: Drive },
  blocks: readonly Block[],
  states: readonly Float64Array[],
  end: number,
  watch: Watch,
): Promise<number[][]> {
  const n = system.dimension;
  const x = new Float64Array(system.inputSize);
  // Rows are entries of the earlier state, columns of the later one.
  let P = identity(n);
  let spare = zeros(n, n);
  let scale = 0;
  const logs = blocks.map((block) => [Math.log(spectralNorm(part(P, block)))]);
  for (let k = 1; k <= states.length; k++) {
    if (await watch.tick(k, states.length, 'layer by layer')) break;
    drive.at(end - k, x);
    system.linearise(states[states.length - k]!, x).vjp(P, spare);
    [P, spare] = [spare, P];
    const norm = frobeniusNorm(P);
    if (norm > 0) for (let p = 0; p < P.data.length; p++) P.data[p] = P.data[p]! / norm;
    scale += Math.log(norm);
    blocks.forEach((block, b) => {
      const size = norm > 0 ? spectralNorm(part(P, block)) : 0;
      logs[b]!.push(size > 0 ? scale + Math.log(size) : Number.NEGATIVE_INFINITY);
    });
  }
  return logs;
}

const length = (ranges: readonly Rows[]): number => ranges.reduce((sum, { from, to }) => sum + to - from, 0);

function part(P: Matrix, { of, by }: Block): Matrix {
  const out = zeros(length(by), length(of));
  let row = 0;
  for (const { from, to } of by)
    for (let i = from; i < to; i++, row++) {
      let col = 0;
      for (const cols of of) {
        out.data.set(P.data.subarray(i * P.cols + cols.from, i * P.cols + cols.to), row * out.cols + col);
        col += cols.to - cols.from;
      }
    }
  return out;
}
