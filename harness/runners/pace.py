"""How much Tune is given at once, so that a driver keeps up with many workers and trials.

The figures behind it are in docs/scaling.md.
"""

REPORT_EVERY_S = 0.5
"""Tune holds a trial up until its report is read, so steps are reported only this often."""

REPORTS_A_S = 20
"""Of all workers together: the driver also has to start and end trials."""

A_TUNER = 1000
"""How many jobs one Tuner is given: it keeps all that it ever had, and looks at them."""

A_WORKER = 50
"""How many jobs of one Tuner a worker has at least, since at its end all wait for the last."""


def report_every_s(workers: int) -> float:
    """How often one of some workers says how it fares, so that the driver can hear all of them."""
    return max(REPORT_EVERY_S, workers / REPORTS_A_S)


def jobs_a_tuner(workers: int) -> int:
    """How many jobs some workers get from one Tuner before the next."""
    return max(A_TUNER, A_WORKER * workers)
