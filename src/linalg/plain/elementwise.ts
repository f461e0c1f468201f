/** value ← e^x. */
export function plainExp(value: Float64Array, x: Float64Array): void {
  for (let i = 0; i < x.length; i++) value[i] = Math.exp(x[i]);
}

/** With e = e^−|x|, σ(x) and 1 − σ(x) = σ(−x) are 1/(1 + e) and e/(1 + e), or the other way about. */
export function plainSigmoid(
  value: Float64Array,
  x: Float64Array,
  complement: Float64Array | null,
  slope: Float64Array | null,
): void {
  for (let i = 0; i < x.length; i++) {
    const a = x[i];
    const e = Math.exp(-Math.abs(a));
    const small = e / (1 + e);
    const large = 1 / (1 + e);
    value[i] = a < 0 ? small : large;
    if (complement) complement[i] = a < 0 ? large : small;
    if (slope) slope[i] = small * large;
  }
}

/** sech² x = 4e/(1 + e)², e = e^(−2|x|): 1 − tanh² is exactly 0 in doubles for |x| > 19. */
export function plainTanh(value: Float64Array, x: Float64Array, slope: Float64Array | null): void {
  for (let i = 0; i < x.length; i++) {
    const a = x[i];
    value[i] = Math.tanh(a);
    if (!slope) continue;
    const e = Math.exp(-2 * Math.abs(a));
    slope[i] = (4 * (e / (1 + e))) / (1 + e);
  }
}

/** out ← x y, entry by entry. */
export function plainMultiply(out: Float64Array, x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = x[i] * y[i];
}
