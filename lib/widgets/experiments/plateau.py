"""Explorer of chapter "Plateaus": the flow and SGD of erf networks, the plateau's height and its escape time."""

import math

import numpy as np

from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels import integrator
from ...kernels import plateau as kernels
from ...kernels.averages import ERF
from ...kernels.flow import total
from ...kernels.spectrum import power_law_spectrum
from ..experiment import Axis, Control, Curve, Experiment, Readout
from ..kernels.ensemble import LARGEST_STEP, ensemble_advance, ensemble_overlaps, ensemble_size, ensemble_start
from ..kernels.times import geometric
from .controls import LEVELS

POINTS = 121
SIMULATED = 25
READOUTS = 7
HEIGHT = READOUTS + 2 * POINTS
SGD = READOUTS + 4 * POINTS
OUTPUT = SGD + 4 * SIMULATED
RTOL = 1e-6  # a thousandth of a line's width
SPECIALISED = 0.25  # as in lib.plateau
SLICE = 1e7  # multiply-adds of the flow in one go


@kernel
def _setup(p):
    """The controls as the kernels need them."""
    return int(p[0]), int(p[1]), p[2], int(p[3]), p[4], p[5], p[6], int(p[7]), int(p[8]), int(p[9])


@kernel
def _places(K, M, N, L):
    """Where simulation, spectrum, overlaps, totals and the integrator begin, and where all ends."""
    spectrum = OUTPUT + ensemble_size(K, M, N, L, SIMULATED)
    overlaps = spectrum + 4 * L
    totals = overlaps + L * (K * (K + M) + M * M)
    flow = totals + POINTS * K * (K + M) + M * M + 1
    return spectrum, overlaps, totals, flow


@kernel
def _specialisation(R):
    """|R~|: norm of R (K, M) less its means over rows and columns."""
    K, M = R.shape
    square = rows = columns = mean = 0.0
    for i in range(K):
        row = 0.0
        for n in range(M):
            square += R[i, n] * R[i, n]
            row += R[i, n]
        rows += row * row / M
        mean += row
    for n in range(M):
        column = 0.0
        for i in range(K):
            column += R[i, n]
        columns += column * column / K
    return math.sqrt(max(0.0, square - rows - columns + mean * mean / (K * M)))


@kernel
def size(p, data):
    """Output, simulation, spectrum, overlaps, totals along the flow, and the integrator."""
    K, M, beta, L, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    return float(_places(K, M, N, L)[3] + integrator.size(L, K, M))


@kernel
def _advance_flow(p, work):
    """Go on with the flow; True when it has ended. Its exit from the plateau is a read-out."""
    K, M, beta, L, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    spectrum, overlaps, totals, flow = _places(K, M, N, L)
    Q, R = view(work, totals, (POINTS, K, K)), view(work, totals + POINTS * K * K, (POINTS, K, M))
    buffer = work[flow:]
    P = K + M
    # blocks, and the coefficients with their slopes
    steps = int(SLICE / (8.0 * K * P * (L * P + 40.0 * K * P))) + 1
    alpha = view(work, READOUTS, (POINTS,))
    status = integrator.advance(
        buffer, alpha, RTOL, steps, view(work, READOUTS + POINTS, (POINTS,)), Q, R, view(buffer, 0, (0, K, P, L))
    )
    work[6] = np.nan
    before = 0.0
    for i in range(int(buffer[integrator.WRITTEN])):
        level = math.log(_specialisation(R[i]) / work[flow - 1])
        if level >= 0.0:
            work[6] = alpha[i] if i == 0 else alpha[i] - (alpha[i] - alpha[i - 1]) * level / (level - before)
            break
        before = level
    return status != integrator.RUNNING


