"""Latencies of several sessions: which may be compared on a busy machine, and what is said."""

import csv
import io
import re

import pytest
from made_up import noisy, row, study_of, timed
from scipy import stats

from harness.measure.across import referred
from reports.answer import answer
from reports.columns import MISSING
from reports.front import fronts
from reports.front_table import front_lines, front_table
from reports.notes import notes
from reports.pareto_chart import pareto_chart
from reports.ranks import ranks
from reports.report import write
from reports.rows import frame
from reports.tables import candidates_csv, candidates_table
from reports.verdict import judge

MEANS = {"a": 0.30, "b": 0.35, "c": 0.40, "d": 0.38}
MS = {"a": 8.0, "b": 10.0, "c": 12.0, "d": 4.0}


def rows_of(second=("d",), busy=("a", "b", "c", "d"), seeds=3):
    """Candidates of two sessions, of which some met others' work."""
    return [
        {
            **each,
            "latency_session": "two" if each["candidate"] in second else "one",
            "latency_contended": each["candidate"] in busy,
        }
        for each in noisy(MEANS, seeds=seeds, **MS)
    ]


def tied(rows, first="a"):
    """The same rows, whose sessions both had the first candidate, which took twice as long first.

    So d, which took half as long as that in milliseconds, took as long as it.
    """
    known = {each["candidate"]: each for each in rows}
    twice = [round(ns / 2) for ns in known[first]["latency_rounds_ns"]]
    again = {**known[first], "latency_session": "two", "latency_rounds_ns": twice}
    found = []
    for each in rows:
        one = known[first] if each["latency_session"] == "one" else again
        found.append(referred({"own": each, first: one}, first, "a network")["own"])
    return found


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return study, judge(study, frame(study, rows))


def standing(verdict):
    return {each.candidate.name: each for each in verdict.standings}


def test_on_a_busy_machine_another_session_is_apart_by_latency_and_nowhere_else():
    study, verdict = judged(rows_of())
    other = standing(verdict)["d"]
    assert other.status == "apart" and not other.competes
    assert other.words == "not compared: timed in another session than a, on a busy machine"
    assert [standing(verdict)[name].status for name in "abc"] == ["front"] * 3
    found = fronts(study, verdict)
    latency, gmacs, params = ({e.candidate.name: e for e in each.standings} for each in found)
    assert not latency["d"].competes and gmacs["d"].competes and params["d"].competes
    assert "d" not in found[0].chance and "d" in found[1].chance
    cells = {line.cells[0]: line.cells[1:] for line in front_table(verdict, found).lines}
    assert cells["d"][0] == "not compared" and cells["d"][1].startswith("dominated by c")
    assert "d (" not in front_lines(verdict, found)[0]


def test_no_sentence_has_a_ratio_that_does_not_exist():
    study, verdict = judged(rows_of())
    text = answer(verdict)
    assert "a has the lowest latency (b takes 1.2" in text
    assert f"{MISSING} times" not in text and re.findall(r"\b\w\b", text).count("d") == 1
    assert text.endswith("; d is not compared."), "nor is it without a word, as it scores higher"
    (line,) = [e for e in candidates_table(verdict).lines if e.cells[0] == "d"]
    assert line.cells[2] == MISSING and line.cells[-1].startswith("not compared: timed in another")
    assert MISSING not in " ".join(front_lines(verdict, fronts(study, verdict)))
    lines = csv.DictReader(io.StringIO(candidates_csv(verdict)))
    assert {each["candidate"]: each["latency_ms"] for each in lines}["d"] == ""


def test_what_is_apart_is_not_drawn_by_latency_and_the_chart_says_why():
    _, verdict = judged(rows_of())
    chart = pareto_chart(verdict)
    assert [mark.name for mark in chart.marks] == ["a", "b", "c"]
    assert "compared by latency: d (timed in another session than a, on a busy" in chart.caption
    assert "Not drawn" not in chart.caption
    _, verdict = judged(rows_of(), objectives={"miou": "max", "gmacs": "min"})
    chart = pareto_chart(verdict)
    assert len(chart.marks) == 4 and "latency" not in chart.caption


def test_notes_and_the_terminal_say_who_is_apart(tmp_path):
    study, verdict = judged(rows_of())
    told = "Not compared by latency: d (timed in another session than a, on a busy machine)."
    text = " ".join(notes(verdict))
    assert told in text
    assert "machine. The others met that work alike, so ratios hold" in text
    assert "rounds in which all candidates of its session took turns" in text
    assert "a network" not in text and "One network" not in text
    report = write(study, rows_of(), tmp_path)
    assert told in report.troubles


