"""Compile what the explorers run, into numba's caches beside the library: for images and for the first lesson."""

import time

from lib.widgets import explore
from lib.widgets.experiments import EXPERIMENTS

# For experiments that a chapter gives data, such as a spectrum; the others look at none.
DATA = [1.0 / rank for rank in range(1, 129)]


def main():
    for name in EXPERIMENTS:
        began = time.perf_counter()
        explore(name, data=DATA)._repr_mimebundle_()
        print(f"{name}: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
