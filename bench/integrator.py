"""The structured integrator against SciPy and explicit methods in numba. Errors are the largest relative ones of
eps_g against a run of the integrator at a tolerance of 1e-11."""

import functools
import math
import subprocess
import sys
import time

import numpy as np
from scipy.integrate import solve_ivp
from test_integrator import Run, power_law, sampled_start, uniform_start

from lib.compiler.jit import kernel
from lib.kernels import averages, flow
from lib.maths import dormand_prince

# A whole run as a user starts it. What `resource` says on Linux counts the memory of the process that started it, too.
WHOLE = r"""
import pathlib, re, resource, sys, time
import lib
for levels in (100, int(sys.argv[1])):  # the first compiles
    model = lib.StudentTeacher(lib.power_law(1.0, levels), 2, 2)
    begin = time.perf_counter()
    lib.solve(model, model.initial_overlaps(0.1, N=4 * levels), 0.05, [1e2, 1e4, 1e6, 1e8], rtol=1e-6, blocks=False)
seconds, status = time.perf_counter() - begin, pathlib.Path("/proc/self/status")
if status.exists():
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1e6
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9
print(seconds, peak)
"""


@kernel
def dopri5(levels, T, eta, network, end, rtol, scratch):
    """An adaptive Dormand-Prince pair with first-same-as-last on one level; returns eps_g at ``end``."""
    eigenvalue, weight, r, q, t = levels
    y, stage, point = scratch
    _, K, M = r.shape
    Q, R, cov = np.empty((K, K)), np.empty((K, M)), np.empty((K + M, K + M))
    D, G = np.empty((K, K + M)), np.empty((K, K))
    y[: r.size], y[r.size :] = r.ravel(), q.ravel()
    # both views of the one vector, so that nothing is copied and nothing allocated on the way
    a, b = point[: r.size].reshape(r.shape), point[r.size :].reshape(q.shape)
    now, step, fresh = 0.0, 1e-3 / eta, True
    while now < end:
        step = min(step, end - now)
        for i in range(0 if fresh else 1, dormand_prince.STAGES):
            dormand_prince.stage_point(y, step, stage, i, point)
            dr, dq = stage[i, : r.size].reshape(r.shape), stage[i, r.size :].reshape(q.shape)
            flow.flow(flow.Levels(eigenvalue, weight, a, b, t), T, eta, network, flow.Totals(Q, R, cov, D, G), dr, dq)
        fresh = False
        worst = 0.0
        for k in range(y.size):
            error = step * dormand_prince.error_rate(stage, k)
            worst = max(worst, abs(error) / (rtol * max(abs(point[k]), 1e-3)))
        if worst <= 1.0:
            now += step
            for k in range(y.size):
                y[k], stage[0, k] = point[k], stage[dormand_prince.STAGES - 1, k]
        step *= dormand_prince.growth(worst)
    flow.total(eigenvalue, weight, y[: r.size].reshape(r.shape), R)
    flow.total(eigenvalue, weight, y[r.size :].reshape(q.shape), Q)
    averages.assemble(Q, R, T, cov)
    return averages.generalization_error(cov, K, network.v, network.u, network.activity)


@kernel
def _three_average(C, i, b, a):
    """<g'(u_i) u_b g(u_a)> for erf: the integral I3 of Saad & Solla (1995)."""
    cii = 1.0 + C[i, i]
    root = math.sqrt(cii * (1.0 + C[a, a]) - C[i, a] * C[i, a])
    return averages.TWO_OVER_PI / root * (C[b, a] * cii - C[i, b] * C[i, a]) / cii


