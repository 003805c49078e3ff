"""The structured integrator against SciPy's DOP853 and a Runge-Kutta pair in numba, in one run.

Run as ``python bench/integrator.py``; about two minutes. Every row states work, time and the largest
relative error of eps_g against a run of the integrator at a tolerance of 1e-11.
"""

import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from test_integrator import Run, power_law, sampled_start, uniform_start  # noqa: E402

from lib.kernels import fields, flow, integrator  # noqa: E402
from lib.kernels.jit import kernel  # noqa: E402

REPEATS = 5  # the fastest counts: whatever disturbs only adds

# Dormand & Prince (1980)
NODES = np.zeros((7, 7))
NODES[1, :1] = 1 / 5
NODES[2, :2] = 3 / 40, 9 / 40
NODES[3, :3] = 44 / 45, -56 / 15, 32 / 9
NODES[4, :4] = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
NODES[5, :5] = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
NODES[6, :6] = 35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
WRONG = np.array([71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])


@kernel
def dopri5(eigenvalue, weight, t, T, eta, v, u, activity, r, q, end, rtol, y, stage, point):
    """An adaptive Dormand-Prince pair with first-same-as-last on one level; returns eps_g at ``end``."""
    L, K, M = r.shape
    Q, R, cov = np.empty((K, K)), np.empty((K, M)), np.empty((K + M, K + M))
    D, G, dr, dq = np.empty((K, K + M)), np.empty((K, K)), np.empty_like(r), np.empty_like(q)
    a, b = np.empty_like(r), np.empty_like(q)
    y[: r.size], y[r.size :] = r.ravel(), q.ravel()
    now, step, fresh = 0.0, 1e-3 / eta, True
    while now < end:
        step = min(step, end - now)
        for i in range(0 if fresh else 1, 7):
            point[:] = y
            for j in range(i):
                point += step * NODES[i, j] * stage[j]
            a.ravel()[:], b.ravel()[:] = point[: r.size], point[r.size :]
            flow.flow(eigenvalue, weight, t, T, eta, v, u, activity, a, b, dr, dq, Q, R, cov, D, G)
            stage[i, : r.size], stage[i, r.size :] = dr.ravel(), dq.ravel()
        fresh = False
        worst = 0.0
        for k in range(y.size):
            error = 0.0
            for i in range(7):
                error += step * WRONG[i] * stage[i, k]
            worst = max(worst, abs(error) / (rtol * max(abs(point[k]), 1e-3)))
        if worst <= 1.0:
            now += step
            y[:] = point
            stage[0] = stage[6]
        step *= min(5.0, max(0.2, 0.9 * max(worst, 1e-10) ** -0.2))
    flow.total(weight, eigenvalue, y[: r.size].reshape(r.shape), R)
    flow.total(weight, eigenvalue, y[r.size :].reshape(q.shape), Q)
    fields.assemble(Q, R, T, cov)
    return fields.generalization_error(cov, K, v, u, activity)


def timed(function, repeats=REPEATS):
    """The fastest time of several calls after one that compiles, and the last result."""
    function()
    best = np.inf
    for _ in range(repeats):
        begin = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - begin)
    return best, result


def row(work, seconds, *notes):
    print(f"{work:58s} {1e3 * seconds:12.3f} ms  " + "  ".join(notes), flush=True)


def error(found, exact):
    return np.abs(np.asarray(found) / exact - 1).max()


