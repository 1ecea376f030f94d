"""What is said of a warning: one line for ours, all of it for a library's."""

import warnings
from pathlib import Path

import harness
from harness.mistakes import warn_plainly


def test_a_warning_of_ours_is_one_line_and_a_librarys_is_whole(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    usual = warnings.formatwarning("text", RuntimeWarning, "/library.py", 7)
    warn_plainly()
    warn_plainly()
    ours = str(Path(harness.__file__).parent / "trial.py")
    assert warnings.formatwarning("text", RuntimeWarning, ours, 7) == "twopath: text\n"
    assert warnings.formatwarning("text", RuntimeWarning, "/library.py", 7) == usual
