"""What is done in a copy of the process comes out as if it had been done here."""

import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from made_up import failed, row, study_of

from harness.ledger import Rows
from reports import rows as module
from reports.rows import trials_between, trials_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux alone")


def alone(code):
    """What a process of its own prints: this one has threads of the test runner."""
    run = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@linux
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU alone")
def test_a_copy_does_the_work_and_says_nothing():
    found = alone("""
        import os
        from reports.beside import beside
        result = beside(lambda: (os.getpid(), print("not this"), {"a": [1.5, None]}))
        pid, _, value = result()
        print(pid == os.getpid(), value)
    """)
    assert found == ["False", "{'a':", "[1.5,", "None]}"]


@linux
def test_an_error_is_raised_where_the_result_is_asked_for():
    found = alone("""
        from reports.beside import beside
        asked = beside(lambda: 1 / 0)
        print("begun")
        try:
            asked()
        except ZeroDivisionError as error:
            print(type(error).__name__)
    """)
    assert found == ["begun", "ZeroDivisionError"]


@linux
def test_what_a_killed_copy_leaves_is_done_here():
    found = alone("""
        import os, signal
        from reports.beside import beside
        here = os.getpid()

        def work():
            if os.getpid() != here:
                os.kill(os.getpid(), signal.SIGKILL)
            return "done"

        print(beside(work)())
    """)
    assert found == ["done"]


@linux
def test_a_result_that_cannot_be_sent_is_made_here():
    found = alone("""
        from reports.beside import beside
        print(beside(lambda: (lambda: "made"))()())
    """)
    assert found == ["made"]


@linux
def test_objects_that_both_processes_have_are_not_sent():
    found = alone("""
        from reports.beside import beside
        both = [["a"], ["b"]]
        first, other = beside(lambda: (both[1], ["b"]), both)()
        print(first is both[1], other == both[1], other is both[1])
    """)
    assert found == ["True", "True", "False"]


@linux
def test_a_report_made_with_copies_is_that_made_without(tmp_path):
    found = alone(f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from made_up import failed, noisy, rejected, study_of
        import reports.beside, reports.front, reports.report
        reports.front.MANY = reports.report.LARGE = 1  # as if it were very large
        copies, copied = [], reports.beside._copied
        reports.beside._copied = lambda *given: copies.append(1) or copied(*given)

        rows = noisy({{"a": 0.5, "b": 0.4, "c": 0.45}}, seeds=3, a=8, b=10)
        rows += [failed("a", 3), rejected("d")]
        for name in ("with", "without"):
            reports.report.write(study_of(rows), rows, Path({str(tmp_path)!r}, name))
            reports.beside.can_be_beside = lambda: False
        print(len(copies))
    """)
    names = {each.name for each in (tmp_path / "with").iterdir()}
    assert names == {each.name for each in (tmp_path / "without").iterdir()}
    for name in names:
        written = (tmp_path / kind / name for kind in ("with", "without"))
        assert len({each.read_bytes() for each in written}) == 1, name
    # The table of trials, the fronts on two costs, the charts, and the tables.
    assert found == ["4" if len(os.sched_getaffinity(0)) > 1 else "0"]


@linux
def test_no_process_is_left():
    found = alone("""
        import os
        from reports.beside import beside
        beside(lambda: list(range(100_000)))()
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("none")
    """)
    assert found == ["none"]


@linux
def test_no_copy_is_made_beside_threads_or_torch():
    found = alone("""
        import sys, threading
        from reports.beside import can_be_beside
        print(can_be_beside())
        sys.modules["torch"] = sys
        print(can_be_beside())
        del sys.modules["torch"]
        end = threading.Event()
        threading.Thread(target=end.wait).start()
        print(can_be_beside())
        end.set()
    """)
    assert found[1:] == ["False", "False"]
    assert found[0] == str(len(os.sched_getaffinity(0)) > 1)


ROWS = [row("a"), row("b", 1, odd=3), failed("c"), row("d", 2), row("e", 1, other="text")]


def test_a_plan_read_in_halves_gives_the_same_table(monkeypatch):
    late = [*ROWS, row("late")]
    study = study_of(late)
    by_key = {each["key"]: each for each in ROWS}
    asked = []

    def between(start, stop):
        asked.append((start, stop))
        plan = study["plan"][start:stop]
        here = [place for place, entry in enumerate(plan) if entry["key"] in by_key]
        nothing = [{}] * len(here)
        own = [by_key[plan[place]["key"]] for place in here]
        return plan, [Rows(here, nothing, nothing, nothing, own)]

    monkeypatch.setattr(module, "LARGE", 2)
    found = trials_between("fusion", len(late), between, lambda: None)
    assert found.columns == trials_of(study, ROWS).columns
    assert sorted(asked) == [(0, 3), (3, 6)]


def test_a_half_without_a_row_is_no_error_and_two_are(monkeypatch):
    monkeypatch.setattr(module, "LARGE", 2)
    plan = study_of([row("late"), row("a")])["plan"]

    def between(start, stop):
        nothing = [{}] * start
        return plan[start:stop], [Rows([0][:start], nothing, nothing, nothing, [row("a")][:start])]

    found = trials_between("fusion", 2, between, lambda: None)
    assert found.column("state") == ["pending", "done"]
    with pytest.raises(ValueError, match="'fusion' has no rows yet"):
        trials_between("fusion", 2, lambda start, stop: (plan[start:stop], []), lambda: None)


def test_a_table_sent_to_another_process_is_the_same():
    trials = trials_of(study_of(ROWS), ROWS)
    some = trials.only([0, 2])
    assert pickle.loads(pickle.dumps(trials)).columns == trials.columns
    assert pickle.loads(pickle.dumps(some)).columns == some.columns
