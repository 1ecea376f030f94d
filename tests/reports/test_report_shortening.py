"""Names cut together: none too long, and those that differ stay different."""

import re

import pytest
from made_up import noisy, study_of

from reports.effects import effects
from reports.effects_chart import LONGEST_NAME, draw_effects, effects_chart
from reports.rows import frame
from reports.shortening import shortened_apart
from reports.style import COLUMN_INCHES, house, in_columns, new_figure, widths
from reports.sweep import sweep
from reports.sweep_chart import LONGEST, sweep_chart
from reports.verdict import judge

TIMES = "\N{MULTIPLICATION SIGN}"
DEEP = "aux_heads=by_name_and_depth(depth={})"

LISTS = {
    "against": [f"{DEEP} against none".format(i) for i in range(3)],
    "times": [f"fusion=bga {TIMES} {DEEP}".format(i) for i in range(3)],
    "middle": [f"{'x' * 200}{i}{'y' * 200}" for i in range(12)],
    "two places": [f"{'x' * 50}{i}{'y' * 50}{j}{'z' * 50}" for i in "ab" for j in "cd"],
    "lengths": ["a" * size for size in range(30, 60)],
    "factors": [f"semantic(width={i}) · no · {f}" for i in (8, 16) for f in ("a" * 30, "b")],
    "like a cut one": ["x" * 9 + "…" + "x" * 9 + "1", "x" * 40 + "1", "x" * 41 + "1"],
}  # fmt: skip


@pytest.mark.parametrize("longest", [12, 28, 40])
@pytest.mark.parametrize("tail", [0, 11])
@pytest.mark.parametrize("names", LISTS.values(), ids=LISTS)
def test_names_that_differ_stay_different_and_none_is_too_long(names, longest, tail):
    found = shortened_apart(names, [longest] * len(names), tail)
    assert len(set(found)) == len(names)
    assert max(map(len, found)) <= longest


def test_names_that_fit_stay_as_they_are_and_equal_ones_stay_equal():
    names = ["short", "y" * 30, "short", "y" * 30]
    found = shortened_apart(names, [20] * 4, 5)
    assert found == ["short", "y" * 14 + "…" + "y" * 5] * 2


def test_a_cut_spares_what_joins_two_names_and_shows_where_they_differ():
    found = shortened_apart([*LISTS["against"], *LISTS["times"]], [28] * 6, 11)
    assert all(each.endswith(" against none") for each in found[:3])
    assert all(each.startswith(f"fusion=bga {TIMES} ") for each in found[3:])
    assert [re.findall(r"\d", each) for each in found] == [["0"], ["1"], ["2"]] * 2
    (pair,) = shortened_apart([f"{'a' * 40} against {'b' * 40}"], [28])
    assert re.fullmatch("a+… against b+…", pair)


def test_rows_of_the_effects_chart_all_have_names_of_their_own():
    heads = [DEEP.format(i) for i in range(3)]
    cells = [(f, h) for f in ("sum", "guided_aggregation_layer") for h in heads]
    rows = noisy({f"{f} {h}": 0.4 + i / 99 for i, (f, h) in enumerate(cells)}, seeds=3)
    study = study_of(rows)
    for entry in study["plan"]:
        fusion, head = entry["candidate"].split(" ")
        entry["factors"] = {"fusion": fusion, "aux_heads": head}
    chart = effects_chart(effects(judge(study, frame(study, rows))))
    assert chart.num_interactions and max(len(each.name) for each in chart.bars) > LONGEST_NAME
    (axes,) = draw_effects(chart).figure.axes
    written = [each.get_text() for each in axes.texts]
    assert len(set(written)) == len(written) == len(chart.bars)
    assert all(TIMES in each for each in written[-chart.num_interactions :])
    assert all(" against " in each for each in written[: -chart.num_interactions])


@pytest.mark.parametrize("letter", ["W", "i"])
def test_entries_of_a_key_of_numbers_differ_and_fit(letter):
    names = [f"{letter * 200}{i}{letter * 200}" for i in range(12)]
    with house():
        figure = new_figure(COLUMN_INCHES, 1)
        lines = [line for column in in_columns(figure, names) for line in column]
        assert max(widths(figure, lines)) <= figure.bbox.width
    assert len({line.split("  ", 1)[1] for line in lines}) == 12


def test_values_that_colour_a_sweep_have_names_of_their_own():
    values = [f"{'x' * 60}{i}" for i in range(3)]
    rows = [
        {"candidate": f"{v}{j}", "factors": {"fusion": v}, "gmacs": 1.0 + j,
         "params": 9e5 * (i + 1), "cost_size": "96x192"}
        for i, v in enumerate(values) for j in range(3)
    ]  # fmt: skip
    labels = [each.label for each in sweep_chart(sweep("s", rows)).groups]
    assert len(set(labels)) == 3 and max(map(len, labels)) <= LONGEST
