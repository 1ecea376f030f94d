"""Tests run torch on one thread: on a busy machine two threads mostly wait for each other."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
