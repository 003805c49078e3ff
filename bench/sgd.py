"""One-pass SGD: ours, direct and reduced, against the generator's limit and against peers, on the same work.

The work: N = 1000 inputs, K = M = 2 erf units, isotropic data, eta = 0.1, nanoseconds a step. A turn takes one or
two milliseconds, less than another process would interrupt.
"""

import importlib.util
import math

import numba
import numpy as np
from scipy.special import erf

from lib.compiler.jit import kernel
from lib.kernels import reduced, sgd
from lib.kernels.averages import ERF, Network

N, K, M, ETA, SEED = 1000, 2, 2, 0.1, 1
NETWORK = Network(1.0, 1.0, ERF)
WORK = "one-pass SGD, N = 1000, K = M = 2, erf"


def _weights():
    J, B = np.empty((K, N)), np.empty((M, N))
    sgd.initial_weights(SEED, 0.5, J, B)
    return J, B


@numba.njit(fastmath=True)
def _limit(generator, J, B, xi, steps):
    """What no program can leave out: N normals of NumPy's fastest generator in numba, two passes over the weights."""
    for _ in range(steps):
        for k in range(xi.shape[0]):
            xi[k] = generator.standard_normal()
        for rows in (J, B):
            for i in range(rows.shape[0]):
                field = 0.0
                for k in range(xi.shape[0]):
                    field += rows[i, k] * xi[k]
                for k in range(xi.shape[0]):
                    rows[i, k] += 1e-9 * field * xi[k]


@numba.njit
def _plain_loop(J, B, xi, steps):
    """The loop as it is written in C, on numba's default generator (Mersenne twister)."""
    scale = 1.0 / math.sqrt(xi.shape[0])
    x = np.empty(J.shape[0])
    for _ in range(steps):
        for k in range(xi.shape[0]):
            xi[k] = np.random.standard_normal()
        error = 0.0
        for n in range(B.shape[0]):
            field = 0.0
            for k in range(xi.shape[0]):
                field += B[n, k] * xi[k]
            error += math.erf(scale * field / math.sqrt(2.0))
        for i in range(J.shape[0]):
            field = 0.0
            for k in range(xi.shape[0]):
                field += J[i, k] * xi[k]
            x[i] = scale * field
            error -= math.erf(x[i] / math.sqrt(2.0))
        for i in range(J.shape[0]):
            step = ETA * scale * math.sqrt(2.0 / math.pi) * math.exp(-0.5 * x[i] * x[i]) * error
            for k in range(xi.shape[0]):
                J[i, k] += step * xi[k]


def _direct():
    J, B = _weights()
    run = sgd.Run(J, B, np.ones(N), N, np.empty(N), np.empty(K))
    return lambda steps: sgd.advance(run, ETA, NETWORK, SEED, 0, steps)


def _reduced_state(inputs):
    size = np.array([float(inputs)])
    state = np.empty(reduced.reduced_size(size, K, M))
    reduced.reduced_start(state, np.ones(1), size, K, M, 0.5, True, SEED)
    return state


def _reduced(inputs):
    state = _reduced_state(inputs)
    return lambda steps: reduced.reduced_advance_native(state, ETA, NETWORK, SEED, 0, steps)


@kernel
def _draw_batches(state, steps):
    counts = reduced._read_counts(state)
    for number in range((steps + counts.batch - 1) // counts.batch):
        reduced._draw(state, counts, number, NETWORK, SEED)


def _reduced_draws():
    """The inputs and the teachers' answers, drawn in batches: the part of a reduced step for which no step waits."""
    state = _reduced_state(N)
    return lambda steps: _draw_batches(state, steps)


def _numpy():
    J, B = _weights()
    rng = np.random.default_rng(SEED)

    def run(steps):
        for _ in range(steps):
            xi = rng.standard_normal(N)
            x, y = J @ xi / math.sqrt(N), B @ xi / math.sqrt(N)
            error = erf(y / math.sqrt(2.0)).sum() - erf(x / math.sqrt(2.0)).sum()
            slope = math.sqrt(2.0 / math.pi) * np.exp(-0.5 * x * x)
            J[...] += (ETA / math.sqrt(N)) * error * slope[:, None] * xi

    return run


def _torch():
    import torch

    torch.set_num_threads(1)
    J, B = (torch.tensor(w, dtype=torch.float32) for w in _weights())

    @torch.no_grad()
    def run(steps):
        for _ in range(steps):
            xi = torch.randn(N)
            x, y = J @ xi / math.sqrt(N), B @ xi / math.sqrt(N)
            error = torch.erf(y / math.sqrt(2.0)).sum() - torch.erf(x / math.sqrt(2.0)).sum()
            slope = math.sqrt(2.0 / math.pi) * torch.exp(-0.5 * x * x)
            J.addr_((ETA / math.sqrt(N)) * error * slope, xi)

    return run


def _jax():
    import jax
    import jax.numpy as jnp

    J, B = (jnp.asarray(w, dtype=jnp.float32) for w in _weights())

    def step(J, key):
        xi = jax.random.normal(key, (N,))
        x, y = J @ xi / math.sqrt(N), B @ xi / math.sqrt(N)
        error = jax.scipy.special.erf(y / math.sqrt(2.0)).sum() - jax.scipy.special.erf(x / math.sqrt(2.0)).sum()
        slope = math.sqrt(2.0 / math.pi) * jnp.exp(-0.5 * x * x)
        return J + (ETA / math.sqrt(N)) * error * slope[:, None] * xi, None

    scan = jax.jit(lambda J, keys: jax.lax.scan(step, J, keys)[0])
    keys = {}

    def run(steps):
        if steps not in keys:
            keys[steps] = jax.random.split(jax.random.key(SEED), steps)
        scan(J, keys[steps]).block_until_ready()

    return run


OPTIONAL = (
    ("PyTorch loop, f32", "torch", _torch, 50),
    ("JAX lax.scan, f32, compiled", "jax", _jax, 60),
)


def measure(bench):
    J, B = _weights()
    generator, xi = np.random.Generator(np.random.SFC64(SEED)), np.empty(N)
    contenders = {
        "ours, direct": (_direct(), 1000),
        "ours, reduced (exact law)": (_reduced(N), 20000),
        "ours, reduced, N = 10^9": (_reduced(10**9), 20000),
        "ours, reduced: inputs and answers alone": (_reduced_draws(), 20000),
        "limit: N normals (numba, SFC64) + two passes": (lambda steps: _limit(generator, J, B, xi, steps), 300),
        "plain loop in numba (stand-in for C)": (lambda steps: _plain_loop(J, B, xi, steps), 50),
        "NumPy loop": (_numpy(), 50),
    }
    for name, module, make, steps in OPTIONAL:
        if importlib.util.find_spec(module):
            contenders[name] = make(), steps
    times = bench.interleave(
        {name: (lambda run=run, steps=steps: run(steps)) for name, (run, steps) in contenders.items()}, 40
    )
    for name, (_, steps) in contenders.items():
        bench.row(WORK, name, times[name] / steps * 1e9, "ns a step")
    for name, *_ in OPTIONAL:
        if name not in contenders:
            bench.skip(WORK, name)
