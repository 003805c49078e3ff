"""Compile what the explorers run, natively and to WebAssembly, into the caches: for images and for `make fast`.

Two processes share the work. Where all is compiled already it takes seconds. Tests in two processes would else both
compile what both need.
"""

from concurrent.futures import ProcessPoolExecutor, as_completed

import numpy as np

from lib.compiler import wasm
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.exports import TABLE

# For experiments that a chapter gives data, such as a spectrum; the others look at none.
DATA = 1.0 / np.arange(1.0, 129.0)


def compile_experiment(name):
    experiment = EXPERIMENTS[name]
    defaults = tuple(control.default for control in experiment.controls)
    p = np.array(defaults, dtype=float)
    work = np.zeros(int(experiment.size(p, DATA)))
    experiment.start(p, DATA, work)
    experiment.advance(p, DATA, work)


def main():
    with ProcessPoolExecutor(2) as pool:
        tasks = {pool.submit(wasm.build, TABLE): "WebAssembly"}  # the longest one first
        tasks |= {pool.submit(compile_experiment, name): name for name in EXPERIMENTS}
        for task in as_completed(tasks):
            task.result()
            print(tasks[task], flush=True)


if __name__ == "__main__":
    main()
