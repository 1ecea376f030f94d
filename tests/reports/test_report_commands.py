"""What twopath report and board do with a ledger: which files, which comparison, when they end."""

import itertools
import json
import re
from functools import partial

import pytest
from made_up import failed, kept, noisy, row, study_of, timed
from matplotlib.figure import Figure

import harness.ledger.standing as standing
import reports.watching
from harness import Architecture, Part
from harness.cli import main
from harness.drivers import new_owner
from harness.ledger import Claim, Ledger, progress
from harness.opening import folder_name
from reports.watching import awaited, watch

ATTACK = "<script>alert(1)</script>"


@pytest.fixture
def runs(tmp_path):
    rows = noisy({"sum": 0.3, "bga": 0.4, "late": 0.35}, seeds=4, sd=0.002, sum=8, bga=10)
    again = [{**r, "key": f"again/{r['key']}", "miou": r["miou"] + 0.05 + r["seed"] / 1000}
             for r in rows[:8]]  # fmt: skip
    rows = rows[:-1]  # one is pending
    kept(tmp_path, study_of([*rows, row("late", 3)]), rows)
    kept(tmp_path, study_of(again, name="again"), again)
    kept(tmp_path, study_of([row("x")], name=ATTACK, question=ATTACK), [row("x")])
    return tmp_path


