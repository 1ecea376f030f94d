"""Rows are kept for ever: through a kill, through other writers, and while reports read them."""

import json
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest
import sqlalchemy as sql

from harness.ledger import Claim, Entry, Ledger, open_ledger
from harness.ledger.connecting import _unlocked

RECORD = {"name": "fusion", "question": "Which?", "space": "abc"}


def row(key, state="done", **figures):
    return {"key": key, "state": state, "reason": None, **figures}


def entry(key, candidate="sum", seed=0, **more):
    return Entry(
        key=key,
        cost_key=f"cost of {candidate}",
        latency_key=f"latency of {candidate}",
        candidate=candidate,
        factors={"fusion": candidate},
        seed=seed,
        **more,
    )


def test_what_was_put_in_comes_out_to_the_last_digit(ledger):
    iou = {"road": 1 / 3, "sky": None, "building": 0.1 + 0.2, "aerial": 5e-324}
    ledger.put_trial(row("k", iou=iou, history=[[1, 2.5, 0.05]], label="größer", matrix=[[2**60]]))
    found = ledger.trials(["k"])["k"]
    assert found == row("k", iou=iou, history=[[1, 2.5, 0.05]], label="größer", matrix=[[2**60]])
    assert list(found["iou"]) == list(iou), "classes stay in the order of the label map"


@pytest.mark.parametrize("state", ["failed", "done"])
def test_a_trial_that_is_done_is_never_overwritten(ledger, state):
    ledger.put_trial(row("k", miou=0.5))
    ledger.put_trial(row("k", state, miou=0.9))
    assert ledger.trials(["k"])["k"]["miou"] == 0.5


@pytest.mark.parametrize("state", ["failed", "done"])
def test_a_failed_trial_gives_way_to_a_later_run(ledger, state):
    ledger.put_trial(row("k", "failed", reason="no memory"))
    ledger.put_trial(row("k", state, reason="other"))
    assert ledger.trials(["k"])["k"] == {**row("k", state), "reason": "other"}


def test_any_number_of_keys_may_be_asked_for(ledger):
    keys = [f"key {number}" for number in range(1203)]
    for key in keys[::400]:
        ledger.put_trial(row(key))
        ledger.put_measurement(key, {"params": 1})
    assert sorted(ledger.trials(keys)) == sorted(keys[::400])
    assert set(ledger.measurements(iter(keys))) == set(keys[::400])
    assert ledger.states(keys) == dict.fromkeys(keys[::400], "done")
    assert ledger.trials([]) == {}


def test_a_measurement_may_be_taken_again(ledger):
    ledger.put_measurement("k", {"latency_ms": 2.0})
    ledger.put_measurement("k", {"latency_ms": 1.0})
    assert ledger.measurements(["k"]) == {"k": {"latency_ms": 1.0}}


def test_what_was_measured_together_is_kept_together_or_not_at_all(ledger):
    ledger.put_measurement("a", {"latency_ms": 1.0})
    with pytest.raises(TypeError, match="not JSON serializable"):
        ledger.put_measurements({"a": {"latency_ms": 2.0}, "b": {"latency_ms": object()}})
    assert ledger.measurements(["a", "b"]) == {"a": {"latency_ms": 1.0}}
    ledger.put_measurements({"a": {"latency_ms": 3.0}, "b": {"latency_ms": 4.0}})
    assert ledger.measurements(["a", "b"]) == {"a": {"latency_ms": 3.0}, "b": {"latency_ms": 4.0}}


def test_an_unknown_study_is_answered_with_the_nearest_name(ledger):
    with pytest.raises(KeyError, match=r"unknown study 'fusion'. Known: none"):
        ledger.study("fusion")
    ledger.put_study(RECORD, [])
    with pytest.raises(KeyError, match=r"unknown study 'fusoin'. Did you mean 'fusion'\?"):
        ledger.study("fusoin")


def test_a_plan_is_replaced_as_a_whole_and_keeps_its_order(ledger):
    first = [entry("b"), entry("a", "bga", baseline=True, answers={"lr": 0.1}), entry("c")]
    ledger.put_study(RECORD, first)
    ledger.put_study({**RECORD, "name": "other"}, [entry("z")])
    assert ledger.plan("fusion") == first
    assert [each["key"] for each in ledger.study("fusion")["plan"]] == ["b", "a", "c"]
    ledger.put_study({**RECORD, "question": "What?"}, [entry("d")])
    assert ledger.plan("fusion") == [entry("d")]
    assert ledger.study("fusion")["question"] == "What?"
    assert ledger.plan("other") == [entry("z")]
    assert list(ledger.studies()) == ["fusion", "other"]
    assert ledger.plan("never planned") == []


