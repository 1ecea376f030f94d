"""What a static sweep shows: each choice's share in the cost, and all architectures on a chart."""

import csv
import io
import itertools

import pytest

import reports
from reports.sweep import protocol, share_explained, sweep, sweep_csv
from reports.sweep_chart import draw_sweep, sweep_chart
from reports.sweep_table import ADDED, sweep_table

TIMED = {
    "latency_device": "A CPU",
    "latency_threads": 1,
    "latency_batch": 1,
    "latency_rounds": 12,
}
FUSION, WIDTH = {"sum": 1.0, "bga": 3.0}, {"16": 10.0, "32": 20.0, "64": 40.0}


def rows(*, timed=False, more=()):
    """A full grid of two factors whose costs add up."""
    found = []
    for (fusion, a), (width, b) in itertools.product(FUSION.items(), WIDTH.items()):
        latency = {"latency_ms": 50 - a - b, **TIMED} if timed else {}
        found.append(
            {
                "candidate": f"fusion={fusion}, width={width}",
                "factors": {"fusion": fusion, "width": width},
                "fusion": fusion,
                "gmacs": a + b,
                "params": int((a + b) * 1e6),
                "activations": 10**6,
                "cost_size": "45x60",
                "cost_tool": "a counter",
                "uncounted_ops": {},
                **latency,
            }
        )
    return [*found, *more]


IMPOSSIBLE = {"candidate": "x", "factors": {"fusion": "none"}, "impossible": "needs both paths"}


def test_a_level_has_the_mean_of_its_architectures_and_what_it_adds():
    levels = {(each.factor, each.value): each for each in sweep("it", rows()).levels}
    assert levels["fusion", "sum"].num == 3
    assert levels["fusion", "bga"].means["gmacs"] == pytest.approx(70 / 3 + 3)
    assert levels["fusion", "bga"].added["gmacs"] == pytest.approx(2)
    assert levels["width", "64"].added["gmacs"] == pytest.approx(30)


def test_what_a_choice_adds_is_told_at_equal_settings_of_the_rest():
    rest = {"16": 1.0, "20": 2.0, "32": 3.0}
    full = [
        {**row, "factors": {"fusion": fusion, "width": width}, "gmacs": gmacs - less}
        for row, (width, gmacs) in zip(rows(), rest.items(), strict=False)
        for fusion, less in (("sum", 0.0), ("bga", 0.05))
        if (fusion, width) != ("bga", "16")
    ]
    levels = {(each.factor, each.value): each for each in sweep("it", full).levels}
    assert levels["fusion", "bga"].means["gmacs"] == pytest.approx(2.45)
    assert levels["fusion", "bga"].added["gmacs"] == pytest.approx(-0.05)
    assert levels["width", "32"].added["gmacs"] == pytest.approx(2), "of sum alone"
    assert levels["fusion", "sum"].added == {}


def test_a_choice_that_shares_no_setting_with_the_first_has_nothing_in_brackets():
    apart = [
        {**row, "factors": {**row["factors"], "depth": depth}, "candidate": str(i)}
        for row, depth in zip(rows(), "112233", strict=True)
        for i in range(5)
    ]
    table = sweep_table(sweep("it", apart))
    cells = {line.cells[0]: line.cells for line in table.lines}
    assert "(" not in cells["depth=3"][2], "no fusion and width was built at depths 1 and 3"
    assert "none where there are no such settings" in table.note


def test_a_choice_that_costs_nothing_says_so():
    many = [{**row, "candidate": f"{row['candidate']}, {i}"} for i in range(5) for row in rows()]
    table = sweep_table(sweep("it", many))
    cells = {line.cells[0]: line.cells for line in table.lines}
    assert cells["fusion=bga"][-1].endswith("(0.000)") and "(" not in cells["fusion=sum"][-1]


