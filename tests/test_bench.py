"""The benchmarks still run: every work once, the long ones cut short. Their numbers mean nothing here."""

import importlib
import json
import math
import sys

import pytest
from conftest import ROOT


@pytest.fixture
def bench(monkeypatch):
    """An empty table, whose works take one turn."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    run = importlib.import_module("run")
    yield run.Bench(most=1)
    for name in ("run", "sgd", "integrator", "random_features", "wasm_speed"):
        sys.modules.pop(name, None)


def measured(bench):
    """Rows that have been measured, checked."""
    rows = [row for row in bench.rows if row["value"] is not None]
    assert all(math.isfinite(row["value"]) and row["value"] > 0 and row["ratio"] > 0 for row in rows)
    return {row["name"]: row for row in rows}


@pytest.mark.slow("runs every contender of the benchmark once")
def test_sgd(bench, monkeypatch):
    import sgd

    monkeypatch.setattr(sgd, "OPTIONAL", ())  # packages that compile for seconds
    sgd.measure(bench)
    assert {"ours, direct", "ours, reduced (exact law)", "NumPy loop"} <= set(measured(bench))


@pytest.mark.slow("runs every contender of the benchmark once")
def test_integrator(bench):
    import integrator

    integrator.measure(bench, explicit_end=2.0, largest=2000)
    rows = measured(bench)
    errors = {name: float(row["note"].split()[-1]) for name, row in rows.items() if row["note"].startswith("error")}
    # every contender solves the same equations; the error of Euler's method, of first order, is the largest
    euler = errors.pop("Euler in numba, step 0.01, nn2pp's integrals (stand-in)")
    assert len(errors) >= 5 and max(errors.values()) < euler < 1e-2
    assert "ours, compressed spectrum" in rows and "to alpha = 1e+08" in rows


@pytest.mark.slow("sums over 10^5 ranks, a second")
def test_random_features(bench):
    import random_features

    random_features.measure(bench)
    rows = measured(bench)
    assert len(rows) == 3 and float(rows["100000 inputs"]["note"].split()[-1]) < 1e-6


def test_wasm(bench, browser):
    import wasm_speed

    wasm_speed.measure(bench, browser, names=("decay_sum", "spectrum"), batch=1e-3, batches=1)
    rows = measured(bench)
    assert len(rows) == 2
    assert all(float(row["note"].split()[-1]) < 1e-12 for row in rows.values())


def test_a_second_run_of_a_day_does_not_overwrite_the_first(bench, tmp_path):
    from datetime import datetime

    from kept import keep

    first = keep({"date": "2026-11-29", "rows": 1}, tmp_path)
    second = keep({"date": "2026-11-29", "rows": 2}, tmp_path, datetime(2026, 11, 29, 23, 5, 7))
    assert [json.loads(path.read_text())["rows"] for path in sorted(tmp_path.iterdir())] == [1, 2]
    assert sorted([first, second]) == [first, second]
