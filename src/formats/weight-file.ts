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

/** What goes into a graph from outside. */
export interface GraphInput {
  readonly name: string;
  /** Of the outermost graph only, and where the file says it; a size that is left open has a name or is ''. */
  readonly dtype?: string;
  readonly shape?: readonly (number | string)[];
}

export type GraphAttribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | Tensor
  | Graph
  | readonly Graph[];

/** An operator that is applied to values of given names. */
export interface GraphNode {
  /** 'GRU'; with the domain in front where it is not ONNX's own: 'com.microsoft.Attention'. */
  readonly operator: string;
  readonly name: string;
  /** '' is an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, GraphAttribute>;
}

/** What a file computes. Graphs stand in attributes of nodes as well, and see the names of those around them. */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  /** Stored values, by name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly string[];
}

export interface Program extends Graph {
  /** Version of ONNX's own operators. */
  readonly opset: number;
  /** Nodes that stand for other nodes, by the operator that calls them. */
  readonly functions: ReadonlyMap<string, readonly GraphNode[]>;
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
  /** Where the file holds the computation as well, which then says what the tensors mean. */
  readonly program?: Program;
  /** The training step or epoch that a checkpoint states beside its weights. */
  readonly step?: number;
  /** Remarks that the user should see: what was skipped and why. */
  readonly notes: readonly string[];
  /** Hex digest of the whole file; of the digests of all its files, where it has several (`sha256sum` of their list). */
  readonly sha256: string;
}
