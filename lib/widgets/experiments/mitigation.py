"""Explorer of chapter "Mitigating slow directions": plain, partly and fully whitened inputs, and SGD on the second."""

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
    ensemble_overlaps,
    ensemble_rescale,
    ensemble_size,
    ensemble_start,
)
from ..kernels.times import geometric
from .controls import LEVELS

POINTS = 101
SIMULATED = 25
READOUTS = 4
OUTPUT = READOUTS + 6 * POINTS + 4 * SIMULATED
RTOL = 1e-5  # a hundredth of a line's width
STEPS = 20_000


@kernel
def _setup(p):
    """The controls as the kernels need them: activation, K = M, beta, L, eta, power, sigma_J, alpha_max, whether
    the axis counts multiply-adds, N, runs, seed."""
    return (int(p[0]), int(p[1]), p[2], int(p[3]), p[4], p[5], p[6], p[7], p[8], int(p[9]), int(p[10]), int(p[11]))


@kernel
def size(p, data):
    """Output, spectrum with its powers, block overlaps twice, the integrator, and the simulation."""
    activity, M, beta, L, eta, power, sigma_J, alpha_last, by_cost, N, runs, seed = _setup(p)
    flow = POINTS * (2 + 2 * M * M) + M * M + integrator.size(L, M, M)
    return float(OUTPUT + 6 * L + 6 * L * M * M + flow + ensemble_size(M, M, N, L, SIMULATED))


@kernel
def _whiten(eigenvalue, weight, power, white, gain):
    """white = eigenvalue^(1 - power), scaled to mean 1, and gain = white / eigenvalue."""
    mean = 0.0
    for k in range(eigenvalue.shape[0]):
        white[k] = math.exp((1.0 - power) * math.log(eigenvalue[k]))
        mean += weight[k] * white[k]
    for k in range(eigenvalue.shape[0]):
        white[k] /= mean
        gain[k] = white[k] / eigenvalue[k]


@kernel
def start(p, data, work):
    """Draw the weights, and solve the three flows from their overlaps."""
    activity, M, beta, L, eta, power, sigma_J, alpha_last, by_cost, N, runs, seed = _setup(p)
    if N < L:
        return -1.0
    at = OUTPUT
    eigenvalue, weight, white = view(work, at, (L,)), view(work, at + L, (L,)), view(work, at + 2 * L, (L,))
    gain, mass, noise = view(work, at + 3 * L, (L,)), view(work, at + 4 * L, (L,)), view(work, at + 5 * L, (L,))
    at += 6 * L
    block = L * M * M
    r, q, t = view(work, at, (L, M, M)), view(work, at + block, (L, M, M)), view(work, at + 2 * block, (L, M, M))
    at += 3 * block
    near_r, near_q, near_t = (
        view(work, at, (L, M, M)),
        view(work, at + block, (L, M, M)),
        view(work, at + 2 * block, (L, M, M)),
    )
    at += 3 * block
    alpha, error = view(work, at, (POINTS,)), view(work, at + POINTS, (POINTS,))
    Q, R = view(work, at + 2 * POINTS, (POINTS, M, M)), view(work, at + POINTS * (2 + M * M), (POINTS, M, M))
    at += POINTS * (2 + 2 * M * M)
    T = view(work, at, (M, M))
    buffer = work[at + M * M :]
    state = at + M * M + integrator.size(L, M, M)

    power_law_spectrum(beta, eigenvalue, weight)
    begin = min(0.1 / (eta * eigenvalue[0]), 1e-2 * alpha_last)
    out = READOUTS + 6 * POINTS
    for i in range(SIMULATED, 4 * SIMULATED):
        work[out + i] = np.nan
    _whiten(eigenvalue, weight, power, white, gain)
    ensemble_start(
        work[state:], M, M, N, SIMULATED, white, sigma_J, seed, begin, alpha_last, view(work, out, (SIMULATED,))
    )
    ensemble_overlaps(work[state:], M, M, N, L, SIMULATED, r, q, t)
    ensemble_rescale(work[state:], M, M, N, L, SIMULATED, gain)
    total(weight, eigenvalue, t, T)
    dense = 1.0 + 0.5 * N / M  # multiply-adds of an example with a full matrix before it, in units of one without
    stretch = dense if by_cost > 0.0 and power > 0.0 else 1.0
    for i in range(SIMULATED):
        work[out + i] *= stretch

    geometric(begin, alpha_last, alpha)
    status = integrator.DONE
    for curve in range(3):
        exponent = 0.0 if curve == 0 else power if curve == 1 else 1.0
        _whiten(eigenvalue, weight, exponent, white, gain)
        along = 0.0
        for k in range(L):
            mass[k] = weight[k] * white[k]
            noise[k] = 1.0
            along += mass[k] * eigenvalue[k]
            for i in range(M):
                for j in range(M):
                    near_r[k, i, j] = r[k, i, j] / gain[k]
                    near_q[k, i, j] = q[k, i, j] / gain[k]
                    near_t[k, i, j] = t[k, i, j] / gain[k]
        first = READOUTS + 2 * curve * POINTS
        stretch = dense if by_cost > 0.0 and exponent > 0.0 else 1.0
        for i in range(POINTS):
            error[i] = np.nan
        scale = 1.0 / math.sqrt(M)
        integrator.start(white, mass, noise, near_r, near_q, near_t, T, eta, scale, scale, activity, buffer)
        now = integrator.advance(buffer, alpha, RTOL, STEPS, error, Q, R, view(buffer, 0, (0, M, 2 * M, L)))
        if now != integrator.DONE:
            status = now
        for i in range(POINTS):
            work[first + i] = alpha[i] * stretch
            work[first + POINTS + i] = error[i]
        if curve < 2:
            work[2 + curve] = along
    work[0] = beta / (1.0 + beta)
    work[1] = beta / ((1.0 + beta) * (1.0 - power)) if power < 1.0 else np.inf
    if status != integrator.DONE:
        return 1.0
    return 2.0 if eta * eigenvalue[0] / (M * N) > LARGEST_STEP else 0.0


