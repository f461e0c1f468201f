import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { LyapunovValue } from '../../analyses/lyapunov.js';
import { ask } from '../../src/ask.js';

// Three trained networks, each in every format. One trajectory under the inputs of its task tells whether they are one map.

const at = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const NETS = ['gru32', 'lstm32', 'rnn64'];
/** The exporter unrolled its cell. */
const NO_LAYER = ['flipflop3-rnn64.dynamo.onnx'];

async function spectrumOf(net: string, file: string) {
  const drive = at(`models/flipflop3-${net}.drive.npy`);
  const { result } = await ask('lyapunov', at(`formats/${file}`), { drive, steps: 400, warmup: 100 });
  return { exponents: (result.value as LyapunovValue).exponents, assumptions: result.model.assumptions };
}

describe.each(NETS)('flipflop3-%s', (net) => {
  const files = readdirSync(at('formats'))
    .filter((name) => name.startsWith(`flipflop3-${net}.`) && name !== `flipflop3-${net}.pt`)
    .filter((name) => !NO_LAYER.includes(name));
  let original: readonly number[];
  beforeAll(async () => {
    original = (await spectrumOf(net, `flipflop3-${net}.pt`)).exponents;
  });

  test.each(files)('has the same spectrum as %s', async (file) => {
    const { exponents, assumptions } = await spectrumOf(net, file);
    expect(exponents.length).toBe(original.length);
    const rounded = /f16/.test(file);
    const largest = Math.max(
      ...exponents.map((value, i) => (value === original[i] ? 0 : Math.abs(value - original[i]!))),
    );
    expect(assumptions.some((line) => /stored as b?f16, rounded/.test(line))).toBe(rounded);
    if (rounded) expect(Math.abs(exponents[0]! - original[0]!)).toBeLessThan(0.05);
    else expect(largest).toBeLessThan(1e-6);
  });
});
