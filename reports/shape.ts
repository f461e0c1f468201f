/** Reshaping of results into what charts draw: extents, thinning, the unit circle. */

const mostPoints = 5000;

/** Every k-th row, first and last kept, where there are more than a chart can show. */
export function thin<T>(rows: readonly T[], most = mostPoints): readonly T[] {
  if (rows.length <= most) return rows;
  const last = rows.length - 1;
  return Array.from({ length: most }, (_, i) => rows[Math.round((i * last) / (most - 1))]!);
}

/** Smallest interval that holds the finite values and `include`, widened by a share of its length on both sides. */
export function extent(
  values: Iterable<number>,
  include: readonly number[] = [],
  margin = 0.05,
): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const source of [values, include]) {
    for (const x of source) {
      if (!Number.isFinite(x)) continue;
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
  }
  if (low > high) return [-1, 1];
  const pad = high > low ? margin * (high - low) : Math.abs(high) * margin || 1;
  return [low - pad, high + pad];
}

export interface Square {
  readonly center: readonly [number, number];
  readonly half: number;
}

/** Square that holds the unit circle and every finite point. */
export function squareAround(points: Iterable<readonly [number, number]>): Square {
  const finite = [...points].filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const xs = extent(
    finite.map(([x]) => x),
    [-1, 1],
  );
  const ys = extent(
    finite.map(([, y]) => y),
    [-1, 1],
  );
  return {
    center: [(xs[0] + xs[1]) / 2, (ys[0] + ys[1]) / 2],
    half: Math.max(xs[1] - xs[0], ys[1] - ys[0]) / 2,
  };
}

/**
 * Domains that keep one unit as long across as up, whatever the size of the chart: the longer side shows more.
 * Vega evaluates them, because the width is known only on the page.
 */
export function equalAspect({ center, half }: Square): { x: { expr: string }[]; y: { expr: string }[] } {
  const around = (c: number, side: string, other: string): { expr: string }[] =>
    ['-', '+'].map((sign) => ({ expr: `${c} ${sign} ${half} * max(1, ${side} / ${other})` }));
  return { x: around(center[0], 'width', 'height'), y: around(center[1], 'height', 'width') };
}

const circlePoints = 181;

export const unitCircle: readonly { readonly re: number; readonly im: number; readonly order: number }[] =
  Array.from({ length: circlePoints }, (_, order) => {
    const angle = (2 * Math.PI * order) / (circlePoints - 1);
    return { re: Math.cos(angle), im: Math.sin(angle), order };
  });