@kernel
def euler(T, eta, network, Q, R, end, step, C):
    """Forward Euler of fixed step on the totals, overwritten; returns eps_g at ``end``.

    As the peers' order-parameter codes do it: each integral of Saad and Solla's equations by itself, those that
    nn2pp computes, 40 of three and 36 of four fields for two students and teachers.
    """
    K, M = R.shape
    v, u = network.v, network.u
    for _ in range(int(end / step + 0.5)):
        averages.assemble(Q, R, T, C)
        for i in range(K):
            for n in range(M):
                rate = 0.0
                for a in range(K + M):
                    rate += (-v if a < K else u) * _three_average(C, i, K + n, a)
                R[i, n] += step * eta * v * rate
            for j in range(i, K):
                rate = noise = 0.0
                for a in range(K + M):
                    weight = -v if a < K else u
                    rate += weight * (_three_average(C, i, j, a) + _three_average(C, j, i, a))
                    for b in range(0 if a < K else K, K + M):
                        pairs = 2.0 if a < K <= b else 1.0
                        noise += pairs * weight * (-v if b < K else u) * averages.four_average(C, i, j, a, b)
                Q[i, j] += step * eta * v * (rate + eta * v * noise)
                Q[j, i] = Q[i, j]
    averages.assemble(Q, R, T, C)
    return averages.generalization_error(C, K, v, u, averages.ERF)


NETWORK = averages.Network(1.0, 1.0, averages.ERF)


def _totals(K, M):
    P = K + M
    return flow.Totals(*(np.empty(shape) for shape in ((K, K), (K, M), (P, P), (K, P), (K, K))))


def _slope(spectrum, r, q, t, eta):
    """The flow as SciPy takes it: a function of time and of the vector [r, q], and the initial vector."""
    T = np.tensordot(spectrum[0] * spectrum[1], t, axes=1)
    dr, dq, totals = np.empty_like(r), np.empty_like(q), _totals(*r.shape[1:])

    def slope(_, y):
        a, b = y[: r.size].reshape(r.shape), y[r.size :].reshape(q.shape)
        flow.flow(flow.Levels(*spectrum, a, b, t), T, eta, NETWORK, totals, dr, dq)
        return np.concatenate([dr.ravel(), dq.ravel()])

    return slope, np.concatenate([r.ravel(), q.ravel()])


def _error(found, exact):
    return f"error {np.abs(np.asarray(found) / exact - 1).max():.1e}"


def _one_level(bench):
    """Nothing is stiff at L = 1: the price of the implicit method against explicit ones."""
    work = "flow, L = 1, K = M = 2, to alpha = 1000"
    spectrum, (r, q, t), eta, end = power_law(1, 1.0), uniform_start(1, 2, 2, 1e-3, 1e-4), 0.1, 1000.0
    # errors are looked up on the way, too: at the end alone, Euler's happens to be a tenth of its largest
    ends = np.round(np.geomspace(1.0, end, 20), 2)
    exact = Run(spectrum, (r, q, t), eta, ends).finish(1e-11).eps
    T = np.ascontiguousarray(t[0])
    size = r.size + q.size
    pair_scratch = np.empty(size), np.empty((dormand_prince.STAGES, size)), np.empty(size)
    slope, y = _slope(spectrum, r, q, t, eta)

    def ours(rtol):
        return lambda end: Run(spectrum, (r, q, t), eta, [end]).finish(rtol).eps[0]

    def pair(end):
        return dopri5(flow.Levels(*spectrum, r, q, t), T, eta, NETWORK, end, 1e-8, pair_scratch)

    def with_euler(end):
        return euler(T, eta, NETWORK, q[0].copy(), r[0].copy(), end, 0.01, np.empty((4, 4)))

    def scipy(method):
        def solve(end):
            y_end = solve_ivp(slope, (0, end), y, method=method, t_eval=[end], rtol=1e-8, atol=1e-10).y[:, -1]
            Q, R, cov, _, _ = _totals(2, 2)
            flow.total(*spectrum, y_end[: r.size].reshape(r.shape), R)
            flow.total(*spectrum, y_end[r.size :].reshape(q.shape), Q)
            averages.assemble(Q, R, T, cov)
            return averages.generalization_error(cov, 2, 1.0, 1.0, averages.ERF)

        return solve

    contenders = {
        "ours, rtol 1e-6": ours(1e-6),
        "ours, rtol 5e-4: more accurate than Euler": ours(5e-4),
        "Dormand-Prince in numba, rtol 1e-8": pair,
        "SciPy LSODA, flow in numba": scipy("LSODA"),
        "SciPy RK45, flow in numba": scipy("RK45"),
        "Euler in numba, step 0.01, nn2pp's integrals (stand-in)": with_euler,
    }
    times = bench.interleave({name: functools.partial(solve, end) for name, solve in contenders.items()})
    for name, solve in contenders.items():
        bench.row(work, name, 1e3 * times[name], "ms", _error([solve(last) for last in ends], exact))


