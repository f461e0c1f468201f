export interface ParametersIf {
  readonly rnn: number;
  readonly gru: number;
  readonly lstm: number;
}
/** Mean, spread and extremes of one weight array; singular values where it is square. */
export interface WeightStatistics {
  readonly name: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly standardDeviation: number;
  readonly min: number;
  readonly max: number;
  readonly nonFinite: number;
  /** Largest |eigenvalue| and singular value; only for square (recurrent) matrices. */
  readonly spectralRadius?: number;
  readonly spectralNorm?: number;
}
export interface InspectModule {
  readonly name: string;
  readonly cell: string;
  readonly formula: readonly string[];
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly stateSize: number;
  readonly parameters: number;
  /** What an RNN, a GRU and an LSTM of the same sizes, layers and directions would have (PyTorch's count, two biases). */
  readonly parametersIf: ParametersIf;
  readonly readout?: string;
  readonly embedding?: string;
  readonly assumptions: readonly string[];
  readonly weights: readonly WeightStatistics[];
}
export interface InspectValue {
  readonly modules: readonly InspectModule[];
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: string;
  }[];
  readonly notes: readonly string[];
}
