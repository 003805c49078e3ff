"""Measurements that cost more than a build bears: made once, on disk, and resumed where they stopped.

``python -m tools.measure NAME`` runs one of :data:`MEASUREMENTS` by one-pass SGD, seed after seed, and keeps seed S as
``book/data/NAME/seed-S.npz``: its curve and the weights from which it goes on.
``seed-S.json`` says what was measured and how far, with the commands, versions and machine of every session. It may be
stopped at any moment (Ctrl-C, a machine that goes down): at most a minute is lost, and the result is the same to the
last bit, since step s of a seed always sees the same input. The same command with a later ``--until`` goes on.
"""

import argparse
import datetime
import importlib.metadata
import io
import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import lib
from lib.core.sgd import _Direct

ROOT = Path(__file__).parents[1]
STORE = ROOT / "book" / "data"
CHECKPOINT = 60.0  # seconds between two looks at the disk
SLICE = 2_000  # steps between two looks at the clock
PACKAGES = ("numpy", "scipy", "numba")


@dataclass(frozen=True)
class Measurement:
    """One-pass SGD of an erf network with as many levels as inputs, at ``per_decade`` times a decade from alpha = 1."""

    N: int
    units: int
    beta: float
    eta: float
    sigma_J: float
    teacher: str = "random"
    per_decade: int = 20

    def model(self):
        spectrum = lib.power_law(beta=self.beta, levels=self.N)
        return lib.StudentTeacher(spectrum, students=self.units, teachers=self.units, activation="erf")

    def steps(self, until):
        """Numbers of steps (n,) at which the run is measured, up to alpha = ``until``; the first is 0."""
        last = int(np.floor(self.per_decade * np.log10(until) + 1e-9))
        times = 10.0 ** (np.arange(last + 1) / self.per_decade)
        return np.concatenate([[0], np.rint(times * self.N).astype(np.int64)])


MEASUREMENTS = {
    "source-figure-6": Measurement(N=512, units=40, beta=1.0, eta=0.01, sigma_J=1e-6),
}


class Run:
    """The run of one seed, on disk at ``path``: starts or goes on where it stopped."""

    def __init__(self, measurement, seed, path):
        self.measurement, self.seed, self.path = measurement, seed, path
        self.model = measurement.model()
        self.network = _Direct(
            self.model,
            measurement.N,
            measurement.eta,
            measurement.sigma_J,
            seed,
            measurement.teacher,
            alignment=0.0,
            learned=None,
        )
        self.step, self.seconds, self.steps, self.rows = 0, 0.0, [], []
        self.sessions = []
        if path.exists():
            self._read()

    def _read(self):
        with np.load(self.path) as kept:
            parameters = json.loads(str(kept["parameters"]))
            mine = self.parameters()
            if parameters != mine:
                differ = ", ".join(
                    f"{k}: {parameters.get(k)} kept, {mine.get(k)} asked for"
                    for k in {**parameters, **mine}
                    if parameters.get(k) != mine.get(k)
                )
                raise ValueError(f"{self.path} is of another measurement ({differ}): move it away or ask for its own")
            self.network.run.J[...] = kept["J"]
            self.step, self.seconds = int(kept["step"]), float(kept["seconds"])
            self.steps, self.rows = kept["steps"].tolist(), [row for row in kept["rows"]]
        record = self.path.with_suffix(".json")
        if record.exists():
            self.sessions = json.loads(record.read_text())["sessions"]

    def parameters(self):
        return asdict(self.measurement) | {"seed": self.seed}

    def save(self):
        """Write all of it, or nothing."""
        content = io.BytesIO()
        np.savez_compressed(
            content,
            parameters=json.dumps(self.parameters()),
            J=self.network.run.J,
            step=self.step,
            seconds=self.seconds,
            steps=np.array(self.steps, dtype=np.int64),
            rows=np.array(self.rows),
        )
        _replace(self.path, content.getvalue())
        record = self.parameters() | {
            "alpha": self.step / self.measurement.N,
            "steps": self.step,
            "seconds": round(self.seconds),
            "sessions": self.sessions,
        }
        _replace(self.path.with_suffix(".json"), (json.dumps(record, indent=1) + "\n").encode())

    def measure(self):
        K = self.model.students
        Q, R, T = np.empty((K, K)), np.empty((K, K)), np.empty((K, K))
        self.network.measure(Q, R, T)
        return summary(self.network.error(self.model, Q, R, T), Q, R)

    def advance(self, until, report=lambda run: None):
        """Go on to alpha = ``until``; saves now and then, at the end, and when it is interrupted."""
        targets = self.measurement.steps(until)
        self.sessions.append(session() | {"from": self.step / self.measurement.N, "until": until})
        begin, saved = time.monotonic(), time.monotonic()
        try:
            for number in range(len(self.steps), len(targets)):
                while self.step < targets[number]:
                    last = min(int(targets[number]), self.step + SLICE)
                    self.network.advance(self.step, last)
                    self.step = last
                    if time.monotonic() - saved > CHECKPOINT:
                        now = time.monotonic()
                        self.seconds, begin, saved = self.seconds + now - begin, now, now
                        self.save()
                        report(self)
                self.steps.append(self.step)
                self.rows.append(self.measure())
        finally:
            self.seconds += time.monotonic() - begin
            self.save()


def _replace(path, content):
    """Write a file under another name, which takes the old one's place at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    with open(beside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def session():
    """Where, when and with what a stretch of a run is computed."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "command": " ".join(["python -m tools.measure", *sys.argv[1:]]),
        "commit": commit.stdout.strip() or None,
        "machine": f"{platform.system()} {platform.machine()}, {processor()}",
        "python": platform.python_version(),
    } | {name: importlib.metadata.version(name) for name in PACKAGES}


def processor():
    """The processor's own name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")


def summary(eps_g, Q, R):
    """What is stored of a time: eps_g; mean and spread of Q_ii, Q_ij, each student's largest R_in, and all R_in."""
    off = Q[~np.eye(len(Q), dtype=bool)]
    best = R.max(axis=1)
    return np.array(
        [
            eps_g,
            Q.diagonal().mean(),
            Q.diagonal().std(),
            off.mean(),
            off.std(),
            best.mean(),
            best.std(),
            R.mean(),
            R.std(),
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=MEASUREMENTS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--until", type=float, default=1e6, help="the last alpha")
    arguments = parser.parse_args()
    measurement = MEASUREMENTS[arguments.name]
    for number in (signal.SIGINT, signal.SIGTERM):  # a process in the background ignores the first by default
        signal.signal(number, signal.default_int_handler)

    def report(run):
        print(
            f"seed {run.seed}: alpha = {run.step / measurement.N:.4g} after {run.seconds:.0f} s, "
            f"eps_g = {run.rows[-1][0] if run.rows else float('nan'):.4g}",
            flush=True,
        )

    for seed in arguments.seeds:
        run = Run(measurement, seed, STORE / arguments.name / f"seed-{seed}.npz")
        try:
            run.advance(arguments.until, report)
        except KeyboardInterrupt:
            report(run)
            sys.exit("stopped; the same command goes on from here")
        report(run)


if __name__ == "__main__":
    main()
