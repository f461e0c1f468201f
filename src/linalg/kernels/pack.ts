import { at } from "./simd";

/** Lines packed together: the height and the width of a tile. */
export const TILE: i32 = 4;

/**
 * Lines of a block, four by four, interleaved along the depth and padded with zeros: entry p of line l goes to
 * 4·depth·⌊l/4⌋ + 4p + l mod 4.
 */
export function pack(to: usize, from: usize, lineStep: i32, depthStep: i32, lines: i32, depth: i32): void {
  let t = to;
  let l = 0;
  for (; l + TILE <= lines; l += TILE) {
    const s = at(from, l * lineStep);
    if (depthStep == 1) packAcross(t, s, lineStep, depth);
    else if (lineStep == 1) packAlong(t, s, depthStep, depth);
    else packFew(t, s, lineStep, depthStep, TILE, depth);
    t += (<usize>depth) << 5;
  }
  if (l < lines) packFew(t, at(from, l * lineStep), lineStep, depthStep, lines - l, depth);
}

/** Four lines that run along memory: transposed two by two. */
function packAcross(to: usize, from: usize, lineStep: i32, depth: i32): void {
  let s0 = from;
  let s1 = at(s0, lineStep);
  let s2 = at(s1, lineStep);
  let s3 = at(s2, lineStep);
  let t = to;
  const even = t + ((<usize>(depth & -2)) << 5);
  while (t < even) {
    const a = v128.load(s0);
    const b = v128.load(s1);
    const c = v128.load(s2);
    const d = v128.load(s3);
    v128.store(t, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(t, v128.shuffle<f64>(c, d, 0, 2), 16);
    v128.store(t, v128.shuffle<f64>(a, b, 1, 3), 32);
    v128.store(t, v128.shuffle<f64>(c, d, 1, 3), 48);
    s0 += 16;
    s1 += 16;
    s2 += 16;
    s3 += 16;
    t += 64;
  }
  if (depth & 1) {
    store<f64>(t, load<f64>(s0));
    store<f64>(t, load<f64>(s1), 8);
    store<f64>(t, load<f64>(s2), 16);
    store<f64>(t, load<f64>(s3), 24);
  }
}

/** Four lines that stand side by side. */
function packAlong(to: usize, from: usize, depthStep: i32, depth: i32): void {
  const step = (<usize>depthStep) << 3;
  const end = to + ((<usize>depth) << 5);
  let s = from;
  for (let t = to; t < end; t += 32) {
    v128.store(t, v128.load(s));
    v128.store(t, v128.load(s, 16), 16);
    s += step;
  }
}

function packFew(to: usize, from: usize, lineStep: i32, depthStep: i32, lines: i32, depth: i32): void {
  let t = to;
  for (let p = 0; p < depth; p++) {
    for (let r = 0; r < TILE; r++) {
      store<f64>(t, r < lines ? load<f64>(at(from, p * depthStep + r * lineStep)) : 0);
      t += 8;
    }
  }
}
