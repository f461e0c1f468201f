import type { Tensor } from '../../formats/weight-file.js';

/** What a tensor is to its layer: input weights, recurrent weights, their biases, an LSTM's projection. */
export type Role = 'weight_ih' | 'weight_hh' | 'bias_ih' | 'bias_hh' | 'weight_hr';

/** The stored pieces of one role: the tensor itself, or the direction and length that weight norm splits it into. */
export interface Pieces {
  plain?: Tensor;
  length?: Tensor;
  direction?: Tensor;
  /** Some other reparametrisation. */
  unknown?: Tensor;
}

/** One layer in one direction. */
export type Slot = Partial<Record<Role, Pieces>>;

/** The tensors of one module, by layer. */
export interface TorchModule {
  readonly path: string;
  readonly forward: Map<number, Slot>;
  readonly backward: Map<number, Slot>;
  /** Name within the module → tensor, in file order. */
  readonly parts: Map<string, Tensor>;
}

/**
 * [PATH.]weight_ih_l0[_reverse], without _l0 in cells; with weight norm …_g and …_v (old) or
 * parametrizations.….original0 and .original1 (new); .original and _orig are other reparametrisations.
 */
const NAME =
  /^(?:(?!parametrizations\.)(?<path>.+?)\.)?(?<leaf>(?:parametrizations\.)?(?<role>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?:_l(?<layer>\d+)(?<reverse>_reverse)?)?(?<piece>_g|_v|_orig|\.original[01]?)?)$/;

const PIECES: Readonly<Record<string, keyof Pieces>> = {
  _g: 'length',
  '.original0': 'length',
  _v: 'direction',
  '.original1': 'direction',
  _orig: 'unknown',
  '.original': 'unknown',
};

export function torchModules(tensors: ReadonlyMap<string, Tensor>): TorchModule[] {
  const modules = new Map<string, TorchModule>();
  for (const [name, tensor] of tensors) {
    const groups = NAME.exec(name)?.groups;
    if (!groups) continue;
    const path = groups.path ?? '';
    if (!modules.has(path))
      modules.set(path, { path, forward: new Map(), backward: new Map(), parts: new Map() });
    const module = modules.get(path)!;
    module.parts.set(groups.leaf!, tensor);
    const slots = groups.reverse ? module.backward : module.forward;
    put(slots, Number(groups.layer ?? 0), groups.role as Role, PIECES[groups.piece ?? ''] ?? 'plain', tensor);
  }
  return [...modules.values()].filter(holdsWeights);
}

function put(slots: Map<number, Slot>, layer: number, role: Role, piece: keyof Pieces, tensor: Tensor): void {
  const slot = slots.get(layer) ?? {};
  slot[role] = { ...slot[role], [piece]: tensor };
  slots.set(layer, slot);
}

const holdsWeights = ({ forward, backward }: TorchModule): boolean =>
  [...forward.values(), ...backward.values()].some((slot) => slot.weight_ih || slot.weight_hh);

/** The name, as the file has it, of what stands for this role. */
export const storedName = ({ plain, direction, length, unknown }: Pieces): string =>
  (plain ?? direction ?? length ?? unknown)!.name;
