"""The papers' tables on the command line, and a sweep of a space."""

import json

import pytest

from harness import papers


def rows_of(twopath, table):
    return {row["label"]: row for row in json.loads(twopath("paper", table, "--json").out)["rows"]}


def test_all_tables_are_listed(twopath):
    answer = twopath("paper")
    assert answer.code == 0
    for name in papers.names():
        assert f"\n{name} " in answer.out
    listed = json.loads(twopath("paper", "--json").out)
    assert [row["table"] for row in listed] == list(papers.names())


def test_a_papers_name_lists_its_tables(twopath):
    listed = json.loads(twopath("paper", "bisenetv1", "--json").out)
    assert [row["table"] for row in listed] == [f"bisenetv1:{number}" for number in range(1, 10)]


def test_ours_stand_beside_the_printed_figures_with_their_difference(twopath):
    rows = rows_of(twopath, "bisenetv2:2")
    assert rows["concat"]["gmacs"] == 21.98
    assert rows["concat"]["ours_gmacs"] == pytest.approx(20.93, abs=0.005)
    assert rows["concat"]["difference"] == pytest.approx(-1.05, abs=0.005)
    step, ours = (rows["concat"][key] - rows["sum"][key] for key in ("step", "ours_step"))
    assert (step, ours) == (pytest.approx(1.21), pytest.approx(1.208, abs=0.0005))
    assert "ours_gmacs" not in rows["bga + booster + OHEM"]
    text = twopath("paper", "bisenetv2:2").out
    assert "BiSeNet V2, Table 2" in text and "semantic only: the print leaves 3.27" in text


def test_v1_costs_what_its_authors_code_costs(twopath):
    rows = rows_of(twopath, "bisenetv1:4")
    xception, resnet = rows["BiSeNetV1 (Xception39)"], rows["BiSeNetV1 (Res18)"]
    assert xception["ours_gmacs"] == pytest.approx(3.065, abs=0.0005)
    assert resnet["ours_gmacs"] == pytest.approx(11.581, abs=0.0005)
    for row in (xception, resnet):
        assert row["ours_weights_mib"] == pytest.approx(row["weights_mib"], rel=0.015)
        assert row["counted_at"] == "360x640"
    assert rows["SegNet (VGG16)"]["gmacs"] == pytest.approx(
        2 * rows["SegNet (VGG16)"]["ours_gmacs"], rel=0.003
    )


@pytest.mark.parametrize("name", papers.names())
def test_every_table_can_be_shown(twopath, name):
    answer = twopath("paper", name)
    assert answer.code == 0 and not answer.err
    for row in papers.get(name).rows:
        assert row.label in answer.out


def test_a_table_that_is_not_known_is_answered_with_the_nearest(twopath):
    answer = twopath("paper", "bisenetv2:3d")
    assert answer.code == 2 and "Did you mean 'bisenetv2:3" in answer.err


def test_a_sweep_prints_a_table_and_keeps_its_files(twopath, write_study, tmp_path):
    study = write_study(fusions='"sum", "bga", "none"')
    words = ("sweep", study, "--size", "64x96", "--classes", "5")
    answer = twopath(*words)
    assert answer.code == 0 and "2 architectures counted, 1 that cannot be built." in answer.out
    assert (tmp_path / "runs" / "sweeps" / "tiny" / "64x96" / "sweep.png").exists()
    found = json.loads(twopath(*words, "--json").out)
    assert [row["fusion"] for row in found["rows"]] == ["sum", "bga", "none"]
    assert found["rows"][1]["cost_size"] == "64x96"
    timed = json.loads(twopath(*words, "--time", "--json").out)["rows"]
    assert [row.get("latency_ratio", 0) > 0 for row in timed] == [True, True, False]


def test_a_sweep_of_a_space_that_cannot_be_built_says_why(twopath, write_study):
    answer = twopath("sweep", write_study(fusions='"none"'), "--size", "64x96")
    assert (
        answer.code == 2 and "no architecture of 'tiny' can be built: fusion 'none'" in answer.err
    )
