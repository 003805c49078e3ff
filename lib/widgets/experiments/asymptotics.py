"""Explorer of chapter "Asymptotic power laws": flow, mode sum, law and SGD, and a fit in the reader's window."""

import math

import numpy as np

from ...asymptotics import couplings, stability_limit
from ...compiler.jit import kernel
from ...compiler.views import view
from ...kernels import integrator
from ...kernels.averages import ERF
from ...kernels.fitting import FIT_SCRATCH, fit_window
from ...kernels.linear import decay_sum
from ...kernels.spectrum import power_law_spectrum
from ...maths.gamma import gamma
from ..experiment import Axis, Control, Curve, Experiment, Readout
from ..kernels.ensemble import LARGEST_STEP, ensemble_advance, ensemble_align, ensemble_size, ensemble_start
from ..kernels.times import geometric
from .controls import LEVELS

POINTS = 121
SIMULATED = 25
LINE = 2
READOUTS = 10
CURVE = 2 * POINTS
OUTPUT = READOUTS + 3 * CURVE + 2 * LINE + 4 * SIMULATED
RTOL = 1e-5  # a hundredth of a line's width
STEPS = 20_000
ERROR, SHIFTED, SLOPE = 0, 1, 2
T_QUANTILE = 2.7764451  # 95 %, 4 degrees of freedom

# Levels up to HEAD one by one; behind them five Gauss points of ln k an octave stand for all the others, which at
# equal initial overlaps changes the sums over levels by 1e-6.
HEAD = 24
OCTAVES = 16
GAUSS = 5
NODES = HEAD + GAUSS * OCTAVES
GAUSS_POINT, GAUSS_WEIGHT = np.polynomial.legendre.leggauss(GAUSS)

UNITS = (1.0, 2.0, 3.0, 4.0)
# One row for each M: H of both sectors, the three elements of X, the identity's squares, the critical rate.
_ROWS = []
for _M in (1, 2, 3, 4):
    _c = couplings(_M)
    _X = _c.X if _M > 1 else np.diag([0.0, _c.X[0, 0]])
    _H = _c.H if _M > 1 else np.array([1.0, _c.H[0]])  # no sector 0: any rate, weight 0
    _ROWS.append([*_H, _X[0, 0], _X[0, 1], _X[1, 1], _M - 1.0, stability_limit(_M)])
CONSTANTS = np.array(_ROWS)


@kernel
def _setup(p):
    """The controls as the kernels need them."""
    return (
        int(p[0]),
        int(p[1]),
        p[2],
        int(p[3]),
        p[4],
        p[5],
        p[6],
        p[7],
        p[8],
        p[9],
        int(p[10]),
        int(p[11]),
        int(p[12]),
    )


@kernel
def coarse_levels(beta, L, eigenvalue, mass):
    """Nodes (NODES,) that stand for L levels, and their parts of the sum of w lambda; returns how many are used."""
    used = min(L, HEAD)
    for k in range(used):
        eigenvalue[k] = math.exp(-(1.0 + beta) * math.log(k + 1.0))
        mass[k] = eigenvalue[k]
    if L > HEAD:
        low, high = math.log(HEAD + 0.5), math.log(L + 0.5)
        panels = int((high - low) / 0.6931471805599453) + 1
        half = 0.5 * (high - low) / panels
        for panel in range(panels):
            for j in range(GAUSS):
                u = low + half * (2.0 * panel + 1.0 + GAUSS_POINT[j])
                eigenvalue[used] = math.exp(-(1.0 + beta) * u)
                mass[used] = half * GAUSS_WEIGHT[j] * math.exp(u) * eigenvalue[used]
                used += 1
    total = 0.0
    for k in range(used):
        total += mass[k]
    for k in range(used):
        eigenvalue[k] *= L / total
        mass[k] /= total
    return used


@kernel
def size(p, data):
    """Output, nodes, sums and fit, overlaps, the integrator, the simulation and its spectrum."""
    show, M, beta, L, eta, alignment, sigma_J, low, high, until, N, runs, seed = _setup(p)
    blocks = NODES * (3 + 3 * M * M) + 3 * POINTS + FIT_SCRATCH + 2 * POINTS * M * M + M * M
    simulation = 2 * L + ensemble_size(M, M, N, L, SIMULATED) if L <= N else 0
    return float(OUTPUT + blocks + integrator.size(NODES, M, M) + simulation)


