// Timing by medians: a run is repeated until it lasts long enough to be timed, and timed until `time` is over.

/** The median milliseconds of one call. */
export function milliseconds(run, time = 300) {
  const warm = performance.now();
  let calls = 0;
  do {
    run();
    calls++;
  } while (performance.now() - warm < time / 4);
  const batch = Math.max(1, Math.round((calls * 0.5) / (performance.now() - warm)));
  const samples = [];
  const begin = performance.now();
  while (samples.length < 3 || performance.now() - begin < time) {
    const start = performance.now();
    for (let i = 0; i < batch; i++) run();
    samples.push((performance.now() - start) / batch);
  }
  return samples.sort((a, b) => a - b)[samples.length >> 1];
}

/** The milliseconds of one call that is too long to repeat often. */
export function once(run) {
  const start = performance.now();
  run();
  return performance.now() - start;
}
