"""Training side of tinymlp: corpus, recipe, export, inference and metrics."""
import os

# Sums split over threads depend on how many there are, and products this small only lose by it.
# BLAS reads these when NumPy loads it, so import this package before numpy.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