@kernel
def _present(show, alpha, y, offset):
    """Overwrite y (n,) by what is shown: itself, y + offset, or its local slope with the sign changed."""
    n = alpha.shape[0]
    if show == SHIFTED:
        for i in range(n):
            y[i] += offset
    if show == SLOPE:
        previous = y[0]
        for i in range(n):
            left, here = max(i - 1, 0), y[i]
            after = y[min(i + 1, n - 1)]
            y[i] = -math.log(after / previous) / math.log(alpha[min(i + 1, n - 1)] / alpha[left])
            previous = here


@kernel
def start(p, data, work):
    """Flow, mode sum, law, and the fit to the flow in the window; weights drawn for the simulation."""
    show, M, beta, L, eta, alignment, sigma_J, low, high, until, N, runs, seed = _setup(p)
    if low >= high:
        return -1.0
    at = OUTPUT + 3 * NODES
    part, shifted = view(work, at, (POINTS,)), view(work, at + POINTS, (POINTS,))
    fit = view(work, at + 3 * POINTS, (FIT_SCRATCH,))
    at += 3 * POINTS + FIT_SCRATCH
    n = coarse_levels(beta, L, view(work, OUTPUT, (NODES,)), view(work, OUTPUT + NODES, (NODES,)))
    eigenvalue, mass, noise = (
        view(work, OUTPUT, (n,)),
        view(work, OUTPUT + NODES, (n,)),
        view(work, OUTPUT + 2 * NODES, (n,)),
    )
    r, q, t = (
        view(work, at, (n, M, M)),
        view(work, at + n * M * M, (n, M, M)),
        view(work, at + 2 * n * M * M, (n, M, M)),
    )
    at += 3 * NODES * M * M
    Q, R, T = (
        view(work, at, (POINTS, M, M)),
        view(work, at + POINTS * M * M, (POINTS, M, M)),
        view(work, at + 2 * POINTS * M * M, (M, M)),
    )
    at += 2 * POINTS * M * M + M * M
    buffer = work[at:]

    c = CONSTANTS[M - 1]
    g = eta / M
    # the law of both sectors: from where the slow one's begins to where the fast one's ends, long before the last level
    opens, fast = 0.5 / (g * c[0 if M > 1 else 1] * eigenvalue[0]), 0.5 / (g * c[1] * eigenvalue[0])
    span = math.exp((1.0 + beta) * math.log(L))
    closes, last = fast * span, opens * span
    alpha = view(work, READOUTS, (POINTS,))
    begin, end = 0.03 * fast, 30.0 * last
    geometric(begin, end, alpha)
    for i in range(POINTS):
        for curve in range(1, 3):
            work[READOUTS + curve * CURVE + i] = alpha[i]
        for curve in range(3):
            work[READOUTS + curve * CURVE + POINTS + i] = np.nan
    flow = view(work, READOUTS + POINTS, (POINTS,))
    modes = view(work, READOUTS + CURVE + POINTS, (POINTS,))
    law = view(work, READOUTS + 2 * CURVE + POINTS, (POINTS,))

    for k in range(n):
        noise[k] = 1.0
        for i in range(M):
            for j in range(M):
                t[k, i, j] = 1.0 if i == j else 0.0
                r[k, i, j] = alignment * t[k, i, j]
                q[k, i, j] = (alignment * alignment + sigma_J * sigma_J) * t[k, i, j]
                T[i, j] = t[k, i, j]
    output = 1.0 / math.sqrt(M)
    integrator.start(eigenvalue, mass, noise, r, q, t, T, eta, output, output, ERF, buffer)
    integrator.advance(buffer, alpha, RTOL, STEPS, flow, Q, R, view(buffer, 0, (0, M, 2 * M, n)))

    # amplified mode sum and law; sector 0 carries M - 1 parts, sector 1 one
    s = beta / (1.0 + beta)
    prefactor = offset = np.nan
    if eta < c[6]:
        e_0 = (1.0 - alignment) * (1.0 - alignment) + sigma_J * sigma_J
        root = math.sqrt(c[5])
        a, b, d = 1.0 - g * c[2] / (2.0 * c[0]), -g * c[3] / (2.0 * c[1]), 1.0 - g * c[4] / (2.0 * c[1])
        e = -g * c[3] / (2.0 * c[0])
        determinant = a * d - b * e
        # transposed system [[a, b], [e, d]] y = (H_0 root, H_1)
        y_0 = (c[0] * root * d - b * c[1]) / determinant
        y_1 = (a * c[1] - e * c[0] * root) / determinant
        decay_sum_parts = 0.5 * e_0 / M
        for i in range(POINTS):
            modes[i] = 0.0
        prefactor = offset = 0.0
        for x in range(2):
            scale = decay_sum_parts * (root * y_0 if x == 0 else y_1)
            for k in range(n):
                noise[k] = 2.0 * g * c[x] * eigenvalue[k]
            decay_sum(noise, mass, scale, alpha, part)
            for i in range(POINTS):
                modes[i] += part[i]
            scale *= eigenvalue[0] / L
            prefactor += scale * math.exp(-s * math.log(2.0 * g * c[x] * eigenvalue[0]))
            offset += scale * math.exp(-beta * math.log(L + 0.5)) / beta
        prefactor *= gamma(s) / (1.0 + beta)
    for i in range(POINTS):
        value = prefactor * math.exp(-s * math.log(alpha[i])) - offset
        if opens <= alpha[i] <= closes and value > 0.0:
            law[i] = value
        shifted[i] = flow[i] + offset

    low *= closes
    high *= closes
    work[0] = s
    work[5], work[6], work[7], work[8], work[9] = opens, closes, last, offset, c[6]
    line = READOUTS + 3 * CURVE
    for kind in range(2):  # the flow as it is, and with the constant
        for i in range(POINTS):
            part[i] = shifted[i] if kind == SHIFTED else flow[i]
        line_fit = fit_window(alpha, part, low, high, fit)
        enough = line_fit.points >= 6.0
        work[1 + 2 * kind] = -line_fit.exponent if enough else np.nan
        work[2 + 2 * kind] = T_QUANTILE * line_fit.standard_error if enough else np.nan
        if kind == (1 if show == SHIFTED else 0):
            for i in range(LINE):
                x = low if i == 0 else high
                value = (
                    -line_fit.exponent
                    if show == SLOPE
                    else math.exp(line_fit.log_prefactor + line_fit.exponent * math.log(x))
                )
                work[line + i] = x
                work[line + LINE + i] = value if enough else np.nan
    for curve in range(3):
        _present(show, alpha, view(work, READOUTS + curve * CURVE + POINTS, (POINTS,)), offset)

    out = line + 2 * LINE
    for i in range(4 * SIMULATED):
        work[out + i] = np.nan
    if L <= N and show == ERROR:
        at += integrator.size(NODES, M, M)
        power_law_spectrum(beta, view(work, at, (L,)), view(work, at + L, (L,)))
        state = work[at + 2 * L :]
        ensemble_start(
            state,
            M,
            M,
            N,
            SIMULATED,
            view(work, at, (L,)),
            sigma_J,
            seed,
            min(begin, 1e-2 * until),
            until,
            view(work, out, (SIMULATED,)),
        )
        ensemble_align(state, M, M, N, L, SIMULATED, alignment)
    if eta >= c[6]:
        return 1.0
    if L > N:
        return 2.0
    return 3.0 if show == ERROR and g * eigenvalue[0] / N > LARGEST_STEP else 0.0


