"""Rows without their long lists are the rows, less those lists, whatever a user's text is."""

import json

import pytest

from harness.ledger import Ledger
from harness.ledger.cutting import Parser

LONG = ("history", "confusion", "architecture")


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"history": []},
        {"history": None, "confusion": [[]]},
        {"history": [[1, None, 0.5]], "reason": ', "history": [[1]] "recipe": {'},
        {"recipe": None},
        {"architecture": {"a": "}]]", "history": [[1]]}},
    ],
)
@pytest.mark.parametrize("order", [list, reversed])
def test_what_is_left_is_the_row(changed, order):
    row = {"key": "k", "history": [[1, 2.5, 0.1]], "confusion": [[1, 2], [3, 4]],
           "architecture": {"head": {"name": "x"}}, "recipe": {"lr": 0.1, "a": [1, {"b": "}"}]},
           "miou": 0.5}  # fmt: skip
    row |= changed
    parser = Parser(LONG)
    nested = {key for key in LONG if isinstance(row.get(key), (list, dict))}
    for _ in range(2):  # the second time it knows what is alike
        found = parser.row(json.dumps({key: row[key] for key in order(list(row))}))
        assert found == {key: value for key, value in row.items() if key not in nested}


def scored(place, **changed):
    """A row as a run writes it; what makes rows differ comes from its place."""
    return {
        "key": f"{place:040x}", "reason": None, "seed": place % 3, "dataset": "streets",
        "architecture": {"head": {"name": "x", "width": place // 4}},
        "recipe": {"lr": 0.1, "batch": 4, "a": [1, {"b": "}"}]},
        "batch": 4, "train_device": "a CPU, with a comma", "threads": 1, "torch": "2.13.0",
        "started": f"00:{place:02d}", "history": [[1, 2.5, 0.1], [2, place / 7, None]],
        "miou": place / 11, "iou": {"road": 0.5, "batch": 4, "torch": place / 3},
        "absent": [], "size": "96x192", "mode": "the whole image", "window": None,
        "images": 40,
        "confusion": [[1, 2], [3, place]], "scales": "1", "flip": False,
        "chosen": "the last of those that were kept on the way", "state": "done",
    } | changed  # fmt: skip


def layered(rows, without=LONG):
    parser = Parser(without)
    return [parser.layers(json.dumps(each)) for each in rows]


def left_of(row):
    return {k: v for k, v in row.items() if k not in LONG or not isinstance(v, (list, dict))}


ODD = {
    "failed": {"state": "failed", "miou": None, "iou": None, "history": None, "error": "{[,"},
    "longer numbers": {"batch": 40, "threads": 1.5, "images": 401},
    "nothing nested": {"architecture": None, "recipe": None, "confusion": None},
    "classes named as columns": {"iou": {"images": 40, "size": "96x192", "window": None}},
    "another recipe": {"recipe": {"lr": 0.2}, "batch": 8},
    "no numbers": {"miou": float("nan"), "history": [[1, float("inf"), 0.0]]},
    "quotation marks": {"train_device": '", "threads": 1, "torch": "2', "chosen": "\\"},
    "another alphabet": {"dataset": "вулиці", "mode": "\u2028"},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("every", [1, 2, 7])
def test_the_layers_of_a_row_are_the_row(odd, every):
    rows = [scored(at, **(odd if (at + 1) % every == 0 else {})) for at in range(40)]
    for row, (shared, own) in zip(rows, layered(rows), strict=True):
        assert not shared.keys() & own.keys()
        assert repr(sorted({**shared, **own}.items())) == repr(sorted(left_of(row).items()))


@pytest.mark.parametrize("missing", list(scored(0)))
def test_a_column_that_some_rows_lack_is_not_made_up(missing):
    rows = [scored(at) for at in range(40)]
    for row in rows[::3]:
        del row[missing]
    for row, (shared, own) in zip(rows, layered(rows), strict=True):
        assert {**shared, **own} == left_of(row)


def test_a_row_without_some_columns_whose_classes_are_called_like_them_is_not_cut():
    names = ("absent", "size", "mode", "window", "images")
    odd = scored(0, iou={"start": 0, **{name: scored(0)[name] for name in names}, "end": 1})
    for name in names:
        del odd[name]
    *_, (shared, own) = layered([*(scored(at) for at in range(20)), odd])
    assert {**shared, **own} == left_of(odd)


def test_what_many_rows_share_is_one_object_and_parsed_once():
    found = layered([scored(at) for at in range(40)])[-20:]
    assert len({id(shared) for shared, _ in found}) == 1
    assert found[0][0].keys() >= {"recipe", "batch", "train_device", "torch", "mode", "chosen"}
    assert found[0][1].keys() >= {"key", "seed", "started", "miou", "iou", "state"}


def test_rows_of_another_hand_are_read_too():
    parser = Parser(LONG)
    for at in range(5):
        row = scored(at)
        text = json.dumps(row, indent=1) if at % 2 else json.dumps(row, separators=(",", ":"))
        shared, own = parser.layers(text)
        assert {**shared, **own} == left_of(row)


def test_a_whole_row_has_its_columns_in_the_order_in_which_it_was_written():
    parser = Parser(LONG)
    for at in range(5):
        layers = parser.layers(json.dumps(scored(at)))
    assert layers[0]
    assert list(parser.whole(*layers)) == list(left_of(scored(0)))


def test_a_ledger_says_when_another_process_wrote(tmp_path):
    one, other = Ledger(tmp_path / "ledger.db"), Ledger(tmp_path / "ledger.db")
    first = one.commits()
    assert one.commits() == first
    other.put_trial({"key": "k", "state": "done"})
    assert one.commits() != first
