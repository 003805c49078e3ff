"""Explorer of chapter "Setting": the order-parameter flow against SGD, from the same initial weights."""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels import integrator
from ...kernels.flow import total
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Readout
from ..kernels.ensemble import (
    LARGEST_STEP,
    ensemble_advance,
    ensemble_cost,
    ensemble_overlaps,
    ensemble_size,
    ensemble_start,
)
from ..kernels.times import geometric
from .controls import LEVELS, UNITS

POINTS = 121
SIMULATED = 25
READOUTS = 4
OUTPUT = READOUTS + 2 * POINTS + 4 * SIMULATED
RTOL = 1e-6  # a thousandth of a line's width
STEPS = 20_000
# Multiply-adds that a page does in two minutes or more: 2e7 take some 10 ms.
LONG = 2e11


@kernel
def _setup(p):
    """The controls as the kernels need them, activation first."""
    return (int(p[0]), int(p[1]), int(p[2]), p[3], int(p[4]), p[5], p[6], p[7], int(p[8]), int(p[9]), int(p[10]))


@kernel
def size(p, data):
    """Output, spectrum, block overlaps, totals along the flow, the integrator, and the simulation."""
    activity, K, M, beta, L, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    blocks = L * (2 + K * M + K * K + M * M)
    totals = POINTS * (K * K + K * M)
    flow = integrator.size(L, K, M) + 2 * L + M * M
    return float(OUTPUT + blocks + totals + flow + ensemble_size(K, M, N, L, SIMULATED))


@kernel
def start(p, data, work):
    """Draw the weights, and solve the flow from their overlaps."""
    activity, K, M, beta, L, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    if N < L:
        return -1.0
    state = OUTPUT
    at = state + ensemble_size(K, M, N, L, SIMULATED)
    eigenvalue, weight = view(work, at, (L,)), view(work, at + L, (L,))
    mass, noise = view(work, at + 2 * L, (L,)), view(work, at + 3 * L, (L,))
    at += 4 * L
    r, q, t = (
        view(work, at, (L, K, M)),
        view(work, at + L * K * M, (L, K, K)),
        view(work, at + L * K * (K + M), (L, M, M)),
    )
    at += L * (K * (K + M) + M * M)
    Q, R = view(work, at, (POINTS, K, K)), view(work, at + POINTS * K * K, (POINTS, K, M))
    at += POINTS * K * (K + M)
    T = view(work, at, (M, M))
    buffer = work[at + M * M :]

    power_law_spectrum(beta, eigenvalue, weight)
    out = READOUTS + 2 * POINTS
    for i in range(SIMULATED, 4 * SIMULATED):
        work[out + i] = np.nan
    begin = min(0.1 / (eta * eigenvalue[0]), 1e-2 * alpha_last)
    ensemble_start(
        work[state:], K, M, N, SIMULATED, eigenvalue, sigma_J, seed, begin, alpha_last, view(work, out, (SIMULATED,))
    )
    ensemble_overlaps(work[state:], K, M, N, L, SIMULATED, r, q, t)

    alpha = view(work, READOUTS, (POINTS,))
    geometric(begin, alpha_last, alpha)
    for i in range(POINTS):
        work[READOUTS + POINTS + i] = np.nan
    total(weight, eigenvalue, t, T)
    v, u = math.sqrt(M) / K, 1.0 / math.sqrt(M)
    second = 0.0
    for k in range(L):
        mass[k] = weight[k] * eigenvalue[k]
        noise[k] = 1.0
        second += mass[k] * eigenvalue[k]
    integrator.start(eigenvalue, mass, noise, r, q, t, T, eta, v, u, activity, buffer)
    status = integrator.advance(
        buffer, alpha, RTOL, STEPS, view(work, READOUTS + POINTS, (POINTS,)), Q, R, view(buffer, 0, (0, K, K + M, L))
    )
    work[0] = work[READOUTS + 2 * POINTS - 1]
    work[1] = second
    work[2] = eta * eigenvalue[0] / N
    work[3] = work[out + SIMULATED - 1] * N * runs
    if status != integrator.DONE:
        return 1.0
    if work[2] > LARGEST_STEP:
        return 2.0
    return 3.0 if work[3] * ensemble_cost(work[state:], K, M, N, L) > LONG else 0.0


@kernel
def advance(p, data, work):
    """A slice of the simulation."""
    activity, K, M, beta, L, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    out = READOUTS + 2 * POINTS + SIMULATED
    return ensemble_advance(
        work[OUTPUT:],
        K,
        M,
        N,
        L,
        SIMULATED,
        eta,
        math.sqrt(M) / K,
        1.0 / math.sqrt(M),
        activity,
        runs,
        seed,
        view(work, out, (SIMULATED,)),
        view(work, out + SIMULATED, (SIMULATED,)),
        view(work, out + 2 * SIMULATED, (SIMULATED,)),
    )


SIZES = tuple(float(2**n) for n in range(6, 21))

EXPERIMENT = Experiment(
    name="flow",
    title="Order-parameter flow against SGD",
    x=Axis("time α (examples / N)"),
    y=Axis("generalisation error ε_g", limits=(1e-12, 1e6)),
    controls=(
        Control("activation", "g", "activation", 0.0, choices=(0.0, 1.0), choice_labels=("erf", "linear")),
        Control("students", "K", "student units", 2.0, choices=UNITS),
        Control("teachers", "M", "teacher units", 2.0, choices=UNITS),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 8.0, choices=LEVELS[:8]),
        Control("eta", "η", "learning rate", 0.5, 0.01, 5.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.5, 0.0, 2.0),
        Control("alpha_max", "α_max", "last time", 200.0, 1.0, 1e4, scale="log"),
        Control("N", "N", "inputs of the simulation", 512.0, choices=SIZES),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0)),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer"),
    ),
    curves=(
        Curve("flow", "flow, N → ∞", POINTS),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("last", "ε_g of the flow at α_max"),
        Readout("second_moment", "second moment ⟨λ²⟩"),
        Readout("largest_step", "largest step ηλ₁/N"),
        Readout("steps", "SGD steps simulated"),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=(
        "η = {eta} is beyond the critical learning rate for these networks: the flow diverges.",
        "ηλ₁/N = {largest_step}: a single step is not small for the leading direction, and the flow is not exact.",
        "The simulation takes {steps} steps, minutes in a page: fewer runs, N, L or a smaller α_max are answered sooner.",
    ),
    errors=("N = {N} is smaller than L = {levels}: every level needs at least one input direction.",),
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={students}, teachers={teachers}, activation="{activation}")
start = m.initial_overlaps(sigma_J={sigma_J}, N={N}, seed={seed})
flow = lib.solve(m, start, eta={eta}, alpha=np.geomspace(0.01, {alpha_max}, 121))
sgd = lib.simulate(m, {N}, {eta}, flow.alpha[::5], {sigma_J}, seeds=range({seed}, {seed} + {runs}), method="reduced")
""",
)
