"""Benchmarks, run by hand: every figure is a ratio against a named peer measured in the same run, on one core.

Here belongs measuring. Tests never assert time; what is too slow shows here.
"""

import os

# one core means one thread: BLAS threads that wait by spinning would be counted against whoever runs next
for _library in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