def test_a_plan_grows_at_its_end_if_its_last_entry_is_the_one_that_is_stored(ledger):
    plan = [entry("a"), entry("b", answers={"lr": 0.1}), entry("c"), entry("d")]
    assert not ledger.add_to_study(RECORD, plan[:2], after=0)
    assert not ledger.add_to_study(RECORD, plan, after=2), "nothing is stored yet"
    ledger.put_study(RECORD, plan[:2])
    assert ledger.add_to_study({**RECORD, "question": "What?"}, plan, after=2)
    assert (ledger.plan("fusion"), ledger.study("fusion")["question"]) == (plan, "What?")
    assert ledger.add_to_study(RECORD, plan, after=4)
    for mine, after in ((plan, 3), ([*plan[:3], entry("x"), entry("y")], 4), ([*plan, *plan], 5)):
        assert not ledger.add_to_study({**RECORD, "question": "No?"}, mine, after=after)
    assert (ledger.plan("fusion"), ledger.study("fusion")["question"]) == (plan, "Which?")


def test_rows_join_what_is_known_of_each_planned_trial(ledger):
    plan = [
        entry("1", "sum"),
        entry("2", "bga", rejected="over budget: gmacs 2 > 1"),
        entry("3", "ffm", parts={"fusion": "ffm"}),
        entry("4", "concat"),
    ]
    ledger.put_study(RECORD, plan)
    for each in plan:
        ledger.put_measurement(each.cost_key, {"gmacs": len(each.candidate)})
    ledger.put_measurement("latency of sum", {"latency_ms": 7.0})
    ledger.put_trial({**row("1", miou=0.5), "seed": 99})
    ledger.put_trial(row("2", miou=0.6))
    ledger.put_trial(row("3", "failed", reason="no"))
    done, rejected, failed = ledger.rows("fusion")
    figures = {"gmacs": 3, "latency_ms": 7.0}
    assert done == {**figures, **row("1", miou=0.5), "candidate": "sum", "seed": 0}
    assert (rejected["state"], rejected["reason"]) == ("rejected", "over budget: gmacs 2 > 1")
    assert "miou" not in rejected
    assert (failed["state"], failed["reason"], failed["fusion"]) == ("failed", "no", "ffm")


def test_two_studies_share_the_answer_to_the_same_question(ledger):
    ledger.put_study(RECORD, [entry("k", "sum")])
    ledger.put_study({**RECORD, "name": "other"}, [entry("k", "plain sum", seed=0)])
    ledger.put_trial(row("k", miou=0.5))
    (one,), (other,) = ledger.rows("fusion"), ledger.rows("other")
    assert (one["candidate"], other["candidate"]) == ("sum", "plain sum")
    assert one["miou"] == other["miou"] == 0.5


WRITER = """
    import sys, time
    from pathlib import Path
    from harness.ledger import Ledger
    folder, where, name = Path(sys.argv[1]), *sys.argv[2:]
    Path(folder, name).touch()
    while len(list(folder.glob("writer*"))) < 4:
        time.sleep(0.001)
    ledger = Ledger(where)
    for number in range(25):
        state = "done" if name == "writer 0" else "failed"
        ledger.put_trial({"key": f"shared {number}", "state": state, "by": name})
        ledger.put_trial({"key": f"{name} {number}", "state": state, "by": name})
        ledger.put_measurement("cost", {"by": name})
        ledger.put_study({"name": "fusion", "by": name}, [])
"""


def test_several_processes_may_make_and_write_a_ledger_at_once(tmp_path, where):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path), where]
    writers = [subprocess.Popen([*command, f"writer {number}"]) for number in range(4)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]
    ledger = Ledger(where)
    own = [f"writer {number} {each}" for number in range(4) for each in range(25)]
    assert set(ledger.trials(own)) == set(own)
    shared = ledger.trials(f"shared {number}" for number in range(25))
    assert [each["by"] for each in shared.values()] == ["writer 0"] * 25


ENDLESS = """
    import itertools, sys
    from harness.ledger import Ledger
    ledger = Ledger(sys.argv[1])
    for number in itertools.count():
        ledger.put_trial({"key": str(number), "state": "done", "text": "x" * 10_000})
        print(number, flush=True)
"""


