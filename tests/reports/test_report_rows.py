"""The tidy table: plan order, gaps, names and what goes into CSV."""

import io
import json

import pandas as pd
import pytest
from made_up import failed, row, study_of

from reports.rows import frame, records, trials_of
from reports.trials import Gathering, Trials
from reports.trials_csv import UNTIDY, trials_csv


def test_lines_come_in_plan_order_and_a_trial_without_a_row_is_pending():
    rows = [row("b"), row("a")]
    study = study_of([row("a"), row("late", 3), row("b")])
    table = frame(study, rows)
    assert list(table["candidate"]) == ["a", "late", "b"]
    assert list(table["state"]) == ["done", "pending", "done"]
    assert records(table)[1]["miou"] is None


def test_the_plan_names_the_trial_even_if_another_study_made_the_row():
    study = study_of([row("mine")])
    study["plan"][0]["key"] = "theirs/0"
    table = frame(study, [row("theirs")])
    assert list(table["candidate"]) == ["mine"]
    assert list(table["factor.fusion"]) == ["mine"]


def test_classes_become_columns_and_an_absent_class_stays_missing():
    table = frame(study_of([row("a")]), [row("a", iou={"road": 0.5, "pole": None})])
    assert records(table)[0]["iou.road"] == 0.5
    assert records(table)[0]["iou.pole"] is None
    assert "iou" not in table


def test_rows_outside_the_plan_are_left_out():
    assert len(frame(study_of([row("a")]), [row("a"), row("stranger")])) == 1


@pytest.mark.parametrize("rows", [[], [row("stranger")]])
def test_a_study_without_rows_is_refused_by_name(rows):
    with pytest.raises(ValueError, match="'fusion' has no rows yet"):
        frame(study_of([row("a")]), rows)


def test_whole_numbers_stay_whole_beside_a_gap():
    rows = [row("a"), failed("b")]
    line = records(frame(study_of(rows), rows))[0]
    assert line["params"] == 500_000
    assert isinstance(line["params"], int)


def test_csv_has_every_column_but_long_lists_and_nested_values_as_json():
    rows = [row("a, b"), failed("c")]
    table = trials_of(study_of(rows), rows)
    back = pd.read_csv(io.StringIO("".join(trials_csv(table))))
    assert list(back.columns) == [key for key in table.columns if key not in UNTIDY]
    assert not {"history", "latency_rounds_ns"} & set(back.columns)
    assert back["candidate"][0] == "a, b"
    assert json.loads(back["uncounted_ops"][0]) == {"aten::sigmoid": 3}
    assert back["params"].astype(str)[0].startswith("500000")


def test_of_the_layers_of_a_line_the_later_win_and_what_the_plan_says_stays():
    table = Gathering(4, {"key": ["a", "b", "c", "d"]}, {"key", "iou"})
    shared = {"gmacs": 0.5, "state": "measured", "note": "shared"}
    own = [{"key": "other", "state": "done", "note": n, "iou": {}} for n in ("own", None, "own")]
    table.put([3, 1, 2], [[shared] * 3, own])
    assert table.table().columns == {
        "key": ["a", "b", "c", "d"],
        "gmacs": [None, 0.5, 0.5, 0.5],
        "state": [None, "done", "done", "done"],
        "note": [None, None, "own", "own"],
    }


def test_a_row_from_before_weights_were_said_is_of_scratch():
    old = row("a")
    old = {key: value for key, value in old.items() if key not in ("weights", "initial_weights")}
    line = records(frame(study_of([old]), [old]))[0]
    assert (line["weights"], line["initial_weights"]) == ("scratch", "scratch")


def large(number):
    """A whole number that is an object of its own."""
    return int(str(number))


def test_distinct_values_are_in_order_without_gaps_and_equal_numbers_are_one():
    columns = {
        "steps": [None, large(400), large(400), large(500), large(400)],
        "mixed": [1, True, 1.0, None, 1],
        "nested": [[], [], [1], None, []],
        "never": [None] * 5,
    }
    table = Trials(columns, 5)
    assert table.distinct("steps") == [400, 500]
    assert list(map(str, table.distinct("mixed"))) == ["1", "True", "1.0"]
    assert table.distinct("nested") == [[], [], [1], []]
    assert table.distinct("never") == table.distinct("unheard of") == []
    assert table.only([0, 3, 4]).distinct("steps") == [500, 400]
    assert Trials({"steps": []}, 0).distinct("steps") == []


def test_some_lines_of_a_table_have_their_own_columns_and_places():
    table = Trials({"key": list("abcde"), "nested": [[], [1], [], [2], []]}, 5)
    some = table.only([1, 3, 4])
    assert (some.column("nested"), some.column("unheard of")) == ([[1], [2], []], [None] * 3)
    assert [line["key"] for line in some] == [some[place]["key"] for place in range(3)]
    assert [line["key"] for line in some[1:]] == ["d", "e"]
    assert [line["key"] for line in some.where("key", {"a", "d", "e"})] == ["d", "e"]
    assert some.where("unheard of", {"a"}) == ()
