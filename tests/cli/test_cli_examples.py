"""The two files that the README shows are short, complete and right."""

import json
from pathlib import Path

import pytest

from harness.contracts import check_part
from harness.loading import load_study
from harness.plan import candidates
from harness.plugins import load_file

EXAMPLES = Path(__file__).parents[2] / "examples"
STUDIES = Path(__file__).parents[2] / "studies"


def test_the_plugin_keeps_the_contract_of_a_fusion():
    load_file(EXAMPLES / "weighted_sum.py")
    check_part("fusion", "weighted_sum")
    assert len((EXAMPLES / "weighted_sum.py").read_text().splitlines()) < 25


def test_the_plugin_is_measured_like_a_built_in_fusion(twopath, write_study):
    study = write_study(fusions='Part("weighted_sum", width=choice(8, 16))')
    plugin = EXAMPLES / "weighted_sum.py"
    answer = twopath("run", study, "--plugin", plugin, "--json")
    rows = json.loads(answer.out)["rows"]
    assert answer.code == 0 and [row["state"] for row in rows] == ["done", "done"]
    assert rows[0]["gmacs"] < rows[1]["gmacs"]


def test_the_first_study_asks_for_both_paths_and_the_fusion():
    study, plugins = load_study(str(EXAMPLES / "first_study.py"))
    labels = [each.label for each in candidates(study)]
    assert labels == ["baseline", "fusion=sum", "detail only", "semantic only"]
    assert plugins == ()
    assert len((EXAMPLES / "first_study.py").read_text().splitlines()) <= 30


@pytest.mark.parametrize("name", ["fusion", "fusion_camvid"])
def test_a_built_in_study_is_found_by_name_and_by_file(name):
    by_name, _ = load_study(name)
    by_file, _ = load_study(str(STUDIES / f"{name}.py"))
    assert by_name is by_file