@kernel
def advance(p, data, work):
    """A slice of the simulation."""
    activity, M, beta, L, eta, power, sigma_J, alpha_last, by_cost, N, runs, seed = _setup(p)
    state = OUTPUT + 6 * L + 6 * L * M * M + POINTS * (2 + 2 * M * M) + M * M + integrator.size(L, M, M)
    out = READOUTS + 6 * POINTS + SIMULATED
    scale = 1.0 / math.sqrt(M)
    return ensemble_advance(
        work[state:],
        M,
        M,
        N,
        L,
        SIMULATED,
        eta,
        scale,
        scale,
        activity,
        runs,
        seed,
        view(work, out, (SIMULATED,)),
        view(work, out + SIMULATED, (SIMULATED,)),
        view(work, out + 2 * SIMULATED, (SIMULATED,)),
    )


EXPERIMENT = Experiment(
    name="mitigation",
    title="Whitening: faster tails, longer plateaus",
    x=Axis("time α (examples / N), or equal compute"),
    y=Axis("generalisation error ε_g", limits=(1e-12, 1e6)),
    controls=(
        Control("activation", "g", "activation", 1.0, choices=(0.0, 1.0), choice_labels=("erf", "linear")),
        Control("units", "M", "hidden units, K = M", 1.0, choices=(1.0, 2.0, 3.0, 4.0)),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 64.0, choices=LEVELS[:8]),
        Control("eta", "η", "learning rate", 0.3, 0.01, 5.0, scale="log"),
        Control("power", "p", "power of the whitening", 0.5, 0.0, 1.0),
        Control("sigma_J", "σ_J", "initial student weights", 0.01, 0.0, 2.0),
        Control("alpha_max", "α_max", "last time", 30.0, 1.0, 1e4, scale="log"),
        Control(
            "count",
            "axis",
            "what the axis counts",
            0.0,
            choices=(0.0, 1.0),
            choice_labels=("examples", "multiply-adds"),
        ),
        Control("N", "N", "inputs of the simulation", 256.0, choices=LEVELS[6:]),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0)),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer"),
    ),
    curves=(
        Curve("plain", "plain SGD", POINTS),
        Curve("partial", "partly whitened, at p", POINTS, style="dashed", color=1),
        Curve("full", "fully whitened", POINTS, style="dotted", color=2),
        Curve("sgd", "SGD at p, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("plain_exponent", "exponent of plain SGD, β/(1+β)"),
        Readout("exponent", "exponent at p, β/((1+β)(1−p))"),
        Readout("plain_moment", "plateau's speed ⟨λ²⟩ of plain SGD"),
        Readout("moment", "plateau's speed ⟨λλ′⟩ at p"),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=(
        "η = {eta} is beyond the critical learning rate of one of the flows: it diverges.",
        "ηλ₁/(MN) is more than 0.2: a single step of plain SGD is not small for the leading direction.",
    ),
    errors=("N = {N} is smaller than L = {levels}: every level needs at least one input direction.",),
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={units}, teachers={units}, activation="{activation}")
start = m.initial_overlaps(sigma_J={sigma_J}, N={N}, seed={seed})
alpha = np.geomspace(0.01, {alpha_max}, 101)
plain = lib.solve(m, start, eta={eta}, alpha=alpha)
white = lib.mitigation.whiten(s, power={power})
w = lib.StudentTeacher(white.spectrum, {units}, {units}, "{activation}")
partial = lib.solve(w, white.overlaps(start), eta={eta}, alpha=alpha)
recipe = lib.mitigation.Recipe(power={power})
sgd = lib.mitigation.train(m, {N}, {eta}, alpha[::10], recipe, {sigma_J}, seeds=range({seed}, {seed} + {runs}))
""",
)
