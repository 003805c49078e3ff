"""Numba functions on float64 arrays, one module for each subject: no validation, no allocation inside loops."""
