"""What is said of a warning and of an error: one line, of a library's warning all of it."""

import warnings
from pathlib import Path

import harness
from harness.mistakes import first_line, one_line, warn_plainly


def test_a_warning_of_ours_is_one_line_and_a_librarys_is_whole(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    usual = warnings.formatwarning("text", RuntimeWarning, "/library.py", 7)
    warn_plainly()
    warn_plainly()
    ours = str(Path(harness.__file__).parent / "trial.py")
    assert warnings.formatwarning("text", RuntimeWarning, ours, 7) == "twopath: text\n"
    assert warnings.formatwarning("text", RuntimeWarning, "/library.py", 7) == usual


def test_of_pages_of_advice_the_first_line_of_the_cause_is_kept():
    error = RuntimeError("\x1b[96mstep 1/3\x1b[0m\n\nsee https://example.org")
    assert one_line(error) == "step 1/3 see https://example.org"
    error.__cause__ = ValueError("\n\x1b[31mno way\x1b[0m\nread more")
    assert first_line(error) == "ValueError: no way"
