"""Compile what the explorers run, natively and to WebAssembly at once, into the caches: for images and for `make fast`.

Where it is compiled already this takes seconds. Tests in two processes would else both compile what both need.
"""

from threading import Thread

import numpy as np

from lib.compiler import wasm
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.exports import TABLE

# For experiments that a chapter gives data, such as a spectrum; the others look at none.
DATA = 1.0 / np.arange(1.0, 129.0)


def main():
    module = Thread(target=wasm.build, args=(TABLE,))  # in a process of its own
    module.start()
    for experiment in EXPERIMENTS.values():
        values = np.array([control.default for control in experiment.controls])
        work = np.empty(int(experiment.size(values, DATA)))
        if experiment.start(values, DATA, work) >= 0.0:
            experiment.advance(values, DATA, work)
    module.join()


if __name__ == "__main__":
    main()
