import { expect, test } from 'vitest';
import { lyapunov } from '../../analyses/lyapunov.js';
import { memoryLimit, requireMemory } from '../../src/dynamics/memory.js';
import type { System } from '../../src/dynamics/system.js';
import { resolve } from '../../src/options.js';
import { unwatched } from '../../src/outcome.js';
import { autonomous } from '../oracles.js';

test('a request that does not fit is refused with its size, the limit and a smaller one', () => {
  expect(() => requireMemory(5e9, 'this', 'take less', 2e9)).toThrow(
    'this needs 5 GB of memory, and at most 2 GB may be taken here: take less',
  );
  expect(() => requireMemory(2e9, 'this', 'take less', 2e9)).not.toThrow();
  expect(memoryLimit()).toBeGreaterThan(1e8);
});

test('a whole spectrum of a very large map is refused before anything of it is taken', async () => {
  const n = 1_000_000;
  const nothing = (): never => {
    throw new Error('not to be called');
  };
  const system: System = { dimension: n, inputSize: 0, coordinates: [], step: nothing, linearise: nothing };
  const asked = lyapunov.run(
    autonomous(system, new Float64Array(n)),
    resolve(lyapunov.options, { count: n }),
    unwatched,
  );
  await expect(asked).rejects.toThrow(/a spectrum of 1000000 exponents .* needs .* TB .* --count 8/);
});
