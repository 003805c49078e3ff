"""Our speed against peers and against the machine's limits, side by side in one run: ``python bench/run.py``.

Prints a table and keeps it, with versions and machine, as ``bench/results/YYYY-MM-DD.json``, which the book's
page "Numerics" shows; a second run of a day has its hour in the name, and no earlier result is overwritten. Contenders
of a work take turns, and the fastest of their rounds counts: a disturbance only adds time. It adds more to long turns
than to short ones, so that a busy machine flatters whatever is fast: run it on a quiet one. One core. PyTorch, JAX and
Chromium are measured where they are installed. At the end it measures the pages of a built site (``page_latency.py``),
which has a file of its own.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"  # before anything reads them
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import datetime
import importlib.metadata
import platform
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "bench")]

import integrator
import page_latency
import random_features
import sgd
import wasm_speed
from kept import keep

from tools.browser import chromium

ROUNDS = 7
PACKAGES = ("numpy", "scipy", "numba", "torch", "jax", "jaxlib")


class Bench:
    """What has been measured: rows of a table, each with its ratio to the first row of the same work.

    ``most``: rounds at the most, whatever a work asks for (the test suite runs all works once).
    """

    def __init__(self, most=100):
        self.rows, self.most = [], most

    def interleave(self, contenders, rounds=ROUNDS):
        """Seconds of each of several functions: the fastest of ``rounds`` turns, after one that compiles."""
        best = dict.fromkeys(contenders, float("inf"))
        for number in range(min(rounds, self.most) + 1):
            for name, function in contenders.items():
                begin = time.perf_counter()
                function()
                if number > 0:
                    best[name] = min(best[name], time.perf_counter() - begin)
        return best

    def row(self, work, name, value, unit, note="", base=None):
        """Add a row; its ratio is that to ``base``, or to the first row's value."""
        first = next((row for row in self.rows if row["work"] == work), None)
        ratio = value / (base or (first["value"] if first else value))
        self.rows.append({"work": work, "name": name, "value": value, "unit": unit, "ratio": ratio, "note": note})
        if first is None:
            print(f"\n{work}")
        print(f"  {name:50s}{value:12.4g} {unit:12s}{ratio:9.3g}  {note}", flush=True)

    def skip(self, work, name):
        self.rows.append(
            {"work": work, "name": name, "value": None, "unit": "", "ratio": None, "note": "not installed"}
        )
        print(f"  {name:50s}{'not installed':>24s}")


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    bench, begin, load = Bench(), time.perf_counter(), os.getloadavg()
    versions = {"Python": platform.python_version()} | {package: _version(package) for package in PACKAGES}
    print(_processor(), versions)
    sgd.measure(bench)
    integrator.measure(bench)
    random_features.measure(bench)
    with chromium() as browser:
        wasm_speed.measure(bench, browser)
    record = {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "load": [load, os.getloadavg()],  # over 1, 5 and 15 minutes, at the start and at the end
        "versions": versions,
        "seconds": time.perf_counter() - begin,
        "rows": bench.rows,
    }
    path = keep(record, ROOT / "bench" / "results")
    print(f"\n{record['seconds']:.0f} s, load {load[0]:.1f} at the start; kept in {path.relative_to(ROOT)}")
    page_latency.main()


if __name__ == "__main__":
    main()
