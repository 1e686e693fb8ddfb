"""What providers serve and how clients judge it: generative models behind one small interface."""

import os

# The matrices are small and processes many: more threads of OpenBLAS would wait for each other.
# It looks once, when numpy is first imported, which nothing before this package does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
