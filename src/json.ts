/**
 * JSON that keeps −∞, ∞ and NaN: as the strings "-Infinity", "Infinity", "NaN", which JSON numbers cannot say.
 * Typed arrays become arrays, undefined fields are left out.
 */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_key, v) => encode(v), indent);
}

function encode(v: unknown): unknown {
  if (typeof v === 'number' && !Number.isFinite(v)) return String(v);
  if (v instanceof Float64Array) return Array.from(v);
  return v;
}

const named: Readonly<Record<string, number>> = { '-Infinity': -Infinity, Infinity, NaN };

/** The inverse of `toJson`: those three strings become numbers again. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_key, v) => (typeof v === 'string' && Object.hasOwn(named, v) ? named[v] : v));
}
