"""What a step of a full Lyapunov spectrum costs in PyTorch and in JAX, beside `npm run bench -- analyses`.

    OMP_NUM_THREADS=1 python bench/peers.py

Needs torch or jax, whichever is to be timed; nothing of rnnscope needs either. float64, one thread, a QR at every step, weights
uniform in ±1/√H. The state of an LSTM is (h, c), and so is that of its Jacobian: 2H × 2H.
"""

import math
import time

INPUTS = 16
STEPS = 200
CASES = [("gru", 64), ("gru", 256), ("lstm", 128)]


def gates(cell):
    return 3 if cell == "gru" else 4


def size(cell, hidden):
    return hidden if cell == "gru" else 2 * hidden


def report(library, cell, hidden, seconds):
    print(f"{library:24}{cell} {hidden:<6}{1000 * seconds / STEPS:9.3f} ms a step")


def step_of(xp, sigmoid, cell, hidden, W, U, b, bn):
    """s, x → F(s, x), from operations of NumPy's names. Gates in PyTorch's order: r z n, i f g o."""

    def gru(h, x):
        wr, wz, wn = xp.split(W @ x + b, hidden) if xp.__name__ == "torch" else xp.split(W @ x + b, 3)
        ur, uz, un = xp.split(U @ h, hidden) if xp.__name__ == "torch" else xp.split(U @ h, 3)
        r, z = sigmoid(wr + ur), sigmoid(wz + uz)
        n = xp.tanh(wn + r * (un + bn))
        return (1 - z) * n + z * h

    def lstm(s, x):
        h, c = s[:hidden], s[hidden:]
        a = W @ x + U @ h + b
        i, f, g, o = xp.split(a, hidden) if xp.__name__ == "torch" else xp.split(a, 4)
        c = sigmoid(f) * c + sigmoid(i) * xp.tanh(g)
        return (xp.concat if xp.__name__ == "torch" else xp.concatenate)((sigmoid(o) * xp.tanh(c), c))

    return gru if cell == "gru" else lstm


def with_torch():
    import torch

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    for cell, hidden in CASES:
        G, n, bound = gates(cell), size(cell, hidden), 1 / math.sqrt(hidden)
        uniform = lambda *shape: (2 * torch.rand(*shape) - 1) * bound
        step = step_of(torch, torch.sigmoid, cell, hidden, uniform(G * hidden, INPUTS), uniform(G * hidden, hidden), uniform(G * hidden), uniform(hidden))
        xs, s, Q = torch.randn(STEPS, INPUTS), torch.zeros(n), torch.eye(n)
        J = torch.func.jacrev(step)
        total = torch.zeros(n)
        start = time.perf_counter()
        for x in xs:
            # J·Q with J = ∂F_i/∂s_j.
            Q, R = torch.linalg.qr(J(s, x) @ Q)
            total += R.diagonal().abs().log()
            s = step(s, x)
        report("torch.func.jacrev", cell, hidden, time.perf_counter() - start)


def with_jax():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    key = iter(jax.random.split(jax.random.PRNGKey(1), 100))
    for cell, hidden in CASES:
        G, n, bound = gates(cell), size(cell, hidden), 1 / math.sqrt(hidden)
        uniform = lambda *shape: jax.random.uniform(next(key), shape, jnp.float64, -bound, bound)
        step = step_of(jnp, jax.nn.sigmoid, cell, hidden, uniform(G * hidden, INPUTS), uniform(G * hidden, hidden), uniform(G * hidden), uniform(hidden))

        def one(carry, x):
            s, Q, total = carry
            # Forward mode: each column of Q through the same step, so that what comes out is J·Q and no J is formed.
            push = lambda v: jax.jvp(lambda at: step(at, x), (s,), (v,))[1]
            Q, R = jnp.linalg.qr(jax.vmap(push, in_axes=1, out_axes=1)(Q))
            return (step(s, x), Q, total + jnp.log(jnp.abs(jnp.diagonal(R)))), None

        run = jax.jit(lambda xs: jax.lax.scan(one, (jnp.zeros(n), jnp.eye(n), jnp.zeros(n)), xs)[0])
        xs = jax.random.normal(next(key), (STEPS, INPUTS), jnp.float64)
        jax.block_until_ready(run(xs))
        start = time.perf_counter()
        jax.block_until_ready(run(xs))
        report("jax: jit, scan, jvp", cell, hidden, time.perf_counter() - start)


if __name__ == "__main__":
    for library in (with_torch, with_jax):
        try:
            library()
        except ImportError as missing:
            print(f"{missing.name} is not installed")