@kernel
def advance(p, data, work):
    """A slice of the simulation, where there is one."""
    show, M, beta, L, eta, alignment, sigma_J, low, high, until, N, runs, seed = _setup(p)
    if L > N or show != ERROR or low >= high:
        return 1.0
    out = READOUTS + 3 * CURVE + 2 * LINE + SIMULATED
    at = OUTPUT + NODES * (3 + 3 * M * M) + 3 * POINTS + FIT_SCRATCH + 2 * POINTS * M * M + M * M
    state = work[at + integrator.size(NODES, M, M) + 2 * L :]
    return ensemble_advance(
        state,
        M,
        M,
        N,
        L,
        SIMULATED,
        eta,
        1.0 / math.sqrt(M),
        1.0 / math.sqrt(M),
        ERF,
        runs,
        seed,
        view(work, out, (SIMULATED,)),
        view(work, out + SIMULATED, (SIMULATED,)),
        view(work, out + 2 * SIMULATED, (SIMULATED,)),
    )


EXPERIMENT = Experiment(
    name="asymptotics",
    title="Late times: the law, its window, and a fit in yours",
    x=Axis("time α (examples / N)"),
    y=Axis("ε_g, or what is chosen", limits=(1e-12, 1e2)),
    controls=(
        Control(
            "show",
            "show",
            "what is drawn",
            0.0,
            choices=(0.0, 1.0, 2.0),
            choice_labels=("error", "error + constant", "minus local slope"),
        ),
        Control("units", "M", "units of student and teacher", 2.0, choices=UNITS),
        Control("beta", "β", "exponent of the spectrum", 1.0, 0.05, 3.0),
        Control("levels", "L", "distinct eigenvalues", 256.0, choices=LEVELS + (4096.0, 16384.0, 131072.0, 1e6)),
        Control("eta", "η", "learning rate", 0.5, 1e-3, 8.0, scale="log"),
        Control("alignment", "r₀", "initial overlap with the teacher", 0.1, 1e-4, 1.0, scale="log"),
        Control("sigma_J", "σ_J", "initial random weights", 0.1, 0.0, 1.0),
        Control("fit_first", "α₁/α_max", "fit window from", 1e-3, 1e-9, 1.0, scale="log"),
        Control("fit_last", "α₂/α_max", "fit window to", 0.1, 1e-8, 10.0, scale="log"),
        Control("until", "α_SGD", "simulate until", 100.0, 1.0, 1e4, scale="log"),
        Control("N", "N", "inputs of the simulation", 512.0, choices=LEVELS[6:]),
        Control("runs", "runs", "data streams simulated", 4.0, choices=(1.0, 2.0, 4.0, 8.0, 16.0)),
        Control("seed", "seed", "seed of weights and data", 0.0, 0.0, 999.0, scale="integer"),
    ),
    curves=(
        Curve("flow", "flow, N → ∞", POINTS),
        Curve("modes", "mode sum, amplified", POINTS, style="dashed", color=1),
        Curve("law", "power law less its constant", POINTS, style="dotted", color=2),
        Curve("fit", "straight line fitted in the window", LINE, color=4),
        Curve("sgd", "SGD, mean ± 2 standard errors", SIMULATED, style="points", color=3, band=True),
    ),
    readouts=(
        Readout("exponent", "exponent of the law, β/(1+β)", 4),
        Readout("raw", "exponent fitted to the flow", 4),
        Readout("raw_error", "its 95 % interval, ±", 2),
        Readout("corrected", "exponent after adding the constant", 4),
        Readout("corrected_error", "its 95 % interval, ±", 2),
        Readout("opens", "window opens at α"),
        Readout("closes", "window closes at α_max"),
        Readout("last", "last level leaves at α_L"),
        Readout("offset", "constant"),
        Readout("critical", "critical learning rate", 5),
    ),
    size=size,
    start=start,
    advance=advance,
    notices=(
        "η = {eta} is beyond the critical learning rate {critical}: the error stays finite but does not go to zero.",
        "N = {N} is smaller than L = {levels}: theory only; SGD needs an input direction for every level.",
        "ηλ₁/(MN) is more than 0.2: a single step is not small for the leading direction, and SGD does not follow the theory.",
    ),
    errors=("The fit window is empty: it must begin (α₁/α_max = {fit_first}) before it ends ({fit_last}).",),
    python="""\
import numpy as np, lib
s = lib.power_law(beta={beta}, levels={levels})
m = lib.StudentTeacher(s, students={units}, teachers={units})
start = m.initial_overlaps(sigma_J={sigma_J}, alignment={alignment})
law = lib.asymptotics.law(s, {units}, {eta}, start=(1 - {alignment})**2 + {sigma_J}**2)
opens, closes = law.window
alpha = np.geomspace(0.03 * law.sectors[-1][0], 30 * law.sectors[0][1], 121)
flow = lib.solve(m, start, eta={eta}, alpha=alpha, blocks=False).eps_g
modes = lib.asymptotics.mode_sum(s, {units}, {eta}, alpha, start=(1 - {alignment})**2 + {sigma_J}**2)
window = ({fit_first} * closes, {fit_last} * closes)
raw = lib.fit_power_law(alpha, flow, window)
corrected = lib.fit_power_law(alpha, flow, window, offset=law.offset)
# sgd = lib.simulate(m, N={N}, eta={eta}, alpha=np.geomspace(0.1, {until}, 25), sigma_J={sigma_J},
#                    alignment={alignment}, seeds=range({seed}, {seed} + {runs}))
""",
)
