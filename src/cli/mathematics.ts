import type { Request } from './flags.js';

/** A question in half a page: what is computed, from which definition, and where to read on. */
export interface Explanation {
  readonly paragraphs: readonly string[];
  /** Formulas, a line each; not broken. */
  readonly formulas: readonly string[];
  readonly references: readonly string[];
}

/** A question without its explanation does not build. `rnnscope help QUESTION` and the pages in docs/ are made of these. */
export const explanations: Readonly<Record<Exclude<Request['command'], 'report'>, Explanation>> = {
  inspect: {
    paragraphs: [
      'A weights file holds arrays and names. The names say which arrays belong to which gate of which cell; the shapes say how many units and inputs there are. What neither says, such as the order of the gates, is assumed as the framework that wrote the file has it, and every assumption is printed with the option that overrules it.',
      'The spectral radius of a recurrent matrix is the largest |λ| of its eigenvalues, its spectral norm the largest factor by which it stretches a vector. For a plain RNN without input, a norm below 1 forces every state to rest; for gated cells both are only hints.',
    ],
    formulas: [
      "RNN    h' = φ(W x + U h + b)",
      'parameters of a layer: g (H I + H H + biases), with g = 1 RNN, 3 GRU, 4 LSTM',
    ],
    references: [
      'S. Hochreiter, J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997).',
      'K. Cho et al., Learning phrase representations using RNN encoder–decoder, EMNLP 2014.',
    ],
  },
  jacobian: {
    paragraphs: [
      'Near a state s the map F acts like a matrix: a small change δ of the state becomes J δ after one step. The eigenvalues λ of J say what repeated steps of this kind would do: a mode shrinks where |λ| < 1, grows where |λ| > 1, and turns by the angle of λ. At a fixed point this decides stability; elsewhere it describes one step only.',
      'The singular values say what this one step does at most. Where J is not normal (its eigenvectors are not orthogonal) a perturbation can grow for a while although all modes decay.',
    ],
    formulas: [
      'J_ij = ∂F_i/∂s_j (s, x)',
      'time constant τ = −1/ln |λ| steps',
      'non-normality: √(‖J‖_F² − Σ|λ|²)/‖J‖_F (Henrici)',
    ],
    references: [
      'L. N. Trefethen, M. Embree, Spectra and Pseudospectra, Princeton 2005.',
      'P. Henrici, Bounds for iterates, inverses, spectral variation and fields of values of non-normal matrices, Numerische Mathematik 4 (1962).',
    ],
  },
  'fixed-points': {
    paragraphs: [
      'With the input held, a state that the step leaves as it is, F(s) = s, is a fixed point. Stable ones are what a network can hold: a decision, a symbol, a count. Saddles have a few directions that lead away and lie between the stable ones.',
      'q(s) is minimised from many starts by Powell’s dogleg with the exact Jacobian, and roots are polished by Newton’s method. A minimum of q that is no root is a slow point: the state creeps there. A point is stable where all eigenvalues of J have |λ| < 1, and marginal where one is within its own error of 1.',
      'A search never proves that nothing was missed. From how many roots were hit once and twice follow an estimate of those unseen (Chao1, a lower one) and the chance that the next start finds something new (Good–Turing).',
    ],
    formulas: ['q(s) = ½ ‖F(s) − s‖²', 'unseen ≥ f₁²/(2 f₂), chance of something new ≈ f₁/n'],
    references: [
      'D. Sussillo, O. Barak, Opening the black box: low-dimensional dynamics in high-dimensional recurrent neural networks, Neural Computation 25 (2013).',
      'A. Chao, Nonparametric estimation of the number of classes in a population, Scandinavian Journal of Statistics 11 (1984).',
    ],
  },
  lyapunov: {
    paragraphs: [
      'Two runs that begin close to each other, under the same input, drift together or apart on average like e^(λ t). The rates of n independent directions are the Lyapunov exponents λ₁ ≥ λ₂ ≥ …. With λ₁ < 0 the network forgets where it began; with λ₁ > 0 it is chaotic, and small differences double every ln 2/λ₁ steps; λ₁ = 0 is a cycle, a rotation or a line of rest states.',
      'An orthonormal frame Q is carried along the run and re-orthonormalised by QR; the logarithms of the diagonal of R, averaged, are the exponents. Their errors come from batch means. Where all exponents are computed, their sum has to equal the mean of ln |det J|, which is checked.',
    ],
    formulas: [
      'J(s_t) Q_t = Q_{t+1} R_t,   λ_i = lim (1/T) Σ_t ln |(R_t)_ii|   nats per step',
      'Kaplan–Yorke dimension: k + (λ₁ + … + λ_k)/|λ_{k+1}|, k the last with a sum ≥ 0',
      'entropy ≤ Σ positive λ_i (Ruelle)',
    ],
    references: [
      'G. Benettin, L. Galgani, A. Giorgilli, J.-M. Strelcyn, Lyapunov characteristic exponents for smooth dynamical systems, Meccanica 15 (1980).',
      'R. Engelken, F. Wolf, L. F. Abbott, Lyapunov spectra of chaotic recurrent neural networks, Physical Review Research 5 (2023).',
      'J.-P. Eckmann, D. Ruelle, Ergodic theory of chaos and strange attractors, Reviews of Modern Physics 57 (1985).',
    ],
  },
  gradients: {
    paragraphs: [
      'In training, what happened k steps ago is felt through the product of k Jacobians. Where its norm falls exponentially, the past beyond some horizon teaches nothing (gradients vanish); where it grows, steps of the optimiser become wild (gradients explode).',
      'The product is kept as its logarithm, so that 10⁻⁹⁰⁰ is as good as 1. Its largest singular value is the spectral norm; the others say how many directions of the past survive. At long lags the slope tends to the leading Lyapunov exponent.',
    ],
    formulas: [
      '∂s_T/∂s_{T−k} = J_{T−1} J_{T−2} … J_{T−k}',
      'horizon: the largest k with ‖∂s_T/∂s_{T−k}‖ ≥ threshold',
      'half-life: ln 2/−rate',
    ],
    references: [
      'Y. Bengio, P. Simard, P. Frasconi, Learning long-term dependencies with gradient descent is difficult, IEEE Transactions on Neural Networks 5 (1994).',
      'R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural networks, ICML 2013.',
    ],
  },
  gates: {
    paragraphs: [
      'A gate is a number between 0 and 1 for each unit and step. A keeping gate g (the forget gate of an LSTM, the update gate of a GRU) multiplies the old value, so that a unit loses its memory through this gate at the average rate −⟨ln g⟩: that is one time scale a unit. A gate that is always open or shut has saturated and learns no more.',
      'Units that hardly move are called dead, and units whose values say the same (|r| near 1) redundant. How many directions are used at all is the participation ratio of the variances along the principal axes.',
    ],
    formulas: [
      "c' = f ⊙ c + i ⊙ g   (LSTM),   h' = z ⊙ h + (1 − z) ⊙ n   (GRU)",
      'time scale −1/⟨ln g⟩ steps',
      'directions used (Σ v)²/Σ v²',
    ],
    references: [
      'C. Tallec, Y. Ollivier, Can recurrent neural networks warp time?, ICLR 2018.',
      'A. Karpathy, J. Johnson, L. Fei-Fei, Visualizing and understanding recurrent networks, ICLR workshop 2016.',
    ],
  },
  diagnose: {
    paragraphs: [
      'Asks what applies of the other questions and answers each in a sentence with a level: good, watch this, problem, not known. Boundedness alone is a proof: a box of states, mapped through one step in interval arithmetic that rounds outward, comes to lie inside itself. Everything else rests on finite runs and searches, and says how sure it is.',
    ],
    formulas: ['F(B, X) ⊆ B  ⇒  every state that begins in the box B stays in it, for inputs in X'],
    references: ['R. E. Moore, R. B. Kearfott, M. J. Cloud, Introduction to Interval Analysis, SIAM 2009.'],
  },
  compare: {
    paragraphs: [
      'Each model is diagnosed under the same options. Of a number with standard errors on both sides, the difference has the error below, and counts as a change where it is larger than three of them, which equal models exceed once in about 400 comparisons. Numbers without errors are shown and not judged.',
    ],
    formulas: ['SE(b − a) = √(SE_a² + SE_b²)'],
    references: ['J. R. Taylor, An Introduction to Error Analysis, University Science Books 1997.'],
  },
  verify: {
    paragraphs: [
      'Runs the network as it was read, on inputs whose outputs another program has computed (onnxruntime, or what was stored of one), and compares entry by entry: the proof that names, gate orders and biases were read as they were meant.',
    ],
    formulas: ['largest |ours − theirs| ≤ tolerance · max(1, largest |theirs|)'],
    references: ['N. J. Higham, Accuracy and Stability of Numerical Algorithms, SIAM 2002.'],
  },
};