def asked(capsys, runs, *words):
    assert main([*words, "--runs", str(runs), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, runs, *words):
    assert main([*words, "--runs", str(runs)]) == 2
    return capsys.readouterr().err


def test_only_the_formats_asked_for_are_written(capsys, runs):
    asked(capsys, runs, "report", "again", "--format", "csv,md", "--format", "svg")
    names = {path.suffix for path in (runs / "reports" / "again").iterdir()}
    assert names == {".csv", ".md", ".svg"}
    assert "known: html, md" in refused(capsys, runs, "report", "again", "--format", "word")


def test_only_the_kinds_of_drawing_asked_for_are_made(capsys, runs, monkeypatch):
    saved, save = [], Figure.savefig

    def counted(figure, made, **options):
        saved.append(options["format"])
        save(figure, made, **options)

    monkeypatch.setattr(Figure, "savefig", counted)
    asked(capsys, runs, "report", "again", "--format", "html")
    assert set(saved) == {"svg"}
    saved.clear()
    asked(capsys, runs, "report", "again", "--format", "pdf,csv")
    assert set(saved) == {"pdf"}


def test_several_studies_have_a_report_each(capsys, runs):
    first, second = asked(capsys, runs, "report", "fusion", "again", "--format", "csv")
    assert first["report"] != second["report"]
    assert "name a study" in refused(capsys, runs, "report")
    assert "Did you mean 'again'" in refused(capsys, runs, "report", "fusion", "agian")


def test_two_candidates_are_compared_seed_by_seed_and_round_by_round(capsys, runs):
    found = asked(capsys, runs, "report", "fusion", "--compare", "sum", "bga")
    by = {each["figure"]: each for each in found["changes"]}
    assert by["miou"]["num_seeds"] == 4
    assert by["miou"]["low"] < by["miou"]["difference"] < by["miou"]["high"]
    assert by["miou"]["difference"] == pytest.approx(0.1, abs=0.01)
    assert by["latency_ms"]["word"] == "slower"
    assert by["latency_ms"]["ratio_low"] < 1.25 < by["latency_ms"]["ratio_high"]
    assert by["params"]["difference"] == 0
    assert found["report"].endswith("compare-sum-bga.html")
    assert "nearest" not in refused(capsys, runs, "report", "fusion", "--compare", "sum", "bag")


def test_beside_other_work_candidates_are_compared_by_ratios_and_no_milliseconds(capsys, tmp_path):
    rows = noisy({"a": 0.3, "b": 0.4, "c": 0.3}, seeds=3, a=8, b=10, c=4)
    for each in rows:
        each["latency_contended"] = True
        each["latency_session"] = "two" if each["candidate"] == "c" else "one"
    kept(tmp_path, study_of(rows), rows)
    found = asked(capsys, tmp_path, "report", "fusion", "--compare", "a", "b", "--format", "md")
    (latency,) = [each for each in found["changes"] if each["figure"] == "latency_ms"]
    assert (latency["a"], latency["b"], latency["difference"]) == (None, None, None)
    assert latency["ratio_low"] < 1.25 < latency["ratio_high"]
    text = (tmp_path / "reports" / "fusion" / "compare-a-b.md").read_text()
    (line,) = [each for each in text.splitlines() if "latency" in each and "|" in each]
    assert re.match(r"\| latency \(times A's\) \| 1 \| 1.2\d \| \+0.2\d \| 1.2\d ", line)
    assert "ratios between latencies hold, milliseconds do not" in text and "(ms)" not in text
    (apart,) = [
        each
        for each in asked(capsys, tmp_path, "report", "fusion", "--compare", "a", "c")["changes"]
        if each["figure"] == "latency_ms"
    ]
    assert apart["why_not"] == "timed in two sessions on a busy machine, so not compared"
    assert apart["a"] is apart["b"] is apart["ratio"] is None


@pytest.mark.parametrize(
    "names", [("fusion", "--compare", "sum", "bga"), ("--compare", "fusion", "again")]
)
def test_a_terminal_shows_the_intervals_that_its_note_speaks_of(capsys, runs, names, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["report", *names, "--runs", str(runs), "--format", "md"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"95 % interval +p +verdict", said)
    assert re.search(r"mIoU \(%\) .*\[\+\d+\.\d, \+\d+\.\d\] +(< )?0\.\d+ ", said)


def test_two_studies_are_compared_by_the_candidates_and_seeds_they_share(capsys, runs):
    found = asked(capsys, runs, "report", "--compare", "fusion", "again")
    lines = {(e["candidate"], e["figure"]): e for e in found["changes"]}
    assert {name for name, _ in lines} == {"all 2", "sum", "bga"}
    assert lines["all 2", "miou"]["difference"] == pytest.approx(0.0515)
    assert lines["sum", "miou"]["word"].startswith("resolved")


def test_figures_taken_in_two_ways_are_not_compared(capsys, tmp_path):
    kept(tmp_path, study_of([row("a")]), [row("a")])
    other = {**row("a"), "key": "other", "size": "10x10"}
    kept(tmp_path, study_of([other], name="other"), [other])
    found = asked(capsys, tmp_path, "report", "--compare", "fusion", "other")
    (miou,) = [each for each in found["changes"] if each["figure"] == "miou"]
    assert miou["word"] is None
    assert "scored at (HxW) is 96x192 and 10x10" in miou["why_not"]
    assert (miou["a"], miou["b"], miou["difference"]) == (0.4, 0.4, None)


def test_what_a_candidate_lacks_is_said_and_two_that_share_nothing_are_not_compared(
    capsys, tmp_path
):
    rows = [row("a", 0), {**failed("b", 0), "gmacs": None, "params": None, "activations": None}]
    rows[1] |= dict.fromkeys(("latency_ms", "latency_rounds_ns"))
    kept(tmp_path, study_of(rows), rows)
    main(["report", "fusion", "--compare", "a", "b", "--runs", str(tmp_path)])
    said = " ".join(capsys.readouterr().out.split())
    assert "They have no figure in common, so nothing is compared." in said
    assert "b has no mIoU and no latency: failed: " in said
    assert "Accuracy is paired" not in said and "Timed beside" not in said


def test_one_latency_of_two_studies_is_not_compared_with_itself(capsys, runs):
    asked(capsys, runs, "report", "--compare", "fusion", "again", "--format", "md,latex")
    folder = runs / "reports" / "fusion-again"
    assert {each.suffix for each in folder.iterdir()} == {".md", ".tex"}
    assert "measured once for both" in (folder / "compare.md").read_text()
    assert r"\toprule" in (folder / "compare.tex").read_text()


def test_the_board_lists_every_study_and_its_page_links_to_their_reports(capsys, runs):
    asked(capsys, runs, "report", ATTACK, "--format", "html")
    found = asked(capsys, runs, "board")
    by = {each["study"]: each for each in found["studies"]}
    assert [by[name]["state"] for name in ("fusion", "again", ATTACK)] == [
        "stopped",
        "complete",
        "complete",
    ]
    assert (by["fusion"]["num_ended"], by["fusion"]["num_planned"]) == (11, 12)
    assert by["fusion"]["best"] == "bga"
    page = (runs / "reports" / "index.html").read_text()
    assert "<script" not in page
    assert f'href="{folder_name(ATTACK)}/report.html"' in page
    assert main(["board", "--runs", str(runs)]) == 0
    assert "11 of 12" in capsys.readouterr().out


def test_watching_writes_when_a_trial_ends_and_stops_when_all_have(tmp_path, monkeypatch):
    rows = noisy({"a": 0.3, "b": 0.4}, seeds=1)
    ledger = kept(tmp_path, study_of(rows), [])
    other, waiting, seen, asked_ = Ledger(tmp_path / "ledger.db"), [None, *rows, None], [], []
    monkeypatch.setattr(
        reports.watching, "progress", lambda *of: (asked_.append(1), progress(*of))[1]
    )

    def sleep(_):
        each = waiting.pop(0)
        if each:
            other.put_trial(each)

    assert watch(ledger, ["fusion"], lambda _, each: seen.append(each.num_ended), sleep)
    assert seen == [1, 2]
    assert len(asked_) <= 4


def test_watching_ends_quietly_when_interrupted(tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    rows = [row("a"), row("b")]
    ledger = kept(tmp_path, study_of(rows), rows[:1])
    seen = []
    assert not watch(ledger, ["fusion"], lambda name, _: seen.append(name), interrupt)
    assert seen == ["fusion"]


def test_a_study_that_is_not_there_yet_is_waited_for(tmp_path):
    ledger, rows, seen = Ledger(tmp_path / "ledger.db"), [row("a")], []
    steps = [
        None,
        lambda: kept(tmp_path, study_of(rows), []),
        lambda: kept(tmp_path, study_of(rows), rows),
    ]

    def sleep(_):
        step = steps.pop(0)
        if step:
            step()

    assert watch(ledger, ["fusion"], lambda name, _: seen.append(name), sleep)
    assert seen == ["fusion"]


def test_a_ledger_that_is_not_there_yet_is_waited_for(tmp_path, monkeypatch, capsys):
    steps = [
        lambda: None,
        lambda: kept(tmp_path, study_of([row("a")]), []),
        lambda: kept(tmp_path, study_of([row("a")]), [row("a")]),
    ]
    monkeypatch.setattr(reports.watching, "awaited", partial(awaited, sleep=stepping(steps)))
    monkeypatch.setattr(reports.watching, "watch", partial(watch, sleep=stepping(steps)))
    assert main(["report", "fusion", "--watch", "--format", "csv", "--runs", str(tmp_path)]) == 0
    lines = capsys.readouterr().err.splitlines()
    waited = f"no ledger at {tmp_path}/ledger.db yet; it is waited for, and Ctrl-C ends it"
    assert lines[0] == f"twopath: {waited}"
    assert "fusion: 1 of 1 trials in, wrote" in lines[-2]
    assert lines[-1].endswith("complete")


def stepping(steps):
    """A pause in which the next thing happens."""
    return lambda _: steps.pop(0)()


def test_waiting_for_a_ledger_ends_quietly_when_interrupted(tmp_path, monkeypatch, capsys):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(reports.watching, "awaited", partial(awaited, sleep=interrupt))
    place = ["--runs", str(tmp_path)]
    assert main(["report", "fusion", "--watch", *place]) == 0
    assert capsys.readouterr().err.splitlines()[1:] == ["twopath: stopped watching"]
    assert main(["report", "fusion", "--watch", "--ledger", f"sqlite:///{tmp_path}/x.db"]) == 0
    assert f"no ledger at {tmp_path}/x.db yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    for words in (["fusion"], ["--watch"], ["fusion", "--watch", "--compare", "a", "b"]):
        assert main(["report", *words, *place]) == 2
        assert "no ledger at" in capsys.readouterr().err


def test_what_ends_while_a_report_is_written_is_seen(tmp_path):
    rows = [row("a"), row("b"), row("c")]
    ledger, seen = kept(tmp_path, study_of(rows), []), []
    other, waiting = Ledger(tmp_path / "ledger.db"), [*rows[1:], None]

    def write(_, each):
        seen.append(each.num_ended)
        if waiting[0]:
            other.put_trial(waiting.pop(0))
        ledger.rest()  # as a report does, whose next question is the first of a new connection
        ledger.studies()

    other.put_trial(rows[0])
    pauses = itertools.count()

    def sleep(_):
        assert next(pauses) < 9

    assert watch(ledger, ["fusion"], write, sleep)
    assert seen == [1, 2, 3]


def test_watching_says_that_a_run_has_died_and_that_another_is_at_it(tmp_path, monkeypatch):
    rows = [row("a"), row("b")]
    ledger, said = kept(tmp_path, study_of(rows), rows[:1]), []
    ledger.beat(owner := new_owner())
    ledger.claim(Claim(key=rows[1]["key"], owner=owner, attempt=1))
    looks = itertools.count()

    def sleep(_):
        now = next(looks)
        if now == 12:
            raise KeyboardInterrupt
        monkeypatch.setattr(standing, "is_gone", lambda _: 3 <= now < 7)

    monkeypatch.setattr(standing, "is_gone", lambda _: False)
    assert not watch(ledger, ["fusion"], lambda *_: None, sleep, said.append)
    assert said == [
        "fusion: no run holds a trial of it; 1 of 2 trials in",
        "fusion: a run is at it",
    ]


def test_watch_of_a_complete_study_writes_once_and_says_so(capsys, runs):
    assert main(["report", "again", "--watch", "--format", "csv", "--runs", str(runs)]) == 0
    said = capsys.readouterr().err
    assert "8 of 8 trials in, wrote" in said
    assert said.rstrip().endswith("complete")


def test_of_very_many_candidates_a_page_lists_some_and_the_csv_has_all(tmp_path):
    rows = [row(f"c{n}", 0, 0.2 + n / 1000, **timed(5 + n / 10)) for n in range(150)]
    rows[0]["miou"] = 0.9  # dominates all
    rows += [failed(f"f{n}") for n in range(130)]
    found = reports.write(study_of(rows), rows, tmp_path)
    page = found.page.read_text()
    assert "100 of 280 candidates are listed here" in page
    assert "c0<" in page
    assert "c149<" in page
    assert "c20<" not in page
    assert len(found.files["table.csv"].read_text().splitlines()) == 281
    assert len(found.files["trials.csv"].read_text().splitlines()) == 281
    assert len(found.troubles) == 21


def test_values_show_themselves_escaped(tmp_path):
    rows = noisy({ATTACK: 0.3, "b": 0.4}, seeds=2)
    found = reports.write(study_of(rows, name=ATTACK), rows, tmp_path)
    part = Part(ATTACK, width=4)
    tables = [each.table for each in found.sections if each.table]
    assert len(tables) >= 4
    for each in (found, *tables, part, Architecture(detail=part, semantic="x")):
        shown = each._repr_html_()
        assert "<script" not in shown
        assert "&lt;script" in shown or each not in (found, part)


def test_each_table_of_a_notebook_has_a_title_and_says_how_it_is_read(tmp_path):
    rows = noisy({"a": 0.3, "b": 0.4}, seeds=2)
    shown = reports.write(study_of(rows, baseline="a"), rows, tmp_path)._repr_html_()
    titles = re.findall(r"<p><strong>([^<]+)</strong></p><table>", shown)
    assert titles == ["Candidates", "Ablation", "Effects", "Fronts"]
    assert len(re.findall("<table>", shown)) == len(titles)
    assert "is the half-width of a 95 % interval" in shown
