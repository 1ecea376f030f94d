"""CSV that is written column by column: it says what the csv module says line by line."""

import csv
import io
import json
import math
import random
from types import SimpleNamespace

import pytest

from reports import trials_csv as csv_of_trials
from reports.spreadsheet import cells, harmless, spreadsheet
from reports.trials import Trials
from reports.trials_csv import trials_csv

KINDS = {
    "texts": ["", "plain", "a,b", 'say "x"', "two\nlines", "a\rb", "né", "日本"],
    "plain texts": ["", "plain", "né", "a b"],
    "formulas": ["=1+1", "-2", "-2+3", "@x", "\ty", "a=b"],
    "JSON's own": ["null", "nan", "],[", "[1,2]", "Infinity", "\\", "\x00"],
    "fractions": [0.1, -0.0, 0.0, 1.0, 1e-7, 0.00002, 10.00002, 1e16, 1e300, 5e-324, 1 / 3],
    "not finite": [0.5, math.nan, math.inf, -math.inf],
    "whole numbers": [0, 1, -5, 400, 2**53 + 1, 2**64],
    "small whole numbers": [0, 1, -5, 400, 2**53 + 1],
    "very large ones": [1, 10**30, -(2**70)],
    "flags": [True, False],
    "equal ones": [1, True, 1.0, 0, False, -0.0, "1"],
    "nested": [[], {}, [1, [2, "a,b"]], {"b": True, "a": None}, ("=1+1", "é"), [1.5, 1]],
}


def said(value):
    """What a cell holds before it is quoted."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return str(harmless(value))


def by_the_csv_module(columns):
    """The same columns line by line."""
    lines = []
    writer = csv.writer(SimpleNamespace(write=lines.append))
    writer.writerow(map(harmless, columns))
    writer.writerows([map(said, line) for line in zip(*columns.values(), strict=True)])
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines)


def drawn(draw, kind, num, gaps):
    """Values of a kind, some of them for several lines on end, as one object or as equal ones."""
    found = []
    while len(found) < num:
        value = None if draw.random() < gaps else draw.choice(KINDS[kind])
        run = draw.choice([1, 1, 2, 9])
        found += [value] * run if draw.random() < 0.5 else [again(value) for _ in range(run)]
    return found[:num]


def again(value):
    """An equal value that is another object, where there can be one."""
    return type(value)(json.loads(json.dumps(value))) if isinstance(value, (float, list)) else value


def tables():
    """Columns of all kinds in a random order, several of a kind beside each other."""
    for seed in range(40):
        draw = random.Random(seed)
        num = draw.choice([1, 2, 5, 30])
        kinds = draw.choices(list(KINDS), k=12)
        yield {
            f"{place}, {kind}": drawn(draw, kind, num, draw.choice([0, 0.3, 1]))
            for place, kind in enumerate(sorted(kinds) if seed % 2 else kinds)
        }


def test_a_spreadsheet_is_what_the_csv_module_writes():
    for columns in tables():
        assert spreadsheet(columns) == by_the_csv_module(columns)


def test_a_spreadsheet_without_lines_is_empty():
    assert spreadsheet({"candidate": []}) == spreadsheet({}) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_one_kind_keeps_each_value_apart(kind):
    values = [*KINDS[kind], None, *KINDS[kind]]
    written = "".join(f"{each},end\n" for each in cells(values))
    wanted = by_the_csv_module({"a": values, "b": ["end"] * len(values)})
    assert written == wanted.removeprefix("a,b\n")


@pytest.mark.parametrize("lines_at_once", [7, 2000])
def test_the_trials_are_what_the_csv_module_writes(monkeypatch, lines_at_once):
    monkeypatch.setattr(csv_of_trials, "LINES_AT_ONCE", lines_at_once)
    for columns in tables():
        num = len(next(iter(columns.values())))
        written, wanted = "".join(trials_csv(Trials(columns, num))), by_the_csv_module(columns)
        head, *lines = csv.reader(io.StringIO(written, newline=""))
        wanted_head, *wanted_lines = csv.reader(io.StringIO(wanted, newline=""))
        assert (head, len(lines)) == (wanted_head, len(wanted_lines))
        for line, wanted_line, values in zip(
            lines, wanted_lines, zip(*columns.values(), strict=True), strict=True
        ):
            assert list(map(spelled, line, values)) == wanted_line


def spelled(text, value):
    """A number as Python spells it: 0.00001 may be 1e-05 too."""
    return str(float(text)) if isinstance(value, float) and text else text


def test_what_is_quoted_among_the_trials_is_quoted_as_the_csv_module_does():
    kinds = [kind for kind in KINDS if kind not in ("fractions", "not finite", "equal ones")]
    columns = {kind: [*KINDS[kind], *[None] * 20][:20] for kind in kinds}
    assert "".join(trials_csv(Trials(columns, 20))) == by_the_csv_module(columns)