def _many_levels(bench, explicit_end, end=1e4):
    """The stiff case. DOP853's cost grows like alpha once stability limits its step: measured to
    ``explicit_end`` and continued to ``end`` at the cost per unit of alpha of the second half."""
    work = "flow, L = 1024, beta = 1, eta = 0.05, to alpha = 10^4"
    spectrum, start, eta = power_law(1024, 1.0), uniform_start(1024, 2, 2, 1e-3, 1e-4), 0.05
    alpha = np.geomspace(0.1, end, 40)
    exact = Run(spectrum, start, eta, alpha).finish(1e-11).eps
    runs = {}

    def ours(compressed):
        runs[compressed] = Run(spectrum, start, eta, alpha, compressed=compressed).finish(1e-6)

    times = bench.interleave({True: lambda: ours(True), False: lambda: ours(False)}, 3)
    for compressed, name in ((True, "ours, compressed spectrum"), (False, "ours, every level")):
        run = runs[compressed]
        bench.row(
            work,
            name,
            1e3 * times[compressed],
            "ms",
            f"{run.n} blocks, {run.steps:.0f} steps, {_error(run.eps, exact)}",
        )
    slope, y = _slope(spectrum, *start, eta)
    slope(0.0, y)
    middle, seconds = explicit_end / 2, []
    for first, last in ((0.0, middle), (middle, explicit_end)):
        begin = time.perf_counter()
        y = solve_ivp(slope, (first, last), y, method="DOP853", t_eval=[last], rtol=1e-7, atol=1e-10).y[:, -1]
        seconds.append(time.perf_counter() - begin)
    total = seconds[0] + seconds[1] * (end - middle) / (explicit_end - middle)
    bench.row(
        work,
        "SciPy DOP853, flow in numba",
        1e3 * total,
        "ms",
        f"{sum(seconds):.1f} s to alpha = {explicit_end:g}, continued",
    )


def _cost(bench, largest):
    """Every level kept: linear in L. Compressed, ``largest`` levels: logarithmic in alpha."""
    for L in (250, 1000, 4000):
        runs = []
        case = power_law(L, 1.0), sampled_start(L, 2, 2, 0.1), 0.05, [1e2]
        seconds = bench.interleave({L: lambda: runs.append(Run(*case).finish(1e-6))}, 3)[L]
        bench.row("flow, every level kept, to alpha = 100", f"L = {L}", 1e6 * seconds / runs[-1].steps, "us a step")
    spectrum, start = power_law(largest, 1.0), sampled_start(largest, 2, 2, 0.1)
    for end in (1e4, 1e6, 1e8):
        begin = time.perf_counter()
        run = Run(spectrum, start, 0.05, np.geomspace(0.1, end, 100), compressed=True)
        packed = time.perf_counter() - begin
        run.finish(1e-6)
        bench.row(
            f"flow, L = {largest}, sampled overlaps",
            f"to alpha = {end:.0e}",
            time.perf_counter() - begin,
            "s",
            f"{run.n} blocks, {run.steps:.0f} steps, {packed:.2f} s of it compression",
        )
    seconds, memory = map(
        float,
        subprocess.run(
            [sys.executable, "-c", WHOLE, str(largest)], capture_output=True, text=True, check=True
        ).stdout.split(),
    )
    bench.row(
        f"flow, L = {largest}, sampled overlaps",
        "lib.solve in a process of its own, to alpha = 1e+08",
        seconds,
        "s",
        f"{memory:.2g} GB at the most, Python included",
    )


def measure(bench, explicit_end=100.0, largest=10**6):
    _one_level(bench)
    _many_levels(bench, explicit_end)
    _cost(bench, largest)
