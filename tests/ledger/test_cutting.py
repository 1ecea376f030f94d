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


def test_a_ledger_says_when_another_process_wrote(tmp_path):
    one, other = Ledger(tmp_path / "ledger.db"), Ledger(tmp_path / "ledger.db")
    first = one.commits()
    assert one.commits() == first
    other.put_trial({"key": "k", "state": "done"})
    assert one.commits() != first
