"""The measurement of the source's sixth figure: it resumes to the same bits, and keeps to its own store."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from tools import measure

TINY = measure.Measurement(N=8, units=2, beta=1.0, eta=0.1, sigma_J=1e-3, per_decade=4)


def kept(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files if name != "seconds"}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    measure.Run(TINY, 3, tmp_path / "whole.npz").advance(100.0)
    monkeypatch.setattr(measure, "CHECKPOINT", -1.0)  # a look at the disk after every slice
    monkeypatch.setattr(measure, "SLICE", 7)

    def stop(run):
        if run.step > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure.Run(TINY, 3, tmp_path / "parts.npz").advance(100.0, stop)
    halfway = kept(tmp_path / "parts.npz")
    assert 300 < halfway["step"] and halfway["steps"][-1] <= halfway["step"]
    measure.Run(TINY, 3, tmp_path / "parts.npz").advance(60.0)
    measure.Run(TINY, 3, tmp_path / "parts.npz").advance(100.0)
    assert same(kept(tmp_path / "whole.npz"), kept(tmp_path / "parts.npz"))
    sessions = json.loads((tmp_path / "parts.json").read_text())["sessions"]
    assert [(part["from"], part["until"]) for part in sessions] == [
        (0.0, 100.0),
        (halfway["step"] / 8, 60.0),
        (450 / 8, 100.0),
    ]


def test_the_run_is_that_of_simulate(tmp_path):
    import lib

    run = measure.Run(TINY, 1, tmp_path / "seed.npz")
    run.advance(10.0)
    rows = kept(tmp_path / "seed.npz")
    sgd = lib.simulate(TINY.model(), TINY.N, TINY.eta, rows["steps"] / TINY.N, TINY.sigma_J, [1], TINY.teacher)
    assert np.array_equal(rows["rows"][:, 0], sgd.eps_g[0])
    assert np.array_equal(rows["steps"], TINY.steps(10.0))


def test_a_store_of_other_parameters_is_refused(tmp_path):
    path = tmp_path / "seed.npz"
    measure.Run(TINY, 0, path).advance(2.0)
    other = measure.Measurement(N=8, units=2, beta=0.5, eta=0.1, sigma_J=1e-3, per_decade=4)
    with pytest.raises(ValueError, match=r"another measurement \(beta: 1.0 kept, 0.5 asked for\)"):
        measure.Run(other, 0, path)
    with pytest.raises(ValueError, match="seed: 0 kept, 1 asked for"):
        measure.Run(TINY, 1, path)
    measure.Run(TINY, 0, path)


def test_a_broken_write_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "seed.npz"
    measure.Run(TINY, 0, path).advance(2.0)
    before = path.read_bytes()
    run = measure.Run(TINY, 0, path)

    def fails(*_):
        raise OSError("no space left")

    monkeypatch.setattr(measure.os, "fsync", fails)
    with pytest.raises(OSError):
        run.advance(5.0)
    assert path.read_bytes() == before


def test_ctrl_c_keeps_what_was_measured(tmp_path):
    script = (
        f"from pathlib import Path; from tools import measure; measure.STORE = Path({str(tmp_path)!r}); "
        "measure.CHECKPOINT = 0.0; measure.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "source-figure-6", "--until", "1e9"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("seed 0: alpha = ")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "goes on from here" in errors
    assert kept(tmp_path / "source-figure-6" / "seed-0.npz")["step"] > 0


@pytest.mark.parametrize(
    "path", sorted((measure.STORE / "source-figure-6").glob("seed-*.npz")), ids=lambda path: path.stem
)
def test_what_is_kept_is_the_measurement_of_the_page(path):
    """Each file is of the parameters that the command has, and is complete up to where it says it is."""
    run = measure.Run(measure.MEASUREMENTS["source-figure-6"], int(path.stem.removeprefix("seed-")), path)
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["steps"] == run.step and record["sessions"]
    assert {"command", "date", "machine", "numpy", "numba", "commit"} <= record["sessions"][-1].keys()
    assert len(run.rows) == len(run.steps) and run.steps[-1] <= run.step
    assert np.array_equal(run.steps, run.measurement.steps(1e9)[: len(run.steps)])