def against_dop853(end=1e4, end_explicit=300.0):
    """The stated goal's case. DOP853's cost grows like alpha once its step is limited by stability."""
    case = power_law(1024, 1.0), uniform_start(1024, 2, 2, 1e-3, 1e-4), 0.05
    alpha = np.geomspace(0.1, end, 40)
    exact = Run(*case, alpha).finish(1e-11).eps
    for compressed in (True, False):
        seconds, run = timed(lambda: Run(*case, alpha, compressed=compressed).finish(1e-6), 3)
        notes = f"{run.n} blocks", f"{run.steps:.0f} steps", f"error {error(run.eps, exact):.1e}"
        row(f"L=1024 to alpha={end:.0e}, {'compressed' if compressed else 'every level'}", seconds, *notes)
        if compressed:
            ours = seconds
    spectrum, (r, q, t), eta = case
    mass = spectrum[0] * spectrum[1]
    dr, dq, T = np.empty_like(r), np.empty_like(q), np.tensordot(mass, t, axes=1)
    scratch = [np.empty(s) for s in ((2, 2), (2, 2), (4, 4), (2, 4), (2, 2))]

    def slope(_, y):
        a, b = y[: r.size].reshape(r.shape), y[r.size :].reshape(q.shape)
        flow.flow(*spectrum, t, T, eta, 1.0, 1.0, fields.ERF, a, b, dr, dq, *scratch)
        return np.concatenate([dr.ravel(), dq.ravel()])

    y = np.concatenate([r.ravel(), q.ravel()])
    slope(0.0, y)
    times = []
    for last in (end_explicit / 2, end_explicit):
        begin = time.perf_counter()
        found = solve_ivp(slope, (0, last), y, method="DOP853", t_eval=[last], rtol=1e-7, atol=1e-10)
        times.append(time.perf_counter() - begin)
        row(f"L=1024 to alpha={last:g}, SciPy DOP853", times[-1], f"{found.nfev} evaluations")
    per_alpha = (times[1] - times[0]) / (end_explicit / 2)
    total = times[1] + per_alpha * (end - end_explicit)
    print(f"    DOP853 to alpha={end:.0e} at {per_alpha:.3f} s per unit of alpha: {total:.0f} s = {total / ours:.0f} x ours")


def cost_in_levels():
    """Every level kept: linear in L; compressed: logarithmic in L but for the first pass over the levels."""
    for L in (250, 1000, 4000):
        case = power_law(L, 1.0), sampled_start(L, 2, 2, 0.1), 0.05, [1e2]
        seconds, run = timed(lambda: Run(*case).finish(1e-6), 2)
        row(f"L={L} to alpha=1e2, every level", seconds / run.steps, f"per step; {run.steps:.0f} steps")
    L = 10**6
    spectrum, start = power_law(L, 1.0), sampled_start(L, 2, 2, 0.1)
    for end in (1e4, 1e6, 1e8):
        begin = time.perf_counter()
        run = Run(spectrum, start, 0.05, np.geomspace(0.1, end, 100), compressed=True)
        packed = time.perf_counter() - begin
        run.finish(1e-6)
        seconds = time.perf_counter() - begin
        notes = f"{run.n} blocks", f"{run.steps:.0f} steps", f"{1e3 * packed:.0f} ms of it compression"
        row(f"L=1e6, sampled overlaps, to alpha={end:.0e}", seconds, *notes)


def one_level():
    """Nothing is stiff at L = 1: the price of the implicit method against an explicit pair."""
    spectrum, start, eta, alpha = power_law(1, 1.0), uniform_start(1, 2, 2, 1e-3, 1e-4), 0.1, [2000.0]
    exact = Run(spectrum, start, eta, alpha).finish(1e-11).eps
    r, q, t = start
    T = np.ascontiguousarray(t[0])
    size = r.size + q.size
    scratch = np.empty(size), np.empty((7, size)), np.empty(size)
    for rtol in (1e-5, 1e-6, 1e-7):
        seconds, run = timed(lambda: Run(spectrum, start, eta, alpha).finish(rtol), 20)
        row(f"L=1, rtol={rtol:.0e}", seconds, f"{run.steps:.0f} steps", f"error {error(run.eps, exact):.1e}")
    for rtol in (1e-6, 1e-8, 1e-9):
        arguments = (*spectrum, t, T, eta, 1.0, 1.0, fields.ERF, r, q, alpha[0], rtol, *scratch)
        seconds, eps = timed(lambda: dopri5(*arguments), 20)
        row(f"L=1, Dormand-Prince in numba, rtol={rtol:.0e}", seconds, f"error {error(eps, exact):.1e}")


def many_units():
    for K in (2, 4, 8):
        case = power_law(64, 1.0), sampled_start(64, K, K, 0.1), 0.3, np.geomspace(0.1, 1e3, 20)
        seconds, run = timed(lambda: Run(*case, compressed=True).finish(1e-6), 1)
        row(f"K=M={K}, L=64 to alpha=1e3", seconds, f"{run.steps:.0f} steps")


if __name__ == "__main__":
    names = ("numpy", "scipy", "numba")
    print(platform.machine(), "Python", platform.python_version(), *(f"{n} {version(n)}" for n in names))
    one_level()
    against_dop853()
    cost_in_levels()
    many_units()