@kernel
def start(p, data, work):
    """Closed forms; weights drawn for flow and simulation, and the first slice of the flow."""
    K, M, beta, L, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    if N < L:
        return -1.0
    spectrum, overlaps, totals, flow = _places(K, M, N, L)
    eigenvalue, weight = view(work, spectrum, (L,)), view(work, spectrum + L, (L,))
    mass, noise = view(work, spectrum + 2 * L, (L,)), view(work, spectrum + 3 * L, (L,))
    r, q = view(work, overlaps, (L, K, M)), view(work, overlaps + L * K * M, (L, K, K))
    t = view(work, overlaps + L * K * (K + M), (L, M, M))
    T = view(work, totals + POINTS * K * (K + M), (M, M))
    for i in range(OUTPUT):
        work[i] = np.nan
    power_law_spectrum(beta, eigenvalue, weight)
    second = 0.0
    for k in range(L):
        mass[k] = weight[k] * eigenvalue[k]
        noise[k] = 1.0
        second += mass[k] * eigenvalue[k]

    V, u, e = math.sqrt(M), 1.0 / math.sqrt(M), eta / K
    Q = kernels.fixed_point(M, V, u, e)
    R = kernels.balance(Q, M, V, u)
    A, c, G, decay, slope = kernels.coefficients(Q, R, M, V, u)
    tau = 1.0 / kernels.escape_rate(eigenvalue, weight, e * slope, 0.5 * e * e * G)
    work[0] = kernels.error(Q, R, M, V, u)
    work[1] = tau
    odd, even = 2.0 * M - 1.0, 2.0 * M + 1.0
    work[2] = math.pi * K / (2.0 * M * eta * second) * even * math.sqrt(odd * even)
    work[3] = M * M / (eta * L)
    work[flow - 1] = SPECIALISED * math.sqrt(K * M) * R

    begin = min(0.1 / (eta * eigenvalue[0]), 1e-2 * alpha_last)
    ensemble_start(
        work[OUTPUT:], K, M, N, SIMULATED, eigenvalue, sigma_J, seed, begin, alpha_last, view(work, SGD, (SIMULATED,))
    )
    ensemble_overlaps(work[OUTPUT:], K, M, N, L, SIMULATED, r, q, t)
    total(weight, eigenvalue, t, T)
    first = view(work, totals, (K, M))
    total(weight, eigenvalue, r, first)
    work[4] = max(0.0, tau * math.log(work[flow - 1] / _specialisation(first)))
    work[5] = eta * eigenvalue[0] / N
    geometric(begin, alpha_last, view(work, READOUTS, (POINTS,)))
    for i in range(POINTS):
        work[HEIGHT + i] = work[READOUTS + i]
        # shown while the plateau lasts
        if work[HEIGHT + i] <= work[4]:
            work[HEIGHT + POINTS + i] = work[0]
    integrator.start(eigenvalue, mass, noise, r, q, t, T, eta, math.sqrt(M) / K, u, ERF, work[flow:])
    _advance_flow(p, work)
    return 1.0 if work[5] > LARGEST_STEP else 0.0


@kernel
def advance(p, data, work):
    """A slice of the flow, or of the simulation when the flow has ended."""
    K, M, beta, L, eta, sigma_J, alpha_last, N, runs, seed = _setup(p)
    if not _advance_flow(p, work):
        spectrum, overlaps, totals, flow = _places(K, M, N, L)
        return 0.2 * work[flow + integrator.WRITTEN] / POINTS
    out = SGD + SIMULATED
    done = ensemble_advance(
        work[OUTPUT:],
        K,
        M,
        N,
        L,
        SIMULATED,
        eta,
        math.sqrt(M) / K,
        1.0 / math.sqrt(M),
        ERF,
        runs,
        seed,
        view(work, out, (SIMULATED,)),
        view(work, out + SIMULATED, (SIMULATED,)),
        view(work, out + 2 * SIMULATED, (SIMULATED,)),
    )
    return 1.0 if done >= 1.0 else 0.2 + 0.8 * done


UNITS = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0)

EXPERIMENT = Experiment(
    name="plateau",
    title="Plateaus: flow, SGD and the closed forms",
    x=Axis("time α (examples / N)"),
    y=Axis("generalisation error ε_g", limits=(1e-10, 1e3)),
    controls=(
        Control("students", "K", "student units", 2.0, choices=UNITS),
        Control("teachers", "M", "teacher units", 2.0, choices=UNITS),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 4.0, choices=LEVELS),
        Control("eta", "η", "learning rate", 0.1, 0.01, 5.0, scale="log"),
        Control("sigma_J", "σ_J", "initial student weights", 0.01, 1e-6, 1.0, scale="log"),
        Control("alpha_max", "α_max", "last time", 3000.0, 1.0, 1e6, scale="log"),
        Control("N", "N", "inputs of the simulation", 1024.0, choices=LEVELS[4:]),
        Control("runs", "runs", "data streams simulated", 1.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0)),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer"),
    ),
    curves=(
        Curve("flow", "flow, N → ∞", POINTS),
        Curve("height", "plateau, for its predicted length", POINTS, style="dashed", color=1),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("height", "height of the plateau", 4),
        Readout("tau", "escape time τ, any η", 4),
        Readout("small_eta_tau", "escape time, small η", 4),
        Readout("claimed_tau", "M²/(ηL)"),
        Readout("length", "end predicted, τ ln(|R|/4|R̃(0)|)"),
        Readout("largest_step", "largest step ηλ₁/N"),
        Readout("exit", "end of the flow's plateau"),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=(
        "ηλ₁/N = {largest_step}: a single step is not small for the leading direction, and the flow is not exact.",
    ),
    errors=("N = {N} is smaller than L = {levels}: every level needs at least one input direction.",),
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={students}, teachers={teachers}, activation="erf")
point = lib.plateau.fixed_point(s, {teachers}, {eta}, {students})
tau = lib.plateau.escape_time(s, {teachers}, {eta}, {students})
teacher = "orthonormal" if {N} >= {levels} * {teachers} else "random"
start = m.initial_overlaps({sigma_J}, {N}, {seed}, teacher)
flow = lib.solve(m, start, {eta}, np.geomspace(0.1 / {eta} / s.eigenvalues[0], {alpha_max}, 121))
exit = lib.plateau.measured_length(flow, point)
sgd = lib.simulate(m, {N}, {eta}, flow.alpha[::5], {sigma_J}, range({seed}, {seed} + {runs}), teacher, "reduced")
""",
)
