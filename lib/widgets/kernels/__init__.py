"""Kernels that only the explorers call: times, ensembles of runs in slices, the spectrum of a reader's table."""
