import { type Matrix, release, resident } from '../linalg/index.js';

/** Matrices by slot, in kernel memory: laid out when first asked for, and again only where another size is. */
export class Buffers {
  private readonly slots: { readonly owner: object; readonly matrix: Matrix }[] = [];

  /** The buffer of a slot. What it holds is what was left there. */
  at(slot: number, rows: number, cols: number): Matrix {
    const found = this.slots[slot];
    if (found?.matrix.cols === cols && found.matrix.rows === rows) return found.matrix;
    if (found) release(found.owner);
    const owner = {};
    const matrix = resident(owner, rows, cols);
    this.slots[slot] = { owner, matrix };
    return matrix;
  }
}
