"""The table of candidates in its three forms."""

import csv
import io
import re

import pytest
from made_up import failed, noisy, row, study_of, timed
from rich.console import Console

from reports.rows import frame
from reports.tables import candidates_csv, candidates_table, markdown, terminal
from reports.verdict import judge

NASTY = "a|b`c`<b>[red]*x*\\"


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return judge(study, frame(study, rows))


def printed(table):
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(terminal(table))
    return console.file.getvalue()


def test_cells_carry_mean_spread_number_and_span():
    rows = [row("a", 0, 0.30, **timed(10)), row("a", 1, 0.32, **timed(10)), failed("b")]
    first, second = candidates_table(judged(rows)).lines
    assert first.cells[:3] == ("a", "31.0 ± 1.4 (2)", "10.00 [9.90\N{EN DASH}10.10]")
    assert first.cells[3:5] == ("0.060", "0.500")
    assert set(second.cells[1:5]) == {"\N{EN DASH}"}


def test_beside_other_work_latencies_are_ratios_to_the_baseline_or_the_first():
    rows = [row("a", **timed(8)), row("b", **timed(12)), row("c", **timed(16))]
    busy = [{**each, "latency_contended": True} for each in rows]
    table = candidates_table(judged(busy))
    assert table.headings[2] == "latency (times a's)" and table.brief[2] == "latency"
    cells = [line.cells[2] for line in table.lines]
    assert cells[0] == "1"
    assert re.fullmatch(r"1\.\d\d \[1\.\d\d–1\.\d\d\]", cells[1])  # noqa: RUF001
    table = candidates_table(judged(busy, baseline="c"))
    assert [line.cells[3] for line in table.lines][2] == "1"
    assert "latency (times c's)" in table.headings
    first = next(csv.DictReader(io.StringIO(candidates_csv(judged(busy)))))
    assert (first["latency_ms"], first["latency_contended"]) == ("8.0", "True")
    assert "latency (ms)" in candidates_table(judged(rows)).headings


def test_one_seed_shows_no_spread():
    table = candidates_table(judged([row("a", 0, 0.30)]))
    assert table.lines[0].cells[1] == "30.0 (1)"


def test_a_baseline_adds_the_difference_with_its_interval():
    verdict = judged(noisy({"full": 0.4, "less": 0.3}, seeds=3), baseline="full")
    table = candidates_table(verdict)
    assert table.headings[1:3] == ("mIoU (%) ± sd", "Δ mIoU (points) ± CI")
    assert table.note == (
        "± sd is one standard deviation over seeds, whose number is in brackets. "
        "± CI is the half-width of a 95 % interval over seeds."
    )
    assert table.lines[0].cells[2] == "baseline"
    assert re.fullmatch(r"−\d+\.\d ± \d+\.\d", table.lines[1].cells[2])  # noqa: RUF001
    assert re.fullmatch(r"−\d+\.\d", table.lines[1].brief[2])  # noqa: RUF001
    alone = candidates_table(judged(noisy({"a": 0.4}, seeds=2)))
    assert not [heading for heading in alone.headings if heading.startswith("Δ")]


def test_a_heading_speaks_of_no_spread_where_there_is_none():
    table = candidates_table(judged([row("full", 0), row("less", 0, 0.3)], baseline="full"))
    assert table.headings[1:3] == ("mIoU (%)", "Δ mIoU (points)") and table.note == ""


def test_objectives_beside_the_usual_figures_are_shown():
    table = candidates_table(judged([row("a")], objectives={"activations": "min"}))
    assert "activations (M)" in table.headings


def test_markdown_keeps_names_inside_their_cells():
    lines = markdown(candidates_table(judged([row(NASTY), row("b")]))).splitlines()
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    assert set(bars) == {bars[0]}
    assert "<b>" not in lines[2]
    assert r"a\|b\`c\`&lt;b&gt;\[red\]\*x\*" in lines[2]


def test_a_name_with_line_breaks_stays_on_its_line():
    assert len(markdown(candidates_table(judged([row("a\nb")]))).splitlines()) == 3


def test_csv_has_plain_numbers():
    rows = [row(NASTY, 0, 0.30), row(NASTY, 1, 0.34)]
    (line,) = csv.DictReader(io.StringIO(candidates_csv(judged(rows))))
    assert line["candidate"] == NASTY
    assert float(line["miou_mean"]) == pytest.approx(0.32)
    assert float(line["miou_sd"]) == pytest.approx(0.04 / 2**0.5)
    assert (line["miou_num_seeds"], line["num_done"], line["status"]) == ("2", "2", "front")
    assert float(line["params"]) == 500_000


def test_the_terminal_shows_names_as_they_are_in_80_columns():
    rows = noisy({"[red]full[/red]": 0.4, "a rather long name, with=commas": 0.3}, seeds=3)
    text = printed(candidates_table(judged(rows, baseline="[red]full[/red]")))
    assert "[red]full" in text
    assert "GMACs" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_only_what_holds_against_noise_is_marked():
    verdict = judged(noisy({"fast": 0.300, "slow": 0.301}, seeds=3, luck=1, fast=8))
    held = {line.cells[0]: line.held for line in candidates_table(verdict).lines}
    assert held == {"fast": True, "slow": False}
