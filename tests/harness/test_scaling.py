"""What a trial costs the driver does not grow with their number: counted in work, never in time."""

import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sql
from tiny import ALONE, run, session, tiny

import harness
from harness import Budget, Part, Search, choice
from harness.ledger import Ledger
from harness.runners.local import InProcess

ROOT = str(Path(harness.__file__).parent)
HOLLOW = str(Path(__file__).parent.parent / "bench" / "hollow.py")
WIDE = replace(
    ALONE,
    detail=Part("detail_branch", width=choice(*range(4, 84))),
    head=Part("seg", width=choice(*range(4, 84))),
)
SIZES = (30, 60, 120)


class MadeUp(InProcess):
    """Times candidates at once."""

    def call(self, function, *arguments):
        if function.__name__ != "latencies_of":
            return super().call(function, *arguments)
        rows = {key: {"latency_ms": 1.0} for key in arguments[0].given}
        return SimpleNamespace(receipts=(), rows=rows)


@pytest.fixture(autouse=True)
def nothing_is_trained(monkeypatch):
    monkeypatch.setattr("harness.trial._completed", None)  # the plugin's, until the test ends
    monkeypatch.setattr("harness.figures.cost_of", lambda *_: {"gmacs": 1.0, "params": 1.0})


class Work:
    """Counts, in one thread: steps of our own code, statements, and rows that they move."""

    def __init__(self, ledger):
        self.counts, self.thread = Counter(), threading.get_ident()
        engine = ledger._database.engine
        sql.event.listen(engine, "before_cursor_execute", self.statement)
        sql.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        engine.dispose()

    def statement(self, connection, cursor, statement, parameters, context, executemany):
        if threading.get_ident() == self.thread:
            self.counts["statements"] += 1
            self.counts["rows"] += len(parameters) if executemany else 1

    def frame(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(ROOT):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self.step

    def step(self, frame, event, argument):
        self.counts["steps"] += event == "opcode"
        return self.step

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self.frame)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)


def work_of(study, folder):
    ran = session(study, folder, runner=MadeUp(), plugins=(HOLLOW,), workers=4)
    with Work(ran.ledger) as work:
        did = ran.run()
    return work.counts, did


def counts_of(make, folder):
    """The work of studies of three sizes, after one that fills what is remembered."""
    work_of(make(3), folder / "first")
    counted = []
    for number in SIZES:
        counts, did = work_of(make(number), folder / str(number))
        assert did.trained == number
        counted.append(counts)
    return counted


def assert_steady(counted):
    """A trial more costs the same at twice the number; a scan of all would double its part."""
    for what in ("statements", "rows", "steps"):
        few, more, most = (each[what] for each in counted)
        first, second = (more - few) / (SIZES[1] - SIZES[0]), (most - more) / (SIZES[2] - SIZES[1])
        assert second <= 1.08 * first, f"{what} a trial: {first:.1f}, then {second:.1f}"


def test_a_trial_of_a_study_costs_the_same_whatever_their_number(tmp_path):
    assert_steady(counts_of(lambda number: tiny(seeds=tuple(range(number))), tmp_path))


def test_a_candidate_of_a_search_costs_the_same_whatever_their_number(tmp_path):
    hunt = tiny(space=WIDE, objectives={"miou": "max", "gmacs": "min"}, budget=Budget(gmacs=2.0))

    def make(number):
        first = ({"head.seg.width": 5},)
        return replace(hunt, search=Search(trials=number, sampler="random", enqueue=first))

    assert_steady(counts_of(make, tmp_path))


def test_a_trial_that_is_known_costs_the_same_whatever_their_number(tmp_path):
    studies = [tiny(seeds=tuple(range(number))) for number in SIZES]
    run(studies[-1], tmp_path, runner=MadeUp(), plugins=(HOLLOW,))
    counted = [work_of(study, tmp_path) for study in studies]
    assert [did.cached for _, did in counted] == list(SIZES)
    assert_steady([counts for counts, _ in counted])


def test_a_plan_that_grows_is_not_written_again(tmp_path, monkeypatch):
    whole = []
    put = Ledger.put_study
    monkeypatch.setattr(Ledger, "put_study", lambda *a: (whole.append(len(a[2])), put(*a)))
    study = tiny(space=WIDE, search=Search(trials=20, sampler="random"))
    _, did = work_of(study, tmp_path)
    assert did.planned == 20
    assert whole == [4, 20], "the first group, and the whole at the end"
    assert len(session(study, tmp_path).ledger.plan("tiny")) == 20


def test_a_trial_looks_through_no_packages(tmp_path, monkeypatch):
    """What is installed is asked for once in a process; it took longer than all the rest."""
    run(tiny(), tmp_path / "first", runner=MadeUp(), plugins=(HOLLOW,))
    asked = []
    for where in ("harness.plugins.entry_points", "harness.trial.version"):
        monkeypatch.setattr(where, lambda *a, **k: asked.append((a, k)))
    run(tiny(seeds=(0, 1, 2)), tmp_path / "second", runner=MadeUp(), plugins=(HOLLOW,))
    assert asked == []