@pytest.mark.parametrize(("busy", "apart"), [("d", "d"), ("abc", "d"), ("", "")])
def test_milliseconds_of_a_quiet_session_hold(busy, apart):
    study, verdict = judged(rows_of(busy=tuple(busy)))
    assert [e.candidate.name for e in verdict.standings if e.status == "apart"] == list(apart)
    heading = candidates_table(verdict).headings[2]
    assert heading == ("latency (times a's)" if "a" in busy else "latency (ms)")
    text = " ".join(
        [answer(verdict), *notes(verdict), *front_lines(verdict, fronts(study, verdict))]
    )
    assert ("ratios to a's instead" in text) == ("a" in busy)
    assert (" ms" in text) == ("a" not in busy)
    assert ("Not compared by latency" in text) == bool(apart)


def test_the_baseline_is_what_sessions_are_held_against():
    _, verdict = judged(rows_of(), baseline="d")
    assert [e.candidate.name for e in verdict.standings if e.status == "apart"] == list("abc")
    assert answer(verdict).startswith("Only d can be judged (")
    assert "of the others: 3 timed in another session" in answer(verdict)
    assert "Not compared by latency: a, b and c (timed" in " ".join(notes(verdict))


def test_sessions_that_share_a_network_are_compared_over_it():
    study, verdict = judged(tied(rows_of()))
    by = standing(verdict)
    assert by["d"].candidate.mean("latency_ms") == pytest.approx(8.0, rel=0.02), "not 4 ms"
    assert [by[name].status for name in "abcd"] == ["dominated", "dominated", "front", "front"]
    (line,) = [e for e in candidates_table(verdict).lines if e.cells[0] == "d"]
    assert re.fullmatch(r"(0\.99|1\.0\d) \[(0\.9\d|1\.00).(1\.\d\d)\]", line.cells[2])
    text = " ".join(notes(verdict))
    assert "alike, and one network took turns in each, so ratios hold" in text
    assert "Latency was timed in 2 sessions" in text and "by their ratios to it" in text
    assert "Not compared" not in text
    assert {mark.name for mark in pareto_chart(verdict).marks} == set("abcd")
    assert "d" in fronts(study, verdict)[0].chance


def test_a_quiet_session_and_a_busy_one_that_share_a_network_are_compared_by_ratios():
    _, verdict = judged(tied(rows_of(busy=("d",))))
    assert standing(verdict)["d"].competes
    assert candidates_table(verdict).headings[2] == "latency (times a's)"
    assert not any(line.cells[2] == MISSING for line in candidates_table(verdict).lines)
    assert "beside other work on the machine: d." in " ".join(notes(verdict))


def test_rank_correlations_are_those_of_ratios():
    cpu = {"a": 8.0, "b": 9.0, "c": 10.0, "d": 11.0, "e": 1.0}
    wall = {"a": 8.0, "b": 7.0, "c": 6.0, "d": 5.0, "e": 1.0}
    busy = {"latency_contended": True, "latency_ratio_by": "cpu"}
    rows = [
        row(name, gmacs=0.1 * ms, **busy)
        | {"latency_ms": wall[name], "latency_rounds_cpu_ns": timed(ms)["latency_rounds_ns"]}
        for name, ms in cpu.items()
    ]
    rows[-1] |= {"latency_session": "two", "gmacs": 9.0}
    _, verdict = judged(rows)
    (found,) = [each for each in ranks(verdict) if each.key == "gmacs"]
    assert (found.num, found.tau) == (4, 1), "of one session, by the clock of its ratios"
    quiet = [{**each, "latency_contended": False} for each in rows]
    (found,) = [each for each in ranks(judged(quiet)[1]) if each.key == "gmacs"]
    gmacs = [each["gmacs"] for each in rows]
    assert (found.num, found.tau) == (5, stats.kendalltau(gmacs, list(wall.values())).statistic)


def test_of_a_busy_session_without_rounds_nothing_is_compared():
    rows = [{**each, "latency_rounds_ns": None} for each in rows_of(second=())]
    _, verdict = judged(rows)
    assert standing(verdict)["b"].words == "not compared: no rounds kept, on a busy machine"
    assert answer(verdict).startswith("Only a can be judged (mIoU ")
