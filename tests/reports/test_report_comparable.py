"""Figures taken in different ways are never compared."""

import pytest
from made_up import gathered, noisy, row, study_of

from harness.scoring import Scoring, columns_of
from reports.columns import DATA, LATENCY
from reports.comparable import left_out
from reports.rows import frame
from reports.verdict import judge

BOTH = ("miou", "latency_ms")
FIELDS = {column.key: column for column in (*DATA, *LATENCY)}


@pytest.mark.parametrize(
    "field",
    [
        "latency_device",
        "latency_size",
        "latency_boundary",
        "latency_threads",
        "latency_dtype",
        "latency_batch",
        "latency_protocol",
        "latency_method",
        "latency_figure",
        "latency_boundary_in",
        "dataset",
        "label_map",
        "size",
        "num_images",
        "initial_weights",
        "num_classes",
        *columns_of(Scoring(), (96, 192)),
    ],
)
def test_a_trial_that_differs_in_protocol_is_left_out_and_told_why(field):
    rows = [row("a"), row("b"), row("odd", **{field: "another"})]
    (found,) = left_out(gathered(rows), BOTH)
    assert (found.candidate, found.seed) == ("odd", 0)
    assert "is another, where those compared have" in found.why
    assert FIELDS[field].text(rows[0][field]) in found.why


def test_the_most_common_group_is_kept_and_the_first_of_two_equal_ones():
    other = {"latency_device": "B"}
    rows = [row("a"), row("b", **other), row("c", **other)]
    assert [each.candidate for each in left_out(gathered(rows), BOTH)] == ["a"]
    assert [each.candidate for each in left_out(gathered(rows[:2]), BOTH)] == ["b"]


def test_only_the_protocols_of_the_objectives_count():
    rows = [row("a"), row("b", latency_device="B", cost_size="1x1")]
    assert left_out(gathered(rows), ("miou", "params"))[0].why.startswith("counted at")
    assert left_out(gathered(rows), ("miou",)) == ()


def test_a_trial_without_the_figure_is_not_odd():
    rows = [row("a"), row("b", latency_ms=None, latency_device=None)]
    assert left_out(gathered(rows), BOTH) == ()


def test_groups_are_whole_so_that_two_majorities_do_not_empty_the_chart():
    rows = [
        row("a", dataset="camvid"),
        row("b", dataset="camvid"),
        row("c", dataset="camvid", latency_device="B"),
        row("d", latency_device="C"),
        row("e", latency_device="C"),
        row("f", dataset="voc", latency_device="C"),
    ]
    assert [each.candidate for each in left_out(gathered(rows), BOTH)] == ["c", "d", "e", "f"]


def test_a_left_out_candidate_is_shown_but_neither_judged_nor_compared():
    rows = [row("a", 0, 0.3), row("b", 0, 0.4), row("odd", 0, 0.9, latency_device="H100")]
    study = study_of(rows)
    found = judge(study, frame(study, rows))
    odd, best = found.standings[2], found.standings[1].candidate
    assert odd.status == "apart"
    assert odd.words.startswith("not compared: latency device is H100")
    assert odd.candidate.mean("miou") == pytest.approx(0.9)
    assert found.difference("miou", odd.candidate, best) is None


def test_a_left_out_candidate_adds_no_noise_to_the_others():
    rows = noisy({"a": 0.3, "b": 0.4}, seeds=3)
    wild = [row("odd", seed, 0.1 + 0.4 * seed**2, latency_device="H100") for seed in range(3)]
    study, alone = study_of([*rows, *wild]), study_of(rows)
    found = judge(study, frame(study, [*rows, *wild]))
    assert found.noises == judge(alone, frame(alone, rows)).noises


def test_one_odd_seed_leaves_its_candidate_in_without_it():
    rows = [row("a", s, 0.3) for s in range(3)] + [row("a", 3, 0.9, latency_threads=8)]
    study = study_of(rows)
    found = judge(study, frame(study, rows))
    assert found.standings[0].candidate.mean("miou") == pytest.approx(0.3)
    assert [each.seed for each in found.left_out] == [3]
