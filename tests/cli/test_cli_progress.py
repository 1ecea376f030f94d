"""The displays of a running study: lines for a log, and a live table of any width."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from harness import progress
from harness.ledger import Entry
from harness.progress import Live, Plain, Silent, clock, counted, fitted, progress_for
from harness.trial import Event


def entry(key="a", candidate="bga", seed=0, rejected=None, **factors):
    return Entry(
        key=key,
        cost_key="",
        latency_key="",
        candidate=candidate,
        factors=factors,
        seed=seed,
        rejected=rejected,
    )


def event(key="a", state="training", step=25, loss=1.25, seconds=50.0):
    return Event(key=key, state=state, step=step, steps=100, loss=loss, seconds=seconds)


DONE = {"state": "done", "miou": 0.4321, "train_s": 75.2}
FAILED = {"state": "failed", "reason": "ValueError: no"}


@pytest.fixture
def live(monkeypatch):
    """A live display of some width; gives it and what its lines are at the moment."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    opened = []

    def make(width):
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, width=width, color_system=None)
        display = Live(console)
        opened.append(display)

        def lines():
            shown = Console(file=io.StringIO(), width=width)
            with shown.capture() as captured:
                shown.print(display._progress.get_renderable())
            return [line.rstrip() for line in captured.get().splitlines()]

        return display, lines, now

    yield make
    for display in opened:
        display.close()


@pytest.mark.parametrize("width", [80, 120])
def test_a_running_trial_has_state_step_loss_and_time_left(live, width):
    display, lines, now = live(width)
    entries = [entry("a"), entry("b", seed=1), entry("c", rejected="over budget")]
    display.planned(entries, cached=0)
    display.started(entries[0])
    assert "loading" in lines()[1]
    now[0] = 60.0
    display.event(event())
    overall, running = lines()
    assert all(each in running for each in ("bga seed 0", "training", "25/100", "loss 1.250"))
    assert running.endswith("2:30 left")
    # A quarter of one of two trials took a minute.
    assert overall.startswith("all trials") and overall.endswith("7:00 left") and "0/2" in overall
    display.event(event(state="scoring", step=100, seconds=0.0))
    assert "scoring" in lines()[1] and "left" not in lines()[1]


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_folded_however_long_the_names_are(live, width):
    display, lines, now = live(width)
    factors = {"detail.width": "16", "fusion": "a_fusion_of_long_name(width=128)", "lr": "0.0123"}
    entries = [entry(key, "x" * 200, seed, **factors) for seed, key in enumerate("ab")]
    display.planned(entries, cached=0)
    for each in entries:
        display.started(each)
        now[0] += 5000.0
        display.event(
            Event(key=each.key, state="training", step=12345, steps=99999, loss=10.5, seconds=1e4)
        )
    shown = lines()
    assert len(shown) == 3 and max(map(len, shown)) <= width
    assert all("seed" in line and line.endswith("left") for line in shown[1:])
    assert not any("…" in line.partition("seed")[2] for line in shown)


def test_what_ended_leaves_a_line_and_the_best_is_kept(live):
    display, lines, now = live(80)
    entries = [entry(key, seed=seed) for seed, key in enumerate("abc")]
    display.planned(entries, cached=1)
    for each in entries[1:]:
        display.started(each)
    now[0] = 30.0
    display.finished(entries[1], DONE)
    overall, running = lines()
    assert "2/3" in overall and "best mIoU 43.2 %" in overall and overall.endswith("0:30 left")
    assert "bga seed 2" in running
    display.finished(entries[2], FAILED)
    assert len(lines()) == 1 and "3/3" in lines()[0] and "left" not in lines()[0]
    display.close()
    said = display._progress.console.file.getvalue()
    assert "2 trials to run, 1 in the ledger" in said
    assert "done   bga seed 1  mIoU 43.2 %  took 1:15" in said
    assert "failed bga seed 2: ValueError: no" in said


def test_a_phase_is_named(live):
    display, lines, _ = live(80)
    assert lines()[0].startswith("planning")
    display.phase("timing 4 candidates together")
    assert lines()[0].startswith("timing 4 candidates together")


def test_a_trial_that_never_started_may_end(live):
    display, lines, _ = live(80)
    display.planned([entry()], cached=0)
    display.finished(entry(), FAILED)
    assert "1/1" in lines()[0]


def test_a_log_gets_a_line_for_each_thing_that_happened(capsys):
    plain = Plain()
    plain.phase("counting")
    plain.planned([entry("a"), entry("b", seed=1), entry("c", "big", rejected="too big")], cached=1)
    plain.started(entry("b", seed=1))
    plain.event(replace(event("b"), state="resumed"))
    plain.event(event("b"))
    plain.finished(entry("b", seed=1), DONE)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "counting",
        "rejected big: too big",
        "1 trial to run, 1 in the ledger",
        "start  bga seed 1",
        f"resume bga seed 1 goes on after step {event('b').step} of {event('b').steps}",
        "done   bga seed 1  mIoU 43.2 %  took 1:15  [2/2]",
    ]


def test_what_is_shown_depends_on_where_it_goes(monkeypatch, capsys):
    assert isinstance(progress_for(quiet=True), Silent)
    assert isinstance(progress_for(quiet=False), Plain)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress_for(quiet=False), Plain)
    monkeypatch.setenv("TERM", "xterm")
    display = progress_for(quiet=False)
    display.close()
    assert isinstance(display, Live)


def test_silence_is_kept(capsys):
    silent = Silent()
    silent.phase("x")
    silent.planned([entry()], 0)
    silent.started(entry())
    silent.event(event())
    silent.finished(entry(), DONE)
    silent.close()
    with counted("x", quiet=True) as report:
        report(1, 2)
    assert capsys.readouterr() == ("", "")


def test_names_are_cut_at_their_beginning():
    each = entry(candidate="detail=wide, fusion=sum", detail="wide", fusion="sum")
    assert fitted(each, 40) == "wide, sum seed 0"
    assert fitted(each, 11) == "…sum seed 0"
    assert fitted(entry(candidate="baseline"), 40) == "baseline seed 0"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3600, "1:00:00")]
)
def test_durations(seconds, said):
    assert clock(seconds) == said
