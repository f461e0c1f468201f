/** One array of a weights file. The bytes are widened to float64 only when asked for. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the file names it, in lower case short form: f64 f32 f16 bf16 i64 i32 i16 i8 u8 bool … */
  readonly dtype: string;
  /** All elements in row-major order as float64, a fresh copy or a shared one that must not be written to. */
  values(): Float64Array;
}

/** What a container says beside its tensors, keyed by the dotted path of the module that it belongs to. */
export interface ModuleAttributes {
  /** Class name as the file gives it, such as `torch.nn.modules.rnn.GRU`. */
  readonly className?: string;
  /** Plain facts: mode, input_size, hidden_size, num_layers, bidirectional, batch_first, proj_size … */
  readonly facts: ReadonlyMap<string, string | number | boolean>;
}

/** A container, read: named tensors and what else it says. Meaning is given by `src/model`. */
export interface WeightFile {
  readonly path: string;
  /** Which reader took it: 'pytorch-zip' | 'pytorch-legacy' | 'safetensors' | 'npz' | 'npy' | 'json'. */
  readonly format: string;
  /** In file order. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Module path ('' is the root) → attributes; empty for containers that hold tensors only. */
  readonly modules: ReadonlyMap<string, ModuleAttributes>;
  /** Remarks that the user should see: what was skipped and why. */
  readonly notes: readonly string[];
  /** Hex digest of the whole file. */
  readonly sha256: string;
}
