/** One array of a weights file. The bytes are widened to float64 only when asked for. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the file names it, in lower case short form: f64 f32 f16 bf16 i64 i32 i16 i8 u8 bool … */
  readonly dtype: string;
  /** All elements in row-major order as float64, a fresh copy or a shared one that must not be written to. */
  values(): Float64Array;
}

/** A fact that a file states of a module: `hidden_size` 32, `mode` 'LSTM', `activations` ['Sigmoid', 'Tanh']. */
export type Fact = string | number | boolean | readonly string[] | readonly number[];

/** What a container says beside its tensors, keyed by the dotted path of the module that it belongs to. */
export interface ModuleAttributes {
  /** Class name as the file gives it, such as `torch.nn.modules.rnn.GRU`, `keras.GRU`, or an operator: `onnx.GRU`. */
  readonly className?: string;
  /** Under the file's own names: mode, hidden_size, bidirectional, reset_after, direction, activations … */
  readonly facts: ReadonlyMap<string, Fact>;
}

/** A container, read: named tensors and what else it says. Meaning is given by `src/model`. */
export interface WeightFile {
  readonly path: string;
  /** Name of the reader that took it: 'pytorch-zip', 'safetensors', … */
  readonly format: string;
  /** In file order. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Module path ('' is the root) → attributes, in the order of the network; empty for containers that hold tensors only. */
  readonly modules: ReadonlyMap<string, ModuleAttributes>;
  /** What a container tells beside its tensors as parsed JSON: 'model_config', the layers of a Keras network. */
  readonly documents?: ReadonlyMap<string, unknown>;
  /** Remarks that the user should see: what was skipped and why. */
  readonly notes: readonly string[];
  /** Hex digest of the whole file; of the digests of all its files, where it has several (`sha256sum` of their list). */
  readonly sha256: string;
}
