// Analyses of networks as PyTorch initialises them: counted on J·Q alone, as a share of the rate of the matrix product.
import { cellNamed } from '../dist/src/cells/index.js';
import { noiseDrive } from '../dist/src/dynamics/drive.js';
import { network } from '../dist/src/dynamics/network.js';
import { productMethod, productNorms, toldLags } from '../dist/src/dynamics/product-norms.js';
import { spectrum } from '../dist/src/dynamics/spectrum.js';
import { StatesBack } from '../dist/src/dynamics/states-back.js';
import { Trajectory } from '../dist/src/dynamics/trajectory.js';
import { matrix } from '../dist/src/linalg/index.js';
import { random } from '../dist/src/random.js';

const INPUTS = 16;
const unwatched = { tick: () => false };

/** Uniform in ±1/√H, as torch.nn.GRU and torch.nn.LSTM begin. */
function layer(name, hidden, inputs, seed) {
  const draw = random(seed);
  const uniform = (count) =>
    Float64Array.from({ length: count }, () => (2 * draw.uniform() - 1) / Math.sqrt(hidden));
  const cell = cellNamed(name);
  const [matrices, vectors] = [{}, {}];
  for (const { name: parameter, kind, cols } of cell.parameters) {
    const width = cols === 'I' ? inputs : hidden;
    if (kind === 'vector') vectors[parameter] = uniform(hidden);
    else matrices[parameter] = matrix(hidden, width, uniform(hidden * width));
  }
  return {
    name: `layer${seed}`,
    cell,
    weights: { hiddenSize: hidden, inputSize: inputs, matrices, vectors },
  };
}

function orbit(name, hidden, layers = 1) {
  const stack = Array.from({ length: layers }, (_, l) => layer(name, hidden, l ? hidden : INPUTS, l + 1));
  const system = network(stack);
  return {
    system,
    drive: noiseDrive(1, INPUTS, 1, 'noise:1'),
    initialState: new Float64Array(system.dimension),
  };
}

/** Milliseconds a step of a spectrum of k exponents. */
async function perStep(of, steps, count = of.system.dimension) {
  const options = { warmup: 20, align: 20, count, reorthonormalise: 'auto' };
  await spectrum(of, { ...options, steps: Math.min(steps, 100) }, unwatched);
  const start = performance.now();
  await spectrum(of, { ...options, steps }, unwatched);
  return (performance.now() - start) / (steps + 40);
}

const spectra = [
  ['gru', 64, 1, 2000],
  ['gru', 256, 1, 2000],
  ['gru', 512, 1, 600],
  ['lstm', 32, 1, 2000],
  ['lstm', 128, 1, 400],
  ['lstm', 256, 1, 100],
  ['gru', 32, 2, 2000],
  ['gru', 128, 2, 1000],
  ['lstm', 64, 2, 400],
];

/** The slope of ln y against ln x. */
function exponent(points) {
  const xs = points.map(([x]) => Math.log(x));
  const ys = points.map(([, y]) => Math.log(y));
  const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
  const [mx, my] = [mean(xs), mean(ys)];
  return (
    xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i] - my), 0) / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0)
  );
}

export async function* rows({ quick = false }) {
  const against = { n: [], k: [], T: [] };
  for (const [name, hidden, layers, steps] of spectra) {
    const of = orbit(name, hidden, layers);
    const n = of.system.dimension;
    const milliseconds = await perStep(of, quick ? Math.ceil(steps / 4) : steps);
    // 2H² a column for each block of the state that h acts on; what one layer does to the next is not counted.
    const flops = layers * (name === 'lstm' ? 4 : 2) * hidden ** 2 * n;
    if (name === 'gru' && layers === 1) against.n.push([n, milliseconds]);
    yield {
      name: 'spectrum, a step',
      size: `${layers} × ${name} ${hidden}`,
      milliseconds,
      gflops: flops / milliseconds / 1e6,
    };
  }
  const wide = orbit('lstm', 512);
  for (const count of [4, 16, 64]) {
    const milliseconds = await perStep(wide, quick ? 40 : 150, count);
    against.k.push([count, milliseconds]);
    yield { name: `${count} exponents, a step`, size: 'lstm 512', milliseconds };
  }
  for (const steps of [500, 1000, 2000])
    against.T.push([steps + 40, (steps + 40) * (await perStep(orbit('gru', 32), steps))]);
  for (const [of, points] of Object.entries(against))
    yield { name: 'cost grows as', size: `${of}^${exponent(points).toFixed(2)}` };
  yield await gradient(quick ? 5000 : 20_000);
}

async function gradient(lags) {
  const { system, drive, initialState } = orbit('lstm', 128);
  const n = system.dimension;
  const start = performance.now();
  const back = await StatesBack.along(new Trajectory(system, drive, initialState), lags, unwatched);
  await productNorms(n, back, productMethod(n, 1e6, 'block'), toldLags(lags, 100), unwatched, false);
  return { name: 'gradient, a lag', size: 'lstm 128', milliseconds: (performance.now() - start) / lags };
}