def test_a_kill_costs_no_row_that_was_put_in(where):
    command = [sys.executable, "-c", textwrap.dedent(ENDLESS), where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        last = next(line for line in writer.stdout if line.strip() == "40")
        writer.send_signal(signal.SIGKILL)
        last = max(int(each) for each in [last, *writer.stdout])
    keys = [str(number) for number in range(last + 1)]
    assert sorted(Ledger(where).trials(keys)) == sorted(keys)
    if "://" in where:
        return
    with sqlite3.connect(where) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_report_reads_while_a_run_writes(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.put_study(RECORD, [entry("1"), entry("2", seed=1)])
    ledger.put_trial(row("1", miou=0.5))
    writing = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    writing.execute("BEGIN IMMEDIATE")
    text = json.dumps(row("2", miou=0.6))
    writing.execute("INSERT INTO trials VALUES ('2', 'done', ?)", [text])
    assert [each["miou"] for each in Ledger(tmp_path / "ledger.db").rows("fusion")] == [0.5]
    writing.execute("COMMIT")
    writing.close()
    assert [each["miou"] for each in ledger.rows("fusion")] == [0.5, 0.6]


def test_a_plan_and_its_study_are_replaced_together_or_not_at_all(ledger):
    ledger.put_study(RECORD, [entry("1")])

    @sql.event.listens_for(ledger._database.engine, "before_cursor_execute")
    def crash(connection, cursor, statement, *_):
        if statement.startswith("INSERT INTO plans"):
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        ledger.put_study({**RECORD, "space": "new"}, [entry("2")])
    assert ledger.study("fusion")["space"] == "abc"
    assert ledger.plan("fusion") == [entry("1")]


def test_a_name_that_is_too_long_is_refused_on_every_database(ledger):
    ledger.put_study({**RECORD, "name": "é" * 200}, [entry("1")])
    assert ledger.plan("é" * 200) == [entry("1")]
    with pytest.raises(ValueError, match="a study's name has at most 200 characters, not 201"):
        ledger.put_study({**RECORD, "name": "é" * 201}, [])


def test_what_postgresql_needs_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match=r'needs psycopg; .* pip install "twopath\[postgres\]"'):
        Ledger("postgresql://me:secret@127.0.0.1:1/db")


def test_a_folder_without_a_ledger_is_said_to_have_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no ledger at .*ledger.db; run a study first"):
        open_ledger(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no ledger at .*mine.db"):
        open_ledger(tmp_path, str(tmp_path / "mine.db"))
    assert list(tmp_path.iterdir()) == []
    open_ledger(tmp_path / "runs", make=True).put_trial(row("k"))
    assert open_ledger(tmp_path / "runs").trials(["k"]) == {"k": row("k")}


def test_a_ledger_may_lie_at_a_url_or_at_an_odd_path(tmp_path):
    odd = tmp_path / "what? #1 100%"
    Ledger(odd / "ledger.db").put_trial(row("k"))
    assert (odd / "ledger.db").is_file()
    Ledger(f"sqlite:///{tmp_path}/new/one.db").put_trial(row("k"))
    assert open_ledger(tmp_path, f"sqlite:///{tmp_path}/new/one.db").trials(["k"])


def test_what_is_no_ledger_is_refused_in_one_line_without_its_password(tmp_path):
    (tmp_path / "text.db").write_text("this is a text and no data base\n" * 99)
    wrong = {
        str(tmp_path / "text.db"): "file is not a database",
        str(tmp_path): "unable to open database file",
        "nosuch://me:secret@host/rows": r"nosuch://me:\*\*\*@host/rows: Can't load plugin",
        "://": "Could not parse",
    }
    for where, reason in wrong.items():
        with pytest.raises(ValueError, match=f"cannot open the ledger .*{reason}") as caught:
            Ledger(where)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)


class Busy:
    """A connection that others keep locked for some calls."""

    def __init__(self, calls, message="database is locked"):
        self.calls, self.message = calls, message

    def execute(self, statement):
        self.calls -= 1
        if self.calls >= 0:
            raise sqlite3.OperationalError(self.message)


def test_a_file_that_is_locked_while_it_is_opened_is_waited_for():
    busy = Busy(3)
    _unlocked(busy, "PRAGMA journal_mode=WAL")
    assert busy.calls == -1
    with pytest.raises(sqlite3.OperationalError, match="disk I/O"):
        _unlocked(Busy(3, "disk I/O error"), "PRAGMA journal_mode=WAL")


def test_a_row_waits_for_the_disk_and_a_claim_does_not(tmp_path):
    ledger = Ledger(tmp_path / "l.db")
    said = []

    @sql.event.listens_for(ledger._database.engine, "before_cursor_execute")
    def _note(connection, cursor, statement, *_):
        if statement.split()[0] in ("PRAGMA", "UPDATE", "INSERT"):
            said.append(statement.split()[0 if statement[0] != "P" else 1])

    ledger.claim(Claim(key="a", owner="me", attempt=1))
    assert said == ["synchronous=NORMAL", "INSERT"]
    said.clear()
    ledger.put_trial(row("a"), attempt=1)
    assert said == ["synchronous=FULL", "UPDATE", "INSERT"]
    assert ledger._database.write(_synchronous) == 2 > ledger._database.note(_synchronous)


def _synchronous(connection):
    return connection.exec_driver_sql("PRAGMA synchronous").scalar()