def test_what_cannot_be_built_is_told_by_reason_and_counts_nowhere():
    found = sweep("it", rows(more=[IMPOSSIBLE, IMPOSSIBLE]))
    assert found.impossible == {"needs both paths": 2}
    assert len(found.rows) == 6 and {each.value for each in found.levels} == {*FUSION, *WIDTH}
    with pytest.raises(ValueError, match="no architecture of 'it' can be built: needs both"):
        sweep("it", [IMPOSSIBLE])


def test_few_architectures_are_listed_and_many_are_gathered_by_choice():
    listed = sweep_table(sweep("it", rows()))
    assert [line.cells[0] for line in listed.lines][:2] == [
        "fusion=sum, width=16",
        "fusion=sum, width=32",
    ]
    many = [{**row, "candidate": f"{row['candidate']}, {i}"} for i in range(5) for row in rows()]
    gathered = sweep_table(sweep("it", many))
    cells = {line.cells[0]: line.cells for line in gathered.lines}
    assert cells["fusion=bga"][1:3] == ("15", "26.333 (+2.000)")
    assert cells["fusion=sum"][2] == "24.333"


def test_the_factor_that_explains_most_colours_the_chart():
    assert share_explained(rows(), "width", "params") > 0.98
    assert share_explained(rows(), "fusion", "params") < 0.02
    chart = sweep_chart(sweep("it", rows()))
    assert chart.factor == "width" and [each.label for each in chart.groups] == list(WIDTH)
    assert (chart.y.key, chart.rank) == ("params", pytest.approx(1))
    assert chart.groups[0].points == ((11, 11), (13, 13))


def test_latency_goes_upwards_where_it_was_timed():
    chart = sweep_chart(sweep("it", rows(timed=True)))
    assert chart.y.key == "latency_ms" and chart.rank == pytest.approx(-1)
    assert "latency on A CPU" in chart.subtitle


def test_a_sweep_says_how_it_was_taken():
    assert len(protocol(sweep("it", rows()))) == 1
    assert "Timed on A CPU, CPU threads: 1, batch 1, medians of 12 rounds" in " ".join(
        protocol(sweep("it", rows(timed=True)))
    )


def test_a_sweep_timed_beside_other_work_says_so():
    calm = rows(timed=True)
    assert "Other work" not in " ".join(protocol(sweep("it", calm)))
    busy = [calm[0], {**calm[1], "latency_contended": True}, *calm[2:]]
    assert "trust latency_ratio in the CSV" in protocol(sweep("it", busy))[-1]


def test_the_csv_has_every_architecture_with_its_factors():
    lines = list(csv.DictReader(io.StringIO(sweep_csv(sweep("it", rows(timed=True))))))
    assert len(lines) == 6
    assert (lines[0]["factor.width"], float(lines[0]["gmacs"])) == ("16", 11.0)


@pytest.mark.parametrize("factor", [1, 1000])
def test_the_chart_is_drawn_and_files_are_written(tmp_path, factor):
    wide = [{**row, "gmacs": row["gmacs"] ** (1 if factor == 1 else 3)} for row in rows()]
    drawing = draw_sweep(sweep_chart(sweep("it", wide)))
    assert drawing.png.startswith(b"\x89PNG") and "<svg" in drawing.svg
    report = reports.write_sweep("it", [*wide, IMPOSSIBLE], tmp_path / "it")
    said = report.answer.splitlines()
    assert said[0] == "6 architectures counted, 1 that cannot be built."
    assert said[1].startswith("Counted at 45x60 by a counter")
    assert said[2:] == ["1 x needs both paths"]
    many = [{**row, "candidate": str(i)} for i in range(5) for row in rows()]
    gathered = reports.write_sweep("it", many, tmp_path / "many")
    assert gathered.answer.splitlines()[-1] == ADDED
    assert ADDED in gathered.files["sweep.md"].read_text()
    names = ["sweep.csv", "sweep.md", "sweep.pdf", "sweep.png", "sweep.svg"]
    assert sorted(path.name for path in (tmp_path / "it").iterdir()) == names
