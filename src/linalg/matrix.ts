/** A dense row-major float64 matrix: element (i, j) is data[i * cols + j]. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

export const zeros = (rows: number, cols: number): Matrix => ({
  rows,
  cols,
  data: new Float64Array(rows * cols),
});

export function identity(n: number, cols = n): Matrix {
  const m = zeros(n, cols);
  for (let i = 0; i < Math.min(n, cols); i++) m.data[i * cols + i] = 1;
  return m;
}

export const matrix = (rows: number, cols: number, data: ArrayLike<number>): Matrix => {
  if (data.length !== rows * cols)
    throw new RangeError(`${rows}×${cols} needs ${rows * cols} numbers, got ${data.length}`);
  return { rows, cols, data: data instanceof Float64Array ? data : Float64Array.from(data) };
};

/** Rows [from, to) as a view: writing to it writes to `m`. */
export const rowBlock = (m: Matrix, from: number, to: number): Matrix => ({
  rows: to - from,
  cols: m.cols,
  data: m.data.subarray(from * m.cols, to * m.cols),
});

export const copy = (m: Matrix): Matrix => ({ rows: m.rows, cols: m.cols, data: m.data.slice() });

export function transpose(m: Matrix): Matrix {
  const t = zeros(m.cols, m.rows);
  for (let i = 0; i < m.rows; i++)
    for (let j = 0; j < m.cols; j++) t.data[j * m.rows + i] = m.data[i * m.cols + j]!;
  return t;
}

export const toRows = (m: Matrix): number[][] =>
  Array.from({ length: m.rows }, (_, i) => Array.from(m.data.subarray(i * m.cols, (i + 1) * m.cols)));
