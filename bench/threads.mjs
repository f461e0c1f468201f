// Worker threads: independent tasks on two threads, as a ratio to the same tasks on one.
import { fileURLToPath } from 'node:url';
import { askOf } from '../dist/src/ask.js';
import { readModel, readWeightFile, subjectOf } from '../dist/src/index.js';

const example = (name) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
const settings = { drive: 'zero', state: 'zero', seed: 0, strict: false };

const cases = [
  {
    name: 'ensemble of 8',
    size: 'GRU 48',
    question: 'lyapunov',
    model: 'lorenz-gru48.pt',
    loop: true,
    given: (quick) => ({ trajectories: 8, steps: quick ? 2000 : 6000 }),
  },
  {
    name: '4 segments',
    size: 'GRU 48',
    question: 'lyapunov',
    model: 'lorenz-gru48.pt',
    loop: true,
    given: (quick) => ({ segments: 4, steps: quick ? 8000 : 24000 }),
  },
  {
    name: '1024 searches',
    size: 'LSTM 64',
    question: 'fixed-points',
    model: 'adding-lstm64.pt',
    loop: false,
    given: (quick) => ({ starts: quick ? 256 : 1024 }),
  },
];

export async function* rows({ quick = false }) {
  for (const { name, size, question, model, loop, given } of cases) {
    const network = readModel(await readWeightFile(example(model)), {});
    const subject = await subjectOf(network, { ...settings, closedLoop: loop });
    const take = async (threads) => {
      const start = performance.now();
      await askOf(question, subject, { ...given(quick), threads });
      return performance.now() - start;
    };
    // In turns, and the best of each: another program on the machine takes from both, though not alike.
    let [one, two] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let k = 0; k < 3; k++) {
      one = Math.min(one, await take(1));
      two = Math.min(two, await take(2));
    }
    yield { name, size, milliseconds: two, timesOneThread: one / two };
  }
}
