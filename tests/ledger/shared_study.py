"""Four trials of slow steps, for drivers that share them; a short lease where it is asked for."""

import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "harness"))
from slow_study import study as slow

from harness import drivers, sharing

sharing.LOOK_S = 0.2
if "TWOPATH_TEST_LEASE_S" in os.environ:
    drivers.LEASE_S = float(os.environ["TWOPATH_TEST_LEASE_S"])
    drivers.BEAT_S = drivers.LEASE_S / 20

study = replace(slow, name="shared", seeds=(0, 1, 2, 3))
